"""The client against the stand-in: real HTTP, real tokens, real permissions, answers lost on purpose."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest
from support.github import private_key, public_key

from gate_app.domain.checks import looked_at
from gate_app.domain.effects import (
    CreateDeployment,
    DispatchWorkflow,
    PublishCheckRun,
    PublishComment,
    React,
    ReportDeployment,
)
from gate_app.domain.events import CommandGiven, CommentChanged
from gate_app.domain.model import Person, Repository, Subject
from gate_app.domain.policy import Permission
from gate_app.domain.run import StageRole
from gate_app.domain.workflows import DeploymentSeen, Sought
from gate_app.engine.ports import (
    ConversationNoticed,
    Hub,
    Ignored,
    Notice,
    PolicyAbsent,
    PolicyFile,
    SubjectNoticed,
)
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.client import AppSettings, GithubHub, connect
from gate_app.github.payloads import WebhookPayloads
from gate_app.standin.control import Control
from gate_app.standin.process import StandinProcess, start
from gate_app.standin.shapes import PullState, Registered

GATE_FILE = "version: 1\nenvironments:\n  production: {}\n"
_NUMBERS = count(1)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Scene:
    """One fresh repository of the stand-in with an open pull request, and a client of its own."""

    github: StandinProcess
    app: Registered
    repository: Repository
    pull: PullState

    @property
    def control(self) -> Control:
        return self.github.control

    @property
    def name(self) -> str:
        return self.repository.full_name

    @property
    def subject(self) -> Subject:
        return Subject(self.repository.id, number=self.pull["number"])

    def hub(self) -> GithubHub:
        settings = AppSettings(
            app_id=self.app["app_id"],
            issuer=self.app["client_id"],
            private_key=private_key(),
            bot_id=self.app["bot_user_id"],
            api_url=self.github.url,
            git_url=self.github.url,
        )
        return connect(settings, now)

    def person(self, login: str) -> Person:
        (found,) = (person for person in self.control.state()["people"] if person["login"] == login)
        return Person(found["id"], login)


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandinProcess]:
    process = start(tmp_path_factory.mktemp("github"))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def app(github: StandinProcess) -> Registered:
    hook = "http://127.0.0.1:9/webhooks"  # nobody listens there: what was sent is read from the stand-in
    registered = github.control.register_app(hook, "a secret of twenty bytes", public_key_pem=public_key())
    github.control.trouble_webhooks(hold=True)
    for login in ("author", "reviewer", "maintainer", "reader", "stranger"):
        github.control.create_person(login)
    return registered


@pytest.fixture
def scene(github: StandinProcess, app: Registered) -> Iterator[Scene]:
    control, name = github.control, f"shop-{next(_NUMBERS)}"
    made = control.create_repository(
        "acme", name, files={".github/gate.yml": GATE_FILE}, identities={"*": "author"}
    )
    full_name = made["full_name"]
    for login, role in {
        "author": "write",
        "reviewer": "write",
        "maintainer": "maintain",
        "reader": "read",
    }.items():
        control.set_role(full_name, login, role)
    head = control.commit(full_name, {"sell.py": "more = True\n"}, login="author")["sha"]
    pull = control.open_pull(
        full_name, head_sha=head, head_branch="feature", title="Sell more", author="author"
    )
    yield Scene(github, app, Repository(made["id"], "acme", name, app["installation_id"]), pull)
    control.set_faults()


# --- reading ---


def test_a_pull_request_its_policy_and_its_authors_are_read(scene: Scene) -> None:
    hub: Hub = scene.hub()
    live = hub.live_change(scene.repository, scene.subject)
    assert (live.open, live.merged) == (True, False)
    assert live.change.head.sha == scene.pull["head_sha"]
    assert live.change.author == scene.person("author")
    policy = hub.policy_file(scene.repository)
    assert isinstance(policy, PolicyFile)
    assert policy.raw.decode() == GATE_FILE
    assert hub.authorship(live.change).contributors == (scene.person("author").id,)


def test_every_call_has_a_version_and_a_token_of_its_own_permissions(scene: Scene) -> None:
    before = max((request["id"] for request in scene.control.requests()), default=0)
    hub = scene.hub()
    hub.live_change(scene.repository, scene.subject)
    hub.policy_file(scene.repository)
    seen = scene.control.requests(before)
    assert {request["api_version"] for request in seen} == {"2022-11-28"}
    (look,) = (request for request in seen if "/pulls/" in request["path"])
    assert look["permissions"] == {"contents": "read", "metadata": "read", "pull_requests": "read"}
    assert len([request for request in seen if request["identity"] == "installation"]) == 3


def test_case_145_a_proxy_of_the_surroundings_is_not_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    assert isinstance(scene.hub().policy_file(scene.repository), PolicyFile)


def test_a_merged_change_is_the_head_of_the_default_branch_and_converses_where_it_was(scene: Scene) -> None:
    for method in ("merge", "squash", "rebase"):
        head = scene.control.commit(scene.name, {f"{method}.py": "x = 1\n"}, login="author")["sha"]
        opened = scene.control.open_pull(
            scene.name, head_sha=head, head_branch=f"by-{method}", title=method, author="author"
        )
        scene.control.merge(scene.name, opened["number"], by="maintainer", method=method)
        hub = scene.hub()
        live = hub.live_change(scene.repository, Subject(scene.repository.id, ref="refs/heads/main"))
        assert live.change.conversation == opened["number"], method
        assert live.change.author == scene.person("author")
        assert scene.person("author").id in hub.authorship(live.change).contributors


def test_a_repository_without_a_gate_file_has_none(scene: Scene) -> None:
    made = scene.control.create_repository("acme", f"bare-{next(_NUMBERS)}", files={"README.md": "x"})
    bare = replace(scene.repository, id=made["id"], name=made["full_name"].partition("/")[2])
    assert isinstance(scene.hub().policy_file(bare), PolicyAbsent)


@pytest.mark.parametrize(
    ("login", "permission"),
    [
        ("reviewer", Permission.WRITE),
        ("maintainer", Permission.MAINTAIN),
        ("reader", Permission.READ),
        ("stranger", Permission.NONE),
    ],
)
def test_case_65_a_persons_role_is_read(scene: Scene, login: str, permission: Permission) -> None:
    assert scene.hub().standing(scene.repository, scene.person(login), ()).permission is permission


def test_case_60_and_61_teams_count_while_active(scene: Scene) -> None:
    hub, reviewer = scene.hub(), scene.person("reviewer")
    for state, teams in (("active", ("acme/sre",)), ("pending", ())):
        scene.control.set_membership("acme/sre", "reviewer", state)
        assert hub.standing(scene.repository, reviewer, ("acme/sre", "acme/none")).teams == teams
    scene.control.delete_membership("acme/sre", "reviewer")
    assert hub.standing(scene.repository, reviewer, ("acme/sre",)).teams == ()


def test_case_59_somebody_who_took_a_login_is_not_the_one_who_had_it(scene: Scene) -> None:
    scene.control.create_person("leaver", repository=scene.name, role="admin")
    leaver = scene.person("leaver")
    scene.control.rename_person("leaver", f"left-{scene.repository.name}")
    scene.control.create_person("leaver", repository=scene.name, role="admin")
    with pytest.raises(HubRefused, match="another account"):
        scene.hub().standing(scene.repository, leaver, ())
    assert scene.hub().identity(scene.repository, "leaver") == scene.person("leaver").id != leaver.id
    scene.control.delete_person("leaver")


def test_case_35_and_37_a_comment_is_watched_for_edits_and_deletion(scene: Scene) -> None:
    hub, number = scene.hub(), scene.pull["number"]
    said = scene.control.comment(scene.name, number, "reviewer", "/approve staging")
    assert (
        hub.comment_fingerprint(scene.repository, said["id"])
        == hashlib.sha256(b"/approve staging").hexdigest()
    )
    scene.control.delete_comment(scene.name, said["id"], "reviewer")
    assert hub.comment_fingerprint(scene.repository, said["id"]) == "deleted"


def test_a_checkout_can_be_fetched_with_git(scene: Scene, tmp_path: Path) -> None:
    checkout = scene.hub().checkout(scene.repository)
    address = checkout.url.replace("://", f"://x-access-token:{checkout.token}@")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    fetch = ["git", "-C", str(tmp_path), "fetch", "-q", address, scene.pull["head_sha"]]
    subprocess.run(fetch, check=True, timeout=30)


def test_case_144_a_renamed_repository_keeps_working_by_its_id(scene: Scene) -> None:
    hub, before = scene.hub(), scene.repository
    hub.policy_file(before)
    scene.control.change_repository(scene.name, name=f"renamed-{before.name}")
    assert isinstance(hub.policy_file(before), PolicyFile)


def test_case_14_a_repository_of_nobody_is_refused_without_a_call(scene: Scene) -> None:
    with pytest.raises(HubRefused, match="installed"):
        scene.hub().policy_file(replace(scene.repository, id=1))


# --- writing ---


def check_run(scene: Scene) -> PublishCheckRun:
    return PublishCheckRun(
        surface="gate:production",
        name="gate / production",
        head_sha=scene.pull["head_sha"],
        external_id=f"r1:{scene.repository.id}:gate:production",
        status="completed",
        conclusion="action_required",
        title="Deploy to production?",
        summary="All tests pass.",
    )


def question(scene: Scene) -> PublishComment:
    return PublishComment("question", f"r1:{scene.repository.id}:question", scene.pull["number"], "Deploy?")


def deployment(scene: Scene) -> CreateDeployment:
    return CreateDeployment(
        "production", 1, f"r1:{scene.repository.id}", scene.pull["head_sha"], "Approved", now()
    )


Write = Callable[[Scene, GithubHub], object]
WRITES: dict[str, Write] = {
    "check-runs": lambda scene, hub: hub.publish_check_run(scene.repository, check_run(scene), None),
    "comments": lambda scene, hub: hub.publish_comment(scene.repository, question(scene), None),
    "deployments": lambda scene, hub: hub.create_deployment(scene.repository, deployment(scene)),
}


def made(scene: Scene) -> list[int]:
    """The ids of everything that our App made in the repository."""
    state = scene.control.state()
    ours = [run["id"] for run in state["check_runs"] if run["repository"] == scene.name]
    ours += [found["id"] for found in state["comments"] if found["repository"] == scene.name]
    return ours + [found["id"] for found in state["deployments"] if found["repository"] == scene.name]


@pytest.mark.parametrize("what", WRITES)
def test_case_194_a_write_that_is_repeated_is_done_once(scene: Scene, what: str) -> None:
    first = WRITES[what](scene, scene.hub())
    assert WRITES[what](scene, scene.hub()) == first
    assert made(scene) == [first]


@pytest.mark.parametrize("kind", ["lost_answer", "502_after", "502_before", "307"])
@pytest.mark.parametrize("what", WRITES)
def test_case_194_a_write_whose_answer_was_lost_is_found_not_doubled(
    scene: Scene, what: str, kind: str
) -> None:
    scene.control.set_faults({"method": "POST", "path_regex": f".*/{what}$", "times": 1, "kind": kind})
    hub = scene.hub()
    try:
        WRITES[what](scene, hub)
    except HubUnavailable:
        WRITES[what](scene, hub)
    assert len(made(scene)) == 1


@pytest.mark.parametrize("kind", ["429", "429_retry_after", "secondary_403", "primary_limit"])
@pytest.mark.parametrize("what", WRITES)
def test_case_198_and_199_a_limited_write_says_when_to_come_back(scene: Scene, what: str, kind: str) -> None:
    scene.control.set_faults({"method": "POST", "path_regex": f".*/{what}$", "times": 1, "kind": kind})
    before = now()
    with pytest.raises(HubUnavailable) as fault:
        WRITES[what](scene, scene.hub())
    assert fault.value.retry_at is not None
    assert before < fault.value.retry_at <= now() + timedelta(hours=1)
    assert made(scene) == []


def test_an_unchanged_answer_is_confirmed_and_a_changed_one_is_read(scene: Scene) -> None:
    hub = scene.hub()
    said = scene.control.comment(scene.name, scene.pull["number"], "reviewer", "/approve staging")["id"]
    first = hub.comment_fingerprint(scene.repository, said)
    seen = len(scene.control.requests())
    assert hub.comment_fingerprint(scene.repository, said) == first
    assert [request["status"] for request in scene.control.requests()[seen:]] == [304]
    scene.control.edit_comment(scene.name, said, "reviewer", "/deny staging")
    assert hub.comment_fingerprint(scene.repository, said) != first


def test_a_gate_changes_its_check_run_in_place(scene: Scene) -> None:
    hub, asked = scene.hub(), check_run(scene)
    known = hub.publish_check_run(scene.repository, asked, None)
    for status, conclusion in (("in_progress", None), ("completed", "success")):
        wanted = replace(asked, status=status, conclusion=conclusion, summary="ü" * 60_000)
        assert hub.publish_check_run(scene.repository, wanted, known) == known
        (run,) = (run for run in scene.control.state()["check_runs"] if run["id"] == known)
        assert (run["status"], run["conclusion"]) == (status, conclusion)


def test_case_169_a_strangers_copy_of_our_marker_is_left_alone(scene: Scene) -> None:
    hub, wanted = scene.hub(), question(scene)
    ours = hub.publish_comment(scene.repository, wanted, None)
    (text,) = (found["body"] for found in scene.control.state()["comments"] if found["id"] == ours)
    scene.control.delete_comment(scene.name, ours, "maintainer")
    copied = scene.control.comment(scene.name, scene.pull["number"], "reviewer", text)
    again = hub.publish_comment(scene.repository, wanted, ours)
    assert again not in (ours, copied["id"])


def test_an_answer_is_acknowledged_and_a_release_reported(scene: Scene) -> None:
    hub = scene.hub()
    said = scene.control.comment(scene.name, scene.pull["number"], "reviewer", "/approve production")
    for _ in range(2):
        hub.react(scene.repository, React(said["id"], "+1"))
    assert hub.find_deployment(scene.repository, deployment(scene)) is None
    number = hub.create_deployment(scene.repository, deployment(scene))
    assert hub.find_deployment(scene.repository, deployment(scene)) == number
    for state in ("in_progress", "success", "success"):
        hub.report_deployment(scene.repository, ReportDeployment("production", number, state, "Released"))
    snapshot = scene.control.state()
    (found,) = (found for found in snapshot["deployments"] if found["id"] == number)
    assert [status["state"] for status in found["statuses"]] == ["in_progress", "success"]
    (commented,) = (found for found in snapshot["comments"] if found["id"] == said["id"])
    assert [reaction["content"] for reaction in commented["reactions"]] == ["+1"]


# --- what its webhooks mean ---


def newest_delivery(scene: Scene) -> int:
    return max((delivery["id"] for delivery in scene.control.state()["deliveries"]), default=0)


def notices(scene: Scene, after: int) -> list[Notice]:
    """What the deliveries since then mean, read as the router does."""
    found: list[Notice] = []
    for delivery in sorted(scene.control.state()["deliveries"], key=lambda delivery: delivery["id"]):
        if delivery["id"] > after:
            read = WebhookPayloads().read(delivery["event"], scene.control.webhook_body(delivery["id"]))
            found += [] if isinstance(read, Ignored) else read
    return found


def test_the_webhooks_of_a_pull_requests_life_are_understood(scene: Scene) -> None:
    after = newest_delivery(scene)
    number, hub = scene.pull["number"], scene.hub()
    hub.publish_comment(scene.repository, question(scene), None)
    hub.publish_check_run(scene.repository, check_run(scene), None)
    said = scene.control.comment(scene.name, number, "reviewer", "/approve staging")
    scene.control.comment(scene.name, number, "reviewer", "Nice!")
    scene.control.edit_comment(scene.name, said["id"], "author", "/approve production")
    head = scene.control.commit(
        scene.name, {"sell.py": "most = True\n"}, parent=scene.pull["head_sha"], login="author"
    )
    scene.control.set_head(scene.name, number, head["sha"], by="author")
    scene.control.merge(scene.name, number, by="maintainer")
    found = notices(scene, after)
    assert {notice.repository for notice in found} == {scene.repository}  # type: ignore[union-attr]  # no RunNoticed here
    events = [notice.event for notice in found if isinstance(notice, ConversationNoticed)]
    given, changed = events
    assert isinstance(given, CommandGiven)
    assert (given.line, given.person, given.via_app) == ("/approve staging", scene.person("reviewer"), False)
    assert isinstance(changed, CommentChanged)
    assert changed.comment_id == said["id"]
    looks = [(notice.subject.key, notice.sender) for notice in found if isinstance(notice, SubjectNoticed)]
    pull, main = scene.subject.key, f"{scene.repository.id}@refs/heads/main"
    assert (pull, scene.person("author")) in looks
    assert (pull, None) in looks
    assert (main, scene.person("maintainer")) in looks


def test_case_44_a_command_through_our_app_or_by_our_bot_is_marked_as_such(scene: Scene) -> None:
    after = newest_delivery(scene)
    scene.control.comment(scene.name, scene.pull["number"], "reviewer", "/approve staging", via_app=True)
    hub = scene.hub()
    hub.publish_comment(scene.repository, replace(question(scene), body="/approve staging"), None)
    given = [notice.event for notice in notices(scene, after) if isinstance(notice, ConversationNoticed)]
    assert len(given) == 2
    assert all(isinstance(event, CommandGiven) and event.via_app for event in given)


# --- work of others ---

DEPLOY_YML = """\
on:
  workflow_dispatch:
    inputs:
      sha: {required: true}
      gate: {required: true}
