"""What is said of the review of a looser gate file: the question, where it stands, and who lets it pass."""

from __future__ import annotations

from gate_app.domain import proposal_words
from gate_app.domain.approver_words import mentioned, wanted
from gate_app.domain.inert import code, plain
from gate_app.domain.policy import ApprovalPolicy, Environment
from gate_app.domain.proposals import REVIEWED
from gate_app.domain.reviewing import allowed_by
from gate_app.domain.run import Gate, Run, RunState
from gate_app.domain.verdict import Verdict, VerdictState

HOW = f"`/approve {REVIEWED}` · `/deny {REVIEWED} reason` · `/why {REVIEWED}`"


def question(run: Run, gate: Gate, verdict: Verdict | None) -> str:
    """The one new comment that asks the owners, or its outcome."""
    head = code(run.change.head.sha[:12])
    if run.proposal is None or verdict is None:
        ended = (
            "it is looser no more"
            if run.state is RunState.OPEN
            else "the pull request, or this commit, is over"
        )
        return f"⏹️ **The gate file is not asked about any more**: {ended} · {head}"
    if verdict.state is not VerdictState.WAITING:
        mark = "✅" if verdict.state is VerdictState.APPROVED else "❌"
        return f"{mark} **{proposal_words.title(run.proposal)}{outcome(run, verdict)}** · {head}"
    parts = (
        "### Let this pull request make the gate file looser?",
        f"{code(run.change.title, 150)} at {head}",
        proposal_words.summary(run.proposal),
        f"**Who can let it pass:** {mentioned(run, _owning(gate))}.",
        HOW,
    )
    return "\n\n".join(parts)


def outcome(run: Run, verdict: Verdict | None) -> str:
    """What follows the title once somebody has answered: who let it pass, or who did not."""
    if verdict is None or verdict.state is VerdictState.WAITING:
        return ""
    if verdict.state is VerdictState.APPROVED:
        return plain(f"; allowed by {', '.join(each.login for each in allowed_by(run, verdict))}", 200)
    return plain(f"; denied by {verdict.reasons[0].facts.get('by', '?')}", 100)


def standing(run: Run, verdict: Verdict | None) -> str:
    """Where a review stands, in a line; empty where there is none."""
    gate = run.review
    if verdict is None or gate is None:
        return ""
    match verdict.state:
        case VerdictState.APPROVED:
            people = ", ".join(code(each.login) for each in allowed_by(run, verdict))
            return f"Allowed by {people}, for this commit and the gate file in force."
        case VerdictState.DENIED:
            return f"Denied by {code(verdict.reasons[0].facts.get('by', '?'))}. A new commit asks again."
        case _ if gate.question is None:
            return "Who owns the gate file is not known yet, so nobody can let it pass."
        case _:
            return f"It takes {owners_wanted(gate)}: `/approve {REVIEWED}`, in a new comment."


def owners_wanted(gate: Gate) -> str:
    """Who has to let it pass, in a sentence."""
    return wanted(_owning(gate))


def _owning(gate: Gate) -> Environment:
    """The review as an environment with the lines of its owners, who were asked."""
    return Environment(REVIEWED, approval=ApprovalPolicy(gate.escalated_lines))
