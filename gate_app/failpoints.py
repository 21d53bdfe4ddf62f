"""Named places where a test can kill the process, to prove that a restart loses and doubles nothing (case 193).

Rules of the file: nothing is armed unless a test or the hidden option `--failpoint` of a command says so by
argument; no environment variable can. A disarmed `hit` is one look at an empty dictionary. The state is the
process's own, like the signal it sends. `NAMES` is complete: every `hit` in the code is listed, a listed name
is hit somewhere, and docs/engine.md says where.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from gate_app.errors import ConfigurationFault

_EFFECTS: Final = (
    "answer_job",
    "collect_reports",
    "create_deployment",
    "dispatch_workflow",
    "notify",
    "open_issue",
    "publish_check_run",
    "publish_comment",
    "react",
    "report_deployment",
    "start_stage",
    "stop_stage",
)

NAMES: Final = frozenset(
    {
        "inbox.before",  # a row is about to be handled
        "inbox.after",  # its transition is committed, or it is delayed
        *(f"{effect}.before" for effect in _EFFECTS),  # marked as started, nothing sent
        *(f"{effect}.after" for effect in _EFFECTS),  # the outside has answered, nothing stored
        "publish_check_run.written",  # GitHub has it, we do not know its id yet
        "publish_comment.written",
        "start_stage.started",  # the child runs, no row knows it
        "mint_token.before",
        "mint_token.after",  # GitHub knows a token that we do not
    }
)

Action = Callable[[], None]


@dataclass(slots=True)
class _Armed:
    action: Action
    hits_left: int


_armed: dict[str, _Armed] = {}
_counting = threading.Lock()


class UnknownFailpoint(ConfigurationFault):
    """No `hit` has this name, or the count is not a positive number."""


def hit(name: str) -> None:
    """Does nothing, unless this place is armed and this is the hit that it waits for."""
    if _armed:
        _fire(name)


def die() -> None:
    """Ends the process as a power cut would: no handler, no `finally`, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(name: str, action: Action = die, at: int = 1) -> None:
    """Does `action` at the `at`-th hit of this place, once. Raises UnknownFailpoint."""
    if name not in NAMES:
        raise UnknownFailpoint(f"no failpoint {name!r}; there are: {', '.join(sorted(NAMES))}")
    if at < 1:
        raise UnknownFailpoint(f"{name}: hits are counted from 1")
    _armed[name] = _Armed(action, at)


def arm_as_told(option: str) -> None:
    """Arms `die` as the option `--failpoint NAME[:N]` says. Raises UnknownFailpoint."""
    name, colon, count = option.partition(":")
    if colon and not (count.isascii() and count.isdigit() and len(count) <= 6):
        raise UnknownFailpoint(f"{option!r}: write NAME or NAME:N, N being the number of the hit")
    arm(name, at=int(count) if colon else 1)


@contextmanager
def armed(name: str, action: Action, at: int = 1) -> Iterator[None]:
    """Arms for a block, for tests within one process."""
    arm(name, action, at)
    try:
        yield
    finally:
        _armed.pop(name, None)


def _fire(name: str) -> None:
    with _counting:
        place = _armed.get(name)
        if place is None:
            return
        place.hits_left -= 1
        due = place.hits_left == 0
    if due:
        place.action()
