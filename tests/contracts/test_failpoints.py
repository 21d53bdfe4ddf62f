"""Failpoints are complete: what is listed is hit, what changes the outside lies between two, the docs list them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from gate_app.domain.effects import Effect
from gate_app.engine.ports import Hub, Workers
from gate_app.failpoints import NAMES

ROOT = Path(__file__).parents[2]
KINDS = [each.__dataclass_fields__["kind"].default for each in get_args(Effect)]


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def hits() -> list[str]:
    """The names at every `hit`, as patterns: an interpolated part is any word."""
    found = []
    for path in sorted((ROOT / "gate_app").rglob("*.py")):
        for call in calls(path):
            if isinstance(call.func, ast.Name) and call.func.id == "hit":
                (name,) = call.args
                parts = name.values if isinstance(name, ast.JoinedStr) else [name]
                found.append(
                    "".join(re.escape(p.value) if isinstance(p, ast.Constant) else r"[a-z_]+" for p in parts)
                )
    return found


def test_every_failpoint_is_hit_somewhere() -> None:
    patterns = hits()
    for name in NAMES:
        assert any(re.fullmatch(pattern, name) for pattern in patterns), name


def test_every_hit_is_listed() -> None:
    for pattern in hits():
        assert any(re.fullmatch(pattern, name) for name in NAMES), pattern


@pytest.mark.parametrize("kind", [*KINDS, "inbox", "mint_token"])
def test_what_leaves_the_house_has_a_failpoint_before_and_after(kind: str) -> None:
    assert {f"{kind}.before", f"{kind}.after"} <= NAMES


def changing() -> set[str]:
    """The methods of the ports that change something outside: they are told what is wanted."""
    methods = [
        (name, method)
        for port in (Hub, Workers)
        for name, method in inspect.getmembers(port, inspect.isfunction)
        if not name.startswith(("_", "find_"))
    ]
    return {name for name, method in methods if "wanted" in inspect.signature(method).parameters} | {"stop"}


CHANGING = {"performer.py", "dispatcher.py", "answering.py"}
REPORTING = {("holding.py", "answer_job")}
"""What only says why a job waits that no gate of ours is for: it decides nothing, and may be said twice."""


def test_nothing_but_the_performer_and_the_dispatcher_changes_the_outside() -> None:
    """So that the failpoints around an effect are around every such call."""
    assert "create_deployment" in changing()
    for path in sorted((ROOT / "gate_app/engine").glob("*.py")):
        for call in calls(path):
            if path.name in CHANGING or not isinstance(call.func, ast.Attribute):
                continue
            if (path.name, call.func.attr) not in REPORTING:
                whose = ast.unparse(call.func.value)
                assert not (whose.endswith(("hub", "workers")) and call.func.attr in changing()), (
                    f"{path}: {whose}"
                )


def test_the_documentation_lists_every_failpoint_and_no_other() -> None:
    section = (ROOT / "docs/engine.md").read_text().partition("## Failpoints")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z_]+\.[a-z]+)`", section)) == NAMES
