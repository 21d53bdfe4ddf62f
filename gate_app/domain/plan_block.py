"""The grammar of a plan block: a new plan, as a comment that begins with a fenced block.

    ```gate-plan
    environment: staging
    percent=10 strategy=canary
    rollback: 0123456789ab
    notes: support knows,
    and stays until it is over
    ```

Rules of the file: each line is one thing, each thing is said once; all of it is ASCII but the notes, which are any
text that can be seen, reach to the end, and are refused rather than cut (cases 41, 43, 161). What a value may be is
not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gate_app.domain.lexis import PARAMETER, SHA, has_hidden
from gate_app.domain.verdict import ReasonCode

OPENING: Final = "```gate-plan"
"""The whole first line of a comment that is a plan block."""
MAX_BLOCK: Final = 4_096
MAX_NOTES: Final = 1_000

FOREIGN: Final = "characters outside ASCII before its notes, or invisible ones"
TOO_LONG: Final = f"more than {MAX_BLOCK} characters, or notes of more than {MAX_NOTES}"
TWICE: Final = "two plan blocks"
FLAWS: Final = (FOREIGN, TOO_LONG, TWICE)
"""What is said of a block instead of showing it."""
_CLOSING: Final = re.compile(r" {0,3}`{3,}[ \t]*", re.ASCII)
_KEY: Final = re.compile(r"(environment|rollback|notes):[ \t]*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PlanBlock:
    """What a block says: None where it says nothing of it; empty notes, or a `rollback` of "", take them back."""

    environment: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    rollback: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class BlockFlaw:
    """Why a block is not read: the code, and what its sentence needs."""

    code: ReasonCode
    detail: str = ""


def read(text: str, environments: Sequence[str]) -> PlanBlock | BlockFlaw:
    """The plan in a block, its fences included."""
    if len(text) > MAX_BLOCK:
        return BlockFlaw(ReasonCode.COMMAND_MALFORMED, TOO_LONG)
    first, *lines = (line.removesuffix("\r") for line in text.split("\n"))
    if first.rstrip(" \t") != OPENING or OPENING in lines:
        return BlockFlaw(ReasonCode.COMMAND_MALFORMED, TWICE)
    if lines and _CLOSING.fullmatch(lines[-1]):
        lines.pop()
    notes_at = next((number for number, line in enumerate(lines) if line.startswith("notes:")), len(lines))
    typed, notes = lines[:notes_at], "\n".join(lines[notes_at:])
    if not "".join(typed).isascii() or any(map(has_hidden, lines)):
        return BlockFlaw(ReasonCode.COMMAND_MALFORMED, FOREIGN)
    if len(notes) > MAX_NOTES:
        return BlockFlaw(ReasonCode.COMMAND_MALFORMED, TOO_LONG)
    found = _typed([line.strip(" \t") for line in typed], environments)
    if isinstance(found, BlockFlaw):
        return found
    said, values = found
    if notes:
        said["notes"] = notes.removeprefix("notes:").strip()
    if not said.keys() - {"environment"} and not values:
        return BlockFlaw(ReasonCode.TEXT_MISSING)
    return PlanBlock(said.get("environment"), tuple(values.items()), said.get("rollback"), said.get("notes"))


def _typed(
    lines: Sequence[str], environments: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]] | BlockFlaw:
    """What stands before the notes: keys of ours, and values of parameters."""
    said: dict[str, str] = {}
    values: dict[str, str] = {}
    for line in filter(None, lines):
        keyed = _KEY.fullmatch(line)
        parts = line.split()
        if keyed is not None and keyed[1] not in said and _fits(keyed[1], keyed[2]):
            if keyed[1] == "environment" and keyed[2] not in environments:
                return BlockFlaw(ReasonCode.ENVIRONMENT_UNKNOWN, keyed[2])
            said[keyed[1]] = "" if keyed[2] == "none" and keyed[1] == "rollback" else keyed[2]
        elif keyed is None and all(map(PARAMETER.fullmatch, parts)):
            told = [part.split("=", 1) for part in parts]
            if len({name for name, _ in told} | values.keys()) < len(told) + len(values):
                return BlockFlaw(ReasonCode.COMMAND_MALFORMED, line)
            values |= dict(told)
        else:
            return BlockFlaw(ReasonCode.COMMAND_MALFORMED, line)
    return said, values


def _fits(key: str, value: str) -> bool:
    return bool(value) if key == "environment" else value == "none" or SHA.fullmatch(value) is not None
