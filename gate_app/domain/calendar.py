"""What clocks on the wall and calendars say about the gates of a run: read outside, asked for here.

Rules of the file: the arithmetic is an adapter's (`calendars`); what it cannot tell is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Unknown
from gate_app.domain.policy import Policy, PolicyProblem
from gate_app.domain.run import Run
from gate_app.domain.worktime import Span, WorkingHours

AHEAD: Final = timedelta(days=7)
"""How far ahead working hours are read: where the next clock to ring is looked for."""
_MOMENT: Final = timedelta(minutes=1)


class Calendar(Protocol):
    """Clocks and calendars of the whole world; moments are aware."""

    def frozen(self, windows: Sequence[FreezeWindow], now: datetime) -> Freeze | Unknown | None:
        """The freeze that holds at a moment, None when there is none."""

    def working(self, hours: WorkingHours, since: datetime, until: datetime) -> tuple[Span, ...] | Unknown:
        """The working hours between two moments, in order."""


def freezes(
    policy: Policy | PolicyProblem | Unknown, calendar: Calendar, now: datetime
) -> Mapping[str, Freeze | Unknown | None]:
    """What is frozen now, by environment that has windows."""
    gated = policy.environments if isinstance(policy, Policy) else ()
    return {each.name: calendar.frozen(each.freeze, now) for each in gated if each.freeze}


def at_work(
    policy: Policy | PolicyProblem | Unknown, calendar: Calendar, now: datetime
) -> Mapping[str, bool | Unknown]:
    """Whether now is within the hours that rules name, by how those are shown."""
    gated = policy.environments if isinstance(policy, Policy) else ()
    named = [
        rule.outside for each in gated for rule in each.approval.escalate_when if rule.outside is not None
    ]
    found: dict[str, bool | Unknown] = {}
    for hours in named:
        spans = calendar.working(hours, now, now + _MOMENT)
        within = isinstance(spans, tuple) and any(span.begins <= now < span.ends for span in spans)
        found[hours.shown] = spans if isinstance(spans, Unknown) else within
    return found


def working(
    run: Run, policy: Policy | PolicyProblem | Unknown, calendar: Calendar, now: datetime
) -> Mapping[str, tuple[Span, ...] | Unknown]:
    """The working hours in which the clocks of open questions, or of one asked now, run; by environment."""
    found: dict[str, tuple[Span, ...] | Unknown] = {}
    for each in policy.environments if isinstance(policy, Policy) else ():
        hours, gate = each.approval.working_hours, run.gates.get(each.name)
        if hours is not None and gate is not None and not gate.closing and not gate.release:
            since = gate.question.asked_at if gate.question else now
            found[each.name] = calendar.working(hours, since, now + AHEAD)
    return found
