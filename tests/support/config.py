"""Configuration files for tests, and the two ways reading one can end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gate_app.config import ConfigProblem, read
from gate_app.domain.policy import Environment, Policy, Stage

BLOB = "b" * 40

MINIMAL = """\
version: 1
environments:
  production: {}
"""

LONG = """\
# yaml-language-server: $schema=./gate.schema.json
version: 1

stages:
  tests:
    checks: required
  build:
    workflow: ci.yml
    junit: "reports/junit*.xml"
  security:
    command: mkdir -p reports && bandit -r . --exit-zero -f sarif -o reports/bandit.sarif
    sarif: "reports/*.sarif"
    timeout: 10m
    fail_when: {new_findings: high}
  integration:
    workflow: integration.yml

environments:
  staging:
    from: pull_request
    needs: [tests, build, security]
    approval:
      mode: never
    deploy: {workflow: deploy.yml}
    verify: [integration]
  production:
    after: staging
    approval:
      approvers:
        - {teams: [acme/sre], count: 1}
        - {users: [octocat, hubot], permission: maintain, count: 1}
      self_approval: false
      contributors: head
      expires_after: 24h
    deploy: protection_rule
"""


def accepted(text: str) -> Policy:
    """The policy of a file that must be readable."""
    found = read(text.encode(), BLOB)
    assert isinstance(found, Policy), "\n".join(map(str, found))
    return found


def refused(text: str | bytes) -> tuple[ConfigProblem, ...]:
    """The problems of a file that must not be readable; each is fit to be shown."""
    found = read(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"), BLOB)
    assert not isinstance(found, Policy), f"accepted: {text[:300]!r}"
    assert found
    for problem in found:
        assert problem.reason
        assert problem.fix
        assert problem.line >= 1
        assert problem.column >= 1
        assert str(problem).isprintable(), repr(str(problem))
        assert len(str(problem)) < 1_000
    return found


def paths(problems: Sequence[ConfigProblem]) -> set[str]:
    return {problem.path for problem in problems}


def with_stage(body: str) -> str:
    """A file whose stage `work` is `body`, a YAML flow mapping."""
    return (
        f"version: 1\nstages:\n  work: {body}\n  other: {{checks: all}}\nenvironments: {{production: {{}}}}\n"
    )


def with_environment(body: str) -> str:
    """A file whose environment `production` is `body`, beside stages and an environment `staging`."""
    return (
        "version: 1\nstages: {tests: {checks: all}, smoke: {workflow: smoke.yml}}\n"
        f"environments:\n  staging: {{}}\n  production: {body}\n"
    )


def with_approval(body: str) -> str:
    return with_environment(f"{{approval: {body}}}")


def with_step(body: str) -> str:
    return with_approval(f"{{escalate_to: {body}}}")


def with_hours(body: str) -> str:
    return with_approval(f"{{remind_after: [1h], working_hours: {body}}}")


def with_window(body: str) -> str:
    return with_environment(f"{{freeze: [{body}]}}")


def with_parameter(body: str) -> str:
    return with_approval(f"{{parameters: {{percent: {body}}}}}")


def with_rule(body: str) -> str:
    """A rule of `production`, whose stage reports tests, findings and coverage."""
    approval = f"{{mode: escalate, escalate_when: [{body}]}}"
    return (
        "version: 1\nstages: {scan: {workflow: scan.yml, junit: a.xml, sarif: a.sarif, coverage: c.xml}}\n"
        f"environments:\n  production: {{approval: {approval}}}\n"
    )


def with_rule_beside(body: str) -> str:
    """The same, with a stage `lint` that `production` does not need."""
    return (
        with_rule(body)
        .replace("stages: {", "stages: {lint: {workflow: lint.yml, junit: b.xml}, ")
        .replace("production: {", "production: {needs: [scan], ")
    )


def with_line(body: str) -> str:
    return with_approval(f"{{approvers: [{body}]}}")


def with_route(body: str) -> str:
    return with_environment(f"{{deploy: {body}}}")


def production(text: str) -> Environment:
    found = accepted(text).environment("production")
    assert found is not None
    return found


def work(text: str) -> Stage:
    return accepted(text).stage("work")


def schema_accepts(schema: Mapping[str, Any], value: object, root: Mapping[str, Any] | None = None) -> bool:
    """Whether `value` meets the JSON Schema, for the keywords that ours uses; any other keyword raises."""
    root = root or schema
    if "$ref" in schema:
        return schema_accepts(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    return all(_KEYWORDS[keyword](schema, value, root) for keyword in schema if keyword not in _ANNOTATIONS)


_ANNOTATIONS = {"$schema", "$defs", "title", "description", "default"}
_TYPES = {"object": Mapping, "array": tuple, "string": str, "integer": int, "boolean": bool}


def _is_type(name: str, value: object) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _properties(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    inner = schema["properties"]
    return all(schema_accepts(inner[key], item, root) for key, item in value.items() if key in inner)


def _no_more(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    inner = schema["additionalProperties"]
    known = schema.get("properties", {})
    unknown = [item for key, item in value.items() if key not in known and not _patterned(schema, key)]
    return not unknown if inner is False else all(schema_accepts(inner, item, root) for item in unknown)


def _patterned(schema: Mapping[str, Any], key: str) -> bool:
    return any(re.search(pattern, key) for pattern in schema.get("patternProperties", {}))


def _pattern_properties(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    return all(
        schema_accepts(inner, item, root)
        for pattern, inner in schema["patternProperties"].items()
        for key, item in value.items()
        if re.search(pattern, key)
    )


_KEYWORDS: dict[str, Any] = {
    "type": lambda schema, value, root: _is_type(schema["type"], value),
    "const": lambda schema, value, root: value == schema["const"],
    "enum": lambda schema, value, root: value in schema["enum"],
    "pattern": lambda schema, value, root: not isinstance(value, str) or re.search(schema["pattern"], value),
    "minLength": lambda schema, value, root: not isinstance(value, str) or len(value) >= schema["minLength"],
    "maxLength": lambda schema, value, root: not isinstance(value, str) or len(value) <= schema["maxLength"],
    "minimum": lambda schema, value, root: not isinstance(value, int) or value >= schema["minimum"],
    "maximum": lambda schema, value, root: not isinstance(value, int) or value <= schema["maximum"],
    "minItems": lambda schema, value, root: not isinstance(value, tuple) or len(value) >= schema["minItems"],
    "maxItems": lambda schema, value, root: not isinstance(value, tuple) or len(value) <= schema["maxItems"],
    "items": lambda schema, value, root: (
        not isinstance(value, tuple) or all(schema_accepts(schema["items"], item, root) for item in value)
    ),
    "minProperties": lambda schema, value, root: len(value) >= schema["minProperties"],
    "maxProperties": lambda schema, value, root: len(value) <= schema["maxProperties"],
    "required": lambda schema, value, root: all(key in value for key in schema["required"]),
    "properties": lambda schema, value, root: (
        not isinstance(value, Mapping) or _properties(schema, value, root)
    ),
    "additionalProperties": lambda schema, value, root: (
        not isinstance(value, Mapping) or _no_more(schema, value, root)
    ),
    "propertyNames": lambda schema, value, root: all(
        schema_accepts(schema["propertyNames"], key, root) for key in value
    ),
    "patternProperties": lambda schema, value, root: (
        not isinstance(value, Mapping) or _pattern_properties(schema, value, root)
    ),
    "oneOf": lambda schema, value, root: (
        sum(schema_accepts(one, value, root) for one in schema["oneOf"]) == 1
    ),
}


def with_monitor(body: str) -> str:
    """A file whose environment `production` is watched as `body` says."""
    return with_environment(f"{{monitor: {body}}}")


def with_probe(body: str) -> str:
    """A file whose environment `production` is watched by the one probe `body`."""
    return with_monitor(f"{{for: 15m, probes: [{body}]}}")
