"""What is wrong with a configuration, where, and how to mend it.

Rules of the file: text of the file under reading is untrusted, so it reaches a message only through `quote`
or `path_text`; a `Flaw` knows its place in the file as a path, a `ConfigProblem` as line and column too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from rapidfuzz import fuzz, process

Step = str | int
Path = tuple[Step, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/ -]{0,63}")
_QUOTED_CHARACTERS = 60
_LIKENESS = 65.0
_CHOICES = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the file: line and column as an editor counts them, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong at `path`. `mark` is given where the path alone does not say it (a repeated key); `aim`
    is whether the key or its value is to be mended."""

    path: Path
    reason: str
    fix: str
    mark: Mark | None = None
    aim: Literal["key", "value"] = "value"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with a configuration file, as shown to its author; a value, never raised.

    `path` is like `environments.production.approval.approvers[0].count`, empty for the file as a whole;
    `line` and `column` count from 1.
    """

    file: str
    path: str
    line: int
    column: int
    reason: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}:"
        subject = f" {self.path}:" if self.path else ""
        return f"{where}{subject} {self.reason}; {self.fix}"


def quote(text: object) -> str:
    """Untrusted text made harmless for a message: bounded, one line, nothing invisible, no backticks."""
    whole = str(text)
    shown = "".join(map(_harmless, whole[:_QUOTED_CHARACTERS]))
    rest = "…" if len(whole) > _QUOTED_CHARACTERS else ""
    return f"`{shown}{rest}`"


def path_text(path: Path) -> str:
    """The path as people write it; keys that are not plain words are quoted."""
    text = ""
    for step in path:
        match step:
            case int():
                text += f"[{step}]"
            case _ if _PLAIN_KEY.fullmatch(step):
                text += f".{step}" if text else step
            case _:
                text += f"[{quote(step)}]"
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most resembles, None when nothing comes close."""
    choices = {name: name.lower() for name in islice(known, _CHOICES)}
    found = process.extractOne(word[:100].lower(), choices, scorer=fuzz.WRatio)
    if found is None or found[1] < _LIKENESS:
        return None
    return str(found[2])


def listed(words: Iterable[str]) -> str:
    """Words of ours, or quoted names, in one line: at most ten, then how many more."""
    every = list(words)
    shown = ", ".join(every[:10])
    return shown if len(every) <= 10 else f"{shown} and {len(every) - 10} more"


def _harmless(character: str) -> str:
    return character if character.isprintable() and character != "`" else "\N{REPLACEMENT CHARACTER}"
