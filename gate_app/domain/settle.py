"""From verdicts to consequences: only the difference to what already is becomes an effect.

Rules of the file: no rule is judged here, verdicts are taken as they come; closings and releases are written
once and absorb; every consequence is either a fact of the next run or an effect, never a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from gate_app.domain.conditions import Conditions
from gate_app.domain.draft import Draft
from gate_app.domain.escalation import escalate
from gate_app.domain.events import (
    ButtonPressed,
    CommandGiven,
    Event,
    FollowUpOpened,
    QuestionShown,
    RerunRequested,
)
from gate_app.domain.following import collections, looks
from gate_app.domain.model import Unknown
from gate_app.domain.overrides import EVERYWHERE, LASTS
from gate_app.domain.overriding import followed_up
from gate_app.domain.plan import binding_for
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.protection import settle_held
from gate_app.domain.redeeming import settle_jobs
from gate_app.domain.releasing import advance_release, begin_release
from gate_app.domain.reminders import asked_anew, next_rings, remind
from gate_app.domain.replies import answer, answer_early, answer_press, answer_rerun
from gate_app.domain.requests import Obeyed, Refused
from gate_app.domain.reviewing import next_looks, settle_review
from gate_app.domain.run import Closing, Gate, Question, Run
from gate_app.domain.staging import end_overdue, run_automated, stop_looking, stop_unneeded
from gate_app.domain.surface import show_differences
from gate_app.domain.verdict import LATER_ON, Holds, Reason, ReasonCode, Verdict, VerdictState

RECHECK: Final = timedelta(seconds=30)
"""How soon a gate is judged again that waits for something unreadable or for another run's release."""
SOONEST_RECHECK: Final = timedelta(seconds=5)
"""The same just after an answer: most troubles pass at once, and somebody looks on."""

_RECHECKED: Final = frozenset({ReasonCode.ENVIRONMENT_BUSY, ReasonCode.HEAD_MOVED})
BLOCKED_RECHECK: Final = timedelta(minutes=10)
"""How soon something is looked at again that a person has to mend."""
_MENDED_BY_HAND: Final = frozenset({ReasonCode.ROUTE_BLOCKED, ReasonCode.LOCK_UNREADABLE})
_SETTLED: Final = frozenset(
    {
        ReasonCode.STAGE_UNKNOWN,
        ReasonCode.ROUTE_UNAVAILABLE,
        ReasonCode.LOCK_UNREADABLE,
        ReasonCode.NEEDS,
    }
)


def settle(
    after: Run,
    event: Event,
    verdicts: Mapping[str, Verdict],
    conditions: Conditions,
    request: Obeyed | Refused | None = None,
) -> Draft:
    """Draws every consequence of the verdicts, in the order in which one may depend on another.

    `request` is what the event came to, if it was one that moves the run.
    """
    draft = Draft(after, verdicts, conditions)
    if isinstance(request, Obeyed):
        for facts in request.environments:
            draft.put_environment(facts)
        draft.proposals += request.proposals
    stop_unneeded(draft)
    end_overdue(draft)
    run_automated(draft)
    for name in tuple(draft.run.gates):
        _settle_gate(draft, name, verdicts[name])
    settle_review(draft)
    stop_looking(draft)
    settle_jobs(draft)
    settle_held(draft)
    draft.effects += collections(draft.run, conditions)
    if isinstance(event, CommandGiven):
        answer(draft, event, request)
    elif isinstance(event, ButtonPressed):
        answer_press(draft, event)
    elif isinstance(event, RerunRequested):
        answer_rerun(draft, event, request)
    elif isinstance(event, FollowUpOpened):
        draft.put_environment(followed_up(draft.environment(EVERYWHERE), event.comment_id, event.issue))
    elif isinstance(event, QuestionShown):
        answer_early(draft, event)
    show_differences(draft)
    draft.run = replace(draft.run, wake_at=_wake_at(draft), by_rule="")  # without asking, at once or never
    return draft


def _settle_gate(draft: Draft, name: str, verdict: Verdict) -> None:
    environment = _environment(draft.run, name)
    gate = _remember_rules(draft, draft.run.gates[name], environment)
    if gate.closing is None and gate.release is None:
        match verdict.state:
            case (
                VerdictState.DENIED
                | VerdictState.EXPIRED
                | VerdictState.SUPERSEDED
                | VerdictState.SKIPPED
                | VerdictState.CANCELLED
            ):
                draft.put_gate(replace(gate, closing=_closing(gate, verdict, draft.now)))
            case VerdictState.APPROVED:
                begin_release(draft, gate, environment)
            case VerdictState.WAITING:
                _ask_if_due(draft, gate, environment, verdict)
                remind(draft, environment, verdict)
                _hold_if_later(draft, gate, verdict)
            case _:
                assert_never(verdict.state)
    advance_release(draft, environment)


