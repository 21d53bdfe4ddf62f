"""What no delivery told us: compares GitHub's open heads and comments with ours, and heals (case 195).

Rules of the file: reconciling only puts the same notices into the same inboxes that deliveries do; it is
level-triggered and idempotent; a repository that cannot be read is left for the next round. Whether a head is
asked about is the gatekeeper's business: a branch's first one was there before us.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Repository, Subject
from gate_app.domain.run import RunState
from gate_app.engine.ports import (
    Clock,
    ConversationNoticed,
    HeldNoticed,
    PolicyAbsent,
    PolicyFile,
    PolicyRefused,
    Store,
    SubjectNoticed,
    Survey,
    passed_over,
)
from gate_app.engine.sweep import Sweep, meaning_of
from gate_app.errors import HubRefused, HubUnavailable

LOOK_BACK: Final = timedelta(hours=72)
"""How far back comments are read at the first round: GitHub keeps deliveries for three days."""
OVERLAP: Final = timedelta(minutes=2)
"""Read again at every later round, because GitHub's lists may lag behind."""

log = logging.getLogger("gate_app.engine")


@dataclass(slots=True)
class Reconcile:
    """One round over every repository of the App."""

    survey: Survey
    store: Store
    sweep: Sweep
    now: Clock
    last: datetime | None = None

    def __call__(self) -> None:
        started = self.now()
        since = self.last - OVERLAP if self.last else started - LOOK_BACK
        try:
            repositories = self.survey.repositories()
            read = [self._repository(repository, since) for repository in repositories]
        except (HubUnavailable, HubRefused) as fault:
            log.warning("reconcile: installations could not be read: %s", fault)
            return
        if all(read):
            self.last = started

    def _repository(self, repository: Repository, since: datetime) -> bool:
        try:
            heads = self.survey.heads(repository)
            commands = [
                notice
                for conversation in self.store.conversations(repository.id)
                for notice in self.survey.commands_since(repository, conversation, since)
            ]
            new = any(s.number is not None and self.store.current(s.key) is None for s in heads)
            gate_file = self._gate_file(repository) if new else ""
        except (HubUnavailable, HubRefused) as fault:
            log.warning("reconcile: %s could not be read: %s", repository.full_name, fault)
            return False
        default = next((s.ref.removeprefix("refs/heads/") for s in heads if s.ref is not None), "")
        for subject, sha in heads.items():
            self._head(repository, subject, sha, default, gate_file)
        self._waiting(repository)
        ours = [Subject.parse(key) for key in self.store.unfinished_subjects(repository.id)]
        for gone in (subject for subject in ours if subject.is_at_github and subject not in heads):
            self._look(repository, gone, "gone")
        asked = [notice for notice in commands if not self._is_settled(notice)]
        items = [item for notice in asked for item in self.sweep.addressed(notice, "reconcile")]
        self.store.put(items)
        return True

    def _waiting(self, repository: Repository) -> None:
        """Jobs that GitHub holds are told of once, and looked at every hour whatever was heard (invariant 10)."""
        try:
            waiting = self.survey.waiting_runs(repository)
        except (HubUnavailable, HubRefused) as fault:  # an App without `actions: read` holds no jobs
            log.info("reconcile: held jobs of %s could not be listed: %s", repository.full_name, fault)
            return
        hour = self.now().strftime("%Y-%m-%dT%H")
        for run_id in waiting:
            self.store.put(self.sweep.addressed(HeldNoticed(repository, run_id), "reconcile"))
            again = HeldNoticed(repository, run_id, again=True)
            self.store.put(self.sweep.addressed(again, f"reconcile:{hour}"))

    def _is_settled(self, notice: ConversationNoticed) -> bool:
        """A comment that was no command when it was written never becomes one (case 35).

        And one that was told when it was written is not told again to whoever converses there by now.
        """
        event = notice.event
        if isinstance(event, CommandGiven) and self.store.ignored(passed_over(event.comment_id)):
            return True
        return self.store.told(notice.repository.id, notice.conversation, meaning_of(notice))

    def _head(self, repository: Repository, subject: Subject, sha: str, default: str, gate_file: str) -> None:
        """A head we have no open run for, under this default branch, is looked at; the same again is the same fact."""
        stored = self.store.current(subject.key)
        known = stored is not None and stored.run.change.head.sha == sha and stored.run.state is RunState.OPEN
        if stored is None and subject.number is not None:
            self._look(repository, subject, f"{sha}:{gate_file}")
        elif stored is None or not known:
            self._look(repository, subject, sha)
        elif not stored.run.change.trusts(default):
            self._look(repository, subject, f"{sha}:{default}")

    def _gate_file(self, repository: Repository) -> str:
        """Which gate file there is: a pull request that was looked at without one is looked at again under it."""
        found = self.survey.policy_file(repository)
        match found:
            case PolicyFile():
                return found.blob_sha
            case PolicyRefused():
                return found.detail
            case PolicyAbsent():
                return ""
            case _:
                assert_never(found)

    def _look(self, repository: Repository, subject: Subject, occasion: str) -> None:
        notice = SubjectNoticed(repository, subject, self.now())
        stored = self.store.current(subject.key)
        sequence = stored.run.sequence if stored else 0
        self.store.put(self.sweep.addressed(notice, f"reconcile:{sequence}:{occasion}"))
