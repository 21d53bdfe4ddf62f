"""The App's comments on the pull request's page, in the few words that fit a terminal.

Rules of the file: what the App wrote is shown, never said in other words; only its Markdown is taken off.
"""

from __future__ import annotations

import re
from typing import Final

from gate_app.trial.picture import AppComment, Picture

_DECORATION: Final = re.compile(r"</?sub>|\*\*|^#+ ", re.MULTILINE)
_COMMANDS: Final = "`/approve "
"""How the line of a question begins that says what to type; the prompt says it as well."""
MAX_LINES: Final = 30


class Page:
    """Remembers which comments were shown."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def news(self, picture: Picture) -> tuple[str, ...]:
        """The comments that came since the last look, in short; the sticky status comment is the table."""
        fresh = [comment for comment in picture.app_comments if comment.id not in self._seen]
        self._seen.update(comment.id for comment in fresh)
        return tuple(short(comment) for comment in fresh if comment.surface != "status")


def short(comment: AppComment) -> str:
    """One comment as a few indented lines."""
    lines = [line.rstrip() for line in undecorated(comment.body).splitlines() if line.strip()]
    if comment.surface.startswith("question:"):
        lines = [line for line in lines if not line.startswith(_COMMANDS)]
    first, rest = lines[:1], lines[1:MAX_LINES]
    return "\n".join([*(f"gate-app: {line}" for line in first), *(f"          {line}" for line in rest)])


def undecorated(markdown: str) -> str:
    """The text without marks of headings, bold and small print; what is quoted stays quoted."""
    return _DECORATION.sub("", markdown)
