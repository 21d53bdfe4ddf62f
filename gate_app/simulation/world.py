"""From facts to verdicts: a run in a world that is as the facts say, moved by the decision function of production.

Rules of the file: what a fact means is said here once; the world only answers what it is asked, and what the facts
leave open it answers as not known. Releases begin and go no further: what a gate says is its last word before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from gate_app.config.durations import duration
from gate_app.domain.calendar import Calendar, at_work, freezes, working
from gate_app.domain.checks import Check, CheckReading, CheckState
from gate_app.domain.commands import Command, parse
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Head, Standing
from gate_app.domain.decide import Decision, decide
from gate_app.domain.effects import PublishComment
from gate_app.domain.events import ChangeProposed, ClockTicked, CommandGiven, Event, QuestionShown, StageEnded
from gate_app.domain.evidence import (
    Coverage,
    Evidence,
    Finding,
    Severity,
    StageOutcome,
    StageReason,
    StageVerdict,
    TestCounts,
    TestFailure,
)
from gate_app.domain.following import wanted
from gate_app.domain.learned import is_first
from gate_app.domain.model import (
    Authorship,
    Change,
    Content,
    Origin,
    Person,
    PersonKind,
    Repository,
    Subject,
    Unknown,
)
from gate_app.domain.opening import open_run
from gate_app.domain.ownership import Owners, Ownership, least
from gate_app.domain.policy import ChecksWork, Permission, Policy, reaches
from gate_app.domain.run import QUESTION, Run
from gate_app.domain.shipping import Difference, Globs, Shipment, shipment_of
from gate_app.domain.smallest import Finishers, finishers
from gate_app.domain.surface import REPLY
from gate_app.domain.verdict import Verdict
from gate_app.simulation.facts import Facts, PersonFacts, StageFacts
from gate_app.simulation.moments import parsed

REPOSITORY: Final = Repository(1, "simulated", "repository", 1)
HEAD: Final = Content("a" * 40, "c" * 40)
BASE: Final = Content("b" * 40, "d" * 40)
NUMBER: Final = 1
MAX_TICKS: Final = 20
"""Judgements that may follow one another at once; production has no such chain."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one gate. `verdict` is None where nobody asked for it yet (`from: command`).

    `wakes_at` is when time alone may change something, None if never.
    """

    environment: str
    verdict: Verdict | None
    finishers: Finishers
    released: bool = False
    wakes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A comment, and what was answered to it, empty where nothing was."""

    line: str
    reply: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """Every gate of the policy, in configured order, and what came of what was said."""

    at: datetime
    outcomes: tuple[Outcome, ...]
    said: tuple[Said, ...] = ()


def simulate(policy: Policy, facts: Facts, now: datetime, touches: Globs, calendar: Calendar) -> Simulation:
    """The gates of a policy over facts. `now` is when it is judged, where the facts say nothing else."""
    at = (parsed(facts.at) if facts.at else None) or now
    people, shared = _People.of(policy, facts), dict[str, EnvironmentFacts]()
    worlds = [
        _World(policy, facts, people, origin, at, touches, calendar, shared)
        for origin in (Origin.PULL_REQUEST, Origin.DEFAULT_BRANCH)
        if policy.gated_in(origin) or (origin is Origin.PULL_REQUEST and policy.gated_in(Origin.COMMAND))
    ]
    for world in worlds:
        world.begin()
    said = tuple(_hear(policy, worlds, people, line) for line in facts.said)
    for world in worlds:
        world.wait(duration(facts.waited) if facts.waited else timedelta())
    by_origin = {world.origin: world for world in worlds}
    joined = by_origin.get(Origin.PULL_REQUEST) or worlds[0]
    outcomes = (by_origin.get(each.origin, joined).outcome(each.name) for each in policy.environments)
    return Simulation(at, tuple(outcomes), said)


def _hear(policy: Policy, worlds: Sequence[_World], people: _People, said: str) -> Said:
    """A comment reaches the run whose gate it names, or every run where it names none."""
    login, _, line = (part.strip() for part in said.partition(":"))
    command = parse(line, [environment.name for environment in policy.environments])
    named = command.environment if isinstance(command, Command) else None
    environment = policy.environment(named) if named else None
    origin = environment.origin if environment else None
    meant = [world for world in worlds if origin in (None, world.origin)] or worlds[:1]
    replies = [world.hear(people.of_login(login), line) for world in meant]
    return Said(said, "\n".join(dict.fromkeys(filter(None, replies))))


