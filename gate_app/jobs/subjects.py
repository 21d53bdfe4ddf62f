"""What a subject may look like on its way through the queue."""

from __future__ import annotations

from typing import Final

MAX_LENGTH: Final = 1_024
"""Characters. A repository id and a ref fit: GitHub refuses refs longer than 255 bytes."""


def checked(subject: str) -> str:
    """The subject itself. Raises ValueError when it is empty, too long or holds NUL (PostgreSQL cannot
    store it).
    """
    if not subject or len(subject) > MAX_LENGTH or "\0" in subject:
        raise ValueError(f"a subject has 1 to {MAX_LENGTH} characters, without NUL")
    return subject
