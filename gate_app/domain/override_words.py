"""What is said of an override: at once to everybody, and in the issue that follows it up.

Rules of the file: as in `wording`; the issue is made of the debt alone, so that one that is gone is opened again alike.
"""

from __future__ import annotations

from gate_app.domain import wording
from gate_app.domain.approver_words import mentioned
from gate_app.domain.commands import Command
from gate_app.domain.effects import OpenIssue
from gate_app.domain.inert import boxed, code, plain
from gate_app.domain.model import Person
from gate_app.domain.overrides import Debt
from gate_app.domain.policy import Policy
from gate_app.domain.run import Run
from gate_app.domain.verdict import ReasonCode, Verdict


def overridden(run: Run, person: Person, command: Command, verdict: Verdict) -> str:
    """Who overrode what and why, what did not hold, and a mention of everybody who was not asked."""
    found = run.policy.environment(command.environment or "") if isinstance(run.policy, Policy) else None
    skipped = f"\n\nNot asked: {mentioned(run, found)}." if found is not None else ""
    replaced = [
        each for root in verdict.reasons if root.code is ReasonCode.OVERRIDDEN for each in root.children
    ]
    failed = f"\n\nWhat did not hold:\n\n{wording.tree(replaced)}" if replaced else ""
    sha = code(run.change.head.sha[:12])
    return (
        f"🚨 {code(person.login)} overrides the gate of {code(command.environment or '')} for {sha}:"
        f"{boxed(command.reason)}{skipped}{failed}\n\n"
        "An issue follows it up; nobody overrides again before somebody else has closed it."
    )


def follow_up(debt: Debt, wanted_by: int = 0) -> OpenIssue:
    """What has to be looked at after an override, and what closing the issue means."""
    name = code(debt.environment)
    body = (
        f"{code(debt.by.login)} overrode the gate of {name} for {code(debt.sha)} in #{debt.conversation}:"
        f"{boxed(debt.reason, 1_000)}\n\n"
        "- [ ] What was released is looked at by somebody else\n"
        "- [ ] What the gate would have asked for is made up for\n"
        "- [ ] What made it necessary is mended\n\n"
        "Once that is done, somebody else than who overrode closes this. Until then nobody overrides a gate of this "
        "repository."
    )
    return OpenIssue(
        environment=debt.environment,
        comment_id=debt.comment_id,
        title=f"Follow up: {plain(debt.environment, 60)} was overridden for {debt.sha[:12]}",
        body=body,
        marker=f"override:{debt.comment_id}",
        asked_at=debt.at,
        wanted_by=wanted_by,
    )
