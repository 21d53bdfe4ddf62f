"""What the person who gave a command is told.

Rules of the file: obeyed is a reaction, not obeyed is one line that says who, which rule and what would count
instead; bots get silence; a person without write permission gets at most one line per run (strangers must
not be able to make us talk).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from gate_app.domain import refusals, wording
from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import Standing
from gate_app.domain.draft import Draft
from gate_app.domain.effects import PublishComment, React
from gate_app.domain.events import ButtonPressed, CommandGiven, QuestionShown, RerunRequested
from gate_app.domain.model import Person, PersonKind, Purpose
from gate_app.domain.override_words import follow_up, overridden
from gate_app.domain.overrides import EVERYWHERE
from gate_app.domain.overriding import without_issue
from gate_app.domain.plan import fingerprint
from gate_app.domain.policy import Permission, PolicyProblem
from gate_app.domain.proposals import REVIEWED
from gate_app.domain.requests import Obeyed, Refused
from gate_app.domain.review import gate_named, spoken
from gate_app.domain.rollback import taken_back
from gate_app.domain.run import Gate, Run, button_key, comment_key, passed_on
from gate_app.domain.targets import NoTarget, target_of, target_of_press
from gate_app.domain.verdict import Judged, ReasonCode


def answer(draft: Draft, event: CommandGiven, request: Obeyed | Refused | None) -> None:
    """Adds the reaction or the reply to a command, if it gets one."""
    if event.person.account is not PersonKind.USER or event.via_app:
        return
    if passed_on(draft.run):
        return
    if draft.run.purpose is Purpose.ROLLBACK and not _is_answer_to(draft.run, event):
        return
    reply = _reply(draft, event, request)
    if reply is not None:
        _say(draft, event.person, event.conversation, f"reply:{event.comment_id}", reply)


def _reply(draft: Draft, event: CommandGiven, request: Obeyed | Refused | None) -> str | None:
    """The one line that answers a command; None where a reaction or silence does."""
    command = parse(event.line, spoken(draft.run))
    match command:
        case None:
            return None
        case Malformed():
            return refusals.malformed(event.person, command, draft.run)
        case Command(verb="approve" | "deny"):
            return _answered(draft, event, command)
        case Command(verb="help"):
            return wording.help_text(draft.run)
        case Command(verb="why"):
            return wording.why(draft.run, draft.verdicts, command.environment)
        case Command(verb="status"):
            return wording.status(draft.run, draft.verdicts, draft.conditions)
        case Command():
            return _requested(draft, event, command, request)
        case _:
            assert_never(command)


def _is_answer_to(run: Run, event: CommandGiven) -> bool:
    """Whether an answer names this rollback's environment: everything else is said by the run it follows."""
    command = parse(event.line, list(run.gates))
    if isinstance(command, Malformed):
        return False
    answers = ("approve", "deny", "withdraw")
    return command is not None and command.verb in answers and command.environment in run.gates


def _left_to_rollback(draft: Draft, command: Command) -> bool:
    """Whether an answer for this environment belongs to the rollback that is, or was, asked about there."""
    run, name = draft.run, command.environment or ""
    gate = run.gates.get(name)
    if gate is not None and gate.release is not None and gate.release.failure is ReasonCode.WATCH_BREACHED:
        return True
    return bool(name) and taken_back(gate, name, run, draft.conditions)


def _requested(
    draft: Draft, event: CommandGiven, command: Command, request: Obeyed | Refused | None
) -> str | None:
    """An obeyed request is a reaction; without a policy that can be read there is nothing to move.

    A question is passed on to the author, who would not hear of it otherwise.
    """
    if isinstance(request, Obeyed):
        kept = _kept_withdrawal(draft.run, event, command)
        if kept is not None:
            return kept
        draft.effects.append(React(event.comment_id, "+1"))
        if command.verb == "override":
            return _overridden(draft, event, command)
        return wording.passed_on_question(draft.run, event.person, command) if command.verb == "ask" else None
    if command.verb == "withdraw" and _left_to_rollback(draft, command):
        return None
    refused = request or Refused(_why_nothing_moves(draft.run))
    missed = NoTarget(refused.code, refused.about, refused.choices)
    if refused.code is ReasonCode.OVERRIDE_DEBT:
        draft.effects += [follow_up(debt, event.comment_id) for debt in without_issue(draft.conditions)]
    return refusals.no_target(
        event.person,
        refusals.command_said(command.verb, refused.about),
        missed,
        draft.run,
        draft.verdicts,
    )


def _kept_withdrawal(run: Run, event: CommandGiven, command: Command) -> str | None:
    """That an answer was taken back while a release that it let begin goes on; None where nothing has begun."""
    if command.verb != "withdraw":
        return None
    begun = [
        gate.environment
        for gate in run.gates.values()
        if gate.release is not None and gate.release.may_return and _took_back(gate, event.person)
    ]
    if not begun:
        return None
    said = refusals.command_said(command.verb, command.environment or "")
    missed = NoTarget(ReasonCode.WITHDRAWAL_KEPT, begun[0])
    return refusals.no_target(event.person, said, missed, run, {})


def _took_back(gate: Gate, person: Person) -> bool:
    begun_by = gate.release.override if gate.release is not None and gate.override is None else None
    answered = any(each.person.id == person.id and each.voided == "withdrawn" for each in gate.answers)
    return answered or (begun_by is not None and begun_by.by.id == person.id)


def _why_nothing_moves(run: Run) -> ReasonCode:
    """Without a gate file that can be obeyed there are no gates, and that is what has to be mended."""
    broken = isinstance(run.policy, PolicyProblem)
    return ReasonCode.POLICY_INVALID if broken else ReasonCode.NOTHING_OPEN


