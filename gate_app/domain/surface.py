"""What shall be seen at GitHub for a run as it stands; only what differs from last time becomes an effect.

Rules of the file: level-triggered like the rules: the wanted picture is drawn whole every time and compared
by digest; the words come from `wording`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, assert_never

from gate_app.domain import outside, proposal_words, review_words, wording
from gate_app.domain.annotations import annotated
from gate_app.domain.announcing import unheard
from gate_app.domain.baseline import compared_stage
from gate_app.domain.buttons import buttons
from gate_app.domain.draft import Draft
from gate_app.domain.effects import CheckStatus, Conclusion, PublishCheckRun, PublishComment
from gate_app.domain.evidence import StageVerdict
from gate_app.domain.headlines import gate_title
from gate_app.domain.model import Purpose, Unknown
from gate_app.domain.plan import fingerprint
from gate_app.domain.policy import Policy, PolicyProblem
from gate_app.domain.proposals import REVIEWED
from gate_app.domain.run import (
    QUESTION,
    STATUS,
    Gate,
    ReleaseStatus,
    Run,
    RunState,
    StageRun,
    StageStatus,
    passed_on,
)
from gate_app.domain.verdict import ReasonCode, Verdict, VerdictState

REPLY: Final = "reply:"
"""How the surface of a reply begins: it is said once, not kept up to date."""


def show_differences(draft: Draft) -> None:
    """Adds an effect for every surface that should look different from what was last asked for."""
    published = dict(draft.run.published)
    for wanted in _surfaces(draft):
        seen = shown_digest(wanted)
        if published.get(wanted.surface) != seen:
            published[wanted.surface] = seen
            draft.effects.append(wanted)
    draft.run = replace(draft.run, published=published)


def shown_digest(wanted: PublishCheckRun | PublishComment) -> str:
    """What `Run.published` remembers of a surface."""
    return fingerprint(_content(wanted))


def _content(wanted: PublishCheckRun | PublishComment) -> list[object]:
    if isinstance(wanted, PublishComment):
        return [wanted.body]
    pressable = [button.identifier for button in wanted.buttons]
    noted = len(wanted.annotations)
    return [wanted.name, wanted.status, wanted.conclusion, wanted.title, wanted.summary, pressable, noted]


def _surfaces(draft: Draft) -> Iterator[PublishCheckRun | PublishComment]:
    run = draft.run
    if run.purpose is Purpose.RELEASE:
        yield from _policy_check(draft)
        yield from _status_comment(draft)
    for stage in run.stages.values():
        yield _stage_check(draft, stage)
    for name, gate in run.gates.items():
        yield _gate_check(draft, gate, draft.verdicts[name])
        yield from _questions(draft, gate, draft.verdicts[name])
    yield from _review_questions(draft)


def _policy_check(draft: Draft) -> Iterator[PublishCheckRun]:
    """A gate file that cannot be obeyed is closed and loud; so is one that a pull request makes looser."""
    run, broken = draft.run, isinstance(draft.run.policy, PolicyProblem)
    if run.review is not None and run.state is not RunState.OPEN:
        return  # it was judged as long as the pull request was open
    unread = not broken and isinstance(draft.conditions.proposal, Unknown)
    owned = isinstance(run.policy, Policy) and bool(run.policy.owners) and run.proposal is not None
    touched = owned or (run.proposal is not None and run.proposal.touches)
    if not (broken or unread or touched) and "policy" not in run.published:
        return
    verdict = draft.verdicts.get(REVIEWED)
    allowed = verdict is not None and verdict.state is VerdictState.APPROVED
    proposed = run.proposal.conclusion if run.proposal and not allowed else "success"
    yield PublishCheckRun(
        surface="policy",
        name="gate / policy",
        head_sha=run.change.head.sha,
        external_id=f"{run.id}:policy",
        status="in_progress" if unread else "completed",
        conclusion=None if unread else "failure" if broken else proposed,
        title=proposal_words.UNREAD if unread else wording.policy_title(run, verdict),
        summary=wording.policy_summary(run, verdict),
    )


def _stage_check(draft: Draft, stage: StageRun) -> PublishCheckRun:
    """What runs again gets a new check run, as at GitHub: the annotations of the old one could only be added to."""
    run = draft.run
    named = f"stage:{stage.key}" + (f":{stage.series}" if stage.series > 1 else "")
    status, conclusion = _stage_state(stage)
    compared = compared_stage(run, stage, draft.conditions)
    return PublishCheckRun(
        surface=named,
        name=f"{'rollback' if run.purpose is Purpose.ROLLBACK else 'stage'} / {stage.key}",
        head_sha=run.shown_sha,
        external_id=f"{run.id}:{named}",
        status=status,
        conclusion=conclusion,
        title=wording.stage_title(stage),
        summary=wording.stage_summary(stage, compared),
        annotations=annotated(stage.outcome.evidence, compared) if stage.outcome else (),
    )


def _stage_state(stage: StageRun) -> tuple[CheckStatus, Conclusion | None]:
    """Unknown is never shown as passing: neutral and skipped would count as passing for a required check."""
    if stage.status is not StageStatus.ENDED or stage.outcome is None:
        return "in_progress", None
    match stage.outcome.verdict:
        case StageVerdict.PASSED:
            return "completed", "success"
        case StageVerdict.FAILED:
            return "completed", "failure"
        case StageVerdict.UNKNOWN:
            return "completed", "cancelled" if stage.outcome.reason.value == "stopped" else "failure"
        case _:
            assert_never(stage.outcome.verdict)


def _gate_check(draft: Draft, gate: Gate, verdict: Verdict) -> PublishCheckRun:
    status, conclusion = _shadow_state(draft.run, gate) or gate_state(gate, verdict)
    asked = gate.question if conclusion == "action_required" else None
    return PublishCheckRun(
        surface=f"gate:{gate.environment}",
        name=f"{'rollback' if draft.run.purpose is Purpose.ROLLBACK else 'gate'} / {gate.environment}",
        head_sha=draft.run.shown_sha,
        external_id=f"{draft.run.gate_id(gate.environment)}",
        status=status,
        conclusion=conclusion,
        title=gate_title(gate, verdict),
        summary=_gate_summary(draft, gate, verdict),
        buttons=buttons(draft.run, gate.environment, asked) if asked else (),
    )


def _gate_summary(draft: Draft, gate: Gate, verdict: Verdict) -> str:
    """The reasons; first, while it is open, what came to its environment past it."""
    unheard_of = unheard(draft.run, draft.conditions.channels)
    past = "" if gate.ended else outside.warning(gate.environment, draft.conditions)
    said = wording.gate_summary(draft.run, gate, verdict, unheard_of)
    return f"{past}\n\n{said}" if past else said


def _shadow_state(run: Run, gate: Gate) -> tuple[CheckStatus, Conclusion | None] | None:
    """Neutral from beginning to end: it holds nothing, where the check is required too. None out of shadow."""
    environment = run.policy.environment(gate.environment) if isinstance(run.policy, Policy) else None
    in_shadow = environment is not None and environment.shadow and gate.release is None
    return ("completed", "neutral") if in_shadow else None


def gate_state(gate: Gate, verdict: Verdict) -> tuple[CheckStatus, Conclusion | None]:
    """The table of check states in the product description, row by row."""
    if gate.release is not None:
        match gate.release.status:
            case ReleaseStatus.HEALTHY:
                return "completed", "success"
            case ReleaseStatus.FAILED:
                return "completed", "failure"
            case _:
                return "in_progress", None
    match gate.closing.state if gate.closing else verdict.state:
        case VerdictState.DENIED | VerdictState.EXPIRED:
            return "completed", "failure"
        case VerdictState.SUPERSEDED | VerdictState.CANCELLED:
            return "completed", "cancelled"
        case VerdictState.SKIPPED:
            return "completed", "skipped"
        case _:
            return _waiting_state(verdict)


_FAILING: Final = frozenset(
    {
        ReasonCode.STAGE_FAILED.value,
        ReasonCode.NEW_FINDINGS.value,
        ReasonCode.ESCALATION_BLOCKED.value,
    }
)
"""What holds a gate until somebody changes something: shown as a failure."""


def _waiting_state(verdict: Verdict) -> tuple[CheckStatus, Conclusion | None]:
    if verdict.asks:
        return "completed", "action_required"
    codes = set(verdict.codes)
    if codes & _FAILING:
        return "completed", "failure"
    return "in_progress", None


def _questions(draft: Draft, gate: Gate, verdict: Verdict) -> Iterator[PublishComment]:
    """One short comment per question; each is set to its outcome once it no longer waits."""
    conversation = draft.run.change.conversation
    if gate.question is None or conversation is None:
        return
    for number in range(gate.asked + 1, gate.question.number + 1):
        surface = f"{QUESTION}{gate.environment}:{number}"
        if number < gate.question.number:
            body = wording.replaced_question(gate, number)
        else:
            body = wording.question(draft.run, gate, verdict, draft.conditions)
        yield PublishComment(surface, f"{draft.run.id}:{surface}", conversation, body)


def _review_questions(draft: Draft) -> Iterator[PublishComment]:
    """One comment for each time that the owners of the policy are asked, set to its outcome like any other."""
    run, gate, conversation = draft.run, draft.run.review, draft.run.change.conversation
    if gate is None or gate.question is None or conversation is None:
        return
    for number in range(1, gate.question.number + 1):
        surface = f"{QUESTION}{REVIEWED}:{number}"
        if number < gate.question.number:
            body = wording.replaced_question(gate, number)
        else:
            body = review_words.question(run, gate, draft.verdicts.get(REVIEWED))
        yield PublishComment(surface, f"{run.id}:{surface}", conversation, body)


def _status_comment(draft: Draft) -> Iterator[PublishComment]:
    """The one sticky comment of a pull request belongs to its newest run that still has something to say."""
    run, conversation = draft.run, draft.run.change.conversation
    if conversation is None or run.state is RunState.SUPERSEDED:
        return
    proposes = run.proposal is not None and run.proposal.touches
    silent = isinstance(run.policy, Policy) and not run.stages and not run.gates and not proposes
    if passed_on(run) or silent:
        return
    marker = f"status:{run.change.repository.id}#{conversation}"
    yield PublishComment(STATUS, marker, conversation, wording.status(run, draft.verdicts, draft.conditions))