@dataclass(frozen=True, slots=True)
class _People:
    """Everybody that facts or policy speak of, by login in lower case, with the numbers that they have here."""

    by_login: Mapping[str, Person]
    standings: Mapping[int, Standing]

    @staticmethod
    def of(policy: Policy, facts: Facts) -> _People:
        authors = (facts.change.author, *facts.change.contributors)
        owning = (user for owners in _owners(facts) for user in owners.users)
        talking = (line.partition(":")[0].strip() for line in facts.said)
        logins = dict.fromkeys(
            [*facts.people, *authors, *talking, *policy.logins(), *policy.authors(), *owning]
        )
        found: dict[str, Person] = {}
        for number, login in enumerate(logins, start=1):
            kind = PersonKind.BOT if login.endswith("[bot]") else PersonKind.USER
            found.setdefault(login.casefold(), Person(number, login, kind))
        known = {login.casefold(): each for login, each in facts.people.items()}
        standings = {}
        for login, person in found.items():
            standings[person.id] = _standing(person, known.get(login))
        return _People(found, standings)

    def of_login(self, login: str) -> Person:
        return self.by_login[login.casefold()]

    def candidates(self) -> tuple[Person, ...]:
        """Who may have anything to say: people with a role here."""
        named = (self.standings[person.id] for person in self.by_login.values())
        return tuple(
            each.person
            for each in named
            if reaches(each.permission, each.role) and each.person.account is PersonKind.USER
        )


def _owners(facts: Facts) -> tuple[Owners, ...]:
    """Sets of code owners: a name with a slash is a team."""
    return tuple(
        Owners(tuple(name for name in names if "/" not in name), tuple(name for name in names if "/" in name))
        for names in facts.change.owners or ()
    )


def _standing(person: Person, told: PersonFacts | None) -> Standing:
    """What they may by the facts; whom those do not know may nothing."""
    if told is None:
        return Standing(person, Permission.NONE)
    role = told.role or ("" if told.permission == "none" else told.permission)
    permission = Permission.of_role(told.permission)
    return Standing(person, permission, told.teams, organisations=told.organisations, role=role)


