"""Whether a comment begins with a command: its whole first line, in a plain paragraph, shown as typed. Or a plan.

Rules of the file:

* Lines end at LF and CRLF only. Python's `splitlines` knows eight more ends, and a parser knows a lone CR;
  a line hidden behind one of them is never a command (case 39).
* The parser judges what the line is; the bytes of the line are passed on as they are, never normalised,
  stripped or repaired (cases 40, 41): the grammar refuses what is not ASCII.
* What a reader sees must be what was typed: markup, references, escapes and entities in the line make it text
  about a command, not a command (case 38). Only in a reason, which decides nothing, they may be: a denial must not
  be lost because it says why in bold.
* A plan block is a fence at the very start; what its fence shows is what is read. A command and a plan in one comment
  are neither (case 43), but for a denial, which must not be lost.
* Whatever is in doubt is None, which is silence.
"""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gate_app.domain.plan_block import MAX_BLOCK, OPENING

MAX_BODY_CHARS: Final = 65_536
"""GitHub's own limit on a comment."""
MAX_LINE_CHARS: Final = 4_096
"""The longest first line that the grammar looks at."""

MARKER: Final = "<!-- gate-app:"
"""How the invisible line begins that finds our comments again."""
_COMMAND_START: Final = re.compile(r"/[A-Za-z]")
_UP_TO_A_REASON: Final = re.compile(r"/(?:gate[ \t]+)?(?:deny[ \t]+|approve(?=[ \t]).*? --)")
"""What decides in a command with a reason; a denial is one whatever it says."""
_DENIAL: Final = re.compile(r"/(?:gate[ \t]+)?deny(?=[ \t])")
_LONE_CR: Final = re.compile(r"\r(?!\n)")
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
    """The first line of the comment, raw, if it stands there as a command would, or its plan block; else None."""
    if len(body) > MAX_BODY_CHARS or not body.startswith(("/", OPENING)):
        return None
    if body.startswith(OPENING):
        return _plan_block(body)
    line = _command(body)
    planned = line is not None and OPENING in body and not _DENIAL.match(line)
    return f"{OPENING}\n{line}" if planned and any(map(_is_plan, _PARSER.parse(body))) else line


def _plan_block(body: str) -> str | None:
    """The block at the start, with its fences, or as much of it as shows what is wrong with it."""
    blocks = _PARSER.parse(body)
    first = blocks[0]
    if _LONE_CR.search(body) or not _is_plan(first) or first.map is None or first.map[0] != 0:
        return None
    if _MAIL_REPLY.search(body):
        return None
    lines = body.split("\n")
    if sum(map(_is_plan, blocks)) > 1:
        return f"{OPENING}\n{OPENING}"
    return "\n".join(lines[: first.map[1]])[: MAX_BLOCK + 1]


def _is_plan(token: Token) -> bool:
    return token.type == "fence" and token.info.strip() == OPENING.lstrip("`")


def _command(body: str) -> str | None:
    """The first line, if it stands there as a command would."""
    if _COMMAND_START.match(body) is None:
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
