"""Text from outside made plain: nothing in it can move a cursor, colour, hide or reorder (case 178).

Rules of this file: what is only decoration (ANSI colours) goes; what could deceive (carriage returns,
backspaces, bidirectional and invisible characters) stays visible as an escape; every result is cut to
a stated number of characters.
"""

import re
import unicodedata

_TERMINAL_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, such as links and window titles
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI, such as colours and cursor movements
    r"|\x1b[@-Z\\-_]"  # the remaining two-character sequences
)
_DECEPTIVE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_CUT = "…"


def plain(text: str, limit: int) -> str:
    """``text`` as one bounded piece of harmless text; line feeds and tabs stay. Cut at the end."""
    return cut(_escaped(_without_sequences(text[: limit * 8])), limit)


def plain_line(text: str, limit: int) -> str:
    """The same on one line: every run of white space is one blank."""
    return cut(" ".join(_escaped(_without_sequences(text[: limit * 8])).split()), limit)


def plain_tail(raw: bytes, limit: int) -> str:
    """The end of captured output as harmless text of at most ``limit`` characters."""
    text = _escaped(_without_sequences(raw.decode("utf-8", errors="replace")))
    return text if len(text) <= limit else _CUT + text[-(limit - 1) :]


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + _CUT


def _without_sequences(text: str) -> str:
    return _TERMINAL_SEQUENCE.sub("", text.replace("\r\n", "\n"))


def _escaped(text: str) -> str:
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _DECEPTIVE_CATEGORIES:
        return f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"
    return character
