"""What the author of a command or a press that is not obeyed is told: who, which rule, what would count instead.

Rules of the file: one short paragraph; the code of the rule is always in it; nothing is decided here; what
somebody typed is boxed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gate_app.domain.approvals import UNKNOWN_CODES
from gate_app.domain.approver_words import how_to_answer, wanted, wanted_for_rollback
from gate_app.domain.commands import FOREIGN, HIDDEN, PLAN, Malformed
from gate_app.domain.headlines import gate_title
from gate_app.domain.inert import code, plain
from gate_app.domain.ladder import in_hand
from gate_app.domain.model import Person, Purpose
from gate_app.domain.plan_block import FLAWS
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.proposals import REVIEWED
from gate_app.domain.review_words import owners_wanted
from gate_app.domain.run import Answer, Run, StageRole
from gate_app.domain.sentences import phrase
from gate_app.domain.targets import NoTarget, asking
from gate_app.domain.verdict import ReasonCode, Verdict

USAGES: Final[Mapping[str, str]] = {
    "approve": "/approve [environment] [sha] [-- reason]",
    "deny": "/deny [environment] reason",
    "modify": "/modify [environment] key=value …",
    "deploy": "/deploy environment [sha]",
    "cancel": "/cancel",
    "retry": "/retry stage",
    "hold": "/hold [reason]",
    "resume": "/resume",
    "ask": "/ask [environment] question",
    "answer": "/answer text",
    "rollback": "/rollback environment [sha] reason",
    "override": "/override environment [sha] reason",
    "waive": "/waive finding-id until 2026-12-31 reason",
    "lock": "/lock environment reason [for 2h]",
    "unlock": "/unlock environment [reason]",
    "delegate": "/delegate [environment] @login until 2026-12-24",
    "withdraw": "/withdraw [environment]",
    "why": "/why [environment]",
    PLAN: "```gate-plan, then lines such as environment: name, key=value, rollback: sha, notes: text, then ```",
    "status": "/status",
    "help": "/help",
}
"""How each command is written."""

_NOT_KEPT: Final[Mapping[ReasonCode, str]] = {
    ReasonCode.STANDING_UNKNOWN: "GitHub could not say right now what its author may do here; write it again later",
    ReasonCode.COMMENT_UNKNOWN: "the comment could not be read again right now; write it again later",
    ReasonCode.POLICY_INVALID: "the gate file on the default branch cannot be obeyed; mend it, then write it again",
}
"""What is said of a request: unlike an answer it is not kept to be judged again."""


_REVIEW: Final = "Owners of the policy are asked where a pull request makes the gate file looser."


def command_said(verb: str, environment: str) -> str:
    """How a command is named in the reply to it."""
    return code(f"/{verb} {environment}".strip())


def rerun_said(shown: str) -> str:
    """How a press of GitHub's own "Re-run" is named in the reply to it."""
    named = shown.removeprefix("stage:").partition(":")[0]
    return f"Re-run of {code(named)}" if named else "Re-run of all checks"


def press_said(environment: str) -> str:
    """How the press of a button is named in the reply to it."""
    return f"The button for {code(environment)}, pressed"


def malformed(person: Person, command: Malformed, run: Run) -> str:
    """A command of ours that could not be read as written."""
    rule = f"{_flaw(command)}. {_instead_of(command, run)}"
    said = "The plan block" if command.verb == PLAN else command_said(command.verb, "")
    return _refused(said, person, "was not obeyed", command.code, rule)


def _flaw(command: Malformed) -> str:
    """The rule, with what was typed where there is something to show."""
    match command.code:
        case ReasonCode.COMMAND_MALFORMED if command.detail in (FOREIGN, HIDDEN, *FLAWS):
            return f"it has {command.detail}"
        case ReasonCode.COMMAND_MALFORMED:
            return f"{code(command.detail, 80)} was not expected there"
        case ReasonCode.ENVIRONMENT_UNKNOWN if not command.detail:
            return "it does not say for which environment"
        case ReasonCode.ENVIRONMENT_UNKNOWN:
            return f"there is no gate for {code(command.detail, 80)} here"
        case ReasonCode.STAGE_NOT_FOUND:
            return "it does not say which stage"
        case _:
            return phrase(command.code)


def _instead_of(command: Malformed, run: Run) -> str:
    match command.code:
        case ReasonCode.ENVIRONMENT_UNKNOWN if isinstance(run.policy, Policy):
            more = f" {_REVIEW}" if command.detail == REVIEWED else ""
            return f"Environments: {_boxed([each.name for each in run.policy.environments])}.{more}"
        case ReasonCode.STAGE_NOT_FOUND:
            return f"Stages here: {_stages(run)}."
        case ReasonCode.REASON_MISSING if command.detail:
            return f"Write it as `/deny {plain(command.detail, 100)} reason`."
        case _:
            return f"Write it as `{USAGES[command.verb]}`."


def not_counted(
    person: Person, said: str, given: Answer, environment: str, reason: ReasonCode, run: Run
) -> str:
    """An answer that was recorded and does not count, with the rule and what would count instead."""
    if reason is ReasonCode.DENIAL_PENDING:
        told = "it is kept, and judged once the gate file has been compared with the one in force by now."
        return _refused(said, person, "does not count yet", reason, told)
    if reason in UNKNOWN_CODES:
        return _refused(said, person, "does not count yet", reason, f"{_why_unknown(reason, run)}.")
    rule = f"{phrase(reason)}. {_who(run, environment, given)}"
    return _refused(said, person, "does not count", reason, rule)


