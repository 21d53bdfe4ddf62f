"""The policy's answer and the tree of reasons that explains it.

Rules of the file: codes are public, append-only and documented (`docs/reason-codes.md`, checked by a test);
words live in `wording`. Combinators are closed by default: nothing is met because nothing was asked of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class ReasonCode(StrEnum):
    """The stable public name of one ground or obstacle."""

    # the run
    RUN_SUPERSEDED = "run_superseded"
    CHANGE_CLOSED = "change_closed"
    HEAD_UNCHANGED = "head_unchanged"
    HEAD_MOVED = "head_moved"
    BASE_CHANGED = "base_changed"
    DEFAULT_BRANCH_CHANGED = "default_branch_changed"
    HEAD_UNKNOWN = "head_unknown"
    # the policy
    POLICY_CURRENT = "policy_current"
    POLICY_INVALID = "policy_invalid"
    POLICY_MISSING = "policy_missing"
    POLICY_UNREADABLE = "policy_unreadable"
    # stages
    NEEDS = "needs"
    STAGE_PASSED = "stage_passed"
    STAGE_FAILED = "stage_failed"
    STAGE_RUNNING = "stage_running"
    STAGE_UNKNOWN = "stage_unknown"
    NEW_FINDINGS = "new_findings"
    FINDINGS_WAIVED = "findings_waived"
    # the environment
    AFTER_MET = "after_met"
    AFTER_UNMET = "after_unmet"
    SOAKED = "soaked"
    SOAKING = "soaking"
    SOAK_CUT_SHORT = "soak_cut_short"
    SOAK_UNKNOWN = "soak_unknown"
    SHADOW = "shadow"
    NOT_FROZEN = "not_frozen"
    FROZEN = "frozen"
    FREEZE_UNKNOWN = "freeze_unknown"
    HELD = "held"
    LOCKED = "locked"
    LOCK_OWNED = "lock_owned"
    LOCK_UNREADABLE = "lock_unreadable"
    ENVIRONMENT_FREE = "environment_free"
    ENVIRONMENT_BUSY = "environment_busy"
    ENVIRONMENT_REMOVED = "environment_removed"
    PATHS_TOUCHED = "paths_touched"
    PATHS_UNTOUCHED = "paths_untouched"
    PATHS_UNKNOWN = "paths_unknown"
    ROUTE_READY = "route_ready"
    ROUTE_UNAVAILABLE = "route_unavailable"
    ROUTE_BLOCKED = "route_blocked"
    ROUTE_UNSEEN = "route_unseen"
    GRANT_AWAITED = "grant_awaited"
    GRANT_REDEEMED = "grant_redeemed"
    JOB_AWAITED = "job_awaited"
    JOB_HELD = "job_held"
    JOB_UNREADABLE = "job_unreadable"
    RELEASE_RETURNED = "release_returned"
    # people
    APPROVAL = "approval"
    APPROVER_LINE_MET = "approver_line_met"
    APPROVER_CHOICE = "approver_choice"
    APPROVER_GROUP = "approver_group"
    OWNERS_UNKNOWN = "owners_unknown"
    SELF_APPROVED = "self_approved"
    NOBODY_CAN_APPROVE = "nobody_can_approve"
    APPROVAL_MISSING = "approval_missing"
    NOBODY_ASKED = "nobody_asked"
    NOT_ESCALATED = "not_escalated"
    ESCALATED = "escalated"
    ESCALATION_RULE = "escalation_rule"
    ESCALATION_KEPT = "escalation_kept"
    ESCALATION_BLOCKED = "escalation_blocked"
    ESCALATION_UNKNOWN = "escalation_unknown"
    CONTRIBUTORS_UNKNOWN = "contributors_unknown"
    DENIAL_PENDING = "denial_pending"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OVERRIDDEN = "overridden"
    OVERRIDE_UNKNOWN = "override_unknown"
    # the way out
    RELEASED = "released"
    DEPLOYMENT_RUNNING = "deployment_running"
    DEPLOYMENT_BLOCKED = "deployment_blocked"
    DEPLOYMENT_FAILED = "deployment_failed"
    DEPLOYMENT_UNKNOWN = "deployment_unknown"
    VERIFICATION_FAILED = "verification_failed"
    VERIFICATION_UNKNOWN = "verification_unknown"
    WATCHING = "watching"
    WATCH_BREACHED = "watch_breached"
    WATCH_UNKNOWN = "watch_unknown"
    ROLLBACK_TO = "rollback_to"
    ROLLBACK_BY_RULE = "rollback_by_rule"
    ROLLBACK_REPLACED = "rollback_replaced"
    ROLLBACK_TARGET = "rollback_target"
    ROLLBACK_TOO_EARLY = "rollback_too_early"
    ROLLBACK_PENDING = "rollback_pending"
    HEALTHY = "healthy"
    # how one answer was judged
    ANSWER_COUNTS = "answer_counts"
    ANSWER_REPLACED = "answer_replaced"
    SELF_APPROVAL = "self_approval"
    NOT_AN_APPROVER = "not_an_approver"
    NOT_A_PERSON = "not_a_person"
    STANDING_UNKNOWN = "standing_unknown"
    ANSWER_WITHDRAWN = "answer_withdrawn"
    COMMENT_CHANGED = "comment_changed"
    COMMENT_UNKNOWN = "comment_unknown"
    BINDING_CHANGED = "binding_changed"
    APPROVAL_EXPIRED = "approval_expired"
    # why a command was not obeyed
    COMMAND_MALFORMED = "command_malformed"
    COMMAND_UNAVAILABLE = "command_unavailable"
    ENVIRONMENT_UNKNOWN = "environment_unknown"
    ENVIRONMENT_AMBIGUOUS = "environment_ambiguous"
    SHA_MISMATCH = "sha_mismatch"
    NOT_ASKED_YET = "not_asked_yet"
    TOO_LATE = "too_late"
    DENIAL_KEPT = "denial_kept"
    WITHDRAWAL_KEPT = "withdrawal_kept"
    QUESTION_UNSEEN = "question_unseen"
    NOT_PERMITTED = "not_permitted"
    NOTHING_OPEN = "nothing_open"
    POLICY_NOT_ASKED = "policy_not_asked"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"
    NOTHING_ASKED = "nothing_asked"
    ALREADY_HELD = "already_held"
    NOT_HELD = "not_held"
    HELD_BY_ANOTHER = "held_by_another"
    LOCKED_BY_ANOTHER = "locked_by_another"
    NOT_LOCKED = "not_locked"
    UNLOCK_NOT_PERMITTED = "unlock_not_permitted"
    OVERRIDE_NOT_CONFIGURED = "override_not_configured"
    OVERRIDE_NOT_PERMITTED = "override_not_permitted"
    OVERRIDE_SHA_MISSING = "override_sha_missing"
    OVERRIDE_LATE = "override_late"
    OVERRIDE_DEBT = "override_debt"
    OVERRIDE_SPENT = "override_spent"
    FINDING_NOT_FOUND = "finding_not_found"
    WAIVER_TIME = "waiver_time"
    WAIVERS_SPENT = "waivers_spent"
    TEXT_MISSING = "text_missing"
    ALREADY_OPEN = "already_open"
    RELEASE_UNDER_WAY = "release_under_way"
    DENIAL_STANDS = "denial_stands"
    DEPLOYS_FROM_ELSEWHERE = "deploys_from_elsewhere"
    STAGE_NOT_FOUND = "stage_not_found"
    STAGE_NOT_FAILED = "stage_not_failed"
    STAGE_OF_OTHERS = "stage_of_others"
    STAGE_OF_RELEASE = "stage_of_release"
    RETRIES_SPENT = "retries_spent"
    REASON_MISSING = "reason_missing"
    DELEGATION_UNAVAILABLE = "delegation_unavailable"
    DELEGATION_DAY = "delegation_day"
    DELEGATE_UNKNOWN = "delegate_unknown"
    NOTHING_DELEGATED = "nothing_delegated"
    PARAMETER_UNKNOWN = "parameter_unknown"
    PARAMETER_INVALID = "parameter_invalid"
    PARAMETERS_UNCHANGED = "parameters_unchanged"
    PARAMETERS_SPENT = "parameters_spent"
    PARAMETERS_UNDECLARED = "parameters_undeclared"
    # what a job is told that asks for a grant
    GATE_UNKNOWN = "gate_unknown"
    GATE_AMBIGUOUS = "gate_ambiguous"
    GRANT_GIVEN = "grant_given"
    GRANT_PREPARED = "grant_prepared"
    GRANT_USED = "grant_used"
    GRANT_NOT_BY_JOB = "grant_not_by_job"
    JOB_FOREIGN = "job_foreign"
    JOB_EVENT = "job_event"
    JOB_REF = "job_ref"
    JOB_ENVIRONMENT = "job_environment"
    JOB_COMMIT = "job_commit"
    JOB_WORKFLOW = "job_workflow"
    JOB_NOT_DISPATCHED = "job_not_dispatched"
    JOB_OF_FORK = "job_of_fork"
    JOB_STARTED_BY = "job_started_by"
    JOB_OTHER_COMMIT = "job_other_commit"
    JOB_OTHER_BRANCH = "job_other_branch"
    REPORT_HEARD = "report_heard"
    REPORT_NOT_EXPECTED = "report_not_expected"
    REQUEST_WITHDRAWN = "request_withdrawn"
    PLAN_UNASKED = "plan_unasked"
    APPROVAL_KEPT = "approval_kept"
    APPROVAL_NOT_KEPT = "approval_not_kept"


class Holds(StrEnum):
    """Whether a ground holds. `UNKNOWN` never opens anything; `REFUSED` cannot become met by waiting."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground or obstacle, with the facts that its sentence needs and the grounds below it."""

    code: ReasonCode
    holds: Holds
    facts: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Reason, ...] = ()

    @property
    def met(self) -> bool:
        return self.holds is Holds.MET

    def walk(self) -> tuple[Reason, ...]:
        """This reason and all below it, depth first."""
        return (self, *(found for child in self.children for found in child.walk()))


