"""The request bodies of the control API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gate_app.standin.bodies import (
    Body,
    CheckRunUpdate,
    Conclusion,
    NewCheckRun,
    NewDeployment,
    NewDeploymentStatus,
    NewStatus,
)
from gate_app.standin.runners import Script

Role = Annotated[str, Field(pattern=r"^([a-z-]+:)?(admin|maintain|write|triage|read|none)$")]


class NewApp(Body):
    """Register an App: with a public key, or with `generate` for a new pair of keys."""

    webhook_url: str | None = None
    webhook_secret: str | None = None
    public_key_pem: str | None = None
    generate: bool = False
    account: str = "acme"
    slug: str = "gate-app"
    name: str = "Gate App"
    permissions: dict[str, str] | None = None
    events: list[str] | None = None


class AppChange(Body):
    """Where the App's webhooks go from now on, and what it asks of installations."""

    webhook_url: str | None = None
    webhook_secret: str | None = None
    permissions: dict[str, str] | None = None
    events: list[str] | None = None


class NewInstallation(Body):
    """Install the App on another account."""

    account: str


class InstallationChange(Body):
    """What happens to an installation; what is absent stays."""

    suspended: bool | None = None
    repositories: list[str] | Literal["all"] | None = None
    accept_permissions: bool = False


class NewPerson(Body):
    """Create an account, with a role on a repository if both are given."""

    login: str = Field(min_length=1, max_length=39)
    type: Literal["User", "Bot", "Organization"] = "User"
    name: str | None = None
    email: str | None = None
    repository: str | None = None
    role: Role | None = None


class PersonChange(Body):
    """Another login, or a suspension."""

    login: str | None = Field(None, min_length=1, max_length=39)
    suspended: bool | None = None


class OrganizationMember(Body):
    """A place in an organization."""

    role: Literal["admin", "member", "none"] = "member"
    state: Literal["active", "pending"] = "active"


class TeamChange(Body):
    """The slug of the team that a team is within, and the role of its members on a repository."""

    parent: str | None = None
    repository: str | None = None
    role: Role | None = None


class TeamMember(Body):
    """A place in a team, which is written `organization/slug`."""

    team: str = Field(pattern=r"^[^/]+/[^/]+$")
    login: str
    state: Literal["active", "pending"] = "active"
    role: Literal["member", "maintainer"] = "member"


class GivenRole(Body):
    """A role on a repository."""

    role: Role


class RepositoryFacts(Body):
    """A repository: `base` of `checkout` plus one commit with `files` on the default branch."""

    owner: str
    name: str
    checkout: str | None = None
    base: str | None = None
    default_branch: str = "main"
    private: bool = True
    files: dict[str, str] = Field(default_factory=dict)
    identities: dict[str, str | None] = Field(default_factory=dict)


class RepositoryChange(Body):
    """Rename, transfer, archive, publish a repository; what is absent stays."""

    owner: str | None = None
    name: str | None = None
    private: bool | None = None
    archived: bool | None = None
    default_branch: str | None = None


class NewCommit(Body):
    """A commit on top of `parent` (a SHA or branch); None removes a file."""

    parent: str | None = None
    files: dict[str, str | None]
    message: str = "Change"
    login: str | None = None
    email: str | None = None
    name: str | None = None


class Push(Body):
    """A branch moves to a commit."""

    sha: str
    by: str


class NewPull(Body):
    """Open a pull request."""

    head_sha: str
    head_branch: str
    title: str
    body: str | None = None
    author: str
    base_branch: str | None = None
    fork_owner: str | None = None


class PullHead(Body):
    """Push to a pull request; its author does, unless somebody else is named."""

    head_sha: str
    by: str | None = None


class PullChange(Body):
    """Another base branch or title."""

    base: str | None = None
    title: str | None = None
    by: str | None = None


class Merge(Body):
    """Merge a pull request."""

    method: Literal["merge", "squash", "rebase"] = "merge"
    by: str


