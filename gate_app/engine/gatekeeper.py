"""One inbox row at a time: gather, decide, store; again if somebody was faster.

Rules of the file: one transaction per row holds everything the row caused; a row that cannot be handled now
is delayed, never dropped; what a delivery claims about a head is only a hint to look at GitHub.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.decide import decide
from gate_app.domain.events import ChangeClosed, ChangeProposed, ClockTicked, Event, HeadMoved
from gate_app.domain.following import watched
from gate_app.domain.keeping import keep
from gate_app.domain.model import Change, FirstHead, MergeShown, Subject, Unknown
from gate_app.domain.opening import open_rollback, open_run, rollback_subject
from gate_app.domain.policy import Policy, PolicyProblem
from gate_app.domain.run import Run, RunState, passed_on
from gate_app.engine.conditions import Gathering
from gate_app.engine.holding import Holding
from gate_app.engine.ports import (
    LOOK,
    Clock,
    CommitNoticed,
    ConversationNoticed,
    DeploymentNoticed,
    HeldNoticed,
    InboxItem,
    InboxRow,
    LiveChange,
    PolicyAbsent,
    RollbackDue,
    RunNoticed,
    Step,
    Store,
    StoredRun,
    SubjectNoticed,
    Transition,
    WorkNoticed,
)
from gate_app.errors import Conflict, HubUnavailable

MAX_CONFLICTS: Final = 10
"""How often one row is gathered and decided again because another run moved an environment meanwhile."""


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Turns rows of the inbox into stored decisions."""

    store: Store
    gathering: Gathering
    now: Clock

    def handle(self, row: InboxRow) -> None:
        """Handles one row to the end. Raises HubUnavailable when GitHub had to be asked and could not be."""
        for _ in range(MAX_CONFLICTS):
            try:
                self.store.commit(self._transition(row))
            except Conflict:
                continue
            return
        raise HubUnavailable("an environment kept changing; trying again", self.now() + timedelta(seconds=1))

    def _transition(self, row: InboxRow) -> Transition:
        drawn = self._drawn(row)
        again = [_tick_again(step) for step in drawn.steps if step.decision.again]
        due = [item for step in drawn.steps for item in _rollbacks_due(step)]
        looks = [item for step in drawn.steps for item in _look_due(step)]
        woken = [item for step in drawn.steps if _moved_lock(step) for item in self._wake_others(step)]
        return replace(drawn, inbox_id=row.id, follow_ups=(*drawn.follow_ups, *again, *due, *looks, *woken))

    def _wake_others(self, step: Step) -> Sequence[InboxItem]:
        """Every other run of the repository is judged anew: a lock or a waiver came or went, or a release past it."""
        run, meaning = step.decision.run, f"lock:{step.decision.run.id}:{step.expected_version + 1}"
        others = [
            stored.run
            for subject in self.store.unfinished_subjects(run.change.repository.id)
            for stored in self.store.unfinished(subject)
            if stored.run.id != run.id
        ]
        tick = ClockTicked(step.conditions.now)
        return [
            InboxItem(each.change.subject.key, RunNoticed(each.id, tick), f"{meaning}:{each.id}")
            for each in others
        ]

    def _drawn(self, row: InboxRow) -> Transition:
        match row.notice:
            case SubjectNoticed():
                return self._look(row.notice)
            case ConversationNoticed(event=event):
                stored = self.store.current(row.subject)
                if stored is not None and stored.run.final and passed_on(stored.run):
                    return Transition(note="the run of the default branch converses there by now")
                return Transition((self._step(stored, event),)) if stored else Transition(note="no run there")
            case CommitNoticed():
                return self._about_commit(row.subject, row.notice)
            case RunNoticed(run_id=run_id, event=event):
                stored = self.store.run(run_id)
                return Transition((self._step(stored, event),)) if stored else Transition(note="no such run")
            case WorkNoticed(at=at):
                return self._look_at_work(row, at)
            case HeldNoticed():
                return Holding(self.store, self.gathering, self.now).transition(row, row.notice)
            case RollbackDue():
                return self._roll_back(row, row.notice)
            case DeploymentNoticed():
                raise AssertionError("the sweep tells it to a run")
            case _:
                assert_never(row.notice)

    def _about_commit(self, subject: str, notice: CommitNoticed) -> Transition:
        """A subject has one open run at most: a newer head supersedes the older one."""
        current = self.store.current(subject)
        if current is None or current.run.change.head.sha != notice.sha:
            return Transition(note="another commit is decided on")
        return Transition((self._step(current, notice.event),))

    def _look_at_work(self, row: InboxRow, at: datetime) -> Transition:
        """Judges every run of the subject that follows something afresh; a burst of hints is one look.

        One run at a time, because two decisions may want the same environment.
        """
        if self.store.repeated(row, LOOK):
            return Transition(note="a later look follows")
        following = [stored for stored in self.store.unfinished(row.subject) if watched(stored.run)]
        first, others = following[:1], following[1:]
        ticks = (RunNoticed(other.run.id, ClockTicked(at)) for other in others)
        items = [InboxItem(row.subject, tick, f"looked:{row.id}:{tick.run_id}") for tick in ticks]
        steps = tuple(self._step(stored, ClockTicked(at)) for stored in first)
        return Transition(steps, follow_ups=tuple(items))

    def _roll_back(self, row: InboxRow, notice: RollbackDue) -> Transition:
        """Opens the run that asks; a question about an older breach of the same environment is over."""
        breached = self.store.run(notice.run_id)
        if breached is None:
            return Transition(note="no such run")
        repository = breached.run.change.repository
        policy = self.gathering.policy(repository)
        if isinstance(policy, Unknown):
            raise HubUnavailable(policy.detail)
        subject = rollback_subject(repository, notice.environment)
        older = [run for run in self.store.unfinished(subject.key) if run.run.state is RunState.OPEN]
        if older:  # one after the other: both may move the environment
            ended = tuple(self._step(run, ChangeClosed(notice.at, merged=False)) for run in older)
            again = InboxItem(row.subject, notice, f"anew:{row.id}")
            return Transition(ended, note="an older question ends first", follow_ups=(again,))
        current = self.store.current(subject.key)
        takes_out = notice.takes_out or breached.run.change.head.sha
        change = replace(breached.run.change, subject=subject, head=notice.target, base_sha=takes_out)
        run = open_rollback(
            change,
            current.run.sequence + 1 if current else 1,
            breached.run.policy if isinstance(policy, PolicyAbsent) else policy,
            self.now(),
            notice.environment,
            notice.because,
            notice.holder or breached.run.gate_id(notice.environment),
            (notice.by,) if notice.by else (),
            notice.by_rule,
        )
        return Transition((self._step(StoredRun(run, 0), ChangeProposed(notice.at, change)),))

    def _step(self, stored: StoredRun, event: Event, live: LiveChange | None = None) -> Step:
        conditions = self.gathering.conditions(stored.run, event, live)
        decision = decide(stored.run, event, conditions)
        return Step(stored.run, event, conditions, decision, stored.version)

    def _look(self, notice: SubjectNoticed) -> Transition:
        """Looks at a subject live: the same head is no news, another one supersedes, a closed one ends."""
        live = self.gathering.hub.live_change(notice.repository, notice.subject)
        bare = _adds_nothing(notice, live)
        live = replace(live, change=replace(live.change, pusher=notice.sender, bare_merge=bare))
        current = self.store.current(notice.subject.key)
        unfinished = self.store.unfinished(notice.subject.key)
        if not live.open:
            closed = [self._step(run, ChangeClosed(notice.at, live.merged), live) for run in unfinished]
            return Transition(tuple(closed), note="closed")
        moved = HeadMoved(
            notice.at, live.change.head.sha, live.change.base_ref, default_branch=live.change.default_branch
        )
        if not _is_followed(live):
            ended = [self._step(run, moved, live) for run in unfinished if run.run.state is RunState.OPEN]
            return Transition(tuple(ended), note="not the default branch: not followed")
        if current and current.run.state is RunState.OPEN and _same_change(current.run, live):
            return Transition(
                (self._step(current, ChangeProposed(notice.at, live.change), live),), note="same head"
            )
        if current is None and notice.subject.ref is not None:
            return self._first_look(notice, live)
        steps = [self._step(run, moved, live) for run in unfinished if run.run.state is RunState.OPEN]
        opened = self._open(notice, live, current)
        return replace(opened, steps=(*steps, *opened.steps))

    def _first_look(self, notice: SubjectNoticed, live: LiveChange) -> Transition:
        """A branch without a run: where it stood when it was first seen was there before us.

        That commit is asked about only when a delivery says that it was pushed, by its sender; any other one
        arrived since, whether or not a delivery told us (case 195).
        """
        key, sha = notice.subject.key, live.change.head.sha
        known = self.store.first_head(key)
        if notice.sender is None and known in (None, sha) and not notice.waited_for:
            opened = Transition(note="there when the branch was first seen: not asked about")
        else:
            opened = self._open(notice, live, None)
        return replace(opened, first_head=None if known else FirstHead(key, sha, self.now()))

    def _open(self, notice: SubjectNoticed, live: LiveChange, current: StoredRun | None) -> Transition:
        """A new run, if the repository has a gate file at all; without one the app is silent."""
        policy = self.gathering.policy(notice.repository)
        if isinstance(policy, Unknown):
            raise HubUnavailable(policy.detail)
        if isinstance(policy, PolicyAbsent):
            return Transition(note="no gate file on the default branch: silent")
        if not _concerns(policy, notice.subject, live):
            return Transition(note="no environment deploys from here")
        sequence = current.run.sequence + 1 if current else 1
        earlier = self._earlier(live.change, current)
        seen = tuple(dict.fromkeys(pusher for run in earlier for pusher in run.pushers))
        talked_about = live.change.conversation  # where a hold is lifted again
        holds = dict.fromkeys(
            hold
            for run in earlier
            for hold in run.holds
            if talked_about == run.change.conversation is not None
        )
        run = open_run(live.change, sequence, policy, self.now(), seen, tuple(holds))
        run = keep(current.run, run) if current else run
        step = self._step(StoredRun(run, 0), ChangeProposed(notice.at, live.change), live)
        return Transition((step,), note="run opened", follow_ups=_look_at_base(notice, live))

    def _earlier(self, change: Change, current: StoredRun | None) -> tuple[Run, ...]:
        """The last run of the subject, and that of the pull request that it was merged from.

        Who was seen pushing counts on, and a hold that nobody has lifted holds on.
        """
        merged = Subject(change.repository.id, number=change.conversation) if change.conversation else None
        before = self.store.current(merged.key) if merged and merged != change.subject else None
        return tuple(stored.run for stored in (current, before) if stored)