def no_target(person: Person, said: str, missed: NoTarget, run: Run, verdicts: Mapping[str, Verdict]) -> str:
    """A command or press that found no gate to answer or to move."""
    told = _NOT_KEPT.get(missed.code) or phrase(missed.code)
    rule = " ".join([f"{told}.", *_instead(missed, run, verdicts)])
    return _refused(said, person, "was not obeyed", missed.code, rule)


def _refused(said: str, person: Person, how: str, reason: ReasonCode, rule: str) -> str:
    return f"{said} by {code(person.login)} {how} ({code(reason.value)}): {rule.strip()}"


def _why_unknown(reason: ReasonCode, run: Run) -> str:
    """What cannot be told yet, and for commits of nobody's account what would tell."""
    emails = run.authorship.unattributed if run.authorship else ()
    if reason is not ReasonCode.CONTRIBUTORS_UNKNOWN or not emails:
        return phrase(reason)
    return (
        f"commits by {_boxed(emails[:3])} belong to no account and nobody was seen pushing them, so who "
        "contributed is not known; push once more"
    )


def _who(run: Run, environment: str, given: Answer) -> str:
    found = run.policy.environment(environment) if isinstance(run.policy, Policy) else None
    if environment == REVIEWED and run.review is not None and given.kind == "approval":
        return f"It takes {owners_wanted(run.review)}."
    if given.kind == "denial" and (found is not None or environment == REVIEWED):
        return "Everybody with write permission may deny, and everybody who may approve."
    if found is None:
        return ""
    found = in_hand(run.gates[environment], found)
    if run.purpose is Purpose.ROLLBACK:
        return f"It takes {wanted_for_rollback(found)}."
    return f"It takes {wanted(_asked(found, run))}."


def _asked(environment: Environment, run: Run) -> Environment:
    """The environment with every line that counts for its gate, those that rules added included."""
    added = run.gates[environment.name].escalated_lines
    approval = environment.approval
    return replace(environment, approval=replace(approval, lines=(*approval.lines, *added)))


def _instead(missed: NoTarget, run: Run, verdicts: Mapping[str, Verdict]) -> Sequence[str]:
    match missed.code:
        case ReasonCode.ENVIRONMENT_UNKNOWN:
            return [f"Gates here: {_boxed(missed.choices) or 'none'}."]
        case ReasonCode.STAGE_NOT_FOUND:
            return [f"Stages here: {_stages(run)}."]
        case ReasonCode.PARAMETER_UNKNOWN:
            return [f"Declared: {_boxed(missed.choices) or 'none'}."]
        case ReasonCode.PARAMETER_INVALID:
            return [f"{code(missed.environment)} takes {' '.join(missed.choices)}."]
        case ReasonCode.ENVIRONMENT_AMBIGUOUS:
            return [f"Asking: {_boxed(missed.choices)}."]
        case ReasonCode.ROLLBACK_TARGET:
            return [f"Healthy there, the newest first: {_boxed(missed.choices) or 'nothing else'}."]
        case ReasonCode.OVERRIDE_DEBT:
            issues = [f"#{number}" for number in missed.choices]
            return [f"To be closed: {_boxed(issues)}." if issues else "Its issue is opened now."]
        case ReasonCode.OVERRIDE_SHA_MISSING:
            named = f"/override {missed.environment} {run.change.head.sha[:12]} reason"
            return [f"Write it as {code(named, 400)}."]
        case ReasonCode.FINDING_NOT_FOUND:
            return ["The check run of a stage lists its findings with their ids, the last word of each line."]
        case ReasonCode.SHA_MISMATCH:
            return [f"The commit under decision is {code(run.change.head.sha[:12])}."]
        case ReasonCode.NOT_ASKED_YET | ReasonCode.TOO_LATE | ReasonCode.BINDING_CHANGED:
            return [*_standing(missed, run, verdicts), *_open_question(run)]
        case _:
            return []


def _standing(missed: NoTarget, run: Run, verdicts: Mapping[str, Verdict]) -> Sequence[str]:
    """Where the gate stands that was meant, or each that may have been."""
    if not isinstance(run.policy, Policy):
        return ["Every gate stays closed: the gate file on the default branch cannot be obeyed."]
    names = [missed.environment] if missed.environment in run.gates else list(run.gates)
    shown = [f"{code(name)}: {gate_title(run.gates[name], verdicts[name])}" for name in names]
    return [f"{' · '.join(shown)}."] if shown else []


def _open_question(run: Run) -> Sequence[str]:
    return [how_to_answer(run, gate.environment) for gate in asking(run)[:1]]


def _stages(run: Run) -> str:
    """The stages that run before a deployment, by name."""
    return (
        _boxed([stage.stage for stage in run.stages.values() if stage.role is StageRole.AUTOMATED]) or "none"
    )


def _boxed(names: Sequence[str]) -> str:
    return ", ".join(code(name) for name in names)
