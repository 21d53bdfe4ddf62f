"""GitHub's limits on what we write, and how a text is cut to them: visibly, and where it cannot come alive.

Rules of the file: each number with its source; a cut falls between lines, because the text that wording made
inert (a code span around a name) is inert only as a whole line (case 167).
"""

from __future__ import annotations

from typing import Final

MAX_SUMMARY_BYTES: Final = 65_535
"""Of a check run's summary, in bytes of UTF-8 (github-facts 5.2; the schema says characters)."""
MAX_COMMENT_CHARS: Final = 65_000
"""Budget for a comment: GitHub says 65,536 characters and stores 262,144 bytes; this keeps both."""
MAX_TITLE_CHARS: Final = 255
MAX_ANNOTATIONS_PER_CALL: Final = 50
"""GitHub appends the annotations of every request to those that are there."""
MAX_RULE_COMMENT_CHARS: Final = 1_024
"""Of an answer about a held job (docs: "Creating custom deployment protection rules")."""
MAX_DESCRIPTION_CHARS: Final = 140
"""Of a deployment and of its statuses."""
MAX_EXTERNAL_ID_CHARS: Final = 255

CLOSING_NOTE: Final = "\n\n… The rest did not fit here.\n"


def line_within(text: str, limit: int) -> str:
    """One line of at most `limit` characters, with an ellipsis where it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def text_within_bytes(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, never half a character; what was cut is said at the end."""
    if len(text.encode()) <= limit:
        return text
    room = limit - len(CLOSING_NOTE.encode())
    return _whole_lines(text.encode()[:room].decode(errors="ignore")) + CLOSING_NOTE


def text_within_chars(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut is said at the end."""
    if len(text) <= limit:
        return text
    return _whole_lines(text[: limit - len(CLOSING_NOTE)]) + CLOSING_NOTE


def _whole_lines(text: str) -> str:
    """Without its last line, which the cut may have opened; a text of a single line goes altogether."""
    return text[: max(text.rfind("\n"), 0)]