def _adds_nothing(notice: SubjectNoticed, live: LiveChange) -> bool:
    """Whether the head only merges a pull request (cases 26, 54).

    What GitHub made on top of its first parent adds nothing to the branch only if that is where the branch
    was: more may have come with the same push.
    """
    match live.adds_nothing:
        case MergeShown.SAME_CONTENT:
            return True
        case MergeShown.MADE_BY_GITHUB:
            return notice.before == live.change.base_sha
        case MergeShown.NO:
            return False


def _concerns(policy: Policy | PolicyProblem, subject: Subject, live: LiveChange) -> bool:
    """Pull requests always have automated stages; a branch only matters when something deploys from it."""
    if isinstance(policy, PolicyProblem) or subject.number is not None:
        return True
    return bool(policy.gated_in(live.change.origin))


def _look_at_base(notice: SubjectNoticed, live: LiveChange) -> tuple[InboxItem, ...]:
    """With its first pull request a branch is seen too, once: what is pushed to it later arrived after that."""
    if notice.subject.number is None:
        return ()
    base = Subject(notice.repository.id, ref=f"refs/heads/{live.change.base_ref}")
    return (InboxItem(base.key, SubjectNoticed(notice.repository, base, notice.at), "look:first"),)


def _same_change(run: Run, live: LiveChange) -> bool:
    same = (run.change.head.sha, run.change.base_ref) == (live.change.head.sha, live.change.base_ref)
    return same and run.change.trusts(live.change.default_branch)


