"""The only wordsmith: every text that people read on GitHub is made here.

Rules of the file: short, phone-sized, in the words of the product; our verdict comes first and everything from
outside is boxed after it (case 168); nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gate_app.domain import outside, proposal_words, review_words
from gate_app.domain.approver_words import how_to_answer, mentioned, mentioned_for_rollback
from gate_app.domain.baseline import Comparison
from gate_app.domain.brief import (
    STAGE_MARKS,
    answers_given,
    asked_and_answered,
    asked_because,
    changed_plan,
    commits,
    comparison,
    counts,
    denied_before,
    evidence_lines,
    held,
    locks,
    nobody_can,
    plan,
    recommendation,
    ships,
    waits_for,
    waivers,
)
from gate_app.domain.commands import Command
from gate_app.domain.conditions import Conditions
from gate_app.domain.escalation import in_force
from gate_app.domain.evidence import Evidence, StageReason, StageVerdict
from gate_app.domain.headlines import gate_title
from gate_app.domain.inert import boxed, code, fenced, plain
from gate_app.domain.ladder import in_hand
from gate_app.domain.model import Content, Person, Purpose
from gate_app.domain.policy import Environment, Policy, PolicyProblem
from gate_app.domain.proposals import REVIEWED
from gate_app.domain.run import Gate, Question, Release, ReleaseStatus, Run, RunState, StageRun, StageStatus
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import Holds, Reason, ReasonCode, Verdict, VerdictState, met
from gate_app.domain.waivers import ID_LENGTH

_MARKS: Final = {Holds.MET: "✅", Holds.UNMET: "⏳", Holds.UNKNOWN: "❔", Holds.REFUSED: "❌"}
_SHOWN_CHECKS: Final = 40


# --- stages ----------------------------------------------------------------------------------------------


def stage_title(stage: StageRun) -> str:
    """One line for the check run of a stage."""
    if stage.status is not StageStatus.ENDED or stage.outcome is None:
        return f"Waiting: {plain(stage.obstacle.detail, 180)}" if stage.obstacle else "Running"
    outcome = stage.outcome
    return plain(outcome.detail or outcome.evidence.summary or outcome.verdict.value.capitalize(), 200)


def stage_summary(stage: StageRun, compared: Comparison | None = None) -> str:
    """The evidence of a stage: counts first, then what failed, then the end of its output."""
    if stage.status is not StageStatus.ENDED or stage.outcome is None:
        return _running(stage)
    evidence = stage.outcome.evidence
    parts = [f"**{stage.outcome.verdict.value}** · {code(stage.outcome.reason.value)} · {counts(evidence)}"]
    if compared is not None:
        parts.append(f"Findings: {comparison(compared)}")
    if stage.followed is not None and stage.followed.link and not evidence.checks:
        parts.append(f"[The workflow run]({stage.followed.link}) at GitHub.")
    parts += _check_lines(evidence)
    parts += [
        f"- {code(failure.name)}:{boxed(failure.message, 300, '  ')}" for failure in evidence.failures[:20]
    ]
    parts += [
        f"- {finding.severity.value}: {code(finding.rule)} in {code(finding.path or '?')}, "
        f"{code(finding.message, 200)} · {code(finding.fingerprint[:ID_LENGTH])}"
        for finding in evidence.findings[:20]
    ]
    if evidence.log_tail:
        parts.append(fenced(evidence.log_tail.rstrip()))
    return "\n".join(parts)


def _running(stage: StageRun) -> str:
    """What is known of a stage that has not ended: who works on it, and what keeps it."""
    said = [f"Attempt {stage.attempt} of {code(stage.key)} is running."]
    if stage.followed is not None and stage.followed.link:
        said.append(f"[The workflow run]({stage.followed.link}) at GitHub.")
    if stage.obstacle is not None:
        said.append(
            f"**It does not get on** · {code(stage.obstacle.code)}: {plain(stage.obstacle.detail, 500)}"
        )
    return "\n\n".join(said)


def _check_lines(evidence: Evidence) -> list[str]:
    """Each check with its page, those that did not succeed first."""
    ordered = sorted(evidence.checks, key=lambda check: check.conclusion == "success")
    lines = [f"- {linked(check.name, check.link)}: {code(check.conclusion, 60)}" for check in ordered]
    more = len(lines) - _SHOWN_CHECKS
    return lines if more <= 0 else [*lines[:_SHOWN_CHECKS], f"- and {more} more"]


def linked(name: str, link: str) -> str:
    """A name from outside, made inert, on an address that our own adapters built from numbers."""
    return f"[{code(name, 120)}]({link})" if link else code(name, 120)


# --- gates -----------------------------------------------------------------------------------------------


def gate_summary(run: Run, gate: Gate, verdict: Verdict, unheard: Sequence[str] = ()) -> str:
    """The tree of reasons, the answers given, and how to answer when a person is asked.

    `unheard` are channels of the gate file that nobody has configured, which holds nothing.
    """
    reasons = (*verdict.reasons, *_why_unasked(gate.release)) if gate.release is not None else verdict.reasons
    own = ", ".join(person.login for person in gate.release.exceptions) if gate.release is not None else ""
    reasons = (*reasons, met(ReasonCode.SELF_APPROVED, by=own)) if own else reasons
    parts = [tree(reasons), changed_plan(run, gate.environment), answers_given(gate, verdict)]
    if verdict.asks:
        parts.append(how_to_answer(run, gate.environment))
    if unheard:
        names = ", ".join(code(name) for name in unheard)
        parts.append(f"⚠️ `notify` names {names}, which the operator of this app has not configured.")
    return "\n\n".join(part for part in parts if part)


def tree(reasons: Sequence[Reason], depth: int = 0) -> str:
    """The reasons as a nested list, each with its code, the same in `/why` and on the check run."""
    lines = []
    for reason in reasons:
        lines.append(f"{'  ' * depth}- {_MARKS[reason.holds]} {sentence(reason)} {code(reason.code.value)}")
        if reason.children:
            lines.append(tree(reason.children, depth + 1))
    return "\n".join(lines)


def _why_unasked(release: Release) -> tuple[Reason, ...]:
    given = release.override
    if given is not None:
        return (met(ReasonCode.OVERRIDDEN, by=given.by.login, note=given.reason),)
    return (met(ReasonCode(release.unasked)),) if release.unasked else ()


# --- the question ----------------------------------------------------------------------------------------


def question(run: Run, gate: Gate, verdict: Verdict, conditions: Conditions) -> str:
    """The one new comment of a question, or, once it is answered, its outcome."""
    environment = run.policy.environment(gate.environment) if isinstance(run.policy, Policy) else None
    asked = gate.question
    if gate.release is not None or gate.closing is not None or environment is None or asked is None:
        return _outcome(run, gate, verdict)
    if verdict.in_shadow:  # it was asked before the gate file put it there
        return _outcome(run, gate, verdict)
    environment = in_force(run, gate, environment, conditions)
    if run.purpose is Purpose.ROLLBACK:
        return _rollback_question(run, gate, in_hand(gate, environment))
    if verdict.only_later or verdict.awaits_job:
        return _approved_ahead(run, gate, verdict)
    parts = [
        f"### Deploy to {code(gate.environment)}?",
        f"{code(run.change.title, 150)} at {code(run.change.head.sha[:12])}",
        ships(run, gate.environment),
        evidence_lines(run, environment, conditions),
        waivers(run, conditions, environment.name),
        denied_before(gate),
        plan(run, gate, environment),
        asked_because(environment, verdict),
        waits_for(verdict),
        f"**Recommendation:** {recommendation(run, environment, verdict)}",
        f"**Who can approve:** {mentioned(run, environment)}.",
        nobody_can(verdict),
        f"`/approve {plain(gate.environment, 100)}` · `/deny {plain(gate.environment, 100)} reason` · "
        f"`/why {plain(gate.environment, 100)}`",
        _until(run, gate, environment),
    ]
    if asked.number > gate.asked + 1:
        parts.insert(1, f"Asked again: {_why_again(asked)}.")
    return "\n\n".join(part for part in parts if part)


def _why_again(asked: Question) -> str:
    if asked.because == ReasonCode.APPROVAL_EXPIRED:
        return "an approval is too old to count any more"
    if asked.binding.disturbed:
        return (
            "somebody edited or deleted the comment that asked, or what was asked about has changed, so earlier "
            "answers no longer count"
        )
    return "what was asked about has changed, so earlier answers no longer count"


def _approved_ahead(run: Run, gate: Gate, verdict: Verdict) -> str:
    """Everybody has said yes, and the end of a freeze or the job that redeems is waited for."""
    title = f"**{gate_title(gate, verdict)}** · {code(gate.environment)} · {code(run.change.head.sha[:12])}"
    name = plain(gate.environment, 100)
    return f"⏳ {title}\n\n{answers_given(gate, verdict)}\n\n`/deny {name} reason` still stops it."


def _rollback_question(run: Run, gate: Gate, environment: Environment) -> str:
    """The watch saw a breach; the way back is known and somebody has to say so."""
    name = plain(environment.name, 100)
    parts = [
        f"### Roll back {code(environment.name)} to {code(run.change.head.sha[:12])}?",
        f"**Why a person is asked:** {_why_back(run, gate)}",
        ships(run, environment.name),
        f"**Recommendation:** approve, because {code(run.change.head.sha[:12])} was healthy there.",
        f"**Who can approve:** {mentioned_for_rollback(run, environment)}.",
        f"`/approve {name}` takes it back · `/deny {name} reason` leaves it as it is",
        _until(run, gate, environment),
    ]
    return "\n\n".join(part for part in parts if part)


def _why_back(run: Run, gate: Gate) -> str:
    """What the watch saw, or who wants to go back and why."""
    out = code(run.change.base_sha[:12])
    if not gate.requesters:
        return f"after the release of {out}:{boxed(run.because, 300)}"
    by = ", ".join(code(person.login) for person in gate.requesters)
    return f"{by} asks to take out {out}:{boxed(run.because, 300)}"


def breach(run: Run, environment: Environment, because: str, target: Content | None) -> str:
    """The watch saw a release fail, and nobody is asked: what is done about it, or who could do something."""
    name, out = plain(environment.name, 100), code(run.change.head.sha[:12])
    said = f"⚠️ The watch of {code(environment.name)} saw the release of {out} fail:{boxed(because, 300)}"
    if target is not None:
        back = f"By rule it goes back to {code(target.sha[:12])}, which was healthy there, without asking"
        return f"{said}\n\n{back}; where something is in its way, a person is asked instead."
    if environment.monitor is not None and environment.monitor.on_breach == "notify":
        rest = f"Nothing is taken back. `/rollback {name} reason` asks for it."
    else:
        rest = "Nothing else was healthy there, so there is nothing to go back to."
    return f"{said}\n\n{rest} Who can answer for it: {mentioned_for_rollback(run, environment)}."


def replaced_question(gate: Gate, number: int) -> str:
    """What an earlier question reads once it was asked anew."""
    return f"Question {number} for {code(gate.environment)} was replaced by a newer one."


def _outcome(run: Run, gate: Gate, verdict: Verdict) -> str:
    """How it ended: one line, and below it what is to be done when it did not end well."""
    title = f"**{gate_title(gate, verdict)}** · {code(gate.environment)} · {code(run.change.head.sha[:12])}"
    if gate.release is None:
        mark = "❌" if verdict.state in (VerdictState.DENIED, VerdictState.EXPIRED) else "⏹️"
        return f"{mark} {title}\n\n{_ground(verdict)}"
    approvers = ", ".join(code(person.login) for person in gate.release.approved_by)
    if gate.release.override is not None:
        title += f" · **overridden** by {code(gate.release.override.by.login)}"
    else:
        title += f" · approved by {approvers}" if approvers else " · nobody had to approve"
    title += ", who contributed (`self_approved`)" if gate.release.exceptions else ""
    match gate.release.status:
        case ReleaseStatus.HEALTHY:
            return f"✅ {title}"
        case ReleaseStatus.FAILED:
            return f"❌ {title}\n\n{_ground(verdict)}"
        case _:
            return f"🚀 {title}"


def _ground(verdict: Verdict) -> str:
    reason = verdict.reasons[0]
    return f"{sentence(reason)} {code(reason.code.value)}"


def _until(run: Run, gate: Gate, environment: Environment) -> str:
    end = run.expires_at(gate, environment.approval.expires_after)
    return f"<sub>Open until {end:%Y-%m-%d %H:%M} UTC, then denied.</sub>" if end else ""


# --- the sticky status comment and the answers to commands -----------------------------------------------


def status(run: Run, verdicts: Mapping[str, Verdict], conditions: Conditions) -> str:
    """Stages and gates in two small tables, then, for each gate that asks, what to decide on and how."""
    head = f"**Gate App** · {code(run.change.head.sha[:12])}{_state_note(run)}"
    if isinstance(run.policy, PolicyProblem):
        return f"{head}\n\n{policy_summary(run)}"
    parts = [head]
    if run.stages:
        rows = [
            f"| {_stage_mark(stage)} | {code(stage.key)} | {_stage_words(stage)} |"
            for stage in run.stages.values()
        ]
        parts.append("\n".join(["| | stage | evidence |", "|---|---|---|", *rows]))
    if run.gates:
        rows = [f"| {code(name)} | {gate_title(gate, verdicts[name])} |" for name, gate in run.gates.items()]
        parts.append("\n".join(["| gate | where it stands |", "|---|---|", *rows]))
    proposed = proposal_words.section(run.proposal, review_words.standing(run, verdicts.get(REVIEWED)))
    said = (
        locks(run, run.policy, conditions),
        waivers(run, conditions),
        held(run),
        outside.warnings(run.policy, conditions),
        asked_and_answered(run),
        proposed,
    )
    parts += [each for each in said if each]
    for name, gate in run.gates.items():
        environment = run.policy.environment(gate.environment)
        if verdicts[name].asks and environment is not None:
            parts.append(_decided_on(run, gate, environment, verdicts[name], conditions))
    return "\n\n".join(parts)


def _decided_on(
    run: Run, gate: Gate, environment: Environment, verdict: Verdict, conditions: Conditions
) -> str:
    """Everything that a person decides on, for one gate that asks."""
    parts = [
        f"#### Deploy to {code(environment.name)}?",
        "\n".join(part for part in (ships(run, environment.name), commits(run, environment.name)) if part),
        evidence_lines(run, environment, conditions),
        denied_before(gate),
        plan(run, gate, environment),
        asked_because(environment, verdict),
        waits_for(verdict),
        f"**Recommendation:** {recommendation(run, environment, verdict)}",
        answers_given(gate, verdict),
        how_to_answer(run, environment.name),
    ]
    return "\n\n".join(part for part in parts if part)


def _state_note(run: Run) -> str:
    notes = {
        RunState.SUPERSEDED: " · superseded",
        RunState.MERGED: " · merged",
        RunState.CLOSED: " · closed, nothing is released",
    }
    return notes.get(run.state, "")


def _stage_mark(stage: StageRun) -> str:
    return STAGE_MARKS[stage.outcome.verdict] if stage.outcome else "⏳"


def _stage_words(stage: StageRun) -> str:
    page = f" · [run]({stage.followed.link})" if stage.followed and stage.followed.link else ""
    if stage.outcome is None:
        waits = f"waiting: {code(stage.obstacle.detail, 160)}" if stage.obstacle else "running"
        return waits + page
    if stage.outcome.verdict is StageVerdict.PASSED or stage.outcome.reason is StageReason.TESTS_FAILED:
        return counts(stage.outcome.evidence) + page
    return code(stage.outcome.detail or stage.outcome.reason.value, 160) + page


def why(run: Run, verdicts: Mapping[str, Verdict], environment: str | None) -> str:
    """The tree of reasons of one gate, or of every gate."""
    names = [environment] if environment is not None and environment in verdicts else list(run.gates)
    if environment == REVIEWED and environment not in verdicts:
        return policy_summary(run)
    parts = [
        part
        for name in names
        for part in (
            f"**{code(name)}: {verdicts[name].state.value}**\n\n{tree(verdicts[name].reasons)}",
            changed_plan(run, name),
        )
    ]
    return "\n\n".join(filter(None, parts)) or policy_summary(run)


def help_text(run: Run) -> str:
    """The commands that this version obeys."""
    names = " · ".join(code(name) for name in run.gates) or "none"
    rows = [
        "- `/approve [environment] [sha] [-- reason]`: yes to what the question shows",
        "- `/approve policy`, `/deny policy reason`: whether a pull request may make the gate file looser",
        "- `/deny [environment] reason`: no, with a reason the author can act on",
        "- `/modify [environment] key=value …`: change the plan; what was answered about it is void",
        "- a comment that begins with a block ` ```gate-plan `: the same, with notes and the way back",
        "- `/deploy environment [sha]`: ask (again) to deploy this head; whoever asks does not approve it",
        "- `/cancel`: close every gate that is still open here",
        "- `/retry stage`: run a stage again that failed or came to no verdict, on the same commit",
        "- `/hold [reason]`, `/resume`: nothing is released until it is resumed",
        "- `/ask [environment] question`, `/answer text`: ask the author; the clock stands still meanwhile",
        "- `/rollback environment [sha] reason`: ask to go back to what was healthy there before",
        "- `/override environment [sha] reason`: release without what the gate asks for; only who is listed for it",
        "- `/waive finding-id until 2026-12-31 reason`: a finding does not hold the gate until then; for its approvers",
        "- `/delegate [environment] @login until 2026-12-24`: who answers for you; `/delegate none` takes it back",
        "- `/lock environment reason [for 2h]`, `/unlock environment [reason]`: no other pull request releases there",
        "- `/withdraw [environment]`: take your own answer back",
        "- `/why [environment]`: what a gate waits for, ground by ground",
        "- `/status`: where stages and gates stand",
        "- `/help`: this",
    ]
    tail = (
        f"Environments here: {names}. A command is the first line of a new comment, all of it. "
        "`/gate approve …` works too, where another bot owns the short word."
    )
    return "\n".join([*rows, "", tail])


def passed_on_question(run: Run, person: Person, command: Command) -> str:
    """What the author of the change is asked."""
    about = f" about {code(command.environment)}" if command.environment else ""
    return (
        f"@{plain(run.change.author.login, 60)}, {code(person.login)} asks{about}:{boxed(command.reason)}\n\n"
        "Answer in a new comment: `/answer text`. The clock stands still until then, for seven days at most."
    )


def policy_title(run: Run, verdict: Verdict | None = None) -> str:
    if isinstance(run.policy, PolicyProblem):
        return "The gate file cannot be obeyed"
    if run.proposal is None:
        return "The gate file is valid"
    return proposal_words.title(run.proposal) + review_words.outcome(run, verdict)


def policy_summary(run: Run, verdict: Verdict | None = None) -> str:
    """What is wrong with the gate file, and where to mend it; who lets a looser one pass."""
    if not isinstance(run.policy, PolicyProblem):
        review = f"\n\n{review_words.standing(run, verdict)}\n\n{tree(verdict.reasons)}" if verdict else ""
        return proposal_words.summary(run.proposal) + review
    head = "Every gate stays closed: the gate file on the default branch cannot be obeyed."
    return f"{head}\n\n{fenced(run.policy.detail)}"
