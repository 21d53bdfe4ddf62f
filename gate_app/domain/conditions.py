"""Everything a rule may need to know, read before the judgement and passed in.

Rules of the file: values only; whatever could not be read is `Unknown` and makes the gate wait (invariant
4). `now` is when we judge, and the only clock of the domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gate_app.domain.checks import CheckReading
from gate_app.domain.delegation import Delegation
from gate_app.domain.evidence import Coverage
from gate_app.domain.freezes import Freeze
from gate_app.domain.held import HeldRun
from gate_app.domain.locks import Lock
from gate_app.domain.model import LATER, Authorship, Content, Person, Unknown
from gate_app.domain.overrides import Debt
from gate_app.domain.ownership import Ownership
from gate_app.domain.policy import Permission, Policy, PolicyProblem
from gate_app.domain.proposals import Proposal
from gate_app.domain.shipping import Shipment
from gate_app.domain.waivers import Waiver
from gate_app.domain.workflows import DeploymentSeen, WorkflowSeen
from gate_app.domain.worktime import Span


@dataclass(frozen=True, slots=True)
class Head:
    """What GitHub says right now about the head under decision.

    `labels` are those of its pull request; None when there is none, or they could not be told.
    `default_branch` is that of the repository, empty where it was not asked. `interrupted_at` is when the head last was
    away, or its pull request closed or retargeted; it is asked for only when an approval stands that may be older.
    `since_kept` are GitHub's names of such events since the oldest approval of the head before that may be kept.
    """

    sha: str
    base_ref: str
    open: bool
    merged: bool = False
    labels: tuple[str, ...] | None = None
    default_branch: str = field(default="", metadata=LATER)
    interrupted_at: datetime | None = field(default=None, metadata=LATER)
    since_kept: tuple[str, ...] | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Standing:
    """What one person is in this repository, read live; `teams` are those of the policy they are active in.

    `doubtful` are teams they are active in whose name may mean another team than it did (case 62). `organisations` are
    those of the policy they are active in, `role` is the name of their role here, which may be a custom one.
    `answered_at`, where an answer of theirs is seated, is when they gave it.
    """

    person: Person
    permission: Permission
    teams: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = field(default=(), metadata=LATER)
    organisations: tuple[str, ...] = field(default=(), metadata=LATER)
    role: str = field(default="", metadata=LATER)
    instead_of: tuple[Standing, ...] = field(default=(), metadata=LATER)
    answered_at: datetime | None = field(default=None, metadata=LATER)

    @property
    def places(self) -> tuple[Standing, ...]:
        """Themselves, and those in whose place they may answer."""
        return (self, *self.instead_of)

    @property
    def shown(self) -> str:
        """Their login, and for whom they may answer."""
        others = ", ".join(each.person.login for each in self.instead_of)
        return f"{self.person.login} (for {others})" if others else self.person.login


@dataclass(frozen=True, slots=True)
class Running:
    """Content that runs, or ran, in an environment, with the fingerprints of its findings where known."""

    content: Content
    baseline: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Outside:
    """A deployment that no release of ours brought there: its number at GitHub, the commit, who made it, and when."""

    id: int
    sha: str
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """What we know of one environment; `version` guards against two runs deciding on the same picture.

    `running` is what a release of ours left there; `verified` are contents that passed there, newest first;
    `healthy_since` says since when, by SHA, and `healthy_until` when something else took its place; `busy_with` is the
    gate whose release is in flight; `baseline` are fingerprints of the findings of what runs there, None when nothing
    of ours runs there (then all findings are new); `before` is what ran there before what runs now. `lock` is the last
    one, over or not; Unknown when there is one that cannot be read. `authors` are of whom something was healthy there,
    the newest first; `tests` counts those of the stages that its gate needed when what runs there was released, and
    `coverage` is what these covered. `way_back` is the SHA that the plan of what runs there names to go back to, empty
    where it names none. `overridden` are commits that passed there by an override alone. `debts` are the follow-ups of
    overrides, the newest first, among the facts that concern every environment. `waivers` are of findings that do not
    hold it, over or not. `outside` are the newest deployments that came there past its gate, `jobs` the
    workflow runs that redeemed grants there last.
    """

    name: str
    version: int = 0
    running: Content | None = None
    verified: tuple[Content, ...] = ()
    busy_with: str | None = None
    baseline: tuple[str, ...] | None = None
    before: Running | None = None
    healthy_since: Mapping[str, datetime] = field(default_factory=dict, metadata=LATER)
    healthy_until: Mapping[str, datetime] = field(default_factory=dict, metadata=LATER)
    authors: tuple[int, ...] = field(default=(), metadata=LATER)
    tests: int | None = field(default=None, metadata=LATER)
    coverage: Coverage | None = field(default=None, metadata=LATER)
    way_back: str = field(default="", metadata=LATER)
    lock: Lock | Unknown | None = field(default=None, metadata=LATER)
    delegations: tuple[Delegation, ...] = field(default=(), metadata=LATER)
    debts: tuple[Debt, ...] = field(default=(), metadata=LATER)
    waivers: tuple[Waiver, ...] = field(default=(), metadata=LATER)
    overridden: tuple[str, ...] = field(default=(), metadata=LATER)
    outside: tuple[Outside, ...] = field(default=(), metadata=LATER)
    jobs: tuple[int, ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True, slots=True)
class Conditions:
    """One consistent picture of the world for one decision.

    `standings` are by person id; `comments` maps the comment id of an answer to the fingerprint of its body
    now, `deleted` or an Unknown; `identities` maps configured logins to account ids; `shipments` are what was
    learned now about what would ship, by environment; `checks` are by the name of the stage that looks at them;
    `workflow_runs` and `deployments` are by the key of the stage that follows them; `routes` are by environment,
    None where nothing keeps the route from being taken; `freezes` are by environment that has windows, None where
    none holds; `working` are the working hours, by environment that has them, since its question was asked and for some
    time to come; `owners` are whose files would change, by environment that asks code owners; `channels` are those of
    the gate file that the operator has; `at_work` says of the hours that rules name, as they are shown, whether they
    hold now; `proposal` is what a pull request makes of the gate file; `issues` says of the follow-ups of overrides, by
    number, who closed them; None while they are open; `held` are workflow
    runs whose jobs GitHub may hold. What a decision does not turn on is not read, and is in none of them.
    """

    now: datetime
    policy: Policy | PolicyProblem | Unknown
    head: Head | Unknown
    authorship: Authorship | Unknown
    standings: Mapping[int, Standing | Unknown] = field(default_factory=dict)
    comments: Mapping[int, str | Unknown] = field(default_factory=dict)
    identities: Mapping[str, int | Unknown] = field(default_factory=dict)
    environments: Mapping[str, EnvironmentFacts] = field(default_factory=dict)
    shipments: Mapping[str, Shipment | Unknown] = field(default_factory=dict)
    checks: Mapping[str, CheckReading | Unknown] = field(default_factory=dict)
    workflow_runs: Mapping[str, WorkflowSeen | Unknown] = field(default_factory=dict)
    deployments: Mapping[str, DeploymentSeen | Unknown] = field(default_factory=dict)
    routes: Mapping[str, Unknown | None] = field(default_factory=dict)
    freezes: Mapping[str, Freeze | Unknown | None] = field(default_factory=dict, metadata=LATER)
    working: Mapping[str, tuple[Span, ...] | Unknown] = field(default_factory=dict, metadata=LATER)
    owners: Mapping[str, Ownership | Unknown] = field(default_factory=dict, metadata=LATER)
    channels: tuple[str, ...] = field(default=(), metadata=LATER)
    at_work: Mapping[str, bool | Unknown] = field(default_factory=dict, metadata=LATER)
    proposal: Proposal | Unknown | None = field(default=None, metadata=LATER)
    issues: Mapping[int, Person | Unknown | None] = field(default_factory=dict, metadata=LATER)
    held: Mapping[int, HeldRun | Unknown] = field(default_factory=dict, metadata=LATER)

    def environment(self, name: str) -> EnvironmentFacts:
        """The facts of an environment; one that nobody has released to yet is empty, version 0."""
        return self.environments.get(name, EnvironmentFacts(name))
