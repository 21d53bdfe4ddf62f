"""The prompt at which the person in front of the terminal answers.

Rules of the file: waiting for a line never blocks the trial: time and processes are watched meanwhile.
"""

from __future__ import annotations

import select
from enum import StrEnum
from typing import IO, Final

HELP: Final = """\
  /approve staging                 answers as the person named at the prompt
  maintainer: /approve production  answers as somebody else: author, reviewer, maintainer or reader
  /deny staging too risky          a denial has a reason
  /why staging · /status · /help   asks the App, which replies in a comment
  Ctrl-D leaves the gates as they are; Ctrl-C ends everything."""


class Unsaid(StrEnum):
    """No line yet, or never one again."""

    NOTHING_YET = "nothing_yet"
    END = "end"


class Prompt:
    """Reads lines from a terminal; `speaker` is who speaks when a line names nobody."""

    def __init__(self, source: IO[str], screen: IO[str], speaker: str) -> None:
        self._source = source
        self._screen = screen
        self.speaker = speaker
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether the prompt is on the screen and waits for a line."""
        return self._open

    def open(self) -> None:
        """Puts the prompt on the screen."""
        self._write(f"{self.speaker}> ")
        self._open = True

    def leave(self) -> None:
        """Takes the prompt back: something else has happened."""
        if self._open:
            self._write("\n")
        self._open = False

    def read(self, seconds: float) -> str | Unsaid:
        """A line, waiting at most `seconds`; an empty line or `?` shows the help and counts as none yet."""
        ready, _, _ = select.select([self._source], [], [], seconds)
        if not ready:
            return Unsaid.NOTHING_YET
        line = self._source.readline()
        self._open = False
        if not line:
            self._write("\n")
            return Unsaid.END
        if line.strip() in ("", "?"):
            self._write(f"{HELP}\n")
            self.open()
            return Unsaid.NOTHING_YET
        return line.strip()

    def _write(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()
