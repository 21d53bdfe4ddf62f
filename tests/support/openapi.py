"""GitHub's published description of its REST API, as far as the stand-in serves it.

`github-openapi.json` is an extract of `@octokit/openapi` 23.0.2 (MIT, see `github-openapi.LICENSE`), made by
`openapi_extract`. `given` puts real names and ids in place of the path's parameters, so that a generated call
meets something.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from gate_app.standin.dispatcher import Dispatcher
from gate_app.standin.face.app import create_app
from gate_app.standin.state import State

EXTRACT = Path(__file__).with_name("github-openapi.json")
OF_GITHUB_BUT_UNPUBLISHED = frozenset({"/repositories/{}", "/repositories/{}/{}", "/graphql"})
"""What moved repositories are redirected to, and what has a schema of its own."""
OTHER_SPELLINGS = {
    "/repos/{}/{}/actions/artifacts/{}/zip": "/repos/{}/{}/actions/artifacts/{}/{}",
    "/repos/{}/{}/contents": "/repos/{}/{}/contents/{}",
}
NO_REST = ("/_", "/{}/{}", "/settings/", "/organizations/{}/settings/", "/apps/{}/installations/new")
"""The control API, downloads, git and the pages of the stand-in."""


def published() -> dict[str, Any]:
    """The description."""
    return cast(dict[str, Any], json.loads(EXTRACT.read_text(), object_hook=_without_contradiction))


def _without_contradiction(node: dict[str, Any]) -> dict[str, Any]:
    """What the description says of GitHub's answers that they do not keep, and could not."""
    if node.get("format") == "uri" and node.get("default") == "":
        return {name: value for name, value in node.items() if name != "format"}  # an empty string is no URI
    if [kind.get("title") for kind in node.get("allOf", ())] == ["Simple User", "Enterprise"]:
        return {"anyOf" if name == "allOf" else name: value for name, value in node.items()}
    return node


def plain(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path)


def endpoints_of_the_stand_in() -> frozenset[tuple[str, str]]:
    """Every method and plain path of the stand-in's REST API."""
    with tempfile.TemporaryDirectory() as home, closing(State(Path(home), "http://127.0.0.1")) as state:
        rules = list(create_app(state, Dispatcher(state), "").url_map.iter_rules())
    found = {
        (method, plain(rule.rule).rstrip("/") or "/")
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    return frozenset(
        (method, OTHER_SPELLINGS.get(path, path))
        for method, path in found
        if not path.startswith(NO_REST) and path != "/" and path not in OF_GITHUB_BUT_UNPUBLISHED
    )


def given(document: dict[str, Any], known: Mapping[str, Sequence[object]]) -> dict[str, Any]:
    """The description with only these values for parameters of paths and properties of bodies."""
    for parameters in _parameters(document):
        for parameter in parameters:
            if parameter.get("in") == "path" and parameter["name"] in known:
                parameter["schema"] = {**parameter["schema"], "enum": list(known[parameter["name"]])}
    for body in _bodies(document):
        for name, schema in body.get("properties", {}).items():
            if name in known and schema.get("type") == "string":
                schema["enum"] = list(known[name])
    return document


def _parameters(document: dict[str, Any]) -> Sequence[Sequence[dict[str, Any]]]:
    shared = list(document["components"]["parameters"].values())
    own = [
        operation.get("parameters", []) for path in document["paths"].values() for operation in path.values()
    ]
    return [shared, *own]


def _bodies(document: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for path in document["paths"].values()
        for operation in path.values()
        if "requestBody" in operation
    ]
