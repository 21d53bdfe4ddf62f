"""Where the App is installed: what was granted there, the gate files, and how strong each gate is.

How strong a gate is, is shown, never implied. *enforced*: GitHub holds the job until we answer. *cooperative*: only
somebody who changes what lies on the permitted branches can go past us. *open*: anybody with write permission can.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, Protocol

from gate_app.doctor import app
from gate_app.doctor.finding import Finding, ok, warn, wrong
from gate_app.domain.checks import Required
from gate_app.domain.model import Origin, Repository
from gate_app.domain.policy import CommandRoute, DeploymentRoute, Environment, Policy, ProtectionRuleRoute
from gate_app.engine.ports import PolicyAbsent, PolicyFile, PolicyReader, PolicyRefused
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.inspection import BranchGuard, DeployEnvironment, Inspection, Installation

LOOKED_AT: Final = 200
"""Repositories whose gate file is read; each costs a token and a call."""
_RECIPES: Final = "limit the environment to the default branch, and your cloud's trust to its workflow"


class Hub(Protocol):
    """The client, as far as it is asked here."""

    inspection: Inspection

    def repositories_of(self, installation_id: int) -> Sequence[Repository]: ...
    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused: ...
    def floor_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused: ...
    def required(self, repository: Repository, branch: str) -> Sequence[Required]: ...


def installations(hub: Hub, read_policy: PolicyReader, channels: Collection[str] = ()) -> Iterator[Finding]:
    """Every installation, and every repository of it up to a bound."""
    found = hub.inspection.installations()
    if not found:
        yield wrong(
            "installations", "the App is installed nowhere", "install it on an account or a repository"
        )
    left = LOOKED_AT
    for installation in found:
        if installation.suspended:
            yield warn("installations", f"{installation.account} has suspended the App", "ask its owner")
            continue
        yield from _granted(installation)
        try:
            repositories = hub.repositories_of(installation.id)
        except (HubUnavailable, HubRefused) as fault:
            yield wrong("installations", f"{installation.account}: {fault}", "see the fault")
            continue
        yield from _files(hub, installation, repositories[:left], read_policy, channels)
        left -= len(repositories[:left])
    if found and not left:
        yield warn("repositories", f"only the first {LOOKED_AT} were looked at", "gate-app validate FILE")


def _granted(installation: Installation) -> Iterator[Finding]:
    mend = f"an owner of {installation.account} accepts the App's new permissions in the settings there"
    yield from app.permissions(installation.permissions, f"the installation on {installation.account}", mend)


def _files(
    hub: Hub,
    installation: Installation,
    repositories: Sequence[Repository],
    read_policy: PolicyReader,
    channels: Collection[str],
) -> Iterator[Finding]:
    silent = 0
    for repository in repositories:
        try:
            found = hub.policy_file(repository)
            if isinstance(found, PolicyAbsent):
                silent += 1
            else:
                yield from _judged(hub, repository, found, hub.floor_file(repository), read_policy, channels)
        except (HubUnavailable, HubRefused) as fault:
            yield wrong(
                "repositories", f"{repository.full_name} cannot be looked at: {fault}", "see the fault"
            )
    if silent:
        text = f"{installation.account}: {silent} without .github/gate.yml, where the app is silent"
        yield ok("repositories", text)


def _judged(
    hub: Hub,
    repository: Repository,
    found: PolicyFile | PolicyRefused,
    floor: PolicyFile | PolicyAbsent | PolicyRefused,
    read_policy: PolicyReader,
    channels: Collection[str],
) -> Iterator[Finding]:
    name = repository.full_name
    refused = next((each.detail for each in (found, floor) if isinstance(each, PolicyRefused)), "")
    policy: Policy | str = refused
    if isinstance(found, PolicyFile) and not refused:
        policy = read_policy(found, floor if isinstance(floor, PolicyFile) else None)
    if not isinstance(policy, Policy):
        for line in policy.splitlines():
            yield wrong(
                "gate-file", f"{name}: {line}", "mend it on the default branch; its gates stay closed"
            )
        return
    gates = ", ".join(environment.name for environment in policy.environments)
    below = ", no lower than the floor of its organisation" if isinstance(floor, PolicyFile) else ""
    yield ok("gate-file", f"{name}: valid{below}; gates: {gates}")
    for channel in (each for each in policy.notify if each not in channels):
        text = f"{name}: tells the channel {channel}, which there is not"
        yield warn(
            "channels", text, "add it to the file of GATE_NOTIFY_FILE, or take it out of the gate file"
        )
    branch = hub.inspection.default_branch(repository)
    yield guarded(f"{name}, {branch}", hub.inspection.branch_guard(repository, branch))
    yield from _deadlocks(hub, repository, policy, branch)
    for environment in policy.environments:
        yield _strength(hub, repository, environment)


def guarded(where: str, found: BranchGuard) -> Finding:
    """Whether the place that gate files and deploying workflows come from is open to pushes."""
    if found.by_pull_request:
        return ok("branch", f"{where}: is changed by pull requests alone")
    if found.protected:
        text = f"{where}: is protected; whether it takes pushes, GitHub tells its administrators"
        return ok("branch", text)
    mend = "protect it by a ruleset: require a pull request, and a review by code owners of .github/"
    if found.protected is None:
        return warn("branch", f"{where}: GitHub does not say whether it is protected", mend)
    text = f"{where}: is not protected; who may write can change the gate file and the workflows by a push"
    return warn("branch", text, mend)


def _deadlocks(hub: Hub, repository: Repository, policy: Policy, branch: str) -> Iterator[Finding]:
    """A gate that opens after the merge cannot be required before it."""
    required = {each.context for each in hub.required(repository, branch)}
    for environment in policy.gated_in(Origin.DEFAULT_BRANCH):
        check = f"gate / {environment.name}"
        if check in required:
            text = f"{repository.full_name}: {branch} requires “{check}”, which begins after the merge: a deadlock"
            yield warn("deadlock", text, f"take it out of the required checks of {branch}")


def _strength(hub: Hub, repository: Repository, environment: Environment) -> Finding:
    where = f"{repository.full_name}, {environment.name}"
    if environment.shadow:
        text = f"{where}: open; it is in shadow, so nothing is held there"
        return warn("strength", text, "delete `shadow: true` from the gate file once you trust its judgement")
    match environment.deploy:
        case CommandRoute():
            return ok(
                "strength", f"{where}: deployed by this machine; as strong as its credentials are secret"
            )
        case DeploymentRoute():
            text = f"{where}: open; whoever has write permission can create a deployment as we do"
            return warn("strength", text, "let only deployments that this App created be carried out")
        case _:
            return _held_by_github(hub, repository, environment, where)


def _held_by_github(hub: Hub, repository: Repository, environment: Environment, where: str) -> Finding:
    try:
        found = hub.inspection.environment(repository, environment.name)
    except HubRefused as refused:
        return warn("strength", f"{where}: cannot be told ({refused})", "grant the App actions: read")
    if isinstance(environment.deploy, ProtectionRuleRoute) and not (found and found.our_rule):
        text = f"{where}: open; the gate file leaves it to GitHub to hold the job, and no rule of this App is enabled"
        return wrong("strength", text, f"enable the App under Settings, Environments, {environment.name}")
    return strength(where, found)


def strength(where: str, found: DeployEnvironment | None) -> Finding:
    """How strong the gate of an environment is, as far as GitHub shows it."""
    if found is None:
        text = f"{where}: open; GitHub has no environment of this name, so nothing there holds a deployment"
        return warn("strength", text, "make the environment and " + _RECIPES)
    if found.our_rule and found.bypassed_by_admins is not False:
        return ok("strength", f"{where}: enforced by our protection rule; administrators can go past it")
    if found.our_rule:
        return ok("strength", f"{where}: enforced by our protection rule")
    if found.limits_branches:
        text = f"{where}: cooperative; jobs may run from certain branches only, and no rule asks us"
        return ok("strength", text)
    text = f"{where}: open; anybody with write permission can deploy from any branch"
    return warn("strength", text, _RECIPES)
