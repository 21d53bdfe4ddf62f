"""What the clocks of a question mean together: reminders, the ladder, working hours.

Rules of the file: as in `rules`, of which this is a part; a clock that could never ring is refused, not ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gate_app.config.asking import ApprovalModel, StepModel, WorkingHoursModel
from gate_app.config.deploying import EnvironmentModel
from gate_app.config.durations import duration
from gate_app.config.problems import Flaw, Path, quote


def steps_of(approval: ApprovalModel) -> tuple[StepModel, ...]:
    """The steps of a ladder, whether one was written or a list."""
    steps = approval.escalate_to
    return (steps,) if isinstance(steps, StepModel) else steps or ()


def minutes(clock: str) -> int:
    """`09:30` as minutes since midnight."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


def clocks_can_ring(environments: Mapping[str, EnvironmentModel]) -> Iterator[Flaw]:
    """Every clock rings before the question is over, and in order."""
    for name, environment in environments.items():
        path: Path = ("environments", name, "approval")
        approval = environment.approval
        reminders = [
            ((*path, "remind_after", index), each) for index, each in enumerate(approval.remind_after or ())
        ]
        yield from _in_order(reminders, approval)
        yield from _in_order([((*at, "after"), step.after) for at, step in steps(path, approval)], approval)
        for at, step in steps(path, approval):
            yield from _names_somebody(step, at)
        for number, rule in enumerate(approval.escalate_when or ()):
            if rule.outside_hours is not None:
                yield from day_is_a_span(
                    rule.outside_hours, (*path, "escalate_when", number, "outside_hours")
                )
        if approval.working_hours is not None:
            yield from _working_hours(approval, approval.working_hours, (*path, "working_hours"))


def steps(path: Path, approval: ApprovalModel) -> Iterator[tuple[Path, StepModel]]:
    """The steps of a ladder, each with where it stands in the file."""
    if isinstance(approval.escalate_to, StepModel):
        yield (*path, "escalate_to"), approval.escalate_to
        return
    for index, step in enumerate(approval.escalate_to or ()):
        yield (*path, "escalate_to", index), step


def _in_order(clocks: Sequence[tuple[Path, str]], approval: ApprovalModel) -> Iterator[Flaw]:
    before = None
    for path, clock in clocks:
        if before is not None and duration(clock) <= duration(before):
            yield Flaw(
                path, f"{quote(clock)} is not after {quote(before)}", "list the soonest first, each once"
            )
        if duration(clock) >= duration(approval.expires_after):
            reason = f"the question is over after {quote(approval.expires_after)}, so this would never happen"
            yield Flaw(path, reason, "choose a shorter span, or a longer `expires_after`")
        before = clock


def _names_somebody(step: StepModel, path: Path) -> Iterator[Flaw]:
    if not (step.users or step.teams or step.permission):
        yield Flaw(path, "this step hands the question on to nobody", "add `teams`, `users` or `permission`")


def _working_hours(approval: ApprovalModel, hours: WorkingHoursModel, path: Path) -> Iterator[Flaw]:
    yield from day_is_a_span(hours, path)
    if approval.remind_after is None and approval.escalate_to is None:
        reason = "without `remind_after` and `escalate_to` no clock runs in them"
        yield Flaw(path, reason, "add one of the two, or delete `working_hours`")


def day_is_a_span(hours: WorkingHoursModel, path: Path) -> Iterator[Flaw]:
    """A working day that ends after it begins."""
    if minutes(hours.ends) <= minutes(hours.begins):
        reason = f"{quote(hours.ends)} is not after {quote(hours.begins)}"
        yield Flaw((*path, "to"), reason, "write a later time, at most `24:00`")
