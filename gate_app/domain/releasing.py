"""From approved to healthy: the one effective release of a gate, step by step.

Rules of the file: a release begins in the very decision that found the gate approved on facts read for it,
together with taking the environment (invariants 1, 2); it then only moves forward, but for a release that
certainly did not happen, which is handed back (`record`). The environment is freed at its end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from gate_app.domain import wording
from gate_app.domain.approvals import exceptions
from gate_app.domain.conditions import EnvironmentFacts, Running
from gate_app.domain.draft import Draft, RollbackProposal
from gate_app.domain.effects import CreateDeployment, DeploymentState, PublishComment, ReportDeployment
from gate_app.domain.evidence import StageReason, StageVerdict
from gate_app.domain.measures import coverage_of
from gate_app.domain.model import Content, Person, Purpose
from gate_app.domain.plan import plan_for
from gate_app.domain.policy import DeploymentRoute, Environment, GrantRoute, Policy, ProtectionRuleRoute
from gate_app.domain.rollback import way_back
from gate_app.domain.run import Gate, Release, ReleaseStatus, StageRole, StageRun, StageStatus
from gate_app.domain.staging import Doing, deployment_work, restart_lost, start
from gate_app.domain.triggers import tests_of
from gate_app.domain.verdict import ReasonCode, VerdictState
from gate_app.domain.waiving import found_by, waived

KEPT_JOBS: Final = 10
"""Workflow runs that redeemed a grant, by whose jobs deployments are told to be those releases."""
KEPT_AUTHORS: Final = 500
"""How many people are remembered of whom something was healthy in an environment; who is forgotten is new again."""
KEPT_CONTENTS: Final = 50
"""How many contents that passed in an environment are remembered for `after`."""


_UNASKED: Final = (
    ReasonCode.NOBODY_ASKED,
    ReasonCode.NOT_ESCALATED,
    ReasonCode.ROLLBACK_BY_RULE,
    ReasonCode.OVERRIDDEN,
)
"""Why a release was asked of nobody."""


def begin_release(draft: Draft, gate: Gate, environment: Environment) -> None:
    """Commits to the release and asks GitHub for its deployment record."""
    occasion = gate.occasions + 1
    parameters = plan_for(draft.run, environment).parameters
    grounds = {reason.code for reason in draft.verdicts[environment.name].reasons}
    unasked = [code for code in _UNASKED if code in grounds]
    release = Release(
        draft.now,
        draft.run.change.head,
        approved_by=_approvers(draft, gate),
        parameters=parameters,
        unasked=unasked[0].value if unasked else "",
        exceptions=_exceptions(draft, gate, environment),
        override=gate.override if ReasonCode.OVERRIDDEN in grounds else None,
        redeemed=gate.redeeming if isinstance(environment.deploy, GrantRoute) else None,
        held=gate.job if isinstance(environment.deploy, ProtectionRuleRoute) else None,
    )
    draft.put_gate(replace(gate, release=release, occasions=occasion, returned=None))
    facts = draft.environment(environment.name)
    jobs = (release.redeemed.run_id, *facts.jobs)[:KEPT_JOBS] if release.redeemed else facts.jobs
    draft.put_environment(replace(facts, busy_with=draft.run.gate_id(environment.name), jobs=jobs))
    if environment.after is not None and draft.run.purpose is Purpose.RELEASE:
        draft.relied_on.append((environment.after, draft.conditions.environment(environment.after).version))
    draft.effects.append(
        CreateDeployment(
            environment=environment.name,
            occasion=occasion,
            gate_id=draft.run.release_id(environment.name),
            sha=draft.run.change.head.sha,
            description=f"Released by Gate App, gate {draft.run.gate_id(environment.name)}"[:140],
            judged_at=draft.now,
            parameters=parameters,
        )
    )


def _exceptions(draft: Draft, gate: Gate, environment: Environment) -> tuple[Person, ...]:
    judged = draft.verdicts[gate.environment].answers
    return exceptions(draft.run, gate, judged, environment.approval, draft.conditions)


def _approvers(draft: Draft, gate: Gate) -> tuple[Person, ...]:
    """The people whose approvals count in this decision, once each; nobody else gets the credit."""
    counting = {judged.answer for judged in draft.verdicts[gate.environment].answers if judged.counts}
    given = [each for each in gate.answers if each.kind == "approval" and each.key in counting]
    return tuple({each.person.id: each.person for each in given}.values())


def advance_release(draft: Draft, environment: Environment) -> None:
    """Moves a release in flight as far as the recorded facts carry it."""
    restart_lost(draft, StageRole.DEPLOY)
    restart_lost(draft, StageRole.VERIFY)
    restart_lost(draft, StageRole.WATCH)
    gate = draft.run.gates[environment.name]
    release = gate.release
    if release is None:
        if (
            gate.closing is not None or draft.run.purpose is Purpose.RELEASE
        ):  # a way back keeps it until decided
            _free_if_ours(draft, environment.name)
        return
    if release.status is ReleaseStatus.BEGUN and release.deployment_id is not None:
        _deploy(draft, gate, release, environment)
    elif release.status is ReleaseStatus.DEPLOYING:
        _after_deploying(draft, gate, release, environment)
    elif release.status is ReleaseStatus.VERIFYING:
        _after_verifying(draft, gate, release, environment)
    elif release.status is ReleaseStatus.WATCHING:
        _after_watching(draft, gate, release, environment)


def _deploy(draft: Draft, gate: Gate, release: Release, environment: Environment) -> None:
    """Starts the work, unless a no was heard before there was any (`halting`)."""
    verdict = draft.verdicts[environment.name]
    if verdict.state is VerdictState.WAITING:
        return
    if verdict.state is not VerdictState.APPROVED:
        _fail(draft, gate, release, verdict.reasons[0].code)
        return
    work = _work_of(release, environment)
    if _nobody_deploys(work, release):
        _fail(draft, gate, release, ReasonCode.ROUTE_UNAVAILABLE)
        return
    draft.put_gate(replace(gate, release=replace(release, status=ReleaseStatus.DEPLOYING)))
    start(draft, "deploy", work, StageRole.DEPLOY, environment.name)
    if not isinstance(environment.deploy, DeploymentRoute):  # there whoever deploys says so
        _report(draft, environment.name, release, "in_progress", f"Deploying to {environment.name}")


def _work_of(release: Release, environment: Environment) -> Doing:
    """The route that the release began by, whatever the gate file says by now."""
    if release.redeemed:
        return GrantRoute()
    return ProtectionRuleRoute() if release.held else deployment_work(environment.deploy)


def _nobody_deploys(work: Doing, release: Release) -> bool:
    """Whether the route needs a job, and the release began without one."""
    if isinstance(work, GrantRoute):
        return release.redeemed is None
    return isinstance(work, ProtectionRuleRoute) and release.held is None


def _after_deploying(draft: Draft, gate: Gate, release: Release, environment: Environment) -> None:
    deployed = draft.run.stages[f"deploy@{environment.name}"]
    if deployed.status is not StageStatus.ENDED or deployed.outcome is None:
        return
    if deployed.outcome.verdict is not StageVerdict.PASSED:
        _fail(draft, gate, release, _failure(deployed, deployed.outcome.verdict))
        return
    _takes_its_place(draft, gate.environment, release)
    if not environment.verify or not isinstance(draft.run.policy, Policy):
        _passed(draft, gate, release, environment)
        return
    draft.put_gate(replace(gate, release=replace(release, status=ReleaseStatus.VERIFYING)))
    for name in environment.verify:
        start(draft, name, draft.run.policy.stage(name).work, StageRole.VERIFY, environment.name)


def _failure(deployed: StageRun, verdict: StageVerdict) -> ReasonCode:
    """What was left to others and ended without a yes or a no may have happened all the same."""
    elsewhere = deployed.dispatched_at is not None or deployed.followed is not None
    ambiguous = deployed.outcome is not None and deployed.outcome.reason is StageReason.WORKFLOW_RUN_AMBIGUOUS
    if verdict is StageVerdict.UNKNOWN and (elsewhere or ambiguous):
        return ReasonCode.DEPLOYMENT_UNKNOWN
    return ReasonCode.DEPLOYMENT_FAILED


def _after_verifying(draft: Draft, gate: Gate, release: Release, environment: Environment) -> None:
    stages = [stage for stage in draft.run.stages.values() if _verifies(stage, environment.name)]
    if any(stage.status is not StageStatus.ENDED for stage in stages):
        return
    verdicts = {stage.outcome.verdict for stage in stages if stage.outcome is not None}
    if StageVerdict.FAILED in verdicts:
        _fail(draft, gate, release, ReasonCode.VERIFICATION_FAILED)
    elif verdicts == {StageVerdict.PASSED}:
        _passed(draft, gate, release, environment)
    else:
        _fail(draft, gate, release, ReasonCode.VERIFICATION_UNKNOWN)


def _passed(draft: Draft, gate: Gate, release: Release, environment: Environment) -> None:
    """Deployed and verified: healthy, or watched first. A rollback goes to what has been watched before."""
    monitor = environment.monitor
    if monitor is None or draft.run.purpose is Purpose.ROLLBACK:
        _healthy(draft, gate, release)
        return
    draft.put_gate(replace(gate, release=replace(release, status=ReleaseStatus.WATCHING)))
    start(draft, "watch", monitor, StageRole.WATCH, environment.name)
    until = draft.now + monitor.duration
    _report(draft, environment.name, release, "in_progress", f"Deployed, watched until {until:%H:%M} UTC")


def _after_watching(draft: Draft, gate: Gate, release: Release, environment: Environment) -> None:
    """A breach closes the release; the way back to what was healthy before is decided in a run of its own."""
    watch = draft.run.stages[f"watch@{gate.environment}"]
    if watch.status is not StageStatus.ENDED or watch.outcome is None:
        return
    if watch.outcome.verdict is StageVerdict.PASSED:
        _healthy(draft, gate, release)
    elif watch.outcome.verdict is StageVerdict.FAILED:
        _breached(draft, gate, release, environment, watch.outcome.detail)
    else:
        _fail(draft, gate, release, ReasonCode.WATCH_UNKNOWN)


def _breached(draft: Draft, gate: Gate, release: Release, environment: Environment, because: str) -> None:
    """The environment stays taken until the way back is decided, by a person or by rule; a run of its own does.

    Where nobody is asked, people are told.
    """
    taken = draft.environment(gate.environment).busy_with
    on_breach = environment.monitor.on_breach if environment.monitor else "propose_rollback"
    _fail(draft, gate, release, ReasonCode.WATCH_BREACHED)
    facts = draft.environment(gate.environment)
    target = way_back(facts)
    goes_back = target is not None and on_breach != "notify"
    if target is not None and goes_back:
        draft.put_environment(replace(facts, busy_with=taken))
        rules = draft.run.policy
        blob = rules.blob_sha if isinstance(rules, Policy) and on_breach == "rollback" else ""
        draft.proposals.append(RollbackProposal(gate.environment, target, because, by_rule=blob))
    conversation = draft.run.change.conversation
    if conversation is not None and not (goes_back and on_breach == "propose_rollback"):
        surface = f"reply:breach:{gate.environment}:{gate.occasions}"
        body = wording.breach(draft.run, environment, because, target if goes_back else None)
        draft.effects.append(PublishComment(surface, f"{draft.run.id}:{surface}", conversation, body))


def _verifies(stage: StageRun, environment: str) -> bool:
    return stage.role is StageRole.VERIFY and stage.environment == environment


def _healthy(draft: Draft, gate: Gate, release: Release) -> None:
    """The content passed here: later environments may take it, and this one is free again."""
    facts = draft.environment(gate.environment)
    others = (
        each for each in facts.verified if each != release.content and not _taken_out(draft, each, facts)
    )
    verified = (release.content, *others)
    kept, sha = verified[:KEPT_CONTENTS], release.content.sha
    shas = {content.sha for content in kept}
    until = {each: at for each, at in facts.healthy_until.items() if each in shas and each != sha}
    since = {each: at for each, at in facts.healthy_since.items() if each in shas}
    if sha not in since or sha in facts.healthy_until:  # its time begins, or begins again
        since[sha] = draft.now
    authors = facts.authors
    if draft.run.purpose is Purpose.RELEASE:
        author = draft.run.change.author.id
        authors = (author, *(each for each in authors if each != author))[:KEPT_AUTHORS]
    draft.put_environment(
        replace(
            facts,
            verified=kept,
            healthy_since=since,
            healthy_until=until,
            busy_with=None,
            authors=authors,
            overridden=_overridden(draft, release, facts, shas),
        )
    )
    ended = replace(release, status=ReleaseStatus.HEALTHY, ended_at=draft.now)
    draft.put_gate(replace(gate, release=ended))
    _report(
        draft, gate.environment, release, "success", f"{gate.environment} runs {release.content.sha[:12]}"
    )


def _overridden(
    draft: Draft, release: Release, facts: EnvironmentFacts, kept: Collection[str]
) -> tuple[str, ...]:
    """What passed there by an override alone, which no later environment takes; a release as usual makes it as good."""
    sha, known = release.content.sha, [each for each in facts.overridden if each in kept]
    if draft.run.purpose is Purpose.ROLLBACK:
        return tuple(known)
    others = [each for each in known if each != sha]
    as_usual = any(each.sha == sha and sha not in known for each in facts.verified)
    return (sha, *others) if release.override is not None and not as_usual else tuple(others)


def _taken_out(draft: Draft, content: Content, facts: EnvironmentFacts) -> bool:
    """What a way back took out has not passed there any more, under whatever SHA: no later environment takes it."""
    if draft.run.purpose is not Purpose.ROLLBACK:
        return False
    gone = [each for each in facts.verified if each.sha == draft.run.change.base_sha]
    return any(content.same_as(each) for each in gone)


def _takes_its_place(draft: Draft, environment: str, release: Release) -> None:
    """What runs there now, and the findings it has: those of this run's stages, or, taken back, its own of then."""
    facts = draft.environment(environment)
    before = Running(facts.running, facts.baseline) if facts.running else None
    baseline: tuple[str, ...] | None = _fingerprints(draft, facts)
    if draft.run.purpose is Purpose.ROLLBACK:
        known = facts.before
        baseline = known.baseline if known and known.content.same_as(release.content) else None
    policy = draft.run.policy
    needed = policy.environment(environment) if isinstance(policy, Policy) else None
    back = draft.run.purpose is Purpose.ROLLBACK
    ours = None if back else needed
    replaced = {each: draft.now for each in facts.healthy_since if each != release.content.sha}
    until = {**replaced, **facts.healthy_until}
    draft.put_environment(
        replace(
            facts,
            running=release.content,
            baseline=baseline,
            before=before,
            healthy_until=until,
            tests=tests_of(draft.run, ours) if ours else None,
            coverage=coverage_of(draft.run, ours) if ours else None,
            way_back=plan_for(draft.run, ours).rollback if ours else "",
        )
    )


