"""Adds one fact to a run and judges nothing.

Rules of the file: recording the same fact twice changes nothing (case 9); a fact that does not fit (an answer
to no question, the end of an older attempt) leaves the run as it is, and what is said about it is said by
`replies`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from gate_app.domain.commands import Command, parse
from gate_app.domain.events import (
    ButtonPressed,
    ChangeClosed,
    ChangeProposed,
    ClockTicked,
    CommandGiven,
    CommentChanged,
    DeployedByOthers,
    DeploymentCreated,
    Event,
    FollowUpOpened,
    HeadMoved,
    JobAsked,
    JobHeld,
    QuestionShown,
    ReleaseReturned,
    RerunRequested,
    StageEnded,
    StageObstructed,
    StageVanished,
    WorkflowDispatched,
)
from gate_app.domain.grants import Ask, with_ask, without
from gate_app.domain.model import PersonKind, Unknown
from gate_app.domain.protection import heard_of
from gate_app.domain.redeeming import reports_on
from gate_app.domain.review import gate_named, spoken
from gate_app.domain.run import (
    Answer,
    Binding,
    Followed,
    Gate,
    Question,
    Returned,
    Run,
    RunState,
    StageStatus,
    is_comment,
)
from gate_app.domain.targets import Pressed, Target, target_of, target_of_press
from gate_app.domain.verdict import ReasonCode
from gate_app.domain.workflows import reported_by_job


def record(run: Run, event: Event) -> Run:
    """The run with the event's fact in it."""
    match event:
        case ChangeProposed():
            return _seen_pushing(run, event)
        case HeadMoved():
            return _head_moved(run, event)
        case ChangeClosed():
            return _ended(run, RunState.MERGED if event.merged else RunState.CLOSED)
        case CommandGiven():
            return _answered(run, event)
        case CommentChanged(ours=True):
            return _disturbed(run, event)
        case CommentChanged():
            return _voided(run, event)
        case ButtonPressed():
            return _pressed(run, event)
        case RerunRequested():
            return _to_be_shown_again(run, event)
        case QuestionShown():
            return _shown(run, event)
        case StageEnded():
            return _stage_ended(run, event)
        case StageVanished():
            return _stage_vanished(run, event)
        case WorkflowDispatched():
            return _dispatched(run, event)
        case StageObstructed():
            return _obstructed(run, event)
        case DeploymentCreated():
            return _deployment_created(run, event)
        case ReleaseReturned():
            return _release_returned(run, event)
        case JobAsked():
            return _job_asked(run, event)
        case JobHeld():
            return heard_of(run, event.run_id)
        case ClockTicked() | FollowUpOpened() | DeployedByOthers():  # the latter two are about the repository
            return run
        case _:
            assert_never(event)


def _seen_pushing(run: Run, event: ChangeProposed) -> Run:
    """Whoever pushed this head; a merge that added nothing brought nothing of its own."""
    pusher = event.change.pusher
    if pusher is None or pusher.id in run.pushers or event.change.head.sha != run.change.head.sha:
        return run
    if event.change.bare_merge:
        return run
    return replace(run, pushers=(*run.pushers, pusher.id))


def _head_moved(run: Run, event: HeadMoved) -> Run:
    """Another head, another base or another trusted branch is another change (cases 20, 25, 88)."""
    if run.state is not RunState.OPEN:
        return run
    if not run.change.trusts(event.default_branch):
        return replace(_ended(run, RunState.SUPERSEDED), ended=ReasonCode.DEFAULT_BRANCH_CHANGED.value)
    same = (event.head_sha, event.base_ref) == (run.change.head.sha, run.change.base_ref)
    return run if same else _ended(run, RunState.SUPERSEDED)


def _ended(run: Run, state: RunState) -> Run:
    """The first end of a run stays its end."""
    return run if run.state is not RunState.OPEN else replace(run, state=state)


def _answered(run: Run, event: CommandGiven) -> Run:
    """An approval or denial of a question that was open when a person wrote the comment (case 44)."""
    if event.person.account is not PersonKind.USER or event.via_app:
        return run
    command = parse(event.line, spoken(run))
    if (
        not isinstance(command, Command)
        or command.verb not in ("approve", "deny")
        or _already(run, event.comment_id)
    ):
        return run
    target = target_of(run, command, event)
    if not isinstance(target, Target):
        return run
    return run.with_gate(_with_answer(run, target.gate, target.question, command, event))


def _with_answer(
    run: Run, gate: Gate, question: Question | None, command: Command, event: CommandGiven
) -> Gate:
    answer = Answer(
        kind="approval" if command.verb == "approve" else "denial",
        person=event.person,
        at=event.at,
        comment_id=event.comment_id,
        body_sha256=event.body_sha256,
        question=question.number if question else 0,
        binding=question.binding if question else Binding(run.change.head.sha, "", "", ""),
        reason=command.reason,
    )
    return replace(gate, answers=(*gate.answers, answer))


def _pressed(run: Run, event: ButtonPressed) -> Run:
    """A press of a button of the open question; the same person's same press again is no news (case 48)."""
    target = target_of_press(run, event)
    if event.person.account is not PersonKind.USER or not isinstance(target, Pressed):
        return run
    answer = Answer(
        kind=target.answer,
        person=event.person,
        at=event.at,
        comment_id=None,
        body_sha256="",
        question=target.question.number,
        binding=target.question.binding,
        reason="denied by button" if target.answer == "denial" else "",
        button=event.button,
    )
    if any(given.key == answer.key for given in target.gate.answers):
        return run
    return run.with_gate(replace(target.gate, answers=(*target.gate.answers, answer)))