def _overridden(draft: Draft, event: CommandGiven, command: Command) -> str:
    """An override is loud: those who were not asked are told, and an issue has to be closed before the next one."""
    debts = draft.environment(EVERYWHERE).debts
    draft.effects += [follow_up(debt) for debt in debts if debt.comment_id == event.comment_id]
    name = command.environment or ""
    return overridden(draft.run, event.person, command, draft.verdicts[name])


def _answered(draft: Draft, event: CommandGiven, command: Command) -> str | None:
    """An approval or denial: a reaction when it counts, else the code of the rule that it met."""
    key = comment_key(event.comment_id)
    for gate in draft.run.every_gate:
        given = gate.given(key)
        if given is None:
            continue
        judged = _judged(draft, gate, key)
        if judged is not None and judged.counts:
            draft.effects.append(React(event.comment_id, "+1"))
            return None
        if judged is not None and judged.code is ReasonCode.QUESTION_UNSEEN:
            return None  # said by `answer_early`, once it is known what it answers
        code = judged.code if judged is not None else _kept_or_late(gate)
        if judged is None and gate.environment == REVIEWED:
            code = ReasonCode.DENIAL_PENDING
        said = refusals.command_said(command.verb, gate.environment)
        return refusals.not_counted(event.person, said, given, gate.environment, code, draft.run)
    if _left_to_rollback(draft, command):
        return None
    target = target_of(draft.run, command, event)
    missed = target if isinstance(target, NoTarget) else NoTarget(ReasonCode.TOO_LATE)
    said = refusals.command_said(command.verb, missed.environment)
    return refusals.no_target(event.person, said, missed, draft.run, draft.verdicts)


def _judged(draft: Draft, gate: Gate, key: str) -> Judged | None:
    """How an answer was judged; None where its gate is not asked about any more."""
    verdict = draft.verdicts.get(gate.environment)
    return verdict.judged(key) if verdict is not None else None


def answer_early(draft: Draft, event: QuestionShown) -> None:
    """What came of the approvals that were read before it was known where their question can be read."""
    gate, conversation = gate_named(draft.run, event.environment), draft.run.change.conversation
    asked = gate.question if gate is not None else None
    if gate is None or asked is None or asked.comment_id != event.comment_id or conversation is None:
        return
    for given in gate.answers:
        judged = _judged(draft, gate, given.key)
        if given.kind != "approval" or given.comment_id is None or given.question != asked.number:
            continue
        if judged is not None and judged.counts:
            draft.effects.append(React(given.comment_id, "+1"))
            continue
        code = judged.code if judged is not None else _kept_or_late(gate)
        said = refusals.command_said("approve", gate.environment)
        line = refusals.not_counted(given.person, said, given, gate.environment, code, draft.run)
        _say(draft, given.person, conversation, f"reply:{given.comment_id}", line)


def _kept_or_late(gate: Gate) -> ReasonCode:
    """What is said of an answer that came while a release had begun."""
    kept = gate.release is not None and gate.release.may_return
    return ReasonCode.DENIAL_KEPT if kept else ReasonCode.TOO_LATE


def answer_press(draft: Draft, event: ButtonPressed) -> None:
    """A press that counts shows on the check run; one that does not gets a line where people talk."""
    conversation = draft.run.change.conversation
    if event.person.account is not PersonKind.USER or conversation is None or passed_on(draft.run):
        return
    reply = _press_reply(draft, event)
    if reply is not None:
        surface = f"reply:{fingerprint([event.person.id, event.button])[:12]}"
        _say(draft, event.person, conversation, surface, reply)


def _press_reply(draft: Draft, event: ButtonPressed) -> str | None:
    said = refusals.press_said(event.environment)
    key = button_key(event.person, event.button)
    gate = draft.run.gates.get(event.environment)
    given = gate.given(key) if gate is not None else None
    if gate is not None and given is not None:
        judged = draft.verdicts[gate.environment].judged(key)
        if judged is None or judged.counts:  # counted, then or now: a second press is no news
            return None
        return refusals.not_counted(event.person, said, given, gate.environment, judged.code, draft.run)
    target = target_of_press(draft.run, event)
    missed = target if isinstance(target, NoTarget) else NoTarget(ReasonCode.TOO_LATE, event.environment)
    return refusals.no_target(event.person, said, missed, draft.run, draft.verdicts)


def answer_rerun(draft: Draft, event: RerunRequested, request: Obeyed | Refused | None) -> None:
    """A re-run that is obeyed shows on the check run; one that is not gets a line where people talk."""
    conversation = draft.run.change.conversation
    if not isinstance(request, Refused) or conversation is None or passed_on(draft.run):
        return
    said, missed = refusals.rerun_said(event.shown), NoTarget(request.code, request.about)
    reply = refusals.no_target(event.person, said, missed, draft.run, draft.verdicts)
    surface = f"reply:{fingerprint([event.person.id, event.shown, request.code.value])[:12]}"
    _say(draft, event.person, conversation, surface, reply)


def _say(draft: Draft, person: Person, conversation: int, surface: str, body: str) -> None:
    """One reply per command; people below write permission are answered once per run."""
    standing = draft.conditions.standings.get(person.id)
    if not (isinstance(standing, Standing) and standing.permission >= Permission.WRITE):
        if person.id in draft.run.heard:
            return
        draft.run = replace(draft.run, heard=(*draft.run.heard, person.id))
    draft.effects.append(PublishComment(surface, f"{draft.run.id}:{surface}", conversation, body))