def _fingerprints(draft: Draft, facts: EnvironmentFacts) -> tuple[str, ...]:
    """The findings of what now runs there: the baseline of the next change. One that is waived is none of them, so
    that it is new again once its waiver is over.
    """
    found = {finding.fingerprint for finding in found_by(draft.run)}
    return tuple(sorted(found - waived(facts, draft.conditions)))


def _fail(draft: Draft, gate: Gate, release: Release, code: ReasonCode) -> None:
    ended = replace(release, status=ReleaseStatus.FAILED, ended_at=draft.now, failure=code)
    draft.put_gate(replace(gate, release=ended))
    _free_if_ours(draft, gate.environment)
    if code in _SPEAKS_AGAINST:
        _passed_no_more(draft, gate.environment, release)
    _report(draft, gate.environment, release, "failure", f"{gate.environment}: {code.value}")


_SPEAKS_AGAINST: Final = frozenset(
    {
        ReasonCode.DEPLOYMENT_FAILED,
        ReasonCode.DEPLOYMENT_UNKNOWN,
        ReasonCode.VERIFICATION_FAILED,
        ReasonCode.VERIFICATION_UNKNOWN,
        ReasonCode.WATCH_BREACHED,
        ReasonCode.WATCH_UNKNOWN,
    }
)
"""Ends of a release that say something about what was released."""


def _passed_no_more(draft: Draft, environment: str, release: Release) -> None:
    """That content passed there once, and has not now: no later environment takes it any more."""
    facts = draft.environment(environment)
    kept = tuple(content for content in facts.verified if not content.same_as(release.content))
    shas = {content.sha for content in kept}
    since = {sha: at for sha, at in facts.healthy_since.items() if sha in shas}
    until = {sha: at for sha, at in facts.healthy_until.items() if sha in shas}
    if kept != facts.verified:
        draft.put_environment(replace(facts, verified=kept, healthy_since=since, healthy_until=until))


def _free_if_ours(draft: Draft, name: str) -> None:
    facts: EnvironmentFacts = draft.environment(name)
    if facts.busy_with and facts.busy_with in (draft.run.gate_id(name), draft.run.follows):
        draft.put_environment(replace(facts, busy_with=None))


def _report(draft: Draft, environment: str, release: Release, state: DeploymentState, text: str) -> None:
    if release.deployment_id is not None:
        draft.effects.append(ReportDeployment(environment, release.deployment_id, state, text[:140]))