def met(code: ReasonCode, /, **facts: str) -> Reason:
    return Reason(code, Holds.MET, facts)


def unmet(code: ReasonCode, /, **facts: str) -> Reason:
    return Reason(code, Holds.UNMET, facts)


def unknown(code: ReasonCode, /, **facts: str) -> Reason:
    return Reason(code, Holds.UNKNOWN, facts)


def refused(code: ReasonCode, /, **facts: str) -> Reason:
    return Reason(code, Holds.REFUSED, facts)


def all_of(code: ReasonCode, children: tuple[Reason, ...], **facts: str) -> Reason:
    """Met only if there is at least one child and every child is met; otherwise the worst child's standing.

    `all([])` is not an approval (case 93): without children the answer is UNMET.
    """
    standings = {child.holds for child in children}
    order = (Holds.REFUSED, Holds.UNKNOWN, Holds.UNMET)
    worst = next((holds for holds in order if holds in standings), Holds.MET)
    return Reason(code, worst if children else Holds.UNMET, facts, children)


def any_of(code: ReasonCode, children: tuple[Reason, ...], **facts: str) -> Reason:
    """Met only if a child is met; else unknown if one may yet turn out to be, else UNMET, as without children."""
    standings = {child.holds for child in children}
    order = (Holds.MET, Holds.UNKNOWN)
    return Reason(code, next((holds for holds in order if holds in standings), Holds.UNMET), facts, children)


