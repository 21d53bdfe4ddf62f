"""Deliveries about our own check runs: a person pressed one of their buttons, or GitHub's "Re-run".

Rules of the file: the same as in `payloads`. Who pressed is the sender, whose standing is read before it counts; which
run and which check of it is the external id that we gave. GitHub tells it to the App that owns the check run alone,
and that it is ours is looked at all the same (case 47).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from pydantic import StringConstraints

from gate_app.domain.events import ButtonPressed, RerunRequested
from gate_app.domain.model import Subject
from gate_app.engine.ports import CommitNoticed, Ignored, RunNoticed
from gate_app.github.envelope import EARLIEST, DeliveryBody, Moment, Read, document
from gate_app.github.fields import App, Reading, Sha, ShortText


class _CheckRun(Reading):
    """`external_id` of ours is the gate's id; GitHub sends presses to the App that owns the check run only."""

    external_id: ShortText | None
    head_sha: Sha
    completed_at: Moment | None
    app: App | None


class _RequestedAction(Reading):
    identifier: Annotated[str, StringConstraints(min_length=1, max_length=20)]


class _PressDelivery(DeliveryBody):
    check_run: _CheckRun
    requested_action: _RequestedAction


class _RerunDelivery(DeliveryBody):
    check_run: _CheckRun


class _CheckSuite(Reading):
    head_sha: Sha
    updated_at: Moment
    app: App | None


class _SuiteDelivery(DeliveryBody):
    check_suite: _CheckSuite


def _button_pressed(event: str, body: bytes, app_id: int) -> Read:
    """Who pressed is the sender; which gate is the external id that we gave our own check run."""
    delivery = document(_PressDelivery, event, body)
    check_run = delivery.check_run
    if check_run.app is None or check_run.app.id != app_id:
        return Ignored("a button of another App's check run")
    gate = _shown_by(check_run.external_id or "", delivery.repository.id)
    if gate is None:
        return Ignored("a button of a check run that is no gate of this repository")
    run_id, environment = gate
    at = check_run.completed_at or EARLIEST
    press = ButtonPressed(
        at, environment, delivery.sender.person, delivery.requested_action.identifier, check_run.head_sha
    )
    return (RunNoticed(run_id, press),)


def _shown_by(external_id: str, repository_id: int) -> tuple[str, str] | None:
    """The run and the environment that a gate's id names (`Run.gate_id`); a ref has no colon in it."""
    subject, _, rest = external_id.partition(":")
    sequence, _, environment = rest.partition(":")
    try:
        named = Subject.parse(subject)
    except ValueError:
        return None
    if named.repository_id != repository_id or named.key != subject or not environment:
        return None
    if not (sequence.isascii() and sequence.isdigit()):
        return None
    return f"{subject}:{sequence}", environment


def _rerun(event: str, body: bytes, app_id: int) -> Read:
    """ "Re-run" of one check run."""
    delivery = document(_RerunDelivery, event, body)
    check_run = delivery.check_run
    if check_run.app is None or check_run.app.id != app_id:
        return Ignored("a re-run of another App's check run")
    found = _shown_by(check_run.external_id or "", delivery.repository.id)
    if found is None:
        return Ignored("a re-run of a check run that shows no run of this repository")
    run_id, shown = found
    at = check_run.completed_at or EARLIEST
    return (RunNoticed(run_id, RerunRequested(at, delivery.sender.person, shown)),)


def _rerun_all(event: str, body: bytes, app_id: int) -> Read:
    """ "Re-run all checks" of a commit: it names no check run, so it goes to whatever decides on that commit."""
    delivery = document(_SuiteDelivery, event, body)
    suite = delivery.check_suite
    if suite.app is None or suite.app.id != app_id:
        return Ignored("a re-run of another App's checks")
    asked = RerunRequested(suite.updated_at, delivery.sender.person)
    return (CommitNoticed(delivery.where, suite.head_sha, asked),)


PRESSED: Final = ("check_run", "requested_action")
OURS: Final[Mapping[tuple[str, str | None], Callable[[str, bytes, int], Read]]] = {
    PRESSED: _button_pressed,
    ("check_run", "rerequested"): _rerun,
    ("check_suite", "rerequested"): _rerun_all,
}
"""What people press on our check runs."""
