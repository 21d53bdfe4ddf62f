"""Live progress on the terminal: a table that is repainted, or plain lines where nobody can repaint.

Rules of the file: nothing is decided here; plain output has one line for each change of state; whatever is
printed is made plain first, because commits, reports and comments come from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gate_app.stages.plaintext import plain
from gate_app.trial.rows import Row

MAX_TEXT: Final = 20_000

WallClock = Callable[[], datetime]

_STYLES: Final = {"good": "green", "bad": "bold red", "busy": "cyan", "asks": "bold yellow", "calm": "dim"}
_MARKS: Final = {"good": "✔", "bad": "✘", "busy": "▶", "asks": "?", "calm": "·"}


class Progress(Protocol):
    """Where a trial shows itself."""

    def say(self, text: str) -> None:
        """Prints lines that stay."""

    def show(self, rows: tuple[Row, ...]) -> None:
        """Shows where everything stands."""

    def make_room(self) -> None:
        """Gives the terminal to a prompt until the next `show`."""

    def close(self) -> None:
        """Leaves the last state on the screen."""


class PlainProgress:
    """One line for each change, with the seconds since the start."""

    def __init__(self, console: Console, now: WallClock) -> None:
        self._console = console
        self._now = now
        self._began = now()
        self._shown: dict[str, str] = {}

    def say(self, text: str) -> None:
        _print(self._console, text)

    def show(self, rows: tuple[Row, ...]) -> None:
        for row in rows:
            if self._shown.get(row.key) == row.state:
                continue
            self._shown[row.key] = row.state
            elapsed = (self._now() - self._began).total_seconds()
            self.say(f"{elapsed:6.1f} s  {_MARKS[row.tone]} {row.name}: {row.state}")

    def make_room(self) -> None:
        """There is nothing in the way."""

    def close(self) -> None:
        """Everything is on the screen already."""


class LiveProgress:
    """A table below the lines that stay, painted anew at each look."""

    def __init__(self, console: Console, now: WallClock, title: str) -> None:
        self._console = console
        self._now = now
        self._title = title
        self._live: Live | None = None
        self._rows: tuple[Row, ...] = ()

    def say(self, text: str) -> None:
        _print(self._console, text)

    def show(self, rows: tuple[Row, ...]) -> None:
        self._rows = rows
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(self._table(), refresh=True)

    def make_room(self) -> None:
        self.close()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Group:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for row in self._rows:
            style = _STYLES[row.tone]
            since = _since(row.since, self._now())
            table.add_row(
                Text(_MARKS[row.tone], style),
                row.name,
                Text(plain(row.state, MAX_TEXT), style),
                Text(since, "dim"),
            )
        return Group(Text(plain(self._title, MAX_TEXT), "bold"), table)


def _print(console: Console, text: str) -> None:
    console.print(plain(text, MAX_TEXT), markup=False, highlight=False, soft_wrap=True)


def _since(since: datetime | None, now: datetime) -> str:
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    return f"since {since.astimezone():%H:%M:%S}, {seconds // 60}:{seconds % 60:02d}"
