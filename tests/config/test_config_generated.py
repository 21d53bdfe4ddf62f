"""Generated files: hostile ones are never accepted, none crashes the reader, and what is accepted holds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.config import BLOB, accepted, refused

from gate_app.config import explain, read
from gate_app.domain.policy import ApprovalMode, ChecksWork, Permission, Policy

SOUND: dict[str, Any] = {
    "version": 1,
    "stages": {
        "tests": {"checks": "required"},
        "slow": {"command": "slow", "junit": "slow/*.xml"},
        "unit": {"checks": ["test (3.12)", "lint"]},
        "build": {"workflow": "ci.yml", "junit": "reports/*.xml"},
        "scan": {
            "command": "scan .",
            "junit": "reports/*.xml",
            "sarif": "reports/*.sarif",
            "coverage": "reports/*.info",
            "timeout": "10m",
            "fail_when": {"new_findings": "high"},
        },
    },
    "environments": {
        "staging": {
            "from": "pull_request",
            "needs": ["tests", "scan"],
            "approval": {
                "mode": "escalate",
                "escalate_when": [
                    {"paths": ["infra/**"], "lines_changed": "> 400"},
                    {"new_findings": "medium", "skipped_tests": ">0", "flaky_tests": "> 0"},
                    {"coverage_drop": "> 0.5", "failed_tests": "> 1"},
                    {"author_is": "bot", "authors": ["octocat"], "approvers": [{"teams": ["acme/leads"]}]},
                    {"labels": ["risk*"], "title": ["*hotfix*"], "branch": ["fix/*"], "base": ["main"]},
                    {"labels": ["hold"], "block": "the label says so"},
                    {"changes": ["dependencies", "policy"], "removed_tests": "> 3", "confidence": "< 0.85"},
                    {"author_is": "new", "outside_hours": {"days": ["mon"], "timezone": "UTC"}},
                ],
            },
            "deploy": {"command": "make deploy", "timeout": "5m"},
            "verify": ["build"],
        },
        "production": {
            "after": "staging",
            "soak": "30m",
            "shadow": True,
            "freeze": [
                {"cron": "0 16 * * FRI", "duration": "64h", "timezone": "Europe/Berlin", "reason": "weekend"},
                {"holidays": "DE-BY", "timezone": "Europe/Berlin", "exceptions": ["2026-12-27"]},
            ],
            "approval": {
                "mode": "always",
                "approvers": [
                    {"teams": ["acme/sre"]},
                    {"users": ["a", "b"], "permission": "write", "count": 2},
                    {
                        "any_of": [
                            {"roles": ["captain"]},
                            {"codeowners": True},
                            {"all_of": [{"organisations": ["acme"]}]},
                        ]
                    },
                ],
                "self_approval": False,
                "contributors": "head",
                "parameters": {
                    "strategy": {"type": "choice", "options": ["rolling", "canary"], "default": "rolling"},
                    "region": {"type": "string", "default": "eu-central-1"},
                },
                "expires_after": "48h",
                "remind_after": ["2h", "8h"],
                "escalate_to": [
                    {"after": "4h", "teams": ["acme/leads"]},
                    {"after": "8h", "users": ["c"], "permission": "write"},
                ],
                "working_hours": {
                    "days": ["mon", "sat"],
                    "from": "08:30",
                    "to": "24:00",
                    "timezone": "Europe/Berlin",
                    "holidays": "DE-BY",
                },
                "approval_expires_after": "24h",
            },
            "deploy": {"workflow": "deploy.yml"},
        },
    },
    "notify": ["ops"],
}

Where = tuple[str | int, ...]

_bounded = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_quick = settings(_bounded, max_examples=200)
_thorough = settings(_bounded, max_examples=2_000)


def _places(value: Any, where: Where = ()) -> Iterator[Where]:
    yield where
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*where, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*where, index))


def _at(value: Any, where: Where) -> Any:
    for step in where:
        value = value[step]
    return value


def _replaced(where: Where, new: Any) -> Any:
    whole = deepcopy(SOUND)
    if not where:
        return new
    _at(whole, where[:-1])[where[-1]] = new
    return whole


_EVERYWHERE = tuple(_places(SOUND))
_MAPPINGS = tuple(where for where in _EVERYWHERE if isinstance(_at(SOUND, where), dict))
_LISTS = tuple(where for where in _EVERYWHERE if isinstance(_at(SOUND, where), list))
_nowhere_valid: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        -7,
        0,
        "",
        "\u202e",
        "a\0b",
        "\x1b[31m",
        " ",
        [],
        [[]],
        {"": {}},
        {"\u202e": {}},
        "x" * 5_000,
    ]
)
_unknown_key = st.text(min_size=1, max_size=20).filter(lambda text: not text.isascii() or not text.isalpha())


def _with_key(where: Where, key: str, value: Any) -> Any:
    return _replaced(where, {**_at(SOUND, where), key: value})


_hostile_values = st.one_of(
    st.tuples(st.sampled_from(_EVERYWHERE), _nowhere_valid)
    .filter(lambda each: each[1] is not True or not isinstance(_at(SOUND, each[0]), bool))
    .map(lambda each: _replaced(*each)),
    st.builds(
        _with_key,
        st.sampled_from(_MAPPINGS).filter(lambda where: len(where) != 1),
        _unknown_key,
        st.just("x"),
    ),
    st.builds(lambda where: _replaced(where, _at(SOUND, where) * 2), st.sampled_from(_LISTS)),
)
_DECORATIONS = (
    "&a ",
    "*a ",
    "!!str ",
    "!",
    "%",
    "---\n---\n",
    "\0",
    "\ufeff",
    "\u2066",
    "\r",
    "\t{",
    "[",
    "}",
    '"',
)


def _decorated(decoration: str, position: int) -> str:
    """Sound JSON with a decoration before one of its values."""
    text = json.dumps(SOUND)
    starts = [index + 2 for index, pair in enumerate(itertools.pairwise(text)) if pair == (":", " ")]
    start = starts[position % len(starts)]
    return text[:start] + decoration + text[start:]


_hostile_text = st.one_of(
    _hostile_values.map(json.dumps),
    st.builds(_decorated, st.sampled_from(_DECORATIONS), st.integers(0, 200)),
)


def test_what_the_hostile_files_are_made_from_is_sound() -> None:
    accepted(json.dumps(SOUND))


@_quick
@given(_hostile_text)
def test_hostile_configurations_are_never_accepted(text: str) -> None:
    refused(text)


@pytest.mark.slow
@_thorough
@given(_hostile_text)
def test_2000_hostile_configurations_are_never_accepted(text: str) -> None:
    refused(text)


@_quick
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "ignore")))
)
def test_noise_is_refused_and_never_crashes(raw: bytes) -> None:
    refused(raw)


@_quick
@given(st.text(alphabet="versionat:1 {}[]&*!<>|'\"-?,#%\n\\u0", max_size=200))
def test_almost_yaml_is_refused_and_never_crashes(text: str) -> None:
    refused(text)


_names = st.sampled_from(["a", "b", "c", "B"])
_few = st.lists(_names, max_size=3)
_leaves = st.fixed_dictionaries(
    {},
    optional={
        "users": _few,
        "teams": st.lists(st.sampled_from(["x/y", "x/z"]), max_size=2),
        "organisations": st.lists(st.sampled_from(["x", "z"]), max_size=2),
        "roles": st.lists(st.sampled_from(["none", "read", "captain"]), max_size=2),
        "permission": st.sampled_from(["read", "write", "admin", "root"]),
        "count": st.integers(-1, 4),
    },
)
_lines = st.recursive(
    _leaves,
    lambda parts: st.dictionaries(
        st.sampled_from(["any_of", "all_of", "count"]), st.lists(parts, max_size=3), max_size=2
    ),
    max_leaves=5,
)
_approvals = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["always", "never", "escalate"]),
        "approvers": st.lists(_lines, max_size=3),
    },
)
_environments = st.fixed_dictionaries(
    {},
    optional={
        "from": st.sampled_from(["pull_request", "default_branch", "command"]),
        "needs": _few,
        "after": _names,
        "verify": _few,
        "approval": _approvals,
        "deploy": st.sampled_from(["grant", "deployment", {"command": "x"}, {"workflow": "w.yml"}, {}]),
    },
)
_stages = st.sampled_from(
    [{"checks": "all"}, {"checks": []}, {"workflow": "w.yml"}, {"command": "x", "junit": "r.xml"}, {}]
)
_files = st.fixed_dictionaries(
    {"version": st.just(1), "environments": st.dictionaries(_names, _environments, max_size=3)},
    optional={"stages": st.dictionaries(_names, _stages, max_size=3)},
)


def _assert_holds(policy: Policy) -> None:
    """Closed by default (case 93): every gate needs something that exists and, if it asks, somebody real."""
    stages = {stage.name: stage for stage in policy.stages}
    assert policy.environments
    for environment in policy.environments:
        assert environment.needs
        assert {*environment.needs, *environment.verify} <= stages.keys()
        assert environment.after is None or policy.environment(environment.after) is not None
        assert environment.approval.mode in ApprovalMode
        assert environment.approval.lines
        for line in environment.approval.every_line:
            assert line.count >= 1
            who = line.users or line.teams or line.organisations or set(line.roles) - {"none", "read"}
            assert who or line.permission >= Permission.TRIAGE
            alone = line in environment.approval.lines
            assert not alone or not line.users or len({user.lower() for user in line.users}) >= line.count
    for stage in policy.stages:
        assert not isinstance(stage.work, ChecksWork) or stage.work.select


@_quick
@given(_files)
def test_whatever_is_accepted_holds_and_explains_itself(file: dict[str, Any]) -> None:
    found = read(json.dumps(file).encode(), BLOB)
    if not isinstance(found, Policy):
        assert found
        return
    _assert_holds(found)
    assert accepted(explain(found)) == found
