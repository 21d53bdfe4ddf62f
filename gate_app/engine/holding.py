"""A workflow run whose jobs GitHub holds: which gates of ours it waits for, and what it is told where there is none.

Rules of the file: a hint is looked at live; what waits for a gate becomes a fact of that gate's run; what waits for no
gate is never let through, it is told why and goes on waiting (invariant 4). A commit that nothing is decided about yet
is looked at first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gate_app.domain.effects import AnswerJob
from gate_app.domain.events import JobHeld
from gate_app.domain.following import HEAD
from gate_app.domain.held import HeldRun
from gate_app.domain.inert import code
from gate_app.domain.model import Repository, Subject, Unknown
from gate_app.domain.policy import Policy, PolicyProblem, ProtectionRuleRoute
from gate_app.domain.protection import held_gates, misfit
from gate_app.domain.run import Run, RunState
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import Reason
from gate_app.engine.conditions import Gathering
from gate_app.engine.ports import (
    Clock,
    HeldNoticed,
    InboxItem,
    InboxRow,
    PolicyAbsent,
    Store,
    SubjectNoticed,
    Transition,
)
from gate_app.engine.telling import item_for
from gate_app.errors import HubRefused, HubUnavailable

HELD: Final = "held:"
"""How the meaning of every `HeldNoticed` in an inbox begins."""
OPENED_WITHIN: Final = timedelta(minutes=1)
"""How long a commit that a job waits for may take to come under decision."""
SOON: Final = timedelta(seconds=2)

log = logging.getLogger("gate_app.engine")


def subject_of(notice: HeldNoticed) -> Subject:
    """What hints about one workflow run are serialised by; GitHub knows no ref of that name."""
    return Subject(notice.repository.id, ref=f"runs/{notice.run_id}")


@dataclass(frozen=True, slots=True)
class Holding:
    """Brings held jobs to the gates that they wait for."""

    store: Store
    gathering: Gathering
    now: Clock

    def transition(self, row: InboxRow, notice: HeldNoticed) -> Transition:
        """What follows of one hint. Raises HubUnavailable when it has to be looked at again."""
        if self.store.repeated(row, HELD):
            return Transition(note="a later look follows")
        try:
            seen = self.gathering.hub.held_run(notice.repository, notice.run_id)
        except HubRefused as refused:
            if refused.status != 404:
                raise
            return Transition(note="the repository has no such workflow run")
        if not seen.environments:
            return Transition(note="nothing waits there")
        runs = self._deciding(notice.repository, seen)
        fitting = [run for run in runs if misfit(seen, run) is None]
        items = [self._held(row, seen, run) for run in fitting if _waits_for(seen, run)]
        left = [name for name in seen.environments if not any(name in held_gates(run) for run in fitting)]
        if left:
            misfits = [why for run in runs if (why := misfit(seen, run)) is not None]
            self._without_gate(row, notice, seen, left, items, misfits)
        return Transition(follow_ups=tuple(items), note="" if items else "no gate of ours is for it")

    def _deciding(self, repository: Repository, seen: HeldRun) -> Sequence[Run]:
        """The newest runs of everything that may have this commit, while it is decided on there."""
        subjects = [Subject(repository.id, number=number).key for number in seen.pulls]
        subjects += self.store.watching(repository.id, HEAD, seen.sha)
        if seen.branch:
            subjects.append(Subject(repository.id, ref=f"refs/heads/{seen.branch}").key)
        found = [self.store.current(key) for key in dict.fromkeys(subjects)]
        return [
            each.run
            for each in found
            if each and each.run.change.head.sha == seen.sha and each.run.state is RunState.OPEN
        ]

    def _held(self, row: InboxRow, seen: HeldRun, run: Run) -> InboxItem:
        return item_for(run.id, JobHeld(self.now(), seen.id), f"{HELD}{run.id}:{seen.job.key}:{row.id}")

    def _without_gate(
        self,
        row: InboxRow,
        notice: HeldNoticed,
        seen: HeldRun,
        names: Sequence[str],
        known: Sequence[InboxItem],
        misfits: Sequence[Reason],
    ) -> None:
        policy = self.gathering.policy(notice.repository)
        if isinstance(policy, Unknown):
            raise HubUnavailable(policy.detail)
        gated = [name for name in names if _is_ours(policy, name)]
        young = row.since is None or self.now() - row.since < OPENED_WITHIN
        if gated and seen.own and young and not misfits:
            self.store.put([*known, *self._looks(row, notice.repository, seen)])
            raise HubUnavailable("the commit is not under decision yet", self.now() + SOON)
        if not notice.again:
            for name in names:
                self._tell(notice.repository, seen, name, _why(policy, seen, name, misfits))

    def _looks(self, row: InboxRow, repository: Repository, seen: HeldRun) -> Iterator[InboxItem]:
        """Somebody waits for a decision about this commit, also where it was there before us."""
        subjects = [Subject(repository.id, number=number) for number in seen.pulls]
        if seen.branch:
            subjects.append(Subject(repository.id, ref=f"refs/heads/{seen.branch}"))
        for subject in subjects:
            notice = SubjectNoticed(repository, subject, self.now(), waited_for=True)
            yield InboxItem(subject.key, notice, f"look:held:{row.id}")

    def _tell(self, repository: Repository, seen: HeldRun, name: str, why: str) -> None:
        told = AnswerJob(name, seen.id, seen.attempt, "waiting", why, self.now())
        try:
            self.gathering.hub.answer_job(repository, told)
        except HubRefused as refused:  # the rule of that environment is not ours, or it had its ten reports
            log.info("workflow run %d could not be told why it waits: %s", seen.id, refused)


def _waits_for(seen: HeldRun, run: Run) -> bool:
    return any(name in seen.environments for name in held_gates(run))


def _is_ours(policy: Policy | PolicyProblem | PolicyAbsent, name: str) -> bool:
    """Whether the gate file lets GitHub hold that environment."""
    found = policy.environment(name) if isinstance(policy, Policy) else None
    return found is not None and isinstance(found.deploy, ProtectionRuleRoute)


def _why(
    policy: Policy | PolicyProblem | PolicyAbsent, seen: HeldRun, name: str, misfits: Sequence[Reason]
) -> str:
    """Why no gate can open for it, and what mends that."""
    if isinstance(policy, PolicyAbsent):
        return "Closed: this repository has no gate file on its default branch; run `gate-app init`."
    if isinstance(policy, PolicyProblem):
        return "Closed: the gate file on the default branch has problems. `gate-app validate` names them."
    found = policy.environment(name)
    if found is None:
        known = ", ".join(code(each.name) for each in policy.environments[:20])
        return (
            f"Closed: the gate file on the default branch does not name {code(name)}; it names {known}. Names are "
            "compared letter by letter. Add it there, or run `gate-app init`."
        )
    if not isinstance(found.deploy, ProtectionRuleRoute):
        return (
            f"Closed: the gate file deploys {code(name)} by {code(found.deploy.kind)}. For jobs that GitHub holds it "
            "has to say `deploy: protection_rule`."
        )
    if misfits:
        return f"Closed: {sentence(misfits[0])}"
    if not seen.own:
        return "Closed: no gate opens for a job of a fork. Deploy from a branch here, or after the merge."
    return (
        f"Closed: commit {code(seen.sha[:12])} of {code(seen.branch)} is not under decision. A gate opens for the "
        f"newest commit of what {code(name)} deploys from."
    )