def _remember_rules(draft: Draft, gate: Gate, environment: Environment) -> Gate:
    """What fired once for this commit goes on asking, and whom it asked."""
    open_gate = gate.closing is None and gate.release is None
    found = escalate(draft.run, gate, environment, draft.conditions) if open_gate else None
    if found is not None and found.fired:
        gate = replace(gate, escalated=True, escalated_lines=found.added)
        draft.put_gate(gate)
    return gate


def _environment(run: Run, name: str) -> Environment:
    """What the policy says of an environment; a release in flight outlives its entry in the file."""
    found = run.policy.environment(name) if isinstance(run.policy, Policy) else None
    return found or Environment(name)


def _closing(gate: Gate, verdict: Verdict, now: datetime) -> Closing:
    """A final word, with the person who gave it where there is one."""
    ground = verdict.reasons[0]
    counting = {judged.answer for judged in verdict.answers if judged.counts}
    denials = [given for given in gate.answers if given.kind == "denial" and given.key in counting]
    by = denials[0].person if denials and ground.code is ReasonCode.DENIED else None
    return Closing(verdict.state, now, ground.code, by, ground.facts.get("note", ""))


def _ask_if_due(draft: Draft, gate: Gate, environment: Environment, verdict: Verdict) -> None:
    """Asks once; again only when what the answers were bound to has changed, or an approval has become too old."""
    if not verdict.asks:
        return
    binding = binding_for(draft.run, environment)
    because = asked_anew(gate, environment, verdict)
    if gate.question is not None and not gate.question.binding.changed(binding) and not because:
        return
    number = (gate.question.number if gate.question else gate.asked) + 1
    asked = Question(number, draft.now, binding, because=because, told=gate.escalated_lines)
    draft.put_gate(replace(gate, question=asked))


def _hold_if_later(draft: Draft, gate: Gate, verdict: Verdict) -> None:
    """What is approved but for a freeze or a lock is kept until its end, and its question does not expire in it."""
    if any(reason.code is ReasonCode.APPROVAL and not reason.met for reason in verdict.reasons):
        draft.put_gate(replace(draft.run.gates[gate.environment], held_until=None))
    elif verdict.only_later:
        ends = [
            datetime.fromisoformat(each.facts["until"]) for each in verdict.reasons if each.code in LATER_ON
        ]
        draft.put_gate(replace(gate, held_until=max(ends)))


def _wake_at(draft: Draft) -> datetime | None:
    """The next moment at which time alone may change a verdict."""
    if draft.run.final:
        return None
    moments = [
        moment
        for name, gate in draft.run.gates.items()
        for moment in _moments(draft, gate, draft.verdicts[name])
    ]
    moments += [*looks(draft.run, draft.conditions), *next_looks(draft)]
    if not isinstance(draft.run.policy, Policy):
        moments.append(draft.now + RECHECK)
    if isinstance(draft.conditions.proposal, Unknown):
        moments.append(draft.now + BLOCKED_RECHECK)
    return min(moments, default=None)


def _moments(draft: Draft, gate: Gate, verdict: Verdict) -> list[datetime]:
    if gate.release is not None and verdict.state is VerdictState.WAITING:
        return [draft.now + RECHECK]
    if gate.closing or gate.release:
        return []
    moments = []
    environment = _environment(draft.run, gate.environment)
    expires = draft.run.expires_at(gate, environment.approval.expires_after)
    if expires is not None:
        moments.append(expires + timedelta(seconds=1))
    moments += next_rings(draft, environment, verdict)
    moments += [
        datetime.fromisoformat(reason.facts["until"])
        for reason in verdict.reasons
        if reason.code in (ReasonCode.FROZEN, ReasonCode.SOAKING, ReasonCode.LOCKED)
    ]
    waivers = draft.environment(gate.environment).waivers
    moments += [each.until for each in waivers if each.holds(draft.now)]
    if gate.override is not None and gate.override.at + LASTS >= draft.now:
        moments.append(gate.override.at + LASTS + timedelta(seconds=1))
    if gate.returned is not None and gate.returned.retry_at > draft.now:
        moments.append(gate.returned.retry_at)
    if any(root.code in _MENDED_BY_HAND for root in verdict.reasons):
        moments.append(draft.now + BLOCKED_RECHECK)
    if any(_may_heal(draft.run, reason) for root in verdict.reasons for reason in root.walk()):
        moments.append(draft.now + _patience(draft, gate))
    return moments


def _patience(draft: Draft, gate: Gate) -> timedelta:
    """The longer ago the newest answer, the longer until the next look. Its age paces only, so clocks may differ."""
    newest = max((given.at for given in gate.answers), default=draft.run.opened_at)
    return min(max(draft.now - newest, SOONEST_RECHECK), RECHECK)


def _may_heal(run: Run, reason: Reason) -> bool:
    """Whether judging again later may find something else, without any event of this run telling us."""
    if reason.code is ReasonCode.AFTER_UNMET:
        return reason.facts.get("after") not in run.gates
    if reason.code is ReasonCode.ROUTE_BLOCKED:
        return reason.facts.get("code") == "hub_unavailable"
    return reason.code in _RECHECKED or (reason.holds is Holds.UNKNOWN and reason.code not in _SETTLED)
