"""One call that tells several things at once, in the place of a read for each of them.

Rules of the file: it is a short way and never another answer. What it does not tell, whole and without a doubt, is read
by itself as ever; so nothing is green because of it that would not be green without it. Nobody waits for it but what it
stands for, and no thread does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import TypeVar

from gate_app.domain.following import checks_to_read
from gate_app.domain.model import Purpose
from gate_app.domain.policy import Policy, Select
from gate_app.domain.run import Run
from gate_app.engine.ports import Hub, Sight
from gate_app.errors import HubRefused, HubUnavailable

Known = TypeVar("Known")
Asked = TypeVar("Asked")
_log = logging.getLogger(__name__)


def nothing_sighted() -> Future[Sight | None]:
    """No such call: everything is read by itself."""
    nothing: Future[Sight | None] = Future()
    nothing.set_result(None)
    return nothing


def sighted(hub: Hub, run: Run, rules: Policy | None, at_once: Executor) -> Future[Sight | None]:
    """The call, where it saves others: for a run whose stages look at checks. None where it told nothing."""
    selects = tuple(checks_to_read(run, rules).values()) if rules else ()
    if rules is None or not selects or run.purpose is Purpose.ROLLBACK:
        return nothing_sighted()
    gated = [environment.name for environment in rules.environments]
    return at_once.submit(_sight, hub, run, gated, selects)


def _sight(hub: Hub, run: Run, gated: Sequence[str], selects: Sequence[Select]) -> Sight | None:
    try:
        return hub.sight(run.change, gated, selects)
    except (HubUnavailable, HubRefused) as fault:
        # Where GitHub asked to be left alone, the reads in its place are refused just so.
        _log.info("%s is read part by part: %s", run.change.repository.full_name, fault)
        return None


def after(first: Future[Known], ask: Callable[[Known], Future[Asked]]) -> Future[Asked]:
    """What is asked once the first is known; no thread waits in between."""
    later: Future[Asked] = Future()

    def begin(known: Future[Known]) -> None:
        try:
            ask(known.result()).add_done_callback(end)
        except BaseException as fault:  # a callback's own fault would reach nobody
            later.set_exception(fault)

    def end(asked: Future[Asked]) -> None:
        fault = asked.exception()
        if fault is not None:
            later.set_exception(fault)
        else:
            later.set_result(asked.result())

    first.add_done_callback(begin)
    return later
