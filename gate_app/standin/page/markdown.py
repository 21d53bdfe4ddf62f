"""Comments, summaries and descriptions as HTML: CommonMark with tables, then nothing but harmless tags.

Rules of this file:

* The parser lets HTML through, because GitHub does and comments hold `<sub>` and hidden markers; the sanitizer
  alone decides what remains. It knows tags by an allow list, keeps no style, class, id or handler of anybody's,
  and links lead to http, https and mailto only.
* No picture is loaded: a picture becomes a link to it.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

MAX_CHARS: Final = 65_536
_TAGS: Final = nh3.ALLOWED_TAGS - frozenset(
    {"area", "article", "aside", "footer", "header", "hgroup", "img", "map", "nav", "time"}
)
"""Without pictures, and without what would pass for a part of the page itself."""
_MENTION: Final = re.compile(r"(?<![\w/@.-])(@[A-Za-z0-9][A-Za-z0-9-]*(?:/[A-Za-z0-9._-]+)?)")


@functools.lru_cache(maxsize=256)
def to_html(text: str | None) -> Markup:
    """The text as harmless HTML; nothing for no text."""
    if not text or not text.strip():
        return Markup()
    return Markup(_SANITIZER.clean(_PARSER.render(text[:MAX_CHARS])))  # noqa: S704 - what the sanitizer lets through


def _mentions(core: StateCore) -> None:
    """Set off `@login` and `@organization/team` where they stand in plain text."""
    for block in core.tokens:
        if block.type == "inline" and block.children:
            block.children = [piece for token in block.children for piece in _split(token)]


def _split(token: Token) -> list[Token]:
    parts = _MENTION.split(token.content) if token.type == "text" else []
    if len(parts) < 3:
        return [token]
    return [
        piece for index, part in enumerate(parts) for piece in (_strong(part) if index % 2 else _text(part))
    ]


def _text(content: str) -> list[Token]:
    return [Token("text", "", 0, content=content)]


def _strong(content: str) -> list[Token]:
    return [Token("strong_open", "strong", 1), *_text(content), Token("strong_close", "strong", -1)]


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
    parser.disable("image")
    parser.core.ruler.push("mentions", _mentions)
    return parser


_PARSER: Final = _parser()
_SANITIZER: Final = nh3.Cleaner(
    tags=set(_TAGS),
    attributes={"a": {"href", "title"}, "details": {"open"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)
