"""Runs, changes and conditions for tests of the pure domain, in the user's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from gate_app.domain.checks import CheckReading
from gate_app.domain.conditions import Conditions, EnvironmentFacts, Head, Standing
from gate_app.domain.decide import Decision, decide
from gate_app.domain.effects import CreateDeployment, Effect, PublishCheckRun, PublishComment, StartStage
from gate_app.domain.events import (
    ButtonPressed,
    ChangeProposed,
    ClockTicked,
    CommandGiven,
    DeploymentCreated,
    Event,
    QuestionShown,
    StageEnded,
)
from gate_app.domain.evidence import Evidence, Finding, StageOutcome, StageReason, StageVerdict
from gate_app.domain.following import wanted
from gate_app.domain.freezes import Freeze
from gate_app.domain.held import HeldRun
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
from gate_app.domain.ownership import Ownership
from gate_app.domain.policy import (
    ApprovalPolicy,
    ApproverLine,
    CommandRoute,
    CommandWork,
    Environment,
    Permission,
    Policy,
    PolicyProblem,
    Stage,
)
from gate_app.domain.proposals import Proposal
from gate_app.domain.protection import held_to_read
from gate_app.domain.record import record
from gate_app.domain.run import Gate, Run
from gate_app.domain.shipping import Shipment
from gate_app.domain.workflows import DeploymentSeen, WorkflowSeen
from gate_app.domain.worktime import Span

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REPOSITORY = Repository(71, "acme", "greeter", 5, owner_id=9)
HEAD = Content("a" * 40, "b" * 40)
AUTHOR = Person(100, "author")
REVIEWER = Person(101, "reviewer")
MAINTAINER = Person(102, "maintainer")
READER = Person(103, "reader")
ROBOT = Person(104, "robot[bot]", PersonKind.BOT)

STANDINGS: Mapping[int, Standing] = {
    person.id: Standing(person, permission, teams)
    for person, permission, teams in (
        (AUTHOR, Permission.ADMIN, ("acme/sre",)),
        (REVIEWER, Permission.WRITE, ("acme/sre",)),
        (MAINTAINER, Permission.MAINTAIN, ()),
        (READER, Permission.READ, ()),
        (ROBOT, Permission.ADMIN, ()),
    )
}

CHANGE = Change(
    repository=REPOSITORY,
    subject=Subject(REPOSITORY.id, number=1),
    origin=Origin.PULL_REQUEST,
    head=HEAD,
    base_ref="main",
    base_sha="c" * 40,
    title="Greet in French",
    author=AUTHOR,
    conversation=1,
    pusher=AUTHOR,
    head_branch="french",
    default_branch="main",
)

TESTS = Stage("tests", CommandWork("pytest"))


def policy(*lines: ApproverLine, blob: str = "p" * 40, **approval: object) -> Policy:
    """Tests, then staging, then production after staging; every gate with the same approver lines."""
    rules = ApprovalPolicy(lines=lines or (ApproverLine(permission=Permission.WRITE),), **approval)  # type: ignore[arg-type]  # keyword pass-through
    return Policy(
        blob,
        (TESTS,),
        (
            Environment("staging", Origin.PULL_REQUEST, ("tests",), None, rules, CommandRoute("deploy")),
            Environment(
                "production", Origin.PULL_REQUEST, ("tests",), "staging", rules, CommandRoute("deploy")
            ),
        ),
    )


def passed(*findings: Finding) -> StageOutcome:
    return StageOutcome(StageVerdict.PASSED, StageReason.TESTS_PASSED, Evidence(findings=findings))


def failed() -> StageOutcome:
    return StageOutcome(StageVerdict.FAILED, StageReason.TESTS_FAILED, Evidence(), "1 of 3 tests failed")


def unknown_outcome() -> StageOutcome:
    return StageOutcome(
        StageVerdict.UNKNOWN, StageReason.MODULE_MISSING, Evidence(), "No module named 'requests'"
    )


@dataclass
class World:
    """A run in a world that answers as told; every step is decided by the real `decide`."""

    run: Run
    now: datetime = START
    current_policy: Policy | PolicyProblem | Unknown = field(default_factory=policy)
    head: Head | Unknown = field(default_factory=lambda: Head(HEAD.sha, "main", True))
    authorship: Authorship | Unknown = Authorship((AUTHOR.id,))
    standings: dict[int, Standing | Unknown] = field(default_factory=lambda: dict(STANDINGS))
    comments: dict[int, str | Unknown] = field(default_factory=dict)
    identities: dict[str, int | Unknown] = field(
        default_factory=lambda: {"author": AUTHOR.id, "octocat": 583_231}
    )
    environments: dict[str, EnvironmentFacts] = field(default_factory=dict)
    shipments: dict[str, Shipment | Unknown] = field(default_factory=dict)
    checks: dict[str, CheckReading | Unknown] = field(default_factory=dict)
    workflow_runs: dict[str, WorkflowSeen | Unknown] = field(default_factory=dict)
    deployments: dict[str, DeploymentSeen | Unknown] = field(default_factory=dict)
    freezes: dict[str, Freeze | Unknown | None] = field(default_factory=dict)
    working: dict[str, tuple[Span, ...] | Unknown] = field(default_factory=dict)
    owners: dict[str, Ownership | Unknown] = field(
        default_factory=lambda: {"policy": Unknown("owners_absent")}
    )
    channels: tuple[str, ...] = ()
    at_work: dict[str, bool | Unknown] = field(default_factory=dict)
    proposal: Proposal | Unknown | None = None
    issues: dict[int, Person | Unknown | None] = field(default_factory=dict)
    obstacles: dict[str, Unknown] = field(default_factory=dict)
    held: dict[int, HeldRun | Unknown] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    last_comment: int = 0
    shown: set[str] = field(default_factory=set)
    hidden: bool = False

    def _routes(self, event: Event | None) -> dict[str, Unknown | None]:
        """What is asked about routes is answered: nothing keeps them, but for `obstacles`."""
        rules = self.current_policy if isinstance(self.current_policy, Policy) else self.run.policy
        if not isinstance(rules, Policy):
            return {}
        asked = wanted(self.run, rules, event or ClockTicked(self.now)).routes
        return {name: self.obstacles.get(name) for name in asked}

    def _held(self, event: Event | None) -> dict[int, HeldRun | Unknown]:
        """Only what is asked about held jobs is answered."""
        asked = held_to_read(self.run, event or ClockTicked(self.now))
        return {each: self.held.get(each, Unknown("hub_refused", "404")) for each in asked}

    def conditions(self, event: Event | None = None) -> Conditions:
        return Conditions(
            self.now,
            self.current_policy,
            self.head,
            self.authorship,
            dict(self.standings),
            dict(self.comments),
            dict(self.identities),
            dict(self.environments),
            dict(self.shipments),
            dict(self.checks),
            dict(self.workflow_runs),
            dict(self.deployments),
            self._routes(event),
            dict(self.freezes),
            dict(self.working),
            dict(self.owners),
            self.channels,
            dict(self.at_work),
            self.proposal,
            issues=dict(self.issues),
            held=self._held(event),
        )

    def happens(self, event: Event) -> Decision:
        """Decides one event, applies it, and judges once more when the decision asks for it."""
        decision = decide(self.run, event, self.conditions(event))
        self.run = decision.run
        self.effects += decision.effects
        self.decisions.append(decision)
        for facts in decision.environments:
            self.environments[facts.name] = replace(facts, version=facts.version + 1)
        self.shows(decision)
        return self.happens(ClockTicked(self.now)) if decision.again else decision

    def shows(self, decision: Decision) -> None:
        """The questions of a decision come on the page at once, unless `hidden`, and the run hears of it."""
        for effect in decision.effects:
            if not isinstance(effect, PublishComment) or not effect.surface.startswith("question:"):
                continue
            if effect.surface in self.shown or self.hidden:
                continue
            self.shown.add(effect.surface)
            _, environment, number = effect.surface.split(":")
            self.run = record(self.run, QuestionShown(self.now, environment, int(number), self.last_comment))

    def passes(self, seconds: float) -> World:
        self.now += timedelta(seconds=seconds)
        return self

    def tick(self) -> Decision:
        return self.happens(ClockTicked(self.now))

    def stage_ends(self, key: str = "tests", outcome: StageOutcome | None = None) -> Decision:
        stage = self.run.stages[key]
        return self.happens(StageEnded(self.now, key, stage.attempt, outcome or passed()))

    def says(self, person: Person, line: str, *, via_app: bool = False) -> Decision:
        """A person comments; a second goes by, as between any two things people do."""
        self.passes(1)
        self.last_comment += 1
        digest = sha256(line.encode()).hexdigest()
        self.comments.setdefault(self.last_comment, digest)
        return self.happens(CommandGiven(self.now, self.last_comment, 1, person, line, digest, via_app))

    def deploys(self, environment: str, outcome: StageOutcome | None = None) -> Decision:
        """GitHub has the deployment and its worker ends."""
        self.happens(DeploymentCreated(self.now, environment, 900 + len(self.effects)))
        return self.stage_ends(f"deploy@{environment}", outcome)

    def gate(self, environment: str) -> Gate:
        return self.run.gates[environment]

    def state(self, environment: str) -> str:
        return self.decisions[-1].verdicts[environment].state.value

    def codes(self, environment: str) -> tuple[str, ...]:
        return self.decisions[-1].verdicts[environment].codes

    def releases(self, environment: str) -> list[CreateDeployment]:
        return [e for e in self.effects if isinstance(e, CreateDeployment) and e.environment == environment]

    def started(self) -> list[str]:
        return [effect.stage for effect in self.effects if isinstance(effect, StartStage)]

    def replies(self) -> list[str]:
        return [
            e.body for e in self.effects if isinstance(e, PublishComment) and e.surface.startswith("reply:")
        ]


def proposed(rules: Policy | PolicyProblem | None = None, change: Change = CHANGE) -> World:
    """A pull request was just opened under this policy."""
    rules = rules or policy()
    world = World(open_run(change, 1, rules, START), current_policy=rules)
    world.happens(ChangeProposed(START, change))
    return world


def asking(rules: Policy | None = None) -> World:
    """The tests passed and staging asks."""
    world = proposed(rules)
    world.passes(5).stage_ends()
    return world


def shown_buttons(world: World, environment: str) -> dict[str, str]:
    """The buttons that the gate's check run shows now: identifier by label."""
    shown = [
        effect
        for effect in world.effects
        if isinstance(effect, PublishCheckRun) and effect.surface == f"gate:{environment}"
    ]
    return {button.label: button.identifier for button in shown[-1].buttons}


def presses(world: World, person: Person, environment: str, button: str, sha: str = HEAD.sha) -> Decision:
    """A person presses a button of the gate's check run; a second goes by."""
    world.passes(1)
    return world.happens(ButtonPressed(world.now, environment, person, button, sha))
