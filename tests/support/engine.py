"""An engine on a real store in front of a GitHub that answers as told: heads move, deliveries come or do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gate_app import calendars
from gate_app.config import read
from gate_app.config.globs import touches
from gate_app.domain.checks import Check
from gate_app.domain.conditions import Standing
from gate_app.domain.effects import AnswerJob
from gate_app.domain.events import CommandGiven, Event
from gate_app.domain.held import HeldRun
from gate_app.domain.model import Authorship, Change, Content, Origin, Person, Repository, Subject
from gate_app.domain.policy import Permission, Policy, Select
from gate_app.domain.run import Run
from gate_app.engine.conditions import Gathering
from gate_app.engine.gatekeeper import Gatekeeper
from gate_app.engine.ports import (
    CommitNoticed,
    Comparison,
    ConversationNoticed,
    HeldNoticed,
    InboxRow,
    LiveChange,
    PolicyAbsent,
    PolicyFile,
    PolicyRefused,
    Sight,
    SubjectNoticed,
    WorkNoticed,
)
from gate_app.engine.reconcile import Reconcile
from gate_app.engine.sweep import Sweep
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.owners import ownership
from gate_app.store.repository import SqlStore

SHOP = Repository(71, "acme", "shop", 5)
MAIN = Subject(SHOP.id, ref="refs/heads/main")
AUTHOR = Person(100, "author")
MAINTAINER = Person(102, "maintainer")
GATE_FILE = b"version: 1\nenvironments:\n  production: {deploy: {command: 'true'}}\n"


def sha(letter: str) -> str:
    return letter * 40


def pull(number: int) -> Subject:
    return Subject(SHOP.id, number=number)


class OneByOne(Executor):
    """Asks one question after the other, in the order in which they are put."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_result(fn(*args, **kwargs))
        return answer


@dataclass
class TinyGithub:
    """One repository; implements `Survey` and the reading half of `Hub`, as far as looking needs them."""

    live: dict[Subject, LiveChange] = field(default_factory=dict)
    gate_file: bytes | None = GATE_FILE
    contributors: tuple[int, ...] = (AUTHOR.id,)
    standing_checks: tuple[Check, ...] = ()
    asked: list[str] = field(default_factory=list)
    interruptions: dict[Subject, datetime] = field(default_factory=dict)
    happened: tuple[str, ...] = ()
    refused: str = ""
    commands: list[ConversationNoticed] = field(default_factory=list)
    held: dict[int, HeldRun] = field(default_factory=dict)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    refuses_reports: bool = False
    lists_nothing: bool = False

    def main_is_at(self, letter: str, conversation: int | None = None, **changed: Any) -> None:
        change = Change(
            repository=SHOP,
            subject=MAIN,
            origin=Origin.DEFAULT_BRANCH,
            head=Content(sha(letter), sha("0")),
            base_ref="main",
            base_sha=sha("9"),
            title="A commit",
            author=AUTHOR,
            conversation=conversation,
        )
        self.live[MAIN] = LiveChange(replace(change, **changed), open=True, merged=False)

    def pull_is_at(self, number: int, letter: str, base_ref: str = "main") -> None:
        change = Change(
            repository=SHOP,
            subject=pull(number),
            origin=Origin.PULL_REQUEST,
            head=Content(sha(letter), sha("1")),
            base_ref=base_ref,
            base_sha=sha("9"),
            title="A change",
            author=AUTHOR,
            conversation=number,
        )
        self.live[pull(number)] = LiveChange(change, open=True, merged=False)

    def holds(self, run_id: int, letter: str, *environments: str, **changed: Any) -> None:
        """Jobs of a workflow run on the default branch wait for these environments."""
        seen = HeldRun(run_id, 1, "push", "main", sha(letter), own=True, environments=environments)
        self.held[run_id] = replace(seen, **changed)

    # What the engine asks.

    def held_run(self, repository: Repository, run_id: int) -> HeldRun:
        if run_id not in self.held:
            raise HubRefused("no such run", 404)
        return self.held[run_id]

    def answer_job(self, repository: Repository, wanted: AnswerJob) -> None:
        if self.refuses_reports:
            raise HubRefused("not your rule", 403)
        self.told.append((wanted.environment, wanted.answer, wanted.comment))

    def waiting_runs(self, repository: Repository) -> Sequence[int]:
        if self.lists_nothing:
            raise HubRefused("no permission", 403)
        return [each.id for each in self.held.values() if each.environments]

    def repositories(self) -> Sequence[Repository]:
        return [SHOP]

    def heads(self, repository: Repository) -> Mapping[Subject, str]:
        return {
            s: live.change.head.sha for s, live in self.live.items() if live.open and _is_listed(live.change)
        }

    def commands_since(
        self, repository: Repository, conversation: int, since: datetime
    ) -> Sequence[ConversationNoticed]:
        return [said for said in self.commands if said.conversation == conversation]

    def check_runs(self, change: Change, gated: Sequence[str]) -> Sequence[Check]:
        self.asked.append("checks")
        return self.standing_checks

    def commit_statuses(self, change: Change) -> Sequence[Check]:
        return ()

    def sight(self, change: Change, gated: Sequence[str], selects: Collection[Select]) -> Sight:
        raise HubUnavailable("everything is read by itself here")

    def live_change(self, repository: Repository, subject: Subject) -> LiveChange:
        return self.live[subject]

    def interrupted_at(self, repository: Repository, subject: Subject) -> datetime | None:
        self.asked.append("interrupted_at")
        return self.interruptions.get(subject)

    def happened_since(self, repository: Repository, subject: Subject, since: datetime) -> tuple[str, ...]:
        return self.happened

    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        if self.refused:
            return PolicyRefused(self.refused)
        return PolicyAbsent() if self.gate_file is None else PolicyFile("b" * 40, self.gate_file)

    def floor_file(self, repository: Repository) -> PolicyAbsent:
        return PolicyAbsent()

    def authorship(self, change: Change) -> Authorship:
        return Authorship(self.contributors)

    def compare(self, repository: Repository, base: str, head: str) -> Comparison:
        return Comparison(1, 0, ("A commit",), ("app.py",))

    def comment_fingerprint(self, repository: Repository, comment_id: int) -> str:
        return "d" * 64

    def standing(
        self, repository: Repository, person: Person, teams: Sequence[str], organisations: Sequence[str] = ()
    ) -> Standing:
        return Standing(person, Permission.WRITE)


