"""Answers that GitHub may confirm instead of repeating: a 304 costs nothing of the rate limit (docs: best practices).

Rules of the file: nothing is answered from here alone, every read still goes to GitHub; an answer is kept for exactly
what was asked and with which permissions (case 147); both number and size are bounded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from gate_app.github.transport import Reply

MAX_KEPT: Final = 500
MAX_CHARS: Final = 32_768
"""Of one answer: a gate file, a pull request, a role. Long lists are not kept."""


class Revalidation:
    """The newest answers that carried an `ETag`. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Reply] = OrderedDict()
        self._guard = threading.Lock()

    def reply(self, question: Hashable) -> Reply | None:
        """What was answered before; it has an `etag` and counts only if GitHub confirms it."""
        with self._guard:
            return self._kept.get(question)

    def keep(self, question: Hashable, reply: Reply) -> None:
        """Keeps the answer if it can be confirmed later; what was kept before is replaced or forgotten."""
        with self._guard:
            self._kept.pop(question, None)
            if reply.status != 200 or not reply.headers.get("etag") or len(reply.text) > MAX_CHARS:
                return
            self._kept[question] = reply
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