@dataclass(slots=True)
class _World:
    """One run, and what it is told of the world; `environments` are shared by all runs."""

    policy: Policy
    facts: Facts
    people: _People
    origin: Origin
    now: datetime
    touches: Globs
    calendar: Calendar
    environments: dict[str, EnvironmentFacts]
    run: Run = field(init=False)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    comments: dict[int, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.run = open_run(self._change(), 1, self.policy, self.now, self._pushers())
        for environment in self.policy.environments:
            self.environments.setdefault(environment.name, self._environment(environment.name))

    def begin(self) -> None:
        """The change is proposed, and its stages end as the facts say."""
        self._decide(ChangeProposed(self.now, self.run.change))
        for stage in tuple(self.run.stages.values()):
            outcome = _outcome(stage.stage, self._stage(stage.stage))
            if outcome is not None:
                self._decide(StageEnded(self.now, stage.key, stage.attempt, outcome))

    def hear(self, person: Person, line: str) -> str:
        """What is answered to a comment, empty for silence; a second goes by before each."""
        self.now += timedelta(seconds=1)
        written, digest = len(self.comments) + len(self.shown) + 1, sha256(line.encode()).hexdigest()
        self.comments[written] = digest
        decided = self._decide(CommandGiven(self.now, written, NUMBER, person, line, digest))
        replies = [each for each in decided.effects if isinstance(each, PublishComment)]
        return "\n".join(each.body for each in replies if each.surface.startswith(REPLY))

    def wait(self, span: timedelta) -> None:
        if span:
            self.now += span
            self._decide(ClockTicked(self.now))

    def outcome(self, name: str) -> Outcome:
        """The last word of the gate before its release, if one has begun."""
        if name not in self.run.gates:
            return Outcome(name, None, Finishers(needed=False))
        gate, conditions = self.run.gates[name], self._conditions()
        able = finishers(self.run, name, conditions, self.people.candidates())
        open_gate = gate.release is None and gate.closing is None
        wakes_at = self.run.wake_at if open_gate else None
        return Outcome(name, self.verdicts[name], able, gate.release is not None, wakes_at)

    def _decide(self, event: Event) -> Decision:
        """One decision and those that follow at once; the question of a gate is on the page as soon as it is asked."""
        before = self.run
        decided = self._taken(decide(before, event, self._conditions(event)))
        following = decided
        for _ in range(MAX_TICKS):
            if not following.again:
                break
            following = self._taken(decide(self.run, ClockTicked(self.now), self._conditions()))
        return decided

    def _taken(self, decision: Decision) -> Decision:
        for name, verdict in decision.verdicts.items():
            gate = self.run.gates.get(name)
            if gate is None or (gate.release is None and gate.closing is None):
                self.verdicts[name] = verdict
        self.run = decision.run
        for facts in decision.environments:
            self.environments[facts.name] = replace(facts, version=facts.version + 1)
        for name, gate in self.run.gates.items():
            asked = gate.question
            if asked is not None and asked.comment_id is None:
                self.shown.add(f"{QUESTION}{name}:{asked.number}")
                shown = QuestionShown(self.now, name, asked.number, len(self.comments) + len(self.shown))
                self._taken(decide(self.run, shown, self._conditions(shown)))
        return decision

    # --- what is known ----------------------------------------------------------------------------------

    def _conditions(self, event: Event | None = None) -> Conditions:
        change, told = self.run.change, self.facts.change
        asked = wanted(self.run, self.policy, event or ClockTicked(self.now))
        return Conditions(
            now=self.now,
            policy=self.policy,
            head=Head(
                change.head.sha, change.base_ref, open=True, labels=self._labels(), default_branch=told.base
            ),
            authorship=self._authorship(),
            standings=dict(self.people.standings),
            comments=dict(self.comments),
            identities={login: self.people.of_login(login).id for login in self._named()},
            environments=dict(self.environments),
            shipments=self._shipments(),
            checks={name: _reading(self._stage(name)) for name in self._checks()},
            routes=dict.fromkeys(asked.routes),
            freezes=freezes(self.policy, self.calendar, self.now),
            working=working(self.run, self.policy, self.calendar, self.now),
            owners=self._owners(),
            at_work=at_work(self.policy, self.calendar, self.now),
        )

    def _named(self) -> tuple[str, ...]:
        owning = (user for owners in _owners(self.facts) for user in owners.users)
        return (*self.policy.logins(), *self.policy.authors(), *owning)

    def _owners(self) -> dict[str, Ownership | Unknown]:
        """Those of the change, for every gate that asks code owners."""
        found = least(_owners(self.facts))
        told = (
            Unknown("owners_unknown", "the facts say nothing") if self.facts.change.owners is None else found
        )
        return {each.name: told for each in self.policy.environments if each.asks_owners}

    def _authorship(self) -> Authorship:
        told = self.facts.change
        authors = (self.people.of_login(login).id for login in (told.author, *told.contributors))
        return Authorship(tuple(dict.fromkeys(authors)), told.unattributed)

    def _labels(self) -> tuple[str, ...] | None:
        return self.facts.change.labels if self.facts.change.pull_request else None

    def _pushers(self) -> tuple[int, ...]:
        return tuple(self.people.of_login(login).id for login in self.facts.change.contributors)

    def _change(self) -> Change:
        told, proposed = self.facts.change, self.origin is Origin.PULL_REQUEST
        subject = (
            Subject(REPOSITORY.id, NUMBER)
            if proposed
            else Subject(REPOSITORY.id, ref=f"refs/heads/{told.base}")
        )
        branch = told.branch if proposed else told.base
        return Change(
            repository=REPOSITORY,
            subject=subject,
            origin=self.origin,
            head=HEAD,
            base_ref=told.base,
            base_sha=BASE.sha,
            title=told.title,
            author=self.people.of_login(told.author),
            conversation=NUMBER if proposed or told.pull_request else None,
            head_branch="" if told.fork and proposed else branch,
            default_branch=told.base,
        )

    def _environment(self, name: str) -> EnvironmentFacts:
        """Where the same content has been healthy, it is not said to run: it is what is released again."""
        told = self.facts.environments.get(name)
        if told is None:
            return EnvironmentFacts(name, running=BASE, baseline=self._baseline())
        since = {HEAD.sha: self.now - duration(told.healthy_for)} if told.healthy_for else {}
        return EnvironmentFacts(
            name,
            running=BASE if told.runs else None,
            verified=(HEAD,) if told.healthy_for else (),
            busy_with="another release" if told.busy else None,
            baseline=self._baseline() if told.runs else None,
            healthy_since=since,
            coverage=_coverage(told.coverage) if told.runs else None,
        )

    def _baseline(self) -> tuple[str, ...]:
        """The findings that the facts say are known."""
        return tuple(
            found.fingerprint
            for name in (stage.name for stage in self.policy.stages)
            for found, known in _findings(name, self._stage(name))
            if known
        )

    def _shipments(self) -> dict[str, Shipment | Unknown]:
        told = self.facts.change
        proposed = self.origin is Origin.PULL_REQUEST
        return {
            each.name: shipment_of(
                Difference(
                    BASE.sha,
                    is_first(each, self.environments[each.name]),
                    ahead=1,
                    behind=0,
                    messages=(told.title,),
                    files=told.files,
                    lines=told.lines,
                    authorship=self._authorship() if self.environments[each.name].running else None,
                ),
                each,
                proposed,
                self.touches,
            )
            for each in self.policy.environments
        }

    def _checks(self) -> Iterator[str]:
        return (stage.name for stage in self.policy.stages if isinstance(stage.work, ChecksWork))

    def _stage(self, name: str) -> StageFacts:
        stages = self.facts.stages
        told = stages if isinstance(stages, str) else stages.get(name, "running")
        return StageFacts(verdict=told) if isinstance(told, str) else told


_REASONS: Final = {
    "passed": (StageVerdict.PASSED, StageReason.COMMAND_SUCCEEDED),
    "failed": (StageVerdict.FAILED, StageReason.COMMAND_FAILED),
    "unknown": (StageVerdict.UNKNOWN, StageReason.RESULT_UNREADABLE),
}
_CHECKS: Final = {
    "passed": (CheckState.PASSED, "success"),
    "failed": (CheckState.FAILED, "failure"),
    "running": (CheckState.PENDING, "in_progress"),
}


def _outcome(stage: str, told: StageFacts) -> StageOutcome | None:
    """How a stage ended by the facts, None while it runs."""
    if told.verdict == "running":
        return None
    verdict, reason = _REASONS[told.verdict]
    counts = told.tests
    tests = (
        TestCounts(counts.passed, counts.failed, skipped=counts.skipped, flaky=counts.flaky)
        if counts
        else None
    )
    failures = (TestFailure("a test", "it failed"),) if counts and counts.failed else ()
    findings = tuple(found for found, _ in _findings(stage, told))
    measured = _coverage(told.coverage)
    evidence = Evidence(tests=tests, failures=failures, findings=findings, coverage=measured)
    return StageOutcome(verdict, reason, evidence)


def _coverage(percent: str | None) -> Coverage | None:
    """A percentage, as covered ones of a hundred thousand lines."""
    return None if percent is None else Coverage(100_000, round(float(percent) * 1000))


def _findings(stage: str, told: StageFacts) -> Iterator[tuple[Finding, bool]]:
    """Every finding, and whether what runs has it too; each is another one, however alike they read."""
    for number, found in enumerate(told.findings):
        mark = sha256(f"{stage}:{number}:{found.rule}".encode()).hexdigest()
        yield Finding(mark, found.rule[:300], Severity(found.severity), found.rule), found.known


def _reading(told: StageFacts) -> CheckReading | Unknown:
    if told.verdict == "unknown":
        return Unknown("checks_unreadable", "the facts say so")
    state, word = _CHECKS[told.verdict]
    return CheckReading((Check(1, 1, 1, "checks", state, word, None),))
