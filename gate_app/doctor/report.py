"""Findings as people and machines read them.

Rules of the file: text of others is data, never markup; without a terminal there is no colour and no wrapping, so that
every finding is one line, or two where there is something to mend.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from gate_app.doctor.finding import Finding, Grade, exit_code

_STYLES: Final = {Grade.OK: "green", Grade.WARN: "yellow", Grade.WRONG: "bold red"}
_WORD: Final = 5
_TOPIC: Final = 13


def show(console: Console, finding: Finding) -> None:
    """One finding, at once."""
    line = Text(f"{finding.grade.value:<{_WORD}} ", style=_STYLES[finding.grade])
    line.append(f"{finding.topic:<{_TOPIC}} ", style="dim")
    line.append(_plain(finding.text), style="default")
    console.print(line, soft_wrap=True)
    if finding.mend:
        console.print(Text(" " * (_WORD + _TOPIC + 2) + f"→ {_plain(finding.mend)}"), soft_wrap=True)


def summary(console: Console, findings: Sequence[Finding]) -> None:
    """How many of each, last."""
    count = {grade: sum(finding.grade is grade for finding in findings) for grade in Grade}
    worst = {0: Grade.OK, 1: Grade.WARN, 2: Grade.WRONG}[exit_code(findings)]
    told = f"{count[Grade.OK]} well, {count[Grade.WARN]} doubtful, {count[Grade.WRONG]} wrong."
    console.print(Text(told, style=_STYLES[worst]), soft_wrap=True)


def as_json(findings: Sequence[Finding]) -> str:
    """`{"exit_code": …, "findings": [{"topic", "grade", "text", "mend"}, …]}`."""
    listed = [
        {"topic": each.topic, "grade": each.grade.value, "text": each.text, "mend": each.mend}
        for each in findings
    ]
    return json.dumps({"exit_code": exit_code(findings), "findings": listed}, indent=2, ensure_ascii=False)


def _plain(text: str) -> str:
    """One line without control characters: names and faults may come from outside."""
    return "".join(character if character.isprintable() else " " for character in text)
