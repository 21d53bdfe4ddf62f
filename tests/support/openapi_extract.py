"""Make `github-openapi.json`, the part of GitHub's published description that the stand-in serves.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    PYTHONPATH=tests python -m support.openapi_extract package/generated/api.github.com.json

The whole description is too large to be a dependency of the tests (385 MB unpacked). What is said for people
alone (descriptions, examples) is left out; each path and component is one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.openapi import EXTRACT, endpoints_of_the_stand_in, plain

FOR_PEOPLE = frozenset(
    {"description", "summary", "tags", "externalDocs", "operationId", "example", "examples"}
)
NAMING = frozenset({"properties", "schemas", "parameters", "responses", "headers", "examples"})


def extract(whole: dict[str, Any]) -> dict[str, Any]:
    """The paths of the stand-in's endpoints, and the components that these lead to."""
    served = endpoints_of_the_stand_in()
    paths: dict[str, Any] = {}
    for path, methods in whole["paths"].items():
        kept = {name: methods[name] for name in methods if (name.upper(), plain(path)) in served}
        if kept:
            paths[path] = _for_machines(kept)
    return {
        "openapi": whole["openapi"],
        "info": {"title": "GitHub v3 REST API", "version": whole["info"]["version"]},
        "paths": dict(sorted(paths.items())),
        "components": _components(whole, paths),
    }


def _components(whole: dict[str, Any], paths: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    waiting = list(_references(paths))
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in found.setdefault(kind, {}):
            found[kind][name] = _for_machines(whole["components"][kind][name])
            waiting += _references(found[kind][name])
    return {kind: dict(sorted(named.items())) for kind, named in sorted(found.items())}


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _for_machines(node: Any, *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_for_machines(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _for_machines(value, names=key in NAMING and not names)
        for key, value in node.items()
        if names or not (key in FOR_PEOPLE or key.startswith("x-"))
    }


def _written(extracted: dict[str, Any]) -> str:
    def lines(named: dict[str, Any]) -> str:
        return ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in named.items())

    components = ",\n".join(
        f"{json.dumps(kind)}: {{\n{lines(named)}\n}}" for kind, named in extracted["components"].items()
    )
    head = f'"openapi": {json.dumps(extracted["openapi"])},\n"info": {json.dumps(extracted["info"])}'
    return f'{{\n{head},\n"paths": {{\n{lines(extracted["paths"])}\n}},\n"components": {{\n{components}\n}}\n}}\n'


if __name__ == "__main__":
    EXTRACT.write_text(_written(extract(json.loads(Path(sys.argv[1]).read_text()))))
