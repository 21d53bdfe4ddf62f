"""What a person decides on: what ships, the evidence, why they are asked, what is recommended, who answered what.

Rules of the file: our own words first, everything from outside boxed; the question and the status comment say the
same, because both are made here; nothing is decided here.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final

from gate_app.domain.approvals import UNKNOWN_CODES
from gate_app.domain.approver_words import many
from gate_app.domain.baseline import Comparison, automated_evidence, compare
from gate_app.domain.conditions import Conditions
from gate_app.domain.evaluate import new_findings
from gate_app.domain.evidence import Evidence, Severity, StageVerdict
from gate_app.domain.inert import boxed, code, plain
from gate_app.domain.keeping import is_kept
from gate_app.domain.locking import lock_reasons
from gate_app.domain.pauses import ships_later
from gate_app.domain.plan import plan_for
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.run import Gate, Run, StageRole
from gate_app.domain.sentences import phrase, sentence
from gate_app.domain.verdict import Judged, ReasonCode, Verdict
from gate_app.domain.waivers import ID_LENGTH
from gate_app.domain.waiving import found_by

STAGE_MARKS: Final = {StageVerdict.PASSED: "✅", StageVerdict.FAILED: "❌", StageVerdict.UNKNOWN: "❔"}
_SHOWN: Final = 5
"""How many commits and pull requests are named; the numbers stay exact."""


def ships(run: Run, environment: str) -> str:
    """What a release would bring, against what the environment runs today: one line.

    Where nothing of ours runs yet nothing can go out, whatever happened on the base branch meanwhile.
    """
    shipment = run.shipments.get(environment)
    if shipment is None:
        return ""
    where, behind = code(environment), 0 if shipment.first else shipment.behind
    if not shipment.ahead and not behind:
        runs = "nothing of ours runs in {} yet" if shipment.first else "{} runs this content already"
        return f"**Ships:** nothing new, {runs.format(where)}."
    since = (
        f"nothing of ours runs in {where} yet"
        if shipment.first
        else f"since {code(shipment.base[:12])} in {where}"
    )
    if not shipment.ahead:
        since = f"back from {code(shipment.base[:12])} in {where}"
    said = [f"{many(shipment.ahead, 'commit')} in"] if shipment.ahead else []
    said += [f"{many(behind, 'commit')} **out**"] if behind else []
    pulls = ", ".join(code(f"#{number}") for number in shipment.pulls[:_SHOWN])
    rest = len(shipment.pulls) - _SHOWN
    noun = "pull request" if len(shipment.pulls) == 1 else "pull requests"
    named = f" ({noun} {pulls}{f' and {rest} more' if rest > 0 else ''})" if pulls else ""
    governing = ", ".join(code(file, 100) for file in shipment.governing)
    warned = f" ⚠️ **It changes how deployments are governed:** {governing}." if governing else ""
    return f"**Ships:** {', '.join(said)}{named}, {since}.{warned}"


def commits(run: Run, environment: str) -> str:
    """The commits that would come in, the newest first, as a list."""
    shipment = run.shipments.get(environment)
    if shipment is None:
        return ""
    lines = [f"- {code(subject, 100)}" for subject in shipment.subjects[:_SHOWN]]
    more = shipment.ahead - len(lines)
    return "\n".join([*lines, f"- … and {more} more"] if lines and more > 0 else lines)


def evidence_lines(run: Run, environment: Environment, conditions: Conditions) -> str:
    """What the stages of a gate found, under a word of its own: two lists in a row would read as one."""
    lines = []
    for name in environment.needs:
        stage = run.stages.get(name)
        if stage is None or stage.outcome is None:
            continue
        fresh = new_findings(run, name, environment, conditions)
        extra = f" ({len(fresh)} new)" if fresh else ""
        lines.append(
            f"- {STAGE_MARKS[stage.outcome.verdict]} {code(name)}: {counts(stage.outcome.evidence)}{extra}"
        )
    lines += _verified_before(run, environment)
    found = compare(
        automated_evidence(run).values(),
        environment.name,
        conditions.environment(environment.name).baseline,
    )
    if found.new or found.unchanged or found.fixed:
        lines.append(f"- Findings: {comparison(found)}")
    return "\n".join(["**Evidence:**", "", *lines]) if lines else ""


def _verified_before(run: Run, environment: Environment) -> list[str]:
    """What the stages found that verified this change in the environment before."""
    return [
        f"- {STAGE_MARKS[stage.outcome.verdict]} {code(stage.key)}: {counts(stage.outcome.evidence)}"
        for stage in run.stages.values()
        if stage.role is StageRole.VERIFY
        and stage.environment == environment.after
        and stage.outcome is not None
    ]


def recommendation(run: Run, environment: Environment, verdict: Verdict) -> str:
    """A deterministic table: clean evidence, findings or a rule to look at, or no ground to stand on."""
    stages = [run.stages.get(name) for name in environment.needs]
    passed = [stage.outcome for stage in stages if stage and stage.outcome]
    evidence = [each.evidence for each in passed if each.verdict is StageVerdict.PASSED]
    if not evidence or len(evidence) < len(stages) or any(part.truncated for part in evidence):
        return "none, because the evidence is incomplete."
    found = sum(part.severities.total for part in evidence)
    skipped = sum(part.tests.skipped for part in evidence if part.tests)
    flaky = sum(part.tests.flaky or 0 for part in evidence if part.tests)
    counted = ((found, "finding"), (skipped, "skipped test"), (flaky, "flaky test"))
    if any(number for number, _ in counted):
        said = [many(number, noun) for number, noun in counted if number]
        return f"look at {' and '.join(said)} first."
    if any(reason.code is ReasonCode.ESCALATED for reason in verdict.reasons):
        return "look at what made the rules fire; every stage is clean."
    return "approve, because every stage is clean."


def counts(evidence: Evidence) -> str:
    """`12 passed, 1 failed` and `2 high`; what was not asked for is not mentioned."""
    said = []
    if evidence.tests is not None:
        tests = {
            "passed": evidence.tests.passed,
            "failed": evidence.tests.failed,
            _plural(evidence.tests.errors, "error"): evidence.tests.errors,
            "skipped": evidence.tests.skipped,
            "flaky": evidence.tests.flaky or 0,
        }
        said.append(", ".join(f"{number} {name}" for name, number in tests.items() if number) or "no tests")
    if evidence.coverage is not None:
        said.append(evidence.coverage.shown)
    found = evidence.severities
    by_severity = {"critical": found.critical, "high": found.high, "medium": found.medium, "low": found.low}
    if found.total:
        said.append(
            "findings: " + ", ".join(f"{number} {name}" for name, number in by_severity.items() if number)
        )
    return " · ".join(said) or plain(evidence.summary, 200) or "no counts"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def comparison(compared: Comparison) -> str:
    """`2 new (1 high, 1 low), 11 unchanged, 1 fixed against what staging runs`."""
    if compared.environment is None:
        return "all new, because nothing of ours runs there yet."
    severities = Counter(found.severity for found in compared.new)
    by_severity = ", ".join(f"{severities[each]} {each.value}" for each in Severity if severities[each])
    said = [f"{len(compared.new)} new ({by_severity})" if compared.new else "none new"]
    said += [f"{compared.unchanged} unchanged"] if compared.unchanged else []
    said += [f"{compared.fixed} fixed"] if compared.fixed else []
    return f"{', '.join(said)} against what {code(compared.environment)} runs."


def answers_given(gate: Gate, verdict: Verdict) -> str:
    """Who said what, and whether it counts; nothing when nobody did."""
    lines = []
    for given in gate.answers:
        judged = verdict.judged(given.key)
        if judged is not None:
            mark, rule = _judged(judged)
            at = f", given at {code(given.binding.head_sha[:12])}" if is_kept(given, gate) else ""
            lines.append(f"- {mark} {given.kind} by {code(given.person.login)}{at}{rule}")
    return "\n".join(["**Answers**", "", *lines]) if lines else ""


def _judged(judged: Judged) -> tuple[str, str]:
    """The mark of an answer, and the rule against it."""
    if judged.counts:
        return "✅", ""
    mark, yet = ("❔", " yet") if judged.code in UNKNOWN_CODES else ("❌", "")
    return mark, f", which does not count{yet}: {phrase(judged.code)} {code(judged.code.value)}"


def plan(run: Run, gate: Gate, environment: Environment) -> str:
    """The plan as it stands, its values against their defaults, and who changed it; nothing where nobody could."""
    now = plan_for(run, environment)
    if not now.parameters and not gate.modifications:
        return ""
    usual = {each.name: each.default for each in environment.approval.parameters}
    lines = [
        f"- {code(name)}: {code(value)}{'' if usual[name] == value else f' (usually {code(usual[name])})'}"
        for name, value in now.parameters.items()
    ]
    if now.rollback:
        lines.append(f"- way back: {code(now.rollback[:12])}, which was healthy there")
    if now.notes:
        lines.append(f"- notes:{boxed(now.notes, 1_000, '  ')}")
    people = dict.fromkeys(each.by.login for each in gate.modifications)
    by = f", changed by {', '.join(map(code, people))}" if people else ""
    change = f"`/modify {plain(environment.name, 100)} key=value`" if now.parameters else "a plan block"
    how = f"Change it with {change}; somebody else approves then."
    return "\n".join([f"**Plan**, version {now.version}{by}:", "", *lines, "", how])


def changed_plan(run: Run, name: str) -> str:
    """The plan of a gate once somebody has changed it; nothing before."""
    environment = run.policy.environment(name) if isinstance(run.policy, Policy) else None
    gate = run.gates.get(name)
    return plan(run, gate, environment) if environment and gate and gate.modifications else ""


def denied_before(gate: Gate) -> str:
    """That an earlier version of the plan was denied, by whom and why; nothing otherwise."""
    if gate.denied is None or gate.denied.by is None:
        return ""
    why = f":{boxed(gate.denied.note)}" if gate.denied.note else "."
    return f"An earlier version of the plan was denied by {code(gate.denied.by.login)}{why}"


def asked_and_answered(run: Run) -> str:
    """What people asked about this change, and what they were told; nothing when nobody did."""
    lines = []
    for each in run.pauses:
        if each.kind != "ask":
            continue
        told = f" {code(each.ended_by.login)}:{boxed(each.answer)}" if each.ended_by else " not answered yet"
        lines.append(f"- {code(each.by.login)} asked:{boxed(each.text)} ·{told}")
    return "\n".join(["**Questions**", "", *lines]) if lines else ""


def held(run: Run) -> str:
    """By whom what will ship is held, where no gate of this pull request says so; nothing when nobody holds it."""
    waiting = any(gate.closing is None and gate.release is None for gate in run.gates.values())
    if waiting or not ships_later(run):
        return ""
    lines = [
        f"- {code(each.by.login)}:{boxed(each.text) if each.text else ' no reason given'}"
        for each in run.holds
    ]
    head = "**Held.** Nothing that this becomes when it is merged is released until `/resume`."
    return "\n".join([head, "", *lines]) if lines else ""


def locks(run: Run, policy: Policy, conditions: Conditions) -> str:
    """Which environments are locked, for whom, until when and why, released to or not; nothing when none is."""
    lines = [
        f"- {code(each.name)}: {sentence(reason)}"
        for each in policy.environments
        for reason in lock_reasons(run, each.name, conditions)
    ]
    return "\n".join(["**Locks**", "", *lines]) if lines else ""


def waivers(run: Run, conditions: Conditions, only: str = "") -> str:
    """Which findings of this run do not hold which gate, until when, by whom and why; nothing when there are none."""
    here = {finding.fingerprint for finding in found_by(run)}
    lines = [
        f"- {code(each.what)} ({code(each.fingerprint[:ID_LENGTH])}) for {code(name)}, until "
        f"{each.until - timedelta(days=1):%Y-%m-%d}, by {code(each.by.login)}:{boxed(each.reason)}"
        for name in run.gates
        if only in ("", name)
        for each in conditions.environment(name).waivers
        if each.holds(conditions.now) and each.fingerprint in here
    ]
    return "\n".join(["**Waived**", "", *lines]) if lines else ""


def waits_for(verdict: Verdict) -> str:
    """What is waited for beside an answer: a freeze, a lock or a hold; nothing when there is none."""
    ahead = (ReasonCode.FROZEN, ReasonCode.LOCKED, ReasonCode.HELD)
    return "\n\n".join(f"**{sentence(each)}**" for each in verdict.reasons if each.code in ahead)


def nobody_can(verdict: Verdict) -> str:
    """That the question cannot be answered by anybody, and what mends it; nothing where somebody can."""
    every = [reason for root in verdict.reasons for reason in root.walk()]
    return "\n\n".join(
        f"**{sentence(each)}**" for each in every if each.code is ReasonCode.NOBODY_CAN_APPROVE
    )


def asked_because(environment: Environment, verdict: Verdict) -> str:
    """Which rules ask a person, and what made each fire."""
    why = "**Why a person is asked:**"
    reasons = {reason.code: reason for reason in verdict.reasons}
    if (escalated := reasons.get(ReasonCode.ESCALATED)) is not None:
        return "\n".join([why, "", *(f"- {sentence(rule)}" for rule in escalated.children)])
    if (kept := reasons.get(ReasonCode.ESCALATION_KEPT)) is not None:
        return f"{why} {sentence(kept)}"
    return f"{why} the gate file asks before every deployment to {code(environment.name)}."
