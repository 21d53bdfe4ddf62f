"""Making untrusted text harmless before it is shown: no link, mention, image, HTML or verdict of its own.

Rules of the file: text from people, pull requests and reports is only ever shown inside a code span or a
fence longer than any run of back-ticks in it (case 167); control and bidirectional characters are spelled out
(cases 161, 178), a line break in one line of ours is a ⏎. Nothing here decides what to show, only how.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BACKTICKS: Final = re.compile(r"`+")
_LINE_BREAK: Final = re.compile(r"[ \t]*\r?\n[ \t]*")


def plain(text: str, limit: int) -> str:
    """One line of at most `limit` characters; anything else invisible is spelled out as `\\uXXXX`."""
    line = text[: 2 * limit + 2].strip("\r\n")
    shown = (_LINE_BREAK.sub(" ⏎ ", line) if "\n" in line else line)[: limit + 1]
    if not shown.isprintable():  # most is, and a look at each character costs
        shown = "".join(_visible(character) for character in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def code(text: str, limit: int = 200) -> str:
    """A Markdown code span of one line."""
    shown = plain(text, limit).replace("|", "¦") or " "
    ticks = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fenced(text: str, limit: int = 4_000, indent: str = "") -> str:
    """A Markdown code block; lines stay lines. `indent` puts it below the item of a list."""
    lines = [plain(line.removesuffix("\r"), 400) for line in text[:limit].split("\n")]
    ticks = "`" * max(3, max((_longest_run(line) for line in lines), default=0) + 1)
    return "\n".join(f"{indent}{line}" for line in (f"{ticks}text", *lines, ticks))


def boxed(text: str, limit: int = 300, indent: str = "") -> str:
    """A code span for one line, after a space; for several, a code block on lines of its own."""
    shown = text.strip()
    if "\n" in shown:
        return "\n" + fenced(shown, 2 * limit, indent)
    return " " + code(shown, limit)


def _visible(character: str) -> str:
    if character == "\t":
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0) if "`" in text else 0