def _is_listed(change: Change) -> bool:
    """Of the branches only the default one."""
    return change.subject.ref is None or change.default_branch in ("", change.base_ref)


@dataclass
class TinyEngine:
    """Deliveries, reconcile rounds and drains, one after the other."""

    store: SqlStore
    github: TinyGithub = field(default_factory=TinyGithub)
    time: datetime = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    deliveries: int = 0

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    @property
    def sweep(self) -> Any:
        unused: Any = None
        return Sweep(self.store, unused, unused, unused, self.now)

    def reconciles(self) -> TinyEngine:
        """One round, and everything that it put into inboxes is handled."""
        github: Any = self.github
        Reconcile(github, self.store, self.sweep, self.now)()
        return self.drains()

    def hears(self, subject: Subject, sender: Person | None = AUTHOR, **said: Any) -> TinyEngine:
        """A delivery that says: look at this subject, `sender` pushed it."""
        self.deliveries += 1
        notice = SubjectNoticed(SHOP, subject, self.now(), sender, **said)
        self.store.put(self.sweep.addressed(notice, f"delivery-{self.deliveries}"))
        return self.drains()

    def hears_of_work(self, what: str, name: str) -> TinyEngine:
        """A delivery that says: this piece of work has changed. Nothing is handled yet."""
        self.deliveries += 1
        notice = WorkNoticed(SHOP, what, name, self.now())
        self.store.put(self.sweep.addressed(notice, f"delivery-{self.deliveries}"))
        return self

    def hears_of_commit(self, commit: str, event: Event) -> TinyEngine:
        """A delivery with a fact about a commit. Nothing is handled yet."""
        self.deliveries += 1
        notice = CommitNoticed(SHOP, commit, event)
        self.store.put(self.sweep.addressed(notice, f"delivery-{self.deliveries}"))
        return self

    def hears_command(self, conversation: int, person: Person, line: str) -> TinyEngine:
        """Somebody comments in a pull request."""
        self.deliveries += 1
        event = CommandGiven(self.now(), 9_000 + self.deliveries, conversation, person, line, "d" * 64)
        notice = ConversationNoticed(SHOP, conversation, event)
        self.store.put(self.sweep.addressed(notice, f"delivery-{self.deliveries}"))
        return self.drains()

    def drains(self) -> TinyEngine:
        github: Any = self.github
        gatekeeper = Gatekeeper(
            self.store,
            Gathering(github, self.store, read_policy, touches, calendars, ownership, OneByOne(), self.now),
            self.now,
        )
        while subjects := self.store.subjects_due(self.now()):
            rows = [self.store.next_row(subject, self.now()) for subject in subjects]
            for row in rows:
                if row is not None:
                    self._handle(gatekeeper, row)
            if not any(rows):
                break  # only effects are due, and nobody performs them here
        return self

    def _handle(self, gatekeeper: Gatekeeper, row: InboxRow) -> None:
        try:
            gatekeeper.handle(row)
        except HubUnavailable as fault:
            again = fault.retry_at or self.now()
            self.store.delay_row(row, str(fault), again, "free", row.since or self.now())

    def hears_of_held(self, run_id: int) -> TinyEngine:
        """A delivery that says: jobs of this workflow run wait."""
        self.deliveries += 1
        notice = HeldNoticed(SHOP, run_id)
        self.store.put(self.sweep.addressed(notice, f"delivery-{self.deliveries}"))
        return self.drains()

    def runs(self, subject: Subject = MAIN) -> list[Run]:
        """Every run of a subject, oldest first."""
        return [stored.run for stored in self.store.all_runs() if stored.run.change.subject == subject]

    def heads(self, subject: Subject = MAIN) -> str:
        """The heads that there are runs for, by letter, oldest first."""
        return "".join(run.change.head.sha[0] for run in self.runs(subject))


def read_policy(file: PolicyFile, floor: PolicyFile | None) -> Policy | str:
    found = read(file.raw, file.blob_sha)
    return found if isinstance(found, Policy) else "\n".join(str(problem) for problem in found)
