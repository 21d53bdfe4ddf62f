"""What deliveries mean: the table of (event, action), what is ignored and why, and what is not believed."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.github import NOON, REPOSITORY, SHA, SINKHOLE, account

from gate_app.domain.events import (
    ButtonPressed,
    CommandGiven,
    CommentChanged,
    DeployedByOthers,
    RerunRequested,
)
from gate_app.domain.model import Person, PersonKind, Subject
from gate_app.engine.ports import (
    CommitNoticed,
    ConversationNoticed,
    DeploymentNoticed,
    Ignored,
    Notice,
    Payloads,
    RunNoticed,
    SubjectNoticed,
    WorkNoticed,
)
from gate_app.engine.sweep import meaning_of
from gate_app.github.payloads import UNDERSTOOD, WebhookPayloads
from gate_app.github.work_payloads import WORK

Payload = dict[str, object]
SENDER = account(12, "reviewer")
OUR_APP = 4711


def envelope(**body: object) -> Payload:
    """What every delivery carries, plus what the test is about."""
    return {
        "installation": {"id": REPOSITORY.installation_id, "node_id": "x"},
        "repository": {
            "id": 71, "name": "shop", "full_name": "acme/shop", "owner": account(5, "acme", "Organization"),
            "default_branch": "main", "pushed_at": "2026-11-20T11:00:00Z", "url": SINKHOLE,
        },
        "sender": SENDER,
        **body,
    }  # fmt: skip


def pull_request(action: str, **body: object) -> Payload:
    pull = {"number": 3, "updated_at": "2026-11-20T11:58:00Z", "comments_url": SINKHOLE, "head": {"sha": SHA}}
    return envelope(action=action, number=3, pull_request=pull, **body)


def push(ref: str = "refs/heads/main", **changed: object) -> Payload:
    body = envelope(ref=ref, after=SHA, before="b" * 40, deleted=False, forced=False, head_commit=None)
    repository = body["repository"]
    assert isinstance(repository, dict)
    repository["pushed_at"] = int(NOON.timestamp())
    return {**body, **changed}


def issue_comment(action: str, body: str | None = "/approve staging", **changed: object) -> Payload:
    """A comment on pull request 3 by the sender; `issue` and `comment` members may be replaced."""
    issue: Payload = {"number": 3, "updated_at": "2026-11-20T11:59:30Z", "pull_request": {"url": SINKHOLE}}
    comment: Payload = {
        "id": 501, "body": body, "user": SENDER, "url": SINKHOLE, "performed_via_github_app": None,
        "created_at": "2026-11-20T11:59:00Z", "updated_at": "2026-11-20T11:59:00Z",
    }  # fmt: skip
    issue.update(changed.pop("issue", {}))  # type: ignore[call-overload]  # the tests give members
    comment.update(changed.pop("comment", {}))  # type: ignore[call-overload]  # the same
    return envelope(action=action, issue=issue, comment=comment, **changed)


def read(event: str, payload: object) -> tuple[Notice, ...] | Ignored:
    payloads: Payloads = WebhookPayloads(OUR_APP)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    found = payloads.read(event, body)
    return found if isinstance(found, Ignored) else tuple(found)


def only(event: str, payload: object) -> Notice:
    found = read(event, payload)
    assert not isinstance(found, Ignored), found
    (notice,) = found
    return notice


# --- heads ---


@pytest.mark.parametrize("action", ["opened", "reopened", "synchronize"])
def test_a_pushed_pull_request_is_looked_at_and_its_sender_brought_the_head(action: str) -> None:
    assert only("pull_request", pull_request(action)) == SubjectNoticed(
        REPOSITORY,
        Subject(71, number=3),
        datetime(2026, 11, 20, 11, 58, tzinfo=UTC),
        Person(12, "reviewer"),
    )


def test_case_135_whose_repository_it_is_is_known_by_number() -> None:
    payload = pull_request("opened")
    payload["repository"] = {**payload["repository"], "owner": {"login": "acme", "id": 9}}  # type: ignore[dict-item]  # JSON
    notice = only("pull_request", payload)
    assert isinstance(notice, SubjectNoticed)
    assert notice.repository.owner_id == 9


@pytest.mark.parametrize("action", ["closed", "converted_to_draft", "ready_for_review"])
def test_case_34_a_pull_request_that_only_changed_its_state_was_pushed_by_nobody(action: str) -> None:
    notice = only("pull_request", pull_request(action))
    assert isinstance(notice, SubjectNoticed)
    assert (notice.subject.key, notice.sender) == ("71#3", None)


def test_case_25_a_retargeted_pull_request_is_looked_at() -> None:
    notice = only("pull_request", pull_request("edited", changes={"base": {"ref": {"from": "main"}}}))
    assert isinstance(notice, SubjectNoticed)
    assert notice.sender is None


@pytest.mark.parametrize(
    "changes", [{}, {"title": {"from": "x"}}, {"body": {"from": "/approve production"}}], ids=str
)
def test_case_36_an_edited_title_or_text_has_no_effect(changes: Payload) -> None:
    assert isinstance(read("pull_request", pull_request("edited", changes=changes)), Ignored)


def test_a_push_to_the_default_branch_is_looked_at_at_githubs_time_not_the_commits() -> None:
    forged = {"id": SHA, "timestamp": "1999-01-01T00:00:00Z", "message": "case 22"}
    assert only("push", push(head_commit=forged)) == SubjectNoticed(
        REPOSITORY, Subject(71, ref="refs/heads/main"), NOON, Person(12, "reviewer"), before="b" * 40
    )


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(push("refs/heads/feature"), id="another branch"),
        pytest.param(push("refs/tags/main"), id="a tag of that name"),
        pytest.param(push(deleted=True), id="the branch was deleted"),
        pytest.param(push(after="0" * 40), id="no commit is left"),
    ],
)
def test_a_push_that_is_no_new_head_of_the_default_branch_is_ignored(payload: Payload) -> None:
    assert isinstance(read("push", payload), Ignored)


# --- commands ---


def test_a_command_is_its_line_its_person_and_the_fingerprint_of_the_whole_comment() -> None:
    body = "/approve staging -- ok\r\n\r\nThanks!"
    assert only("issue_comment", issue_comment("created", body)) == ConversationNoticed(
        REPOSITORY,
        3,
        CommandGiven(
            at=datetime(2026, 11, 20, 11, 59, tzinfo=UTC),
            comment_id=501,
            conversation=3,
            person=Person(12, "reviewer"),
            line="/approve staging -- ok",
            body_sha256=hashlib.sha256(body.encode()).hexdigest(),
        ),
    )


@pytest.mark.parametrize("body", ["Nice work", "", None, "> /approve staging", "`/approve staging`"], ids=str)
def test_a_comment_that_is_no_command_ends_here(body: str | None) -> None:
    assert read("issue_comment", issue_comment("created", body)) == Ignored("comment 501 is no command")


@pytest.mark.parametrize("action", ["created", "edited", "deleted"])
@pytest.mark.parametrize("marker", [None, "absent"])
def test_case_45_a_comment_on_an_issue_cannot_touch_a_gate(action: str, marker: str | None) -> None:
    payload = issue_comment(action, changes={})
    issue = payload["issue"]
    assert isinstance(issue, dict)
    issue["pull_request"] = None
    if marker == "absent":
        del issue["pull_request"]
    assert isinstance(read("issue_comment", payload), Ignored)


def test_case_44_a_bots_command_says_that_a_bot_gave_it() -> None:
    bot = account(900_001, "gate-app[bot]", "Bot")
    notice = only("issue_comment", issue_comment("created", comment={"user": bot}, sender=bot))
    assert isinstance(notice, ConversationNoticed)
    assert isinstance(notice.event, CommandGiven)
    assert notice.event.person == Person(900_001, "gate-app[bot]", PersonKind.BOT)


def test_case_44_a_command_through_an_app_says_so() -> None:
    notice = only(
        "issue_comment", issue_comment("created", comment={"performed_via_github_app": {"id": 4711}})
    )
    assert isinstance(notice, ConversationNoticed)
    assert isinstance(notice.event, CommandGiven)
    assert notice.event.via_app


@pytest.mark.parametrize("kind", ["Organization", "Mannequin", "user", ""])
def test_case_58_what_is_not_exactly_a_user_is_no_person(kind: str) -> None:
    somebody = account(12, "reviewer", kind)
    notice = only("issue_comment", issue_comment("created", comment={"user": somebody}, sender=somebody))
    assert isinstance(notice, ConversationNoticed)
    assert isinstance(notice.event, CommandGiven)
    assert notice.event.person.account is PersonKind.OTHER


@pytest.mark.parametrize(
    "user",
    [
        pytest.param(None, id="case 68: the author is gone"),
        pytest.param(account(13, "somebody"), id="case 35: the sender is not the author"),
    ],
)
def test_a_command_whose_author_did_not_send_it_is_ignored(user: object) -> None:
    assert isinstance(read("issue_comment", issue_comment("created", comment={"user": user})), Ignored)


def test_case_35_an_edit_never_makes_a_command_it_only_takes_one_back() -> None:
    payload = issue_comment(
        "edited", "/approve production", changes={"body": {"from": "/deny production no"}},
        comment={"updated_at": "2026-11-20T12:10:00Z"},
    )  # fmt: skip
    assert only("issue_comment", payload) == ConversationNoticed(
        REPOSITORY, 3, CommentChanged(datetime(2026, 11, 20, 12, 10, tzinfo=UTC), 501, 3, "edited")
    )


def test_an_edit_that_does_not_say_what_was_there_counts_as_one() -> None:
    assert isinstance(only("issue_comment", issue_comment("edited", changes={})), ConversationNoticed)


@pytest.mark.parametrize("before", ["LGTM", "> /approve production"])
def test_case_36_editing_an_old_remark_into_a_command_has_no_effect(before: str) -> None:
    payload = issue_comment("edited", "/approve production", changes={"body": {"from": before}})
    assert isinstance(read("issue_comment", payload), Ignored)


def test_case_37_a_deleted_command_is_taken_back_at_the_time_of_the_deletion() -> None:
    assert only("issue_comment", issue_comment("deleted")) == ConversationNoticed(
        REPOSITORY, 3, CommentChanged(datetime(2026, 11, 20, 11, 59, 30, tzinfo=UTC), 501, 3, "deleted")
    )


def test_a_deleted_remark_means_nothing() -> None:
    assert isinstance(read("issue_comment", issue_comment("deleted", "LGTM")), Ignored)


# --- what is ignored ---


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        pytest.param("ping", {"zen": "x", "hook_id": 1}, "not used: ping", id="ping"),
        pytest.param(
            "installation", envelope(action="created"), "not used: installation.created", id="installation"
        ),
        pytest.param(
            "pull_request",
            envelope(action="assigned"),
            "not used: pull_request.assigned",
            id="case 12: an assignment",
        ),
        pytest.param("pull_request", envelope(), "not used: pull_request", id="case 12: no action"),
        pytest.param(
            "discussion_comment",
            envelope(action="created"),
            "not used: discussion_comment.created",
            id="case 45",
        ),
        pytest.param(
            "commit_comment",
            envelope(action="created"),
            "not used: commit_comment.created",
            id="case 45: commit",
        ),
        pytest.param(
            "evil\x1b[31m", envelope(action="x\ny"), "not used: ….…", id="case 216: names are not repeated"
        ),
        pytest.param(
            "push", {**push(), "installation": None}, "no installation of ours is named", id="case 14"
        ),
    ],
)
def test_what_means_nothing_is_ignored_with_its_reason(event: str, payload: Payload, reason: str) -> None:
    assert read(event, payload) == Ignored(reason)


def test_a_push_is_understood_whatever_action_it_claims() -> None:
    assert isinstance(only("push", {**push(), "action": "created"}), SubjectNoticed)


# --- what is not believed ---

GOOD: dict[str, tuple[str, Payload]] = {
    "pull request": ("pull_request", pull_request("opened")),
    "retargeted": ("pull_request", pull_request("edited", changes={"base": {"sha": {"from": SHA}}})),
    "push": ("push", push()),
    "command": ("issue_comment", issue_comment("created")),
    "edit": ("issue_comment", issue_comment("edited", changes={"body": {"from": "/approve staging"}})),
    "deletion": ("issue_comment", issue_comment("deleted")),
}
CANARY = "canary-value"


def _places(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield (*path, key)
            yield from _places(member, (*path, key))


def _replaced(payload: Payload, path: tuple[str, ...], value: object) -> Payload:
    changed = copy.deepcopy(payload)
    inner: object = changed
    for key in path[:-1]:
        assert isinstance(inner, dict)
        inner = inner[key]
    assert isinstance(inner, dict)
    inner[path[-1]] = value
    return changed


def _read_or_problem(event: str, body: bytes) -> tuple[str, tuple[Notice, ...] | Ignored]:
    try:
        return "", read(event, body)
    except ValueError as problem:
        return str(problem), ()


HOSTILE = [
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    CANARY,
    "x" * 2_000_000,
    [],
    {},
    [[]],
    {"id": "1"},
    "../../etc",
    "\x00",
]


@pytest.mark.parametrize("name", GOOD)
def test_case_12_any_field_of_another_shape_is_a_problem_or_makes_no_difference_never_a_crash(
    name: str,
) -> None:
    event, good = GOOD[name]
    only(event, good)
    for path in _places(good):
        for value in HOSTILE:
            body = json.dumps(_replaced(good, path, value)).encode()
            problem, found = _read_or_problem(event, body)
            assert CANARY not in problem
            assert len(problem) < 1_000
            assert problem or isinstance(found, Ignored) or len(found) == 1


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"action": "opened"', id="half an object"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b'{"a":' * 20_000 + b"1" + b"}" * 20_000, id="case 17: twenty thousand levels"),
        pytest.param(b'{"installation": {"id": ' + b"9" * 5_000 + b"}}", id="case 17: five thousand digits"),
        pytest.param(b'{"installation": {"id": NaN}}', id="case 17: NaN"),
    ],
)
@pytest.mark.parametrize("event", ["push", "issue_comment", "unheard_of"])
def test_case_17_a_body_that_is_no_payload_is_a_value_error(event: str, raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a payload"):
        WebhookPayloads().read(event, raw)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        pytest.param("push", _replaced(push(), ("repository", "pushed_at"), 10**18), id="a far future"),
        pytest.param(
            "issue_comment",
            issue_comment("created", comment={"created_at": "0001-01-01T00:00:00Z"}),
            id="year 1",
        ),
        pytest.param(
            "issue_comment",
            issue_comment("created", comment={"created_at": "2026-11-20T11:59:00"}),
            id="no zone",
        ),
        pytest.param(
            "pull_request",
            _replaced(pull_request("opened"), ("repository", "name"), "a/../b"),
            id="case 141: a path",
        ),
        pytest.param(
            "pull_request",
            _replaced(pull_request("opened"), ("sender", "login"), "a/../b"),
            id="case 141: a login",
        ),
    ],
)
def test_what_no_github_would_say_is_not_believed(event: str, payload: Payload) -> None:
    with pytest.raises(ValueError, match="not a payload"):
        read(event, payload)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(str(event) for event, _ in {**UNDERSTOOD, **WORK})), st.binary(max_size=200))
def test_bytes_are_ignored_or_refused_never_a_crash(event: str, raw: bytes) -> None:
    try:
        found = WebhookPayloads().read(event, raw)
    except ValueError:
        return
    assert isinstance(found, Ignored)


def test_case_12_every_event_with_every_others_body_is_ignored_or_refused() -> None:
    for event in {name for name, _ in {**UNDERSTOOD, **WORK}}:
        for own, payload in GOOD.values():
            for _, action in {**UNDERSTOOD, **WORK}:
                if own == event:
                    continue
                try:
                    found = read(event, {**payload, "action": action})
                except ValueError:
                    continue
                assert isinstance(found, Ignored)


# --- buttons ---


def press(**changed: object) -> Payload:
    check_run: Payload = {
        "id": 900, "name": "gate / staging", "external_id": "71#3:2:staging", "head_sha": SHA, "url": SINKHOLE,
        "completed_at": "2026-11-20T11:59:00Z", "app": {"id": OUR_APP, "slug": "gate"},
    }  # fmt: skip
    check_run.update(changed)
    identifier = {"identifier": "approve:0123456789ab"}
    return envelope(action="requested_action", check_run=check_run, requested_action=identifier)


def test_a_press_goes_to_the_gate_that_our_check_run_names() -> None:
    shown = datetime(2026, 11, 20, 11, 59, tzinfo=UTC)
    pressed = ButtonPressed(shown, "staging", Person(12, "reviewer"), "approve:0123456789ab", SHA)
    assert only("check_run", press()) == RunNoticed("71#3:2", pressed)


def test_a_gate_of_a_branch_and_of_an_environment_with_a_colon_is_found_too() -> None:
    notice = only("check_run", press(external_id="71@refs/heads/main:1:eu:west"))
    assert isinstance(notice, RunNoticed)
    assert isinstance(notice.event, ButtonPressed)
    assert (notice.run_id, notice.event.environment) == ("71@refs/heads/main:1", "eu:west")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"app": {"id": 4712}}, id="of another App"),
        pytest.param({"app": None}, id="of an App that is gone"),
        pytest.param({"external_id": "72#3:2:staging"}, id="of another repository"),
        pytest.param({"external_id": "71#3:2"}, id="of no gate"),
        pytest.param({"external_id": "71#03:2:staging"}, id="of a subject spelt otherwise"),
        pytest.param({"external_id": "71#3:two:staging"}, id="of no run"),
        pytest.param({"external_id": "nonsense"}, id="of nothing"),
        pytest.param({"external_id": None}, id="without an external id"),
    ],
)
def test_case_47_a_press_on_what_is_not_our_gate_means_nothing(changed: Payload) -> None:
    assert isinstance(read("check_run", press(**changed)), Ignored)


def test_a_press_without_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="check_run"):
        read("check_run", envelope(action="requested_action"))


# --- "Re-run" ---


def rerun(**changed: object) -> Payload:
    return {**press(external_id="71#3:2:stage:tests", **changed), "action": "rerequested"}


def rerun_all(**changed: object) -> Payload:
    suite: Payload = {"id": 1, "head_sha": SHA, "updated_at": "2026-11-20T11:59:00Z", "app": {"id": OUR_APP}}
    return envelope(action="rerequested", check_suite={**suite, **changed})


SHOWN = datetime(2026, 11, 20, 11, 59, tzinfo=UTC)


def test_a_re_run_goes_to_the_run_that_our_check_run_names() -> None:
    asked = RerunRequested(SHOWN, Person(12, "reviewer"), "stage:tests")
    assert only("check_run", rerun()) == RunNoticed("71#3:2", asked)


def test_a_re_run_of_all_checks_goes_to_what_decides_on_their_commit() -> None:
    notice = only("check_suite", rerun_all())
    assert isinstance(notice, CommitNoticed)
    assert (notice.sha, notice.event) == (SHA, RerunRequested(SHOWN, Person(12, "reviewer")))


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        pytest.param("check_run", rerun(app={"id": 4712}), id="a check run of another App"),
        pytest.param("check_run", {**press(external_id="x"), "action": "rerequested"}, id="of nothing"),
        pytest.param("check_suite", rerun_all(app={"id": 4712}), id="a suite of another App"),
        pytest.param("check_suite", rerun_all(app=None), id="a suite of an App that is gone"),
    ],
)
def test_a_re_run_of_what_is_not_ours_means_nothing(event: str, payload: Payload) -> None:
    assert isinstance(read(event, payload), Ignored)


# --- the same fact twice ---


def told(payload: object) -> str:
    """What the engine takes a delivery about a comment to mean."""
    notice = only("issue_comment", payload)
    assert isinstance(notice, ConversationNoticed)
    return meaning_of(notice)


def test_case_9_a_comment_means_the_same_in_every_delivery() -> None:
    deliveries = issue_comment("created"), {**issue_comment("created"), "extra": 1}
    assert {told(payload) for payload in deliveries} == {"comment:501:created"}


def test_case_9_edits_and_deletions_are_told_apart() -> None:
    edited = issue_comment("edited", changes={}, comment={"updated_at": "2026-11-20T12:10:00Z"})
    later = issue_comment("edited", changes={}, comment={"updated_at": "2026-11-20T12:11:00Z"})
    keys = [told(payload) for payload in (edited, later, issue_comment("deleted"))]
    assert keys[:2] == [
        "comment:501:edited:2026-11-20T12:10:00+00:00",
        "comment:501:edited:2026-11-20T12:11:00+00:00",
    ]
    assert keys[2].startswith("comment:501:deleted:")


def test_reading_depends_on_the_body_alone() -> None:
    deliveries = list(GOOD.values()) * 3
    random.Random(7).shuffle(deliveries)  # noqa: S311 — an order, not a secret
    reader = WebhookPayloads()
    for event, payload in deliveries:
        assert reader.read(event, json.dumps(payload).encode()) == read(event, payload)


# --- work of others ---


def check_run(action: str, **changed: object) -> Payload:
    run: Payload = {
        "id": 900, "name": "test", "head_sha": SHA, "status": "completed", "conclusion": "success",
        "started_at": "2026-11-20T11:58:00Z", "completed_at": "2026-11-20T11:59:00Z",
        "app": {"id": 15368}, "pull_requests": [], "url": SINKHOLE,
    }  # fmt: skip
    return envelope(action=action, check_run={**run, **changed})


def check_suite(**changed: object) -> Payload:
    suite: Payload = {"head_sha": SHA, "updated_at": "2026-11-20T11:59:00Z", "app": {"id": 15368}}
    return envelope(action="completed", check_suite={**suite, **changed})


def status() -> Payload:
    return envelope(sha=SHA, state="success", context="ci", updated_at="2026-11-20T11:59:00Z")


LOOK = WorkNoticed(REPOSITORY, "commit", SHA, datetime(2026, 11, 20, 11, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        pytest.param("check_run", check_run("completed"), id="a check ended"),
        pytest.param("check_run", check_run("created"), id="a check began"),
        pytest.param("check_run", check_run("completed", app=None), id="a check of an App that is gone"),
        pytest.param("check_suite", check_suite(), id="a suite ended"),
        pytest.param("status", status(), id="a commit status was set"),
    ],
)
def test_case_101_work_of_others_says_look_at_this_commit(event: str, payload: Payload) -> None:
    """The pull requests that a check run lists are not read: for a fork there are none."""
    assert only(event, payload) == LOOK


def deployment_status(state: str = "success", **made: object) -> Payload:
    deployment = {"id": 88, "sha": SHA, "environment": "staging", "creator": SENDER, **made}
    return envelope(
        action="created",
        deployment=deployment,
        deployment_status={"state": state, "updated_at": "2026-11-20T11:59:00Z"},
        workflow_run={"id": 55},
    )


def test_a_deployment_of_others_that_succeeded_is_told_beside_the_look() -> None:
    look, told = read("deployment_status", deployment_status())
    assert isinstance(look, WorkNoticed)
    assert told == DeploymentNoticed(
        REPOSITORY, DeployedByOthers(look.at, "staging", 88, SHA, Person(12, "reviewer"), 55)
    )
    _, gone = read("deployment_status", deployment_status(creator=None))
    assert isinstance(gone, DeploymentNoticed)
    assert gone.event.by.id == 0


@pytest.mark.parametrize(
    "payload",
    [
        deployment_status("in_progress"),
        deployment_status(performed_via_github_app={"id": OUR_APP}),
        deployment_status(sha=None),
    ],
    ids=["under way", "made by us", "of no commit"],
)
def test_of_other_deployments_only_the_look_is_told(payload: Payload) -> None:
    assert isinstance(only("deployment_status", payload), WorkNoticed)


def test_a_check_that_began_is_told_with_its_beginning_and_a_queued_one_with_none() -> None:
    began = only("check_run", check_run("created", completed_at=None))
    queued = only("check_run", check_run("created", completed_at=None, started_at=None))
    assert isinstance(began, WorkNoticed)
    assert isinstance(queued, WorkNoticed)
    assert (began.at.minute, queued.at.year) == (58, 2008)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("check_run", check_run("completed", app={"id": OUR_APP})),
        ("check_suite", check_suite(app={"id": OUR_APP})),
    ],
)
def test_our_own_check_runs_are_no_work_of_others(event: str, payload: Payload) -> None:
    assert isinstance(read(event, payload), Ignored)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("check_run", check_run("completed", head_sha="main")),
        ("check_suite", check_suite(updated_at="yesterday")),
        ("status", envelope(sha=SHA)),
    ],
)
def test_work_that_is_not_what_it_claims_is_refused(event: str, payload: Payload) -> None:
    with pytest.raises(ValueError, match="not a payload"):
        read(event, payload)


# --- our own comments, changed by somebody else

OURS = {"id": 99, "login": "gate-app[bot]", "type": "Bot"}
MARKED = "### Deploy to `staging`?\n\n<!-- gate-app:71%233%3A1%3Aquestion%3Astaging%3A1 -->"


@pytest.mark.parametrize(
    ("action", "body", "changes"),
    [
        pytest.param(
            "edited",
            MARKED.replace("staging", "a toy"),
            {"changes": {"body": {"from": MARKED}}},
            id="reworded",
        ),
        pytest.param(
            "edited", "### Deploy a toy?", {"changes": {"body": {"from": MARKED}}}, id="its marker is gone"
        ),
        pytest.param("deleted", MARKED, {}, id="deleted"),
    ],
)
def test_our_comment_changed_by_somebody_else_is_told(action: str, body: str, changes: Payload) -> None:
    notice = only("issue_comment", issue_comment(action, body, comment={"user": OURS}, **changes))
    assert isinstance(notice, ConversationNoticed)
    assert isinstance(notice.event, CommentChanged)
    assert (notice.event.comment_id, notice.event.change, notice.event.ours) == (501, action, True)


@pytest.mark.parametrize(
    ("user", "body", "sender"),
    [
        pytest.param(OURS, MARKED, OURS, id="by ourselves"),
        pytest.param(OURS, "### Deploy", None, id="another bot's, without our marker"),
        pytest.param(None, MARKED, None, id="case 169: a person's, with a copied marker"),
        pytest.param("ghost", MARKED, None, id="nobody's any more"),
    ],
)
def test_other_changes_of_marked_comments_mean_nothing(user: object, body: str, sender: object) -> None:
    author = {"ghost": None, None: SENDER}.get(user, user) if not isinstance(user, dict) else user
    by = {"sender": sender} if sender else {}
    edited = issue_comment("edited", body, comment={"user": author}, changes={"body": {"from": body}}, **by)
    assert isinstance(read("issue_comment", edited), Ignored)
    assert isinstance(
        read("issue_comment", issue_comment("deleted", body, comment={"user": author}, **by)), Ignored
    )