jobs: {deploy: {}}
"""


def with_workflow(scene: Scene) -> DispatchWorkflow:
    """The default branch has a workflow to dispatch; a runner has to be told to take it."""
    sha = scene.control.commit(scene.name, {".github/workflows/deploy.yml": DEPLOY_YML}, login="author")[
        "sha"
    ]
    scene.control.push(scene.name, "main", sha, by="maintainer")
    inputs = {"sha": scene.pull["head_sha"], "gate": "g1"}
    role = StageRole.DEPLOY
    return DispatchWorkflow(
        "deploy@production", 1, role, "deploy.yml", "main", scene.pull["head_sha"], now(), inputs
    )


def test_the_checks_and_statuses_of_others_on_the_head_are_read(scene: Scene) -> None:
    hub, head = scene.hub(), scene.pull["head_sha"]
    change = hub.live_change(scene.repository, scene.subject).change
    hub.publish_check_run(
        scene.repository, PublishCheckRun("s", "stage / x", head, "r1", "in_progress", None, "t", "s"), None
    )
    scene.control.create_check_run(scene.name, {"name": "test", "head_sha": head, "conclusion": "success"})
    scene.control.set_status(scene.name, head, "maintainer", {"state": "failure", "context": "ci/old"})
    scene.control.require_checks(scene.name, "main", {"test": "github-actions"})
    scene.control.require_checks(scene.name, "main", {"lint": None}, "ruleset")
    standing = (*hub.check_runs(change, ()), *hub.commit_statuses(change))
    assert [check.name for check in standing] == ["test", "ci/old"]
    required = looked_at("required", standing, hub.required(scene.repository, "main"))
    assert ([check.name for check in required.checks], required.missing) == (["test"], ("lint",))


def test_one_call_tells_what_the_reads_of_their_own_tell(scene: Scene) -> None:
    hub, head = scene.hub(), scene.pull["head_sha"]
    change = hub.live_change(scene.repository, scene.subject).change
    hub.publish_check_run(
        scene.repository, PublishCheckRun("s", "stage / x", head, "r1", "in_progress", None, "t", "s"), None
    )
    for conclusion in ("failure", "success"):
        wanted = {"name": "test", "head_sha": head, "conclusion": conclusion}
        scene.control.create_check_run(scene.name, wanted)
    scene.control.set_status(scene.name, head, "maintainer", {"state": "failure", "context": "ci/old"})
    scene.control.require_checks(scene.name, "main", {"lint": "github-actions"}, "ruleset")
    scene.control.label(scene.name, scene.pull["number"], "blue", by="maintainer")
    seen = hub.sight(change, (), ["required"])
    assert seen.policy == hub.policy_file(scene.repository)
    assert seen.head == hub.live_change(scene.repository, scene.subject).head
    alone = (*hub.check_runs(change, ()), *hub.commit_statuses(change))
    assert {replace(check, id=check.app and check.id) for check in alone} == set(seen.checks)
    assert list(seen.required) == hub.required_by_rules(scene.repository, "main")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_one_call_tells_of_a_branch_what_the_reads_of_their_own_tell(scene: Scene, method: str) -> None:
    hub, main = scene.hub(), Subject(scene.repository.id, ref="refs/heads/main")
    scene.control.label(scene.name, scene.pull["number"], "blue", by="maintainer")
    scene.control.merge(scene.name, scene.pull["number"], by="maintainer", method=method)
    live = hub.live_change(scene.repository, main)
    assert live.labels == ("blue",)
    assert hub.sight(live.change, (), ["all"]).head == live.head


def test_a_workflow_is_dispatched_followed_and_its_reports_fetched(scene: Scene) -> None:
    hub, wanted = scene.hub(), with_workflow(scene)
    assert hub.workflow_obstacle(scene.repository, "deploy.yml") is None
    artifacts = {"reports": {"junit.xml": "<testsuite/>"}, "notes": {"a.txt": "a" * 5_000}}
    scene.control.script_workflow(scene.name, "deploy.yml", {"conclusion": "success", "artifacts": artifacts})
    sent = hub.dispatch_workflow(scene.repository, wanted)
    assert sent is not None
    scene.control.quiesce()
    seen = hub.workflow_run(scene.repository, sent.id)
    assert (seen.id, seen.conclusion, seen.attempt) == (sent.id, "success", 1)
    left = hub.artifacts(scene.repository, sent.id)
    assert [archive.name for archive in left.archives] == ["reports", "notes"]
    with zipfile.ZipFile(BytesIO(left.archives[0].content)) as archive:
        assert archive.read("junit.xml") == b"<testsuite/>"


def test_case_194_a_dispatch_whose_answer_is_lost_is_found_again(scene: Scene) -> None:
    hub, wanted = scene.hub(), with_workflow(scene)
    scene.control.set_faults(
        {"method": "POST", "path_regex": ".*/dispatches$", "times": 1, "kind": "lost_answer"}
    )
    with pytest.raises(HubUnavailable) as lost:
        hub.dispatch_workflow(scene.repository, wanted)
    assert lost.value.retry_at is None
    sought = Sought("deploy.yml", "main", wanted.judged_at - timedelta(minutes=1), mark="g1")
    (found,) = hub.dispatched_runs(scene.repository, sought)
    assert (found.conclusion, found.named) == ("", False)
    hub.cancel_workflow_run(scene.repository, found.id)
    assert hub.workflow_run(scene.repository, found.id).conclusion == "cancelled"
    hub.cancel_workflow_run(scene.repository, found.id)


@pytest.mark.parametrize(
    ("file", "branch", "inputs", "status"),
    [
        ("ship.yml", "main", {"sha": "a", "gate": "b"}, 404),
        ("deploy.yml", "nowhere", {"sha": "a", "gate": "b"}, 422),
        ("deploy.yml", "main", {"sha": "a"}, 422),
        ("deploy.yml", "main", {"sha": "a", "gate": "b", "more": "c"}, 422),
    ],
    ids=["no such workflow", "no such branch", "an input is missing", "an input is unknown"],
)
def test_a_dispatch_that_github_refuses_is_refused(
    scene: Scene, file: str, branch: str, inputs: dict[str, str], status: int
) -> None:
    hub, wanted = scene.hub(), with_workflow(scene)
    with pytest.raises(HubRefused) as refused:
        hub.dispatch_workflow(scene.repository, replace(wanted, workflow=file, branch=branch, inputs=inputs))
    assert refused.value.status == status


def test_a_workflow_that_is_not_there_is_named_before_it_is_dispatched(scene: Scene) -> None:
    found = scene.hub().workflow_obstacle(scene.repository, "ship.yml")
    assert found is not None
    assert found.code == "workflow_missing"


def test_what_others_say_of_our_deployment_is_read_and_what_we_say_is_not(scene: Scene) -> None:
    hub = scene.hub()
    wanted = CreateDeployment("production", 1, "g1", scene.pull["head_sha"], "d", now())
    made = hub.create_deployment(scene.repository, wanted)
    hub.report_deployment(scene.repository, ReportDeployment("production", made, "in_progress", "ours"))
    assert hub.deployment_seen(scene.repository, made) == DeploymentSeen()
    scene.control.set_deployment_status(scene.name, made, "maintainer", {"state": "success"})
    assert hub.deployment_seen(scene.repository, made) == DeploymentSeen("success", "maintainer")


def test_where_the_app_is_installed_on_no_repository_of_that_name_there_is_no_floor(scene: Scene) -> None:
    assert isinstance(scene.hub().floor_file(scene.repository), PolicyAbsent)
