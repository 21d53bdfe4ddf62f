"""What people may set about a deployment: typed, bounded values that the gate file declares.

Rules of the file: a value is accepted in one canonical text or not at all; no text of a value can mean anything to a
shell, a file of outputs or a URL (cases 156 to 162): it is a number, a word of a list, or letters, digits and a few
marks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, assert_never

ParameterType = Literal["choice", "integer", "boolean", "string"]
MAX_DIGITS: Final = 9
_INTEGER: Final = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})", re.ASCII)
_SECRET: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|AKIA|xox[abprs]-|sk-|eyJ)", re.ASCII
)
"""How well-known credentials begin: what is set here is shown to everybody (case 162)."""
_MISLEADING: Final = ("//", "..")
"""What would make an address of a word, or climb out of a folder."""
_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/@:+-]{0,98}[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared value. `options` are those of a choice, `minimum` and `maximum` bound an integer."""

    name: str
    type: ParameterType
    default: str
    options: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None

    def accepts(self, text: str) -> bool:
        """Whether this is a value of it, written the one way that it is written."""
        match self.type:
            case "integer":
                return _INTEGER.fullmatch(text) is not None and text != "-0" and self._bounds(int(text))
            case "boolean":
                return text in ("true", "false")
            case "choice":
                return text in self.options
            case "string":
                return is_word(text)
            case _:
                assert_never(self.type)

    def _bounds(self, value: int) -> bool:
        low = self.minimum is None or self.minimum <= value
        return low and (self.maximum is None or value <= self.maximum)

    @property
    def wanted(self) -> str:
        """What it takes, in words."""
        match self.type:
            case "integer":
                low = "" if self.minimum is None else f" from {self.minimum}"
                return f"a whole number{low}{'' if self.maximum is None else f' to {self.maximum}'}"
            case "boolean":
                return "true or false"
            case "choice":
                return f"one of {', '.join(self.options)}"
            case "string":
                return "letters, digits and . _ / @ : + -, at most 100 of them, and never a secret"
            case _:
                assert_never(self.type)


def is_word(text: str) -> bool:
    """Whether a text is safe wherever a deployment may put it."""
    plain = _WORD.fullmatch(text) is not None and not any(each in text for each in _MISLEADING)
    return plain and _SECRET.search(text) is None


def values(declared: tuple[Parameter, ...], set_by_people: Mapping[str, str]) -> Mapping[str, str]:
    """Every declared parameter with the value set, or its default; what is not accepted any more is not used."""
    return {
        each.name: chosen
        if each.accepts(chosen := set_by_people.get(each.name, each.default))
        else each.default
        for each in declared
    }
