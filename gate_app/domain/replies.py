"""What the person who gave a command is told.

Rules of the file: obeyed is a reaction, not obeyed is one line that says who, which rule and what would count
instead; bots get silence; a person without write permission gets at most one line per run (strangers must
not be able to make us talk).
"""

from __future__ import annotations

from dataclasses import replace

from gate_app.domain import wording
from gate_app.domain.commands import Command, Malformed, parse
from gate_app.domain.conditions import Standing
from gate_app.domain.draft import Draft
from gate_app.domain.effects import PublishComment, React
from gate_app.domain.events import CommandGiven
from gate_app.domain.model import PersonKind
from gate_app.domain.policy import Permission, Policy
from gate_app.domain.run import passed_on
from gate_app.domain.targets import NoTarget, target_of
from gate_app.domain.verdict import ReasonCode


def answer(draft: Draft, event: CommandGiven) -> None:
    """Adds the reaction or the reply to a command, if it gets one."""
    if event.person.account is not PersonKind.USER or event.via_app:
        return
    if passed_on(draft.run):
        return
    policy = draft.run.policy
    names = [environment.name for environment in policy.environments] if isinstance(policy, Policy) else []
    command = parse(event.line, names)
    match command:
        case None:
            return
        case Malformed():
            _say(draft, event, wording.malformed(event.person, command, draft.run))
        case Command(verb="approve" | "deny"):
            _answered(draft, event, command)
        case Command(verb="help"):
            _say(draft, event, wording.help_text(draft.run))
        case Command(verb="why"):
            _say(draft, event, wording.why(draft.run, draft.verdicts, command.environment))
        case Command():
            _say(draft, event, wording.status(draft.run, draft.verdicts))


def _answered(draft: Draft, event: CommandGiven, command: Command) -> None:
    """An approval or denial: a reaction when it counts, else the code of the rule that it met."""
    for gate in draft.run.gates.values():
        if not any(given.comment_id == event.comment_id for given in gate.answers):
            continue
        judged = draft.verdicts[gate.environment].judged(event.comment_id)
        if judged is not None and judged.counts:
            draft.effects.append(React(event.comment_id, "+1"))
            return
        code = judged.code if judged is not None else ReasonCode.TOO_LATE
        _say(draft, event, wording.not_counted(event.person, command.verb, gate.environment, code, draft.run))
        return
    target = target_of(draft.run, command, event)
    missed = target if isinstance(target, NoTarget) else NoTarget(ReasonCode.TOO_LATE)
    _say(draft, event, wording.no_target(event.person, command.verb, missed, draft.run))


def _say(draft: Draft, event: CommandGiven, body: str) -> None:
    """One reply per command; people below write permission are answered once per run."""
    standing = draft.conditions.standings.get(event.person.id)
    if not (isinstance(standing, Standing) and standing.permission >= Permission.WRITE):
        if event.person.id in draft.run.heard:
            return
        draft.run = replace(draft.run, heard=(*draft.run.heard, event.person.id))
    surface = f"reply:{event.comment_id}"
    draft.effects.append(PublishComment(surface, f"{draft.run.id}:{surface}", event.conversation, body))