class Labels(Body):
    """The labels that a pull request shall wear, and who puts them on and takes others off."""

    labels: list[str]
    by: str | None = None


class Actor(Body):
    """Who does it."""

    by: str | None = None


class Remark(Body):
    """A comment of a person, typed by hand or sent through the App on the person's behalf."""

    login: str
    body: str
    via_app: bool = False


class Closer(Body):
    """Who closes an issue."""

    login: str


class Commenter(Body):
    """Who deletes a comment."""

    login: str


class Click(Body):
    """Somebody presses a button of a check run."""

    login: str
    identifier: str


class ForeignCheckRun(Body):
    """A check run of another App."""

    app: str = "github-actions"
    check_run: NewCheckRun


class ForeignReport(Body):
    """An update of another App's check run."""

    report: CheckRunUpdate


class ForeignCommitStatus(Body):
    """A commit status that somebody else sets."""

    login: str
    sha: str
    status: NewStatus


class RequiredChecks(Body):
    """The checks that a branch requires, each from the App with this slug or from anybody."""

    checks: dict[str, str | None]
    source: Literal["protection", "ruleset"] = "protection"


class ScriptFacts(Body):
    """What one attempt of a workflow does; see `runners.Script`."""

    NULLABLE = frozenset({"conclusion"})
    starts: bool = True
    conclusion: Conclusion | None = "success"
    seconds: float = Field(0, ge=0, le=3600)
    jobs: dict[str, Conclusion] = Field(default_factory=dict)
    artifacts: dict[str, dict[str, str]] = Field(default_factory=dict)

    def script(self) -> Script:
        """The script."""
        return Script(**self.model_dump())


class ScriptList(Body):
    """The scripts of the next attempts; earlier ones are forgotten."""

    scripts: list[ScriptFacts] = Field(max_length=100)


class HandDispatch(Body):
    """Somebody runs a workflow."""

    login: str
    ref: str | None = None
    inputs: dict[str, object] = Field(default_factory=dict)


class HoldingApp(Body):
    """The App without whose answer no job uses an environment; None for nobody."""

    app_id: int | None = None


class JobClaims(Body):
    """Claims of a job's token that differ from GitHub's; null takes one away."""

    claims: dict[str, object] = Field(default_factory=dict)


class Ending(Body):
    """How a workflow run ends."""

    conclusion: Conclusion = "success"


class Deployer(Body):
    """A person, or the bot of the App with this slug."""

    login: str | None = None
    app: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Deployer:
        if (self.login is None) == (self.app is None):
            raise ValueError("name either a login or an app")
        return self


class ForeignDeployment(Deployer):
    """A deployment that somebody else makes."""

    deployment: NewDeployment


class ForeignStatus(Deployer):
    """A deployment status that somebody else sets."""

    status: NewDeploymentStatus


class FaultFacts(Body):
    """A fault of the API."""

    method: str = "*"
    path_regex: str
    skip: int = Field(0, ge=0, le=10_000)
    times: int = Field(1, ge=0, le=10_000)
    kind: str
    seconds: int = Field(1, ge=0, le=3600)


class FaultList(Body):
    """All faults; earlier ones are forgotten."""

    faults: list[FaultFacts] = Field(max_length=100)


class WebhookTroubles(Body):
    """What goes wrong with webhooks from now on."""

    drop_every: int = Field(0, ge=0)
    double_every: int = Field(0, ge=0)
    shuffle_window: int = Field(0, ge=0, le=1000)
    seed: int = 0
    hold: bool = False
    delay_seconds: float = Field(0, ge=0, le=10)
    drop_events: list[str] = Field(default_factory=list, max_length=50)
    hold_events: list[str] = Field(default_factory=list, max_length=50)


class RateLimit(Body):
    """How many calls an installation or App may make in an hour."""

    limit: int = Field(ge=0, le=15_000)


class Patience(Body):
    """How long to wait."""

    seconds: float = Field(10.0, ge=0, le=60)