class VerdictState(StrEnum):
    """The policy's answer over all facts."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Judged:
    """How one recorded answer was judged: its key, whether it counts, and the code that says why."""

    answer: str
    counts: bool
    code: ReasonCode


LATER_ON: Final = frozenset({ReasonCode.FROZEN, ReasonCode.LOCKED})
"""What holds a gate until a moment that is known: its reason says `until` when."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one gate. `reasons` explain it; `answers` say how each person's answer was judged."""

    environment: str
    state: VerdictState
    reasons: tuple[Reason, ...]
    answers: tuple[Judged, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether a person, and nothing else but the end of a freeze, lock or hold, is missing: they answer ahead."""
        ahead = self._lacking - LATER_ON - {ReasonCode.HELD}
        return self.state is VerdictState.WAITING and ahead == {ReasonCode.APPROVAL}

    @property
    def only_later(self) -> bool:
        """Whether nothing but the end of a freeze or a lock is missing."""
        return self.state is VerdictState.WAITING and bool(self._lacking) and self._lacking <= LATER_ON

    @property
    def awaits_job(self) -> bool:
        """Whether nothing but the job that redeems it is missing."""
        return self.state is VerdictState.WAITING and self._open == {ReasonCode.GRANT_AWAITED}

    @property
    def in_shadow(self) -> bool:
        """Whether it is only judged, and holds and releases nothing."""
        return any(reason.code is ReasonCode.SHADOW for reason in self.reasons)

    @property
    def beneath(self) -> Verdict:
        """What it would be out of shadow."""
        rest = tuple(reason for reason in self.reasons if reason.code is not ReasonCode.SHADOW)
        waiting = self.state is VerdictState.WAITING
        state = VerdictState.APPROVED if waiting and rest and all(each.met for each in rest) else self.state
        return Verdict(self.environment, state, rest, self.answers)

    @property
    def _open(self) -> set[ReasonCode]:
        return {reason.code for reason in self.reasons if not reason.met}

    @property
    def _lacking(self) -> set[ReasonCode]:
        """What is missing before a job may redeem the grant."""
        return self._open - {ReasonCode.GRANT_AWAITED}

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that hold the gate, depth first, once each; for an open gate, those that opened it."""
        every = (reason for root in self.reasons for reason in root.walk() if reason.met)
        return tuple(dict.fromkeys(reason.code.value for reason in self.holding or every))

    @property
    def holding(self) -> tuple[Reason, ...]:
        """What holds the gate, depth first; below a ground that holds, as an override, nothing does."""
        roots = (root for root in self.reasons if not root.met)
        return tuple(reason for root in roots for reason in root.walk() if not reason.met)

    def judged(self, answer: str) -> Judged | None:
        """The judgement of the answer with that key."""
        return next((judged for judged in self.answers if judged.answer == answer), None)