def _to_be_shown_again(run: Run, event: RerunRequested) -> Run:
    """Forgets that check runs were shown: GitHub counts one as not answered until it is written again (case 50)."""
    if event.person.account is not PersonKind.USER:
        return run
    kept = {surface: seen for surface, seen in run.published.items() if not _meant(event, surface)}
    return replace(run, published=kept)


def _meant(event: RerunRequested, surface: str) -> bool:
    """Whether a surface is the check run that was pressed, or one of all."""
    if not event.shown:
        return surface.startswith(("stage:", "gate:", "policy"))
    return surface.removeprefix("gate:") == event.shown


def _shown(run: Run, event: QuestionShown) -> Run:
    """Where a question can be read first; one that had to be made again was seen before."""
    gate = gate_named(run, event.environment)
    asked = gate.question if gate else None
    if gate is None or asked is None or asked.number != event.number or asked.comment_id is not None:
        return run
    return run.with_gate(replace(gate, question=replace(asked, comment_id=event.comment_id)))


def _already(run: Run, comment_id: int) -> bool:
    return any(answer.comment_id == comment_id for gate in run.every_gate for answer in gate.answers)


def _voided(run: Run, event: CommentChanged) -> Run:
    """An edited or deleted comment takes its answer with it, for good."""
    for gate in run.every_gate:
        answers = tuple(
            replace(answer, voided=event.change) if answer.comment_id == event.comment_id else answer
            for answer in gate.answers
        )
        if answers != gate.answers:
            run = run.with_gate(replace(gate, answers=answers))
    return run


def _disturbed(run: Run, event: CommentChanged) -> Run:
    """Somebody changed what we said: all our comments are written again, and an open question is asked anew.

    Whoever answers next might answer the changed text, and whoever answered before cannot be told apart from them.
    """
    shown = {surface: seen for surface, seen in run.published.items() if not is_comment(surface)}
    run = replace(run, published=shown)
    for gate in run.every_gate:
        asked = gate.question.comment_id if gate.question else None
        if asked == event.comment_id and gate.release is None and gate.closing is None:
            run = run.with_gate(replace(gate, disturbed=gate.disturbed + 1))
    return run


def _stage_ended(run: Run, event: StageEnded) -> Run:
    stage = run.stages.get(event.stage)
    if stage is None or stage.attempt != event.attempt or stage.status is not StageStatus.RUNNING:
        return run
    return run.with_stage(replace(stage, status=StageStatus.ENDED, ended_at=event.at, outcome=event.outcome))


def _stage_vanished(run: Run, event: StageVanished) -> Run:
    stage = run.stages.get(event.stage)
    if stage is None or stage.attempt != event.attempt or stage.status is not StageStatus.RUNNING:
        return run
    return run.with_stage(replace(stage, status=StageStatus.LOST, ended_at=event.at))


def _dispatched(run: Run, event: WorkflowDispatched) -> Run:
    stage = run.stages.get(event.stage)
    if stage is None or stage.attempt != event.attempt or stage.dispatched_at is not None:
        return run
    followed = Followed("workflow_run", event.workflow_run, event.link) if event.workflow_run else None
    return run.with_stage(replace(stage, dispatched_at=event.at, followed=followed, obstacle=None))


def _obstructed(run: Run, event: StageObstructed) -> Run:
    stage = run.stages.get(event.stage)
    if stage is None or stage.attempt != event.attempt or stage.status is not StageStatus.RUNNING:
        return run
    collecting = stage.followed is not None and stage.followed.collecting
    if stage.dispatched_at is not None and not collecting:
        return run
    return run.with_stage(replace(stage, obstacle=Unknown(event.code, event.detail)))


def _begun(run: Run, event: DeploymentCreated | ReleaseReturned) -> Gate | None:
    """The gate whose release it is, while that has no deployment; what is said of an earlier one is no news."""
    gate = run.gates.get(event.environment)
    if gate is None or gate.release is None or gate.release.deployment_id is not None:
        return None
    return gate if event.occasion in (0, gate.occasions) else None


def _deployment_created(run: Run, event: DeploymentCreated) -> Run:
    gate = _begun(run, event)
    if gate is None or gate.release is None:
        return run
    return run.with_gate(replace(gate, release=replace(gate.release, deployment_id=event.deployment_id)))


def _release_returned(run: Run, event: ReleaseReturned) -> Run:
    """Only a release that has no deployment yet can come back."""
    gate = _begun(run, event)
    if gate is None:
        return run
    return run.with_gate(replace(gate, release=None, returned=Returned(event.retry_at, event.detail)))


def _job_asked(run: Run, event: JobAsked) -> Run:
    """A job wants an answer; what it says of a deployment's end counts where that is its own."""
    gate = run.gates.get(event.environment)
    if gate is None:
        return run
    holder = gate.release.redeemed if gate.release else None
    asks = without(gate.asks, event.job) if event.want == "withdraw" else gate.asks
    gate = replace(gate, asks=with_ask(asks, Ask(event.ticket, event.want, event.job, event.at), holder))
    if event.want == "redeem" and gate.release is None and gate.closing is None:
        gate = replace(gate, redeeming=event.job)
    run = run.with_gate(gate)
    stage = reports_on(run, gate, event.job) if event.want == "report" else None
    if stage is None or stage.status is not StageStatus.RUNNING:
        return run
    outcome = reported_by_job(event.outcome, event.job.run_id)
    return run.with_stage(replace(stage, status=StageStatus.ENDED, ended_at=event.at, outcome=outcome))
