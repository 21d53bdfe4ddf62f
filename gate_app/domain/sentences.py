"""One sentence per reason code: the vocabulary of `wording`, as a table.

Rules of the file: every `ReasonCode` has exactly one sentence (a test checks it); sentences say what is, and
for obstacles what would mend it; values from outside are put in only after `inert` made them harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gate_app.domain.approver_words import group
from gate_app.domain.inert import code
from gate_app.domain.verdict import Reason, ReasonCode

Facts = Mapping[str, str]
_R = ReasonCode


def _named(facts: Facts, key: str, limit: int = 120) -> str:
    return code(facts.get(key, ""), limit)


def _sha(facts: Facts, key: str) -> str:
    return code(facts.get(key, "")[:12])


def _new(facts: Facts) -> str:
    count = facts.get("count", "?")
    return f"{code(count)} new {'finding' if count == '1' else 'findings'}, {code(facts.get('worst', '?'))} at worst"


def _from(facts: Facts) -> str:
    """The pull request or branch of a gate id (`71#3:1:staging`, `71@refs/heads/main:1:staging`)."""
    subject = facts.get("gate", "").rsplit(":", 2)[0]
    number, branch = subject.partition("#")[2], subject.partition("@refs/heads/")[2]
    if number:
        return f", from pull request {code('#' + number)}"
    return f", from {code(branch)}" if branch else ""


def _so_far(facts: Facts) -> str:
    """How many approvals of one line of the policy there are, from whom they have to be and from whom they are."""
    keys = ("users", "teams", "organisations", "roles", "permission", "owners")
    whom = group({key: tuple(filter(None, facts.get(key, "").split(", "))) for key in keys})
    by = f": {_named(facts, 'by', 200)}" if facts.get("by") else ""
    instead = f", by now also from {_named(facts, 'instead', 200)}" if facts.get("instead") else ""
    return f"{code(facts.get('have', '0'))} of {code(facts.get('need', '?'))} from {whom}{instead}{by}"


def _adds(facts: Facts) -> str:
    return f"; it also takes {_named(facts, 'adds', 300)}" if facts.get("adds") else ""


def _detail(facts: Facts) -> str:
    return f" ({_named(facts, 'detail', 200)})" if facts.get("detail") else ""


def _or_again(facts: Facts) -> str:
    """What else may help a stage of ours; the checks of others run again where they ran."""
    ours = facts.get("stage") and not facts.get("code", "").startswith("check")
    return f", or run it again: {code('/retry ' + facts['stage'])}" if ours else ""


def _because(facts: Facts) -> str:
    if facts.get("by"):
        return f"; asked for{_by(facts)}: {_named(facts, 'detail', 300)}"
    return f"; what is there now fails: {_named(facts, 'detail', 200)}" if facts.get("detail") else ""


def _by(facts: Facts) -> str:
    return f" by {_named(facts, 'by', 60)}" if facts.get("by") else ""


def _until(facts: Facts) -> str:
    """A moment in UTC, to the minute."""
    return f" (until {facts['until'][:16].replace('T', ' ')} UTC)" if facts.get("until") else ""


def _owner(facts: Facts) -> str:
    return f" for pull request {code('#' + facts['owner'])}" if facts.get("owner") else ""


def _note(facts: Facts) -> str:
    return f": {_named(facts, 'note', 300)}" if facts.get("note") else ""


SENTENCES: Final[Mapping[ReasonCode, Callable[[Facts], str]]] = {
    _R.RUN_SUPERSEDED: lambda f: "A newer commit was pushed; that one is decided on instead.",
    _R.CHANGE_CLOSED: lambda f: "The pull request was closed or merged; nothing more is released from it.",
    _R.HEAD_UNCHANGED: lambda f: f"{_sha(f, 'sha')} is still the newest commit.",
    _R.HEAD_MOVED: lambda f: f"A newer commit was pushed, {_sha(f, 'now')}; a new run decides on it.",
    _R.BASE_CHANGED: lambda f: f"The base branch is now {_named(f, 'now')}; a new run decides on it.",
    _R.DEFAULT_BRANCH_CHANGED: lambda f: (
        "The repository has another default branch now, so its gate file is another one; what was asked before is over."
    ),
    _R.HEAD_UNKNOWN: lambda f: (
        f"The newest commit could not be read at GitHub{_detail(f)}; it is tried again."
    ),
    _R.POLICY_CURRENT: lambda f: "The gate file is still the one this was asked under.",
    _R.POLICY_INVALID: lambda f: (
        f"The gate file on the default branch cannot be obeyed{_detail(f)}. Mend it there."
    ),
    _R.POLICY_MISSING: lambda f: (
        "The gate file is gone from the default branch. Put it back, or close the change."
    ),
    _R.POLICY_UNREADABLE: lambda f: f"The gate file could not be read{_detail(f)}; it is tried again.",
    _R.NEEDS: lambda f: "The stages this gate needs:",
    _R.STAGE_PASSED: lambda f: f"Stage {_named(f, 'stage')} passed{_detail(f)}.",
    _R.STAGE_FAILED: lambda f: f"Stage {_named(f, 'stage')} failed{_detail(f)}. Push a fix{_or_again(f)}.",
    _R.STAGE_RUNNING: lambda f: f"Stage {_named(f, 'stage')} is running.",
    _R.STAGE_UNKNOWN: lambda f: (
        f"Stage {_named(f, 'stage')} came to no verdict{_detail(f)}. Mend what stopped it and push{_or_again(f)}."
    ),
    _R.NEW_FINDINGS: lambda f: f"Stage {_named(f, 'stage')} has {_new(f)}. Fix what is new and push.",
    _R.FINDINGS_WAIVED: lambda f: (
        f"Stage {_named(f, 'stage')} passed, but for what is waived{_until(f)}{_note(f)}."
    ),
    _R.AFTER_MET: lambda f: f"The same content passed in {_named(f, 'after')}.",
    _R.AFTER_UNMET: lambda f: (
        f"This content has not passed in {_named(f, 'after')}"
        f"{' without an override' if f.get('overridden') else ''} yet."
    ),
    _R.SOAKED: lambda f: f"It has been healthy in {_named(f, 'after')} for long enough.",
    _R.SOAKING: lambda f: (
        f"It has not been healthy in {_named(f, 'after')} for long enough yet{_until(f)}; this is asked about then."
    ),
    _R.SOAK_CUT_SHORT: lambda f: (
        f"Something else took its place in {_named(f, 'after')} before it had soaked. Release it there again."
    ),
    _R.SOAK_UNKNOWN: lambda f: (
        f"It is not known since when it has been healthy in {_named(f, 'after')}. Release it there again."
    ),
    _R.SHADOW: lambda f: "In shadow: this is judged and recorded; nothing is held, asked or released here.",
    _R.NOT_FROZEN: lambda f: "No freeze holds.",
    _R.FROZEN: lambda f: (
        f"Frozen until {_named(f, 'shown')}{_detail(f)}; what is approved now is released then."
    ),
    _R.FREEZE_UNKNOWN: lambda f: f"Whether a freeze holds cannot be told{_detail(f)}; it is looked at again.",
    _R.LOCKED: lambda f: (
        f"Locked{_owner(f)}{_by(f)}{_until(f)}{_note(f)}. What is approved now is released then, or after `/unlock`."
    ),
    _R.LOCK_OWNED: lambda f: f"Locked for this pull request{_by(f)}{_until(f)}{_note(f)}.",
    _R.LOCK_UNREADABLE: lambda f: (
        "There is a lock that cannot be read, so it holds everybody; an approver or maintainer lifts it with `/unlock`."
    ),
    _R.HELD: lambda f: f"Held{_by(f)}{_note(f)}; `/resume` lets it go on.",
    _R.ENVIRONMENT_FREE: lambda f: "No other release is under way there.",
    _R.ENVIRONMENT_BUSY: lambda f: (
        f"Another release is under way there{_from(f)}; this one waits for its end."
    ),
    _R.ENVIRONMENT_REMOVED: lambda f: "The gate file on the default branch no longer names this environment.",
    _R.PATHS_TOUCHED: lambda f: "The change touches what this environment is made of.",
    _R.PATHS_UNTOUCHED: lambda f: (
        f"Skipped: the change touches nothing under {_named(f, 'paths')}, so there is nothing to release here."
    ),
    _R.PATHS_UNKNOWN: lambda f: "It is not known yet which files the change touches; it is tried again.",
    _R.ROUTE_READY: lambda f: "The way to deploy is known.",
    _R.ROUTE_UNAVAILABLE: lambda f: (
        f"This version cannot deploy by {_named(f, 'route')} yet; use `deploy: {{workflow: …}}` or another route."
    ),
    _R.ROUTE_UNSEEN: lambda f: "Whether the deploying workflow can be started is looked at next.",
    _R.ROUTE_BLOCKED: lambda f: (
        f"The way to deploy is blocked: {_named(f, 'code')}{_detail(f)}. It is looked at again."
    ),
    _R.GRANT_AWAITED: lambda f: (
        "A job of a workflow has to redeem the grant; only then anything is deployed."
    ),
    _R.GRANT_REDEEMED: lambda f: f"Redeemed by workflow run {_named(f, 'run')}.",
    _R.JOB_AWAITED: lambda f: "No job waits at GitHub for this; people are asked once one does.",
    _R.JOB_HELD: lambda f: (
        f"GitHub holds workflow run {_named(f, 'run')}, attempt {_named(f, 'attempt')}. One answer is for every job of "
        "it in this environment."
    ),
    _R.JOB_UNREADABLE: lambda f: (
        f"Whether a job still waits at GitHub cannot be read{_detail(f)}; it is tried again."
    ),
    _R.RELEASE_RETURNED: lambda f: f"The last try to release did not happen{_detail(f)}; it is tried again.",
    _R.APPROVAL: lambda f: "Approvals:",
    _R.APPROVER_LINE_MET: lambda f: f"{_so_far(f)}.",
    _R.APPROVAL_MISSING: lambda f: f"{_so_far(f)}.",
    _R.NOBODY_CAN_APPROVE: lambda f: (
        f"As it stands nobody can approve this: of {_named(f, 'users', 200)} too few did not contribute. Name "
        f"{code(f.get('missing', '?'))} more in the gate file on the default branch."
    ),
    _R.SELF_APPROVED: lambda f: (
        f"An exception: approved{_by(f)} although they contributed, or may have; the gate file allows it "
        "(`self_approval: true`)."
    ),
    _R.OWNERS_UNKNOWN: lambda f: (
        f"Who owns what would change cannot be told{_detail(f)}; it is looked at again."
    ),
    _R.APPROVER_CHOICE: lambda f: "One of these is enough:",
    _R.APPROVER_GROUP: lambda f: "All of these, by different people:",
    _R.NOBODY_ASKED: lambda f: "The policy asks nobody (`mode: never`).",
    _R.NOT_ESCALATED: lambda f: "Nobody is asked: no rule of `escalate_when` fires.",
    _R.ESCALATED: lambda f: "A person is asked because of these rules of `escalate_when`:",
    _R.ESCALATION_RULE: lambda f: f"{_named(f, 'rule')}: {_named(f, 'found')}{_adds(f)}.",
    _R.ESCALATION_KEPT: lambda f: (
        "A rule of `escalate_when` fired for this commit; it does not any more, but what it asked is not taken back."
    ),
    _R.ESCALATION_BLOCKED: lambda f: (
        f"Blocked by a rule of `escalate_when`{_note(f)}, whoever approves. Change what makes it fire."
    ),
    _R.ESCALATION_UNKNOWN: lambda f: (
        "It is not known yet what would ship, or how a stage ends, so not whether a rule fires; it is tried again."
    ),
    _R.CONTRIBUTORS_UNKNOWN: lambda f: (
        f"who contributed is not known{_detail(f)}; the answer is kept and judged again"
    ),
    _R.DENIAL_PENDING: lambda f: (
        f"A denial{_by(f)} could not be judged yet; nothing is released before it is."
    ),
    _R.DENIED: lambda f: f"Denied{_by(f)}{_note(f)}. A new commit asks again.",
    _R.EXPIRED: lambda f: (
        "Nobody answered in time, which counts as denied. `/deploy` or a new commit asks again."
    ),
    _R.CANCELLED: lambda f: f"Cancelled{_by(f)}. `/deploy` or a new commit asks again.",
    _R.OVERRIDDEN: lambda f: f"Overridden{_by(f)}{_note(f)}: released without what the gate file asks for.",
    _R.OVERRIDE_UNKNOWN: lambda f: (
        f"Whether the override{_by(f)} counts cannot be told right now; it is tried again."
    ),
    _R.RELEASED: lambda f: "Released; the stages that verify the deployment are running.",
    _R.DEPLOYMENT_RUNNING: lambda f: "Approved; the deployment is running.",
    _R.DEPLOYMENT_BLOCKED: lambda f: (
        f"Approved, but the deployment does not get on: {_named(f, 'code')}{_detail(f)}. It is tried again."
    ),
    _R.DEPLOYMENT_UNKNOWN: lambda f: (
        "It is not known whether the deployment happened. Look at its stage, and at what runs there."
    ),
    _R.DEPLOYMENT_FAILED: lambda f: "The deployment failed. Look at its stage, fix it and push.",
    _R.VERIFICATION_FAILED: lambda f: (
        "It is deployed, but a stage that verifies it failed. Look at that stage, fix it and push."
    ),
    _R.VERIFICATION_UNKNOWN: lambda f: (
        "It is deployed, but a stage that verifies it came to no verdict, so it is not known to work."
    ),
    _R.WATCHING: lambda f: "Released; it is being watched.",
    _R.WATCH_BREACHED: lambda f: (
        "The watch saw it fail after the release. If something healthy ran there before, a rollback is asked about."
    ),
    _R.WATCH_UNKNOWN: lambda f: "Released, but the watch could not tell whether it is healthy.",
    _R.ROLLBACK_TO: lambda f: f"Back to {_sha(f, 'sha')}, which was healthy there{_because(f)}.",
    _R.ROLLBACK_BY_RULE: lambda f: (
        "Nobody is asked: the policy goes back by itself after a breach (`on_breach: rollback`)."
    ),
    _R.ROLLBACK_REPLACED: lambda f: "A newer breach asks anew; this question is over.",
    _R.ROLLBACK_TARGET: lambda f: (
        "there is nothing like that to go back to that was released and healthy there"
    ),
    _R.ROLLBACK_TOO_EARLY: lambda f: (
        "a release, or a way back, is under way there; that one comes to its end first"
    ),
    _R.ROLLBACK_PENDING: lambda f: "whether to go back is asked there; that is decided first",
    _R.HEALTHY: lambda f: "Released and healthy.",
    _R.ANSWER_COUNTS: lambda f: "the answer counts",
    _R.ANSWER_REPLACED: lambda f: "a later answer of the same person took its place",
    _R.SELF_APPROVAL: lambda f: "nobody approves a change that they contributed to",
    _R.NOT_AN_APPROVER: lambda f: "they are not among those who may answer here",
    _R.NOT_A_PERSON: lambda f: "only what people answer counts, not what bots and apps do",
    _R.STANDING_UNKNOWN: lambda f: (
        "GitHub could not say right now what they may do here; the answer is kept and judged again"
    ),
    _R.ANSWER_WITHDRAWN: lambda f: "whoever gave it took it back",
    _R.COMMENT_CHANGED: lambda f: "its comment was edited or deleted; a new one counts",
    _R.COMMENT_UNKNOWN: lambda f: "its comment could not be read again; the answer is kept and judged again",
    _R.APPROVAL_EXPIRED: lambda f: (
        "it was given too long ago (`approval_expires_after`); the newest question counts"
    ),
    _R.BINDING_CHANGED: lambda f: "what it answers has changed since; the newest question counts",
    _R.COMMAND_MALFORMED: lambda f: "it cannot be read as written",
    _R.COMMAND_UNAVAILABLE: lambda f: "this version does not know that command yet",
    _R.ENVIRONMENT_UNKNOWN: lambda f: "there is no gate for that environment here",
    _R.ENVIRONMENT_AMBIGUOUS: lambda f: "more than one gate may be meant; name the environment",
    _R.SHA_MISMATCH: lambda f: "it names another commit than the one under decision",
    _R.NOT_ASKED_YET: lambda f: "no question was open there when it was given",
    _R.TOO_LATE: lambda f: "it is too late, that is decided",
    _R.WITHDRAWAL_KEPT: lambda f: (
        "a release has begun; the withdrawal is kept and counts if it has to be tried again"
    ),
    _R.DENIAL_KEPT: lambda f: (
        "a release has begun; the denial is kept and counts if nothing has been deployed yet"
    ),
    _R.QUESTION_UNSEEN: lambda f: (
        "it is not known yet whether the question was on the page when the comment was written; it is answered "
        "once it is"
    ),
    _R.NOT_PERMITTED: lambda f: "that takes write permission here",
    _R.POLICY_NOT_ASKED: lambda f: (
        "the owners of the policy are asked only where a pull request makes the gate file looser, and it can be obeyed"
    ),
    _R.NOTHING_OPEN: lambda f: "no gate waits here",
    _R.NOTHING_TO_WITHDRAW: lambda f: "there is no answer of theirs to take back",
    _R.NOTHING_ASKED: lambda f: "no question is open here",
    _R.ALREADY_HELD: lambda f: "it is held already",
    _R.NOT_HELD: lambda f: "nobody holds it",
    _R.HELD_BY_ANOTHER: lambda f: (
        "a hold is lifted by who put it on, or by somebody who did not contribute to the change"
    ),
    _R.LOCKED_BY_ANOTHER: lambda f: (
        "another pull request has locked it; `/why` there says which, and until when"
    ),
    _R.NOT_LOCKED: lambda f: "there was no lock there when it was written",
    _R.UNLOCK_NOT_PERMITTED: lambda f: (
        "a lock is lifted in its own pull request, or by an approver of the environment or a maintainer, with a reason"
    ),
    _R.OVERRIDE_NOT_CONFIGURED: lambda f: "the gate file lets nobody override there (`override`)",
    _R.OVERRIDE_NOT_PERMITTED: lambda f: "they are not among those who may override there",
    _R.OVERRIDE_SHA_MISSING: lambda f: "nothing was asked about this commit yet, so it has to be named",
    _R.OVERRIDE_LATE: lambda f: (
        "it was written more than an hour ago, or before this commit was away or the pull request closed"
    ),
    _R.OVERRIDE_DEBT: lambda f: (
        "an earlier override has not been followed up yet; somebody else than who overrode closes its issue first"
    ),
    _R.OVERRIDE_SPENT: lambda f: "there were too many overrides within a day",
    _R.FINDING_NOT_FOUND: lambda f: "no stage here has one finding whose id begins like that",
    _R.WAIVER_TIME: lambda f: "a waiver ends on a day to come, within 180 days",
    _R.WAIVERS_SPENT: lambda f: "too many findings are waived there already",
    _R.TEXT_MISSING: lambda f: "it says nothing",
    _R.ALREADY_OPEN: lambda f: "that gate is under decision already; `/why` shows what it waits for",
    _R.RELEASE_UNDER_WAY: lambda f: "a release from here is under way there",
    _R.DENIAL_STANDS: lambda f: "this commit was denied; a new one asks again",
    _R.DEPLOYS_FROM_ELSEWHERE: lambda f: (
        "that environment does not deploy from here; its `from` in the gate file says from where"
    ),
    _R.STAGE_NOT_FOUND: lambda f: "there is no stage of that name here",
    _R.STAGE_NOT_FAILED: lambda f: (
        "that stage has passed or is at work; only one that failed or came to no verdict runs again"
    ),
    _R.STAGE_OF_OTHERS: lambda f: (
        "those checks are the work of others; have them run again there, and their new end counts"
    ),
    _R.STAGE_OF_RELEASE: lambda f: "that stage belongs to a deployment; `/deploy` asks for it anew",
    _R.RETRIES_SPENT: lambda f: "that stage was started too often for this commit; push a new one",
    _R.REASON_MISSING: lambda f: "a denial needs a reason that the author can act on",
    _R.DELEGATION_UNAVAILABLE: lambda f: (
        "that takes somebody who may approve there, and `delegates` in the gate file who may answer for them"
    ),
    _R.DELEGATION_DAY: lambda f: "the day has to be ahead, and at most 90 days",
    _R.DELEGATE_UNKNOWN: lambda f: "who that is cannot be told, or it is yourself",
    _R.NOTHING_DELEGATED: lambda f: "there is no delegation of theirs to take back",
    _R.PARAMETER_UNKNOWN: lambda f: "the gate file declares no such parameter for that environment",
    _R.PARAMETER_INVALID: lambda f: "that is no value of the parameter",
    _R.PARAMETERS_UNCHANGED: lambda f: "that is what the plan says already",
    _R.PARAMETERS_SPENT: lambda f: "the plan was changed too often; push a new commit",
    _R.PARAMETERS_UNDECLARED: lambda f: (
        "an approval changes nothing; `/modify` does, and somebody else approves what it makes"
    ),
    _R.GATE_UNKNOWN: lambda f: (
        "No gate for this is open here. Is there a gate file on the default branch (`gate-app init`), and does it name "
        "the environment?"
    ),
    _R.GATE_AMBIGUOUS: lambda f: (
        "Several gates of this environment are open; name the one that is meant (`gate`)."
    ),
    _R.GRANT_GIVEN: lambda f: "Approved: this job has the grant, and no other one gets it.",
    _R.GRANT_PREPARED: lambda f: "Approved: the deployment is being recorded; ask again in a moment.",
    _R.GRANT_USED: lambda f: (
        f"The grant was redeemed before, by workflow run {_named(f, 'run')}; it is used once."
    ),
    _R.GRANT_NOT_BY_JOB: lambda f: (
        f"This environment is deployed by {_named(f, 'route')}, not by a job that redeems a grant."
    ),
    _R.JOB_FOREIGN: lambda f: "The job, or the file that it is written in, belongs to another repository.",
    _R.JOB_EVENT: lambda f: (
        f"A workflow started by {_named(f, 'event')} does not redeem; start it by `push`, `workflow_dispatch`, "
        "`schedule` or `repository_dispatch`."
    ),
    _R.JOB_REF: lambda f: (
        "Only a workflow that runs from the default branch redeems, with its file and the one that calls it there too."
    ),
    _R.JOB_ENVIRONMENT: lambda f: (
        f"The job is in environment {_named(f, 'environment')}, and the gate is of another one."
    ),
    _R.JOB_COMMIT: lambda f: (
        "The workflow was started by the push of another commit than the one that was approved."
    ),
    _R.JOB_WORKFLOW: lambda f: f"The gate file lets only {_named(f, 'workflow')} redeem this.",
    _R.JOB_NOT_DISPATCHED: lambda f: (
        "This is not the workflow run that the app started for this release, or it was run again."
    ),
    _R.JOB_OF_FORK: lambda f: (
        "A job waits that belongs to a fork, and no gate opens for it. Deploy from a branch of this repository, or "
        "after the merge."
    ),
    _R.JOB_STARTED_BY: lambda f: (
        f"A job waits whose workflow was started by {_named(f, 'event')}, and no gate opens for that."
    ),
    _R.JOB_OTHER_COMMIT: lambda f: (
        f"A job waits for commit {_named(f, 'sha')}, which is not the one under decision here."
    ),
    _R.JOB_OTHER_BRANCH: lambda f: (
        f"A job waits whose workflow runs from {_named(f, 'branch')}; this environment deploys from another branch."
    ),
    _R.REPORT_HEARD: lambda f: "The end of the deployment is noted.",
    _R.REPORT_NOT_EXPECTED: lambda f: (
        "No deployment of this job is under way here, so nothing can be said about its end."
    ),
    _R.REQUEST_WITHDRAWN: lambda f: "The request was withdrawn.",
    _R.APPROVAL_KEPT: lambda f: (
        f"Approved at {_sha(f, 'sha')} by {_named(f, 'by')}, and kept: the content is the same to the byte, and the "
        "evidence as good (`same_content: keep`)."
    ),
    _R.APPROVAL_NOT_KEPT: lambda f: (
        "it was given to the head before, and more than the commit has changed, or may have: the plan, the evidence, "
        "the gate file, code owners, or what happened to the pull request"
    ),
    _R.PLAN_UNASKED: lambda f: (
        "nobody is asked there (`mode: never`), so nobody could say yes to another plan"
    ),
}


def sentence(reason: Reason) -> str:
    """The sentence of a reason with its facts made inert."""
    return SENTENCES[reason.code](reason.facts)


def phrase(reason_code: ReasonCode) -> str:
    """The sentence of a bare code, for refusals: lower case, no full stop."""
    return SENTENCES[reason_code]({})
