"""One sentence per reason code: the vocabulary of `wording`, as a table.

Rules of the file: every `ReasonCode` has exactly one sentence (a test checks it); sentences say what is, and
for obstacles what would mend it; values from outside are put in only after `inert` made them harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gate_app.domain.inert import code
from gate_app.domain.verdict import Reason, ReasonCode

Facts = Mapping[str, str]
_R = ReasonCode


def _named(facts: Facts, key: str, limit: int = 120) -> str:
    return code(facts.get(key, ""), limit)


def _detail(facts: Facts) -> str:
    return f" ({_named(facts, 'detail', 200)})" if facts.get("detail") else ""


def _by(facts: Facts) -> str:
    return f" by {_named(facts, 'by', 60)}" if facts.get("by") else ""


def _note(facts: Facts) -> str:
    return f": {_named(facts, 'note', 300)}" if facts.get("note") else ""


SENTENCES: Final[Mapping[ReasonCode, Callable[[Facts], str]]] = {
    _R.RUN_SUPERSEDED: lambda f: "A newer head was pushed; this one is no longer under decision.",
    _R.CHANGE_CLOSED: lambda f: "The pull request is closed; nothing is released from it.",
    _R.HEAD_UNCHANGED: lambda f: f"The head is still {_named(f, 'sha', 12)}.",
    _R.HEAD_MOVED: lambda f: f"The head moved to {_named(f, 'now', 12)}; a new run decides on it.",
    _R.BASE_CHANGED: lambda f: f"The base branch is now {_named(f, 'now')}; a new run decides on it.",
    _R.HEAD_UNKNOWN: lambda f: f"The head could not be read at GitHub{_detail(f)}; it is tried again.",
    _R.POLICY_CURRENT: lambda f: "The gate file is the one this run is pinned to.",
    _R.POLICY_INVALID: lambda f: (
        f"The gate file on the default branch has problems{_detail(f)}. Mend it there."
    ),
    _R.POLICY_MISSING: lambda f: (
        "The gate file is gone from the default branch. Put it back, or close the change."
    ),
    _R.POLICY_UNREADABLE: lambda f: f"The gate file could not be read{_detail(f)}; it is tried again.",
    _R.NEEDS: lambda f: "The stages this gate needs:",
    _R.STAGE_PASSED: lambda f: f"Stage {_named(f, 'stage')} passed{_detail(f)}.",
    _R.STAGE_FAILED: lambda f: f"Stage {_named(f, 'stage')} failed{_detail(f)}. Push a fix.",
    _R.STAGE_RUNNING: lambda f: f"Stage {_named(f, 'stage')} is running.",
    _R.STAGE_UNKNOWN: lambda f: f"Stage {_named(f, 'stage')} says neither yes nor no{_detail(f)}.",
    _R.NEW_FINDINGS: lambda f: (
        f"Stage {_named(f, 'stage')} found {code(f.get('count', '?'))} new, worst {code(f.get('worst', '?'))}. "
        "Fix them and push."
    ),
    _R.AFTER_MET: lambda f: f"The same content passed in {_named(f, 'after')}.",
    _R.AFTER_UNMET: lambda f: f"This content has not passed in {_named(f, 'after')} yet.",
    _R.ENVIRONMENT_FREE: lambda f: "No other release is under way there.",
    _R.ENVIRONMENT_BUSY: lambda f: f"Another release is under way there ({_named(f, 'gate')}).",
    _R.ENVIRONMENT_REMOVED: lambda f: "The gate file on the default branch no longer names this environment.",
    _R.PATHS_TOUCHED: lambda f: "The change touches what this environment is made of.",
    _R.PATHS_UNTOUCHED: lambda f: (
        f"Skipped: the change touches nothing under {_named(f, 'paths')}, so there is nothing to release here."
    ),
    _R.PATHS_UNKNOWN: lambda f: "It is not known yet which files the change touches; it is tried again.",
    _R.ROUTE_READY: lambda f: "The way to deploy is known.",
    _R.ROUTE_UNAVAILABLE: lambda f: (
        f"This version cannot deploy by {_named(f, 'route')} yet; use `deploy: {{command: …}}`."
    ),
    _R.RELEASE_RETURNED: lambda f: f"The last try to release did not happen{_detail(f)}; it is tried again.",
    _R.APPROVAL: lambda f: "The approvals:",
    _R.APPROVER_LINE_MET: lambda f: f"{code(f.get('have', '?'))} of {code(f.get('need', '?'))}{_by(f)}.",
    _R.APPROVAL_MISSING: lambda f: f"{code(f.get('have', '0'))} of {code(f.get('need', '?'))}{_by(f)}.",
    _R.NOBODY_ASKED: lambda f: "The policy asks nobody (`mode: never`).",
    _R.CONTRIBUTORS_UNKNOWN: lambda f: f"It is not known who contributed{_detail(f)}.",
    _R.DENIED: lambda f: f"Denied{_by(f)}{_note(f)}. Push a new head to ask again.",
    _R.EXPIRED: lambda f: "Nobody answered in time, so it counts as denied. Push a new head to ask again.",
    _R.CANCELLED: lambda f: f"Cancelled{_by(f)}. A `/deploy` or a new head asks again.",
    _R.RELEASED: lambda f: "Released; the stages that verify the deployment are running.",
    _R.DEPLOYMENT_RUNNING: lambda f: "Approved; the deployment is running.",
    _R.DEPLOYMENT_FAILED: lambda f: "The deployment failed. Look at its stage, fix it and push.",
    _R.VERIFICATION_FAILED: lambda f: "The deployment is there, but a stage that verifies it failed.",
    _R.VERIFICATION_UNKNOWN: lambda f: "The deployment is there, but it is not known whether it works.",
    _R.WATCHING: lambda f: "Released; it is being watched.",
    _R.WATCH_BREACHED: lambda f: (
        "Released, but the watch saw it fail. A rollback is asked about where there is one."
    ),
    _R.WATCH_UNKNOWN: lambda f: "Released, but the watch could not tell whether it is healthy.",
    _R.ROLLBACK_TO: lambda f: f"Back to {_named(f, 'sha', 12)}, which was healthy there{_detail(f)}.",
    _R.ROLLBACK_REPLACED: lambda f: "A newer breach asks anew; this question is over.",
    _R.HEALTHY: lambda f: "Released and healthy.",
    _R.ANSWER_COUNTS: lambda f: "The answer counts.",
    _R.ANSWER_REPLACED: lambda f: "A later answer of the same person replaced it.",
    _R.SELF_APPROVAL: lambda f: (
        "you contributed to this change; somebody else with the right to answer has to"
    ),
    _R.NOT_AN_APPROVER: lambda f: "the policy does not name you as somebody who may answer",
    _R.NOT_A_PERSON: lambda f: "only people's answers count, not those of bots and apps",
    _R.STANDING_UNKNOWN: lambda f: (
        "GitHub could not say right now what you may do here; the answer is kept and judged again"
    ),
    _R.COMMENT_CHANGED: lambda f: "the comment was edited or deleted; answer in a new one",
    _R.COMMENT_UNKNOWN: lambda f: "the comment could not be read again; the answer is kept and judged again",
    _R.BINDING_CHANGED: lambda f: "what you answered has changed since; look at the new question",
    _R.COMMAND_MALFORMED: lambda f: "the command could not be read as written",
    _R.COMMAND_UNAVAILABLE: lambda f: "this version does not know that command yet",
    _R.ENVIRONMENT_UNKNOWN: lambda f: "there is no gate for that environment here",
    _R.ENVIRONMENT_AMBIGUOUS: lambda f: "more than one gate is asking; name the environment",
    _R.SHA_MISMATCH: lambda f: "that is not the head under decision; the head may have moved",
    _R.NOT_ASKED_YET: lambda f: "the gate was not asking when the comment was written",
    _R.TOO_LATE: lambda f: "too late: the gate has been answered already",
    _R.NOT_PERMITTED: lambda f: "only people with write permission here may do that",
    _R.NOTHING_OPEN: lambda f: "no gate is open here, so there is nothing to cancel",
    _R.ALREADY_OPEN: lambda f: "that gate is open already; `/why` shows what it waits for",
    _R.RELEASE_UNDER_WAY: lambda f: "a release from here is under way there",
    _R.DENIAL_STANDS: lambda f: "this head was denied; push a new one to ask again",
    _R.DEPLOYS_FROM_ELSEWHERE: lambda f: (
        "that environment does not deploy from here; its `from` says from where"
    ),
    _R.REASON_MISSING: lambda f: "a denial needs a reason, so that the author can act on it",
    _R.PARAMETERS_UNDECLARED: lambda f: "the policy declares no parameters that could be set",
}


def sentence(reason: Reason) -> str:
    """The sentence of a reason with its facts made inert."""
    return SENTENCES[reason.code](reason.facts)


def phrase(reason_code: ReasonCode) -> str:
    """The sentence of a bare code, for refusals: lower case, no full stop."""
    return SENTENCES[reason_code]({})
