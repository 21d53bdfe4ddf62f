"""Whether a comment begins with a command: its whole first line, in a plain paragraph, shown as it was typed.

Rules of the file:

* Lines end at LF and CRLF only. Python's `splitlines` knows eight more ends, and a parser knows a lone CR;
  a line hidden behind one of them is never a command (case 39).
* The parser judges what the line is; the bytes of the line are passed on as they are, never normalised,
  stripped or repaired (cases 40, 41): the grammar refuses what is not ASCII.
* What a reader sees must be what was typed: markup, references, escapes and entities in the line make it text
  about a command, not a command (case 38). Only in a reason, which decides nothing, they may be: a denial must not
  be lost because it says why in bold.
* Whatever is in doubt is None, which is silence.
"""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_BODY_CHARS: Final = 65_536
"""GitHub's own limit on a comment."""
MAX_LINE_CHARS: Final = 4_096
"""The longest first line that the grammar looks at."""

MARKER: Final = "<!-- gate-app:"
"""How the invisible line begins that finds our comments again."""
_COMMAND_START: Final = re.compile(r"/[A-Za-z]")
_UP_TO_A_REASON: Final = re.compile(r"/(?:gate[ \t]+)?(?:deny[ \t]+|approve(?=[ \t]).*? --)")
"""What decides in a command with a reason; a denial is one whatever it says."""
_MARKUP: Final = "\n"
"""Stands for what is shown otherwise than typed; no line has one."""
_BLANK: Final = " \t"
_MAIL_REPLY: Final = re.compile(
    r"^(?:On [^\n]{1,300}[ \t]wrote:"
    r"|-{2,}[ \t]*Original Message[ \t]*-{2,}"
    r"|(?:—|--)?[ \t]*Reply to this email directly"
    r"|From:[^\n]{0,300}@[^\n]{0,300}"
    r"|You are receiving this because )",
    re.MULTILINE | re.IGNORECASE,
)


def command_line(body: str) -> str | None:
    """The first line of the comment, raw, if it stands there as a command would; else None."""
    if len(body) > MAX_BODY_CHARS or _COMMAND_START.match(body) is None:
        return None
    line = body.split("\n", 1)[0].removesuffix("\r")
    if len(line) > MAX_LINE_CHARS or _MAIL_REPLY.search(body):
        return None
    blocks = _PARSER.parse(body)
    if blocks[0].type != "paragraph_open" or blocks[0].map is None or blocks[0].map[0] != 0:
        return None
    shown = _shown_as_typed(blocks[1])
    decides = _UP_TO_A_REASON.match(line)
    if decides is not None and shown.startswith(decides.group()):
        return line
    return line if shown == line.rstrip(_BLANK) else None


def _shown_as_typed(paragraph: Token) -> str:
    """The text of a paragraph's first line as a reader sees it, up to the first markup in it."""
    shown = ""
    for piece in paragraph.children or ():
        if piece.type != "text":
            if piece.type not in ("softbreak", "hardbreak"):
                shown += _MARKUP
            break
        shown += piece.content
    return shown


_PARSER: Final = MarkdownIt("commonmark").enable(["table", "strikethrough"])
"""CommonMark with the parts of GFM that could turn a line into something else."""