def _is_followed(live: LiveChange) -> bool:
    """Of the branches only the default one, as it is now (case 88)."""
    change = live.change
    return change.subject.ref is None or change.default_branch in ("", change.base_ref)


def _shared(facts: EnvironmentFacts) -> tuple[object, ...]:
    return (facts.lock, facts.waivers, facts.outside)


def _moved_lock(step: Step) -> bool:
    """Whether a lock or a waiver came or went, or something came past a gate: other runs show, or turn on, it too."""
    before = {each.name: step.conditions.environment(each.name) for each in step.decision.environments}
    return any(_shared(facts) != _shared(before[facts.name]) for facts in step.decision.environments)


def _look_due(step: Step) -> Sequence[InboxItem]:
    """A look at the subject, where a decision saw that the policy comes from another branch by now (case 88)."""
    run, head = step.decision.run, step.conditions.head
    if isinstance(head, Unknown) or run.state is not RunState.OPEN or run.change.trusts(head.default_branch):
        return ()
    notice = SubjectNoticed(run.change.repository, run.change.subject, step.conditions.now)
    return (InboxItem(run.change.subject.key, notice, f"default:{run.id}:{head.default_branch}"),)


def _rollbacks_due(step: Step) -> Sequence[InboxItem]:
    """The rollbacks that a decision proposes, each in the inbox of its environment, once per release or request."""
    run, at = step.decision.run, step.conditions.now
    return [
        InboxItem(
            rollback_subject(run.change.repository, proposal.environment).key,
            RollbackDue(
                run.id,
                proposal.environment,
                proposal.target,
                proposal.because,
                at,
                takes_out=proposal.takes_out,
                by=proposal.by,
                holder=proposal.holder,
                by_rule=proposal.by_rule,
            ),
            f"rollback:{proposal.holder or run.release_id(proposal.environment)}",
        )
        for proposal in step.decision.proposals
    ]


def _tick_again(step: Step) -> InboxItem:
    """One more judgement at once, because this decision changed facts that other gates of the run read."""
    run = step.decision.run
    meaning = f"again:{run.id}:{step.expected_version + 1}"
    return InboxItem(run.change.subject.key, RunNoticed(run.id, ClockTicked(step.conditions.now)), meaning)
