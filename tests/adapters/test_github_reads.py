"""What we ask GitHub: heads, the gate file, who wrote a change, what a person may, what a comment says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.github import (
    AUTHOR,
    BASE_SHA,
    BOT,
    OTHER_SHA,
    REPOSITORY,
    SHA,
    SINKHOLE,
    TREE,
    WEB_FLOW,
    ScriptedGithub,
    account,
    branch_change,
    change,
    comment,
    commit,
    hub,
    policy_file,
    pull,
    scripted,
    side,
)

from gate_app.domain.model import (
    Authorship,
    Content,
    MergeShown,
    Origin,
    Person,
    PersonKind,
    Repository,
    Subject,
)
from gate_app.domain.policy import Permission
from gate_app.engine.ports import Comparison, Hub, PolicyAbsent, PolicyFile, PolicyRefused
from gate_app.errors import HubRefused, HubUnavailable

PULL = Subject(REPOSITORY.id, number=3)
MAIN = Subject(REPOSITORY.id, ref="refs/heads/main")
PULL_PATH = "/repos/acme/shop/pulls/3"
REPOSITORY_PATH = "/repos/acme/shop"
TREE_PATH = f"/repos/acme/shop/git/commits/{SHA}"
BRANCH_PATH = "/repos/acme/shop/branches/main"
PULLS_PATH = f"/repos/acme/shop/commits/{SHA}/pulls"
POLICY_PATH = "/repos/acme/shop/contents/.github/gate.yml"
COMMITS_PATH = "/repos/acme/shop/pulls/3/commits"
HEAD_PATH = f"/repos/acme/shop/commits/{SHA}"
ROLE_PATH = "/repos/acme/shop/collaborators/reviewer/permission"
COMMENT_PATH = "/repos/acme/shop/issues/comments/501"
REVIEWER = Person(12, "reviewer")
TWO = [{"sha": BASE_SHA}, {"sha": OTHER_SHA}]


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def tells_of_itself(github: ScriptedGithub) -> None:
    """Which branch is the default one, for a head that no pull request tells it of."""
    github.answers("GET", REPOSITORY_PATH, {"id": REPOSITORY.id, "default_branch": "main"})


def git_commit(sha: str = SHA) -> dict[str, object]:
    return {"sha": sha, "tree": {"sha": TREE}}


# --- the head ---


def test_the_client_is_a_hub(github: ScriptedGithub) -> None:
    client: Hub = hub(github)
    assert client


def test_an_open_pull_request_is_its_head_base_and_author(github: ScriptedGithub) -> None:
    github.answers("GET", PULL_PATH, pull())
    github.answers("GET", TREE_PATH, git_commit())
    live = hub(github).live_change(REPOSITORY, PULL)
    assert (live.open, live.merged) == (True, False)
    assert live.change == change()


def test_a_tree_is_asked_for_once_because_a_commit_cannot_change(github: ScriptedGithub) -> None:
    github.answers("GET", PULL_PATH, pull())
    github.answers("GET", TREE_PATH, git_commit())
    client = hub(github)
    assert client.live_change(REPOSITORY, PULL) == client.live_change(REPOSITORY, PULL)
    assert github.names() == [f"GET {PULL_PATH}", f"GET {TREE_PATH}", f"GET {PULL_PATH}"]


def test_what_is_remembered_of_trees_is_bounded(github: ScriptedGithub) -> None:
    client = hub(github)
    for number in range(10_001):
        client._trees[(REPOSITORY.id, f"{number:040x}")] = TREE
    github.answers("GET", PULL_PATH, pull())
    github.answers("GET", TREE_PATH, git_commit())
    client.live_change(REPOSITORY, PULL)
    assert len(client._trees) == 1


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        pytest.param({"state": "closed"}, (False, False), id="closed"),
        pytest.param({"state": "closed", "merged": True}, (False, True), id="merged"),
    ],
)
def test_case_34_a_closed_pull_request_says_how_it_ended(
    github: ScriptedGithub, changed: dict[str, object], state: tuple[bool, bool]
) -> None:
    github.answers("GET", PULL_PATH, pull(**changed))
    github.answers("GET", TREE_PATH, git_commit())
    live = hub(github).live_change(REPOSITORY, PULL)
    assert (live.open, live.merged) == state


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"number": 4}, id="another number"),
        pytest.param({"base": side("main", BASE_SHA, 72)}, id="case 59: another repository took the name"),
        pytest.param({"head": side("feature", "A" * 40)}, id="case 29: an upper-case head"),
        pytest.param({"state": "locked"}, id="an unknown state"),
        pytest.param({"merged": None}, id="merged is unknown"),
    ],
)
def test_a_pull_request_that_is_not_the_asked_one_is_no_answer(
    github: ScriptedGithub, changed: dict[str, object]
) -> None:
    github.answers("GET", PULL_PATH, pull(**changed))
    github.answers("GET", TREE_PATH, git_commit())
    with pytest.raises(HubUnavailable):
        hub(github).live_change(REPOSITORY, PULL)


def test_a_commit_that_is_not_the_asked_one_is_no_answer(github: ScriptedGithub) -> None:
    github.answers("GET", PULL_PATH, pull())
    github.answers("GET", TREE_PATH, git_commit(OTHER_SHA))
    with pytest.raises(HubUnavailable):
        hub(github).live_change(REPOSITORY, PULL)


def test_case_68_a_pull_request_of_a_deleted_account_has_an_author_who_is_nobody(
    github: ScriptedGithub,
) -> None:
    github.answers("GET", PULL_PATH, pull(user=None, head={**side("x", SHA), "repo": None}))
    github.answers("GET", TREE_PATH, git_commit())
    author = hub(github).live_change(REPOSITORY, PULL).change.author
    assert (author.id, author.account) == (0, PersonKind.OTHER)


def test_a_pull_request_that_is_gone_is_refused_not_unknown(github: ScriptedGithub) -> None:
    with pytest.raises(HubRefused) as fault:
        hub(github).live_change(REPOSITORY, PULL)
    assert fault.value.status == 404


def merged_pull(number: int = 3, **changed: object) -> dict[str, object]:
    merged = {"merged_at": "2026-11-20T11:00:00Z", "merge_commit_sha": SHA}
    return pull(**{"number": number, **merged, **changed})


def test_a_merged_head_of_the_default_branch_converses_in_its_pull_request(github: ScriptedGithub) -> None:
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": commit(author=account(12, "reviewer"))})
    github.answers("GET", PULLS_PATH, [merged_pull()])
    live = hub(github).live_change(REPOSITORY, MAIN)
    assert (live.open, live.merged) == (True, False)
    assert live.change.origin is Origin.DEFAULT_BRANCH
    assert live.change.head == Content(SHA, TREE)
    assert (live.change.base_ref, live.change.base_sha) == ("main", BASE_SHA)
    assert (live.change.conversation, live.change.author) == (3, AUTHOR)


@pytest.mark.parametrize(
    ("listed", "conversation"),
    [
        pytest.param([], None, id="a direct push"),
        pytest.param([pull()], None, id="an open pull request with that head"),
        pytest.param([merged_pull(merge_commit_sha=OTHER_SHA)], 3, id="its head was pushed as it is"),
        pytest.param(
            [merged_pull(merge_commit_sha=OTHER_SHA, head=side("f", OTHER_SHA))],
            None,
            id="the commit is only inside",
        ),
        pytest.param([merged_pull(base=side("release", BASE_SHA))], None, id="merged into another branch"),
        pytest.param([merged_pull(base=side("main", BASE_SHA, 72))], None, id="merged in another repository"),
        pytest.param([merged_pull(), merged_pull(4)], None, id="two at the same moment"),
        pytest.param(
            [merged_pull(), {**merged_pull(4), "merged_at": "2026-11-20T11:00:01Z"}], 4, id="the newest"
        ),
    ],
)
def test_the_conversation_of_a_default_branch_is_its_merged_pull_request_or_none(
    github: ScriptedGithub, listed: list[object], conversation: int | None
) -> None:
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": commit(author=account(12, "reviewer"))})
    github.answers("GET", PULLS_PATH, listed)
    tells_of_itself(github)
    found = hub(github).live_change(REPOSITORY, MAIN).change
    assert found.conversation == conversation
    assert found.author.id == (12 if conversation is None else 11)


def test_a_direct_push_by_an_unknown_e_mail_has_an_author_who_is_nobody(github: ScriptedGithub) -> None:
    github.answers(
        "GET", BRANCH_PATH, {"name": "main", "commit": commit(author={}, parents=[], message="One\n\nTwo")}
    )
    github.answers("GET", PULLS_PATH, [])
    tells_of_itself(github)
    found = hub(github).live_change(REPOSITORY, MAIN).change
    assert (found.author.id, found.title, found.base_sha) == (0, "One", SHA)


# --- the default branch (case 88), and when a head was away (cases 23, 34)


def test_case_088_a_branch_says_which_one_is_the_default_now(github: ScriptedGithub) -> None:
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": commit()})
    into_main = side("main", BASE_SHA)
    into_main["repo"] = {"id": REPOSITORY.id, "default_branch": "trunk", "pushed_at": "2026-11-20T11:00:00Z"}
    github.answers("GET", PULLS_PATH, [merged_pull(base=into_main)])
    found = hub(github).live_change(REPOSITORY, MAIN)
    assert found.change.default_branch == "trunk"
    assert found.touched_at == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert f"GET {REPOSITORY_PATH}" not in github.names()


def test_case_088_without_a_pull_request_the_repository_says_it(github: ScriptedGithub) -> None:
    github.answers("GET", REPOSITORY_PATH, {"id": REPOSITORY.id, "default_branch": "trunk"})
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": commit()})
    github.answers("GET", PULLS_PATH, [])
    found = hub(github).live_change(REPOSITORY, MAIN)
    assert (found.change.default_branch, found.touched_at) == ("trunk", None)


def test_a_branch_of_a_repository_that_took_the_name_is_no_answer(github: ScriptedGithub) -> None:
    github.answers("GET", REPOSITORY_PATH, {"id": 72, "default_branch": "main"})
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": commit()})
    github.answers("GET", PULLS_PATH, [])
    with pytest.raises(HubUnavailable):
        hub(github).live_change(REPOSITORY, MAIN)


def happened(event: str, hour: int) -> dict[str, object]:
    return {"id": hour, "event": event, "created_at": f"2026-11-20T{hour:02}:00:00Z", "url": SINKHOLE}


@pytest.mark.parametrize(
    ("events", "hour"),
    [
        pytest.param([], None, id="nothing ever"),
        pytest.param([happened("labeled", 9), happened("renamed", 10)], None, id="nothing of that kind"),
        pytest.param(
            [happened("closed", 8), happened("reopened", 9), happened("labeled", 10)], 9, id="reopened"
        ),
        pytest.param([happened("head_ref_force_pushed", 9)], 9, id="pushed over"),
        pytest.param([happened("base_ref_changed", 9)], 9, id="retargeted"),
    ],
)
def test_a_pull_request_tells_when_its_head_was_away(
    github: ScriptedGithub, events: list[object], hour: int | None
) -> None:
    github.answers("GET", "/repos/acme/shop/issues/3/events", events)
    found = hub(github).interrupted_at(REPOSITORY, PULL)
    assert found == (datetime(2026, 11, 20, hour, tzinfo=UTC) if hour else None)


def test_a_pull_request_tells_what_happened_since_its_second_included(github: ScriptedGithub) -> None:
    events = [happened("reopened", 10), happened("closed", 8), happened("head_ref_force_pushed", 9)]
    github.answers("GET", "/repos/acme/shop/issues/3/events", [*events, happened("labeled", 10)])
    since = datetime(2026, 11, 20, 9, 0, 0, 999_999, tzinfo=UTC)
    assert hub(github).happened_since(REPOSITORY, PULL, since) == ("head_ref_force_pushed", "reopened")


@pytest.mark.parametrize("hour", [None, 9])
def test_a_branch_tells_when_it_was_pushed_over(github: ScriptedGithub, hour: int | None) -> None:
    listed = (
        [{"id": 1, "timestamp": f"2026-11-20T{hour:02}:00:00Z", "ref": "refs/heads/main"}] if hour else []
    )
    github.answers("GET", "/repos/acme/shop/activity", listed)
    found = hub(github).interrupted_at(REPOSITORY, MAIN)
    assert found == (datetime(2026, 11, 20, hour, tzinfo=UTC) if hour else None)
    (call,) = github.calls
    assert call.query == {"ref": "refs/heads/main", "activity_type": "force_push", "per_page": "1"}


def test_only_branches_are_followed(github: ScriptedGithub) -> None:
    with pytest.raises(HubRefused, match="branches"):
        hub(github).live_change(REPOSITORY, Subject(REPOSITORY.id, ref="refs/tags/v1"))
    assert github.calls == []


# --- the gate file ---


def test_the_gate_file_comes_with_its_blob_and_no_ref_so_from_the_default_branch(
    github: ScriptedGithub,
) -> None:
    raw = b"version: 1\nenvironments:\n  production: {}\n"
    github.answers("GET", POLICY_PATH, policy_file(raw))
    found = hub(github).policy_file(REPOSITORY)
    assert isinstance(found, PolicyFile)
    assert found.raw == raw
    assert github.calls[0].query == {}


def test_a_proposed_gate_file_is_read_at_the_head(github: ScriptedGithub) -> None:
    github.answers("GET", POLICY_PATH, policy_file(b"version: 1\n"))
    found = hub(github).proposed_file(REPOSITORY, SHA)
    assert isinstance(found, PolicyFile)
    assert github.calls[0].query == {"ref": SHA}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(policy_file(b"x", type="symlink", target="../elsewhere"), id="case 96: a symlink"),
        pytest.param(policy_file(b"x", type="submodule"), id="case 96: a submodule"),
        pytest.param(policy_file(b"x", path="elsewhere.yml"), id="case 96: the target of a symlink"),
        pytest.param([policy_file(b"x")], id="case 96: a directory"),
        pytest.param(policy_file(b"x" * 65_537), id="case 96: more than 64 KiB"),
        pytest.param(policy_file(b"x" * 800_000), id="case 96: 800 KB"),
        pytest.param(policy_file(b"x", encoding="none", content=""), id="case 96: too large for the API"),
    ],
)
def test_what_is_no_plain_small_file_is_refused_as_policy(github: ScriptedGithub, answer: object) -> None:
    github.answers("GET", POLICY_PATH, answer)
    assert isinstance(hub(github).policy_file(REPOSITORY), PolicyRefused)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"content": "dmVyc2lvbjogMg=="}, id="content that is not that blob"),
        pytest.param({"content": "!!!"}, id="content that is no base64"),
        pytest.param({"sha": "f" * 40}, id="another blob"),
    ],
)
def test_a_gate_file_that_did_not_arrive_whole_is_no_policy(
    github: ScriptedGithub, changed: dict[str, object]
) -> None:
    github.answers("GET", POLICY_PATH, policy_file(b"version: 1", **changed))
    with pytest.raises(HubUnavailable):
        hub(github).policy_file(REPOSITORY)


def test_no_gate_file_is_believed_only_of_a_repository_that_can_be_read(github: ScriptedGithub) -> None:
    github.answers("GET", "/repos/acme/shop", {"id": 71})
    assert isinstance(hub(github).policy_file(REPOSITORY), PolicyAbsent)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(404, {}, id="no access"),
        pytest.param(403, {}, id="forbidden"),
        pytest.param(500, {}, id="GitHub is ill"),
        pytest.param(200, {"id": 72}, id="another repository took the name"),
    ],
)
def test_no_gate_file_in_a_repository_that_cannot_be_read_means_nothing(
    github: ScriptedGithub, status: int, body: object
) -> None:
    github.answers("GET", "/repos/acme/shop", body, status=status)
    with pytest.raises(HubUnavailable):
        hub(github).policy_file(REPOSITORY)


# --- who wrote it ---


def numbered(count: int, first: int = 0) -> list[object]:
    return [commit(f"{number:040x}") for number in range(first, first + count)]


def test_case_32_every_page_of_commits_is_read(github: ScriptedGithub) -> None:
    following = {"Link": '<https://api.github.com/x?page=2>; rel="next"'}
    github.answers("GET", COMMITS_PATH, numbered(100), headers=following)
    late = commit(author=account(77, "late"), committer=account(77, "late"))
    github.answers("GET", COMMITS_PATH, [*numbered(20, 100), late])
    found = hub(github).authorship(change())
    assert found.contributors == (11, 77)


def test_case_32_a_full_page_without_a_link_is_followed_by_another_look(github: ScriptedGithub) -> None:
    github.answers("GET", COMMITS_PATH, [*numbered(99), commit()])
    github.answers("GET", COMMITS_PATH, [])
    hub(github).authorship(change())
    assert [call.query["page"] for call in github.calls] == ["1", "2"]


def test_case_200_a_page_that_repeats_is_a_fault(github: ScriptedGithub) -> None:
    following = {"Link": '<https://api.github.com/x?page=2>; rel="next"'}
    github.answers("GET", COMMITS_PATH, numbered(50), headers=following)
    with pytest.raises(HubUnavailable, match="repeats"):
        hub(github).authorship(change())


def test_case_32_a_page_that_fails_leaves_no_partial_list(github: ScriptedGithub) -> None:
    github.answers("GET", COMMITS_PATH, numbered(100))
    github.answers("GET", COMMITS_PATH, "", status=500)
    with pytest.raises(HubUnavailable):
        hub(github).authorship(change())


def test_case_32_beyond_the_end_of_the_list_of_commits_is_unknown(github: ScriptedGithub) -> None:
    for page in (numbered(100), numbered(100, 100), [*numbered(49, 200), commit()]):
        github.answers("GET", COMMITS_PATH, page)
    with pytest.raises(HubUnavailable, match="250"):
        hub(github).authorship(change())


def test_a_list_of_commits_without_the_head_is_of_another_moment(github: ScriptedGithub) -> None:
    github.answers("GET", COMMITS_PATH, numbered(2))
    with pytest.raises(HubUnavailable, match="moved"):
        hub(github).authorship(change())


def by(**changed: object) -> dict[str, object]:
    return commit(**changed)


@pytest.mark.parametrize(
    ("commits", "contributors", "unattributed"),
    [
        pytest.param([by()], (11,), (), id="the author alone"),
        pytest.param(
            [by(author=account(21, "a"), committer=account(22, "c"))], (11, 21, 22), (), id="case 54: both"
        ),
        pytest.param(
            [by(committer=None, committer_email="x@y.example")],
            (11,),
            ("x@y.example",),
            id="case 55: no committer",
        ),
        pytest.param([by(committer=WEB_FLOW)], (11,), (), id="GitHub's page committed"),
        pytest.param(
            [by(author=WEB_FLOW, author_email="noreply@github.com")],
            (11,),
            ("noreply@github.com",),
            id="case 55: GitHub's page as author is nobody",
        ),
        pytest.param(
            [by(committer=None, committer_email="noreply@github.com")],
            (11,),
            (),
            id="GitHub's page, unmapped",
        ),
        pytest.param(
            [by(author=None, author_email="x@y.example")], (11,), ("x@y.example",), id="case 55: unmapped"
        ),
        pytest.param(
            [by(author={}, author_email="x@y.example")], (11,), ("x@y.example",), id="case 55: empty object"
        ),
        pytest.param(
            [by(author=None, author_email=None)], (11,), ("no e-mail",), id="case 55: no e-mail at all"
        ),
        pytest.param(
            [by(author=None, author_email="99+bot@users.noreply.github.com")],
            (11,),
            ("99+bot@users.noreply.github.com",),
            id="case 55: a noreply address that GitHub does not map is nobody's",
        ),
        pytest.param(
            [by(message="x\n\nCo-authored-by: Mo <31+mo@users.noreply.github.com>")],
            (11, 31),
            (),
            id="case 56: a co-author with an id",
        ),
        pytest.param(
            [by(message="x\r\n\r\nCO-AUTHORED-BY: Mo <mo@acme.example>\r\n")],
            (11,),
            ("mo@acme.example",),
            id="case 56: a co-author by e-mail",
        ),
        pytest.param(
            [by(message="Co-authored-by: <>")],
            (11,),
            ("no e-mail",),
            id="case 56: a co-author without anything",
        ),
        pytest.param(
            [by(message="Not co-authored-by: Mo <mo@x.example>")], (11,), (), id="case 56: only prose"
        ),
        pytest.param(
            [by(author=BOT, committer=BOT)], (11, 900_001), (), id="a bot is a contributor like others"
        ),
        pytest.param(
            [by(author=None, author_email="e\u202e" + "x" * 200)],
            (11,),
            ("e?" + "x" * 97 + "…",),
            id="an e-mail is shown bounded and plain",
        ),
    ],
)
def test_who_changed_the_content(
    github: ScriptedGithub,
    commits: list[object],
    contributors: tuple[int, ...],
    unattributed: tuple[str, ...],
) -> None:
    github.answers("GET", COMMITS_PATH, commits)
    found = hub(github).authorship(change())
    assert (found.contributors, found.unattributed) == (contributors, unattributed)


def test_a_branch_is_written_by_its_merged_pull_request_and_its_head(github: ScriptedGithub) -> None:
    github.answers("GET", COMMITS_PATH, [commit(OTHER_SHA, author=account(21, "a"))])
    github.answers("GET", HEAD_PATH, commit(author=account(22, "merger"), committer=WEB_FLOW))
    assert hub(github).authorship(branch_change(conversation=3)).contributors == (11, 21, 22)


def test_a_branch_without_a_pull_request_is_written_by_its_head(github: ScriptedGithub) -> None:
    github.answers("GET", HEAD_PATH, commit(author=account(22, "pusher")))
    assert hub(github).authorship(branch_change(conversation=None)).contributors == (11, 22)


PULL_HEAD, PULL_TREE = "e" * 40, "d" * 40
MERGER = account(22, "merger")
PULL_HEAD_PATH = f"/repos/acme/shop/git/commits/{PULL_HEAD}"


def by_github(*parents: str, verified: bool = True, tree: str = TREE, **changed: object) -> dict[str, object]:
    """The head of the branch as GitHub's merge button makes it."""
    made = commit(author=MERGER, committer=WEB_FLOW, parents=[{"sha": parent} for parent in parents])
    text = {"tree": {"sha": tree}, "verification": {"verified": verified, "reason": "…"}}
    return {**made, "commit": {**made["commit"], **text}, **changed}  # type: ignore[dict-item]  # a mapping


@pytest.mark.parametrize(
    ("head", "listed", "shown"),
    [
        pytest.param(by_github(BASE_SHA, PULL_HEAD), {}, MergeShown.MADE_BY_GITHUB, id="a merge"),
        pytest.param(by_github(BASE_SHA), {}, MergeShown.MADE_BY_GITHUB, id="a squash"),
        pytest.param(
            by_github(BASE_SHA, PULL_HEAD, verified=False, tree=PULL_TREE, committer=MERGER),
            {},
            MergeShown.SAME_CONTENT,
            id="whoever made it, its content is that of the pull request",
        ),
        pytest.param(
            by_github(BASE_SHA, tree=PULL_TREE, verified=False, committer=MERGER),
            {},
            MergeShown.SAME_CONTENT,
            id="a rebase, which GitHub does not sign, of an up to date pull request",
        ),
        pytest.param(
            by_github(BASE_SHA, verified=False, committer=MERGER),
            {},
            MergeShown.NO,
            id="a rebase onto something newer cannot be told from an edited one",
        ),
        pytest.param(
            by_github(BASE_SHA, PULL_HEAD, verified=False), {}, MergeShown.NO, id="case 55: GitHub's name, forged"
        ),
        pytest.param(
            by_github(BASE_SHA, PULL_HEAD, committer=MERGER), {}, MergeShown.NO, id="case 26: signed by a person"
        ),
        pytest.param(
            by_github(BASE_SHA, PULL_HEAD, committer=None), {}, MergeShown.NO, id="case 26: signed by nobody known"
        ),
        pytest.param(
            commit(author=MERGER, committer=WEB_FLOW), {}, MergeShown.NO, id="case 200: nothing said of a signature"
        ),
        pytest.param(by_github(BASE_SHA, OTHER_SHA), {}, MergeShown.NO, id="case 26: a merge of something else"),
        pytest.param(
            by_github(BASE_SHA, PULL_HEAD, OTHER_SHA), {}, MergeShown.NO, id="case 26: a merge of something more"
        ),
        pytest.param(by_github(), {}, MergeShown.NO, id="a commit without parents is no merge"),
        pytest.param(
            by_github(BASE_SHA), {"merge_commit_sha": OTHER_SHA, "head": side("f", SHA)}, MergeShown.SAME_CONTENT,
            id="its head was pushed as it is",
        ),
    ],
)  # fmt: skip
def test_cases_26_54_a_merge_adds_nothing_only_where_github_shows_it(
    github: ScriptedGithub, head: dict[str, object], listed: dict[str, object], shown: MergeShown
) -> None:
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": head})
    github.answers("GET", PULLS_PATH, [merged_pull(**{"head": side("feature", PULL_HEAD), **listed})])
    github.answers("GET", PULL_HEAD_PATH, {"sha": PULL_HEAD, "tree": {"sha": PULL_TREE}})
    github.answers("GET", TREE_PATH, git_commit())
    assert hub(github).live_change(REPOSITORY, MAIN).adds_nothing is shown


def test_a_pull_request_whose_commits_are_gone_shows_nothing_by_its_content(github: ScriptedGithub) -> None:
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": commit()})
    github.answers("GET", PULLS_PATH, [merged_pull(head=side("feature", PULL_HEAD))])
    assert hub(github).live_change(REPOSITORY, MAIN).adds_nothing is MergeShown.NO


def test_a_head_that_no_pull_request_made_shows_nothing(github: ScriptedGithub) -> None:
    github.answers("GET", BRANCH_PATH, {"name": "main", "commit": by_github(BASE_SHA)})
    github.answers("GET", PULLS_PATH, [])
    tells_of_itself(github)
    assert hub(github).live_change(REPOSITORY, MAIN).adds_nothing is MergeShown.NO


@pytest.mark.parametrize(
    ("head", "contributors"),
    [
        pytest.param(commit(author=MERGER, committer=WEB_FLOW, parents=TWO), (11, 21), id="a merge"),
        pytest.param(commit(author=MERGER, committer=MERGER, parents=TWO), (11, 21), id="a merge by hand"),
        pytest.param(commit(author=account(23, "a"), committer=WEB_FLOW), (11, 21, 23), id="a squash"),
        pytest.param(commit(author=account(23, "a"), committer=MERGER), (11, 21, 23), id="a rebase"),
        pytest.param(
            commit(author=None, author_email="x@y.example", committer=MERGER, parents=TWO),
            (11, 21),
            id="a merge by somebody unknown",
        ),
        pytest.param(
            commit(author=MERGER, parents=TWO, message="x\n\nCo-authored-by: Mo <31+mo@users.noreply.github.com>"),
            (11, 21, 31),
            id="case 56: who is named as co-author stays one",
        ),
    ],
)  # fmt: skip
def test_case_54_who_merged_and_added_nothing_is_no_contributor_and_the_others_are(
    github: ScriptedGithub, head: dict[str, object], contributors: tuple[int, ...]
) -> None:
    github.answers("GET", COMMITS_PATH, [commit(OTHER_SHA, author=account(21, "a"))])
    github.answers("GET", HEAD_PATH, head)
    found = hub(github).authorship(replace(branch_change(conversation=3), bare_merge=True))
    assert (found.contributors, found.unattributed) == (contributors, ())


# --- what a person may ---


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        pytest.param("admin", Permission.ADMIN, id="case 65: admin"),
        pytest.param(
            "maintain", Permission.MAINTAIN, id="case 65: maintain, which the old field calls write"
        ),
        pytest.param("write", Permission.WRITE, id="case 65: write"),
        pytest.param("triage", Permission.TRIAGE, id="case 65: triage, which the old field calls read"),
        pytest.param("read", Permission.READ, id="case 65: read"),
        pytest.param("none", Permission.NONE, id="case 65: none"),
        pytest.param("", Permission.NONE, id="case 65: empty"),
        pytest.param("release-captain", Permission.NONE, id="case 65: a custom role"),
        pytest.param("Admin", Permission.NONE, id="case 65: another spelling"),
    ],
)
def test_a_role_is_what_its_name_says(github: ScriptedGithub, role: str, permission: Permission) -> None:
    github.answers(
        "GET", ROLE_PATH, {"permission": "admin", "role_name": role, "user": account(12, "reviewer")}
    )
    assert hub(github).standing(REPOSITORY, REVIEWER, ()).permission is permission


def test_case_59_a_login_that_changed_hands_is_refused(github: ScriptedGithub) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "admin", "user": account(99, "reviewer")})
    with pytest.raises(HubRefused, match="another account") as fault:
        hub(github).standing(REPOSITORY, REVIEWER, ())
    assert fault.value.status == 409


def test_case_68_a_role_of_nobody_is_nothing(github: ScriptedGithub) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "admin", "user": None})
    assert hub(github).standing(REPOSITORY, REVIEWER, ("acme/sre",)).permission is Permission.NONE


def test_somebody_unknown_here_is_nothing_and_their_teams_are_not_asked(github: ScriptedGithub) -> None:
    standing = hub(github).standing(REPOSITORY, REVIEWER, ("acme/sre",))
    assert (standing.permission, standing.teams) == (Permission.NONE, ())
    assert github.names() == [f"GET {ROLE_PATH}"]


@pytest.mark.parametrize("kind", [PersonKind.BOT, PersonKind.OTHER])
def test_case_66_what_is_no_person_is_not_even_asked_about(github: ScriptedGithub, kind: PersonKind) -> None:
    standing = hub(github).standing(REPOSITORY, Person(5, "some-app[bot]", kind), ("acme/sre",))
    assert (standing.permission, standing.teams) == (Permission.NONE, ())
    assert github.calls == github.mints == []


@pytest.mark.parametrize(
    ("status", "fault"),
    [(403, HubRefused), (429, HubUnavailable), (500, HubUnavailable), (502, HubUnavailable)],
)
def test_case_67_a_failed_look_neither_grants_nor_denies(
    github: ScriptedGithub, status: int, fault: type[Exception]
) -> None:
    github.answers("GET", ROLE_PATH, {}, status=status)
    with pytest.raises(fault):
        hub(github).standing(REPOSITORY, REVIEWER, ())


@pytest.mark.parametrize(
    ("status", "body", "teams"),
    [
        pytest.param(200, {"state": "active", "role": "member"}, ("acme/sre",), id="active"),
        pytest.param(200, {"state": "pending", "role": "maintainer"}, (), id="case 61: invited"),
        pytest.param(404, {}, (), id="case 62: not a member, or the team is gone"),
    ],
)
def test_a_team_counts_when_membership_is_active(
    github: ScriptedGithub, status: int, body: object, teams: tuple[str, ...]
) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "write", "user": account(12, "reviewer")})
    github.answers("GET", "/orgs/acme/teams/sre/memberships/reviewer", body, status=status)
    assert hub(github).standing(REPOSITORY, REVIEWER, ("acme/sre",)).teams == teams


@pytest.mark.parametrize("status", [403, 500])
def test_case_67_a_team_that_cannot_be_looked_at_is_a_fault(github: ScriptedGithub, status: int) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "write", "user": account(12, "reviewer")})
    github.answers("GET", "/orgs/acme/teams/sre/memberships/reviewer", {}, status=status)
    with pytest.raises((HubRefused, HubUnavailable)):
        hub(github).standing(REPOSITORY, REVIEWER, ("acme/sre",))


def test_case_65_a_custom_role_is_told_by_its_name(github: ScriptedGithub) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "release-captain", "user": account(12, "reviewer")})
    github.answers("GET", "/orgs/acme/teams/sre/memberships/reviewer", {"state": "active"})
    found = hub(github).standing(REPOSITORY, REVIEWER, ("acme/sre",))
    assert (found.role, found.permission, found.teams) == (
        "release-captain",
        Permission.NONE,
        ("acme/sre",),
    )


@pytest.mark.parametrize(
    ("status", "body", "within"),
    [
        pytest.param(200, {"state": "active", "role": "member"}, ("Acme",), id="active"),
        pytest.param(200, {"state": "pending", "role": "admin"}, (), id="case 61: invited"),
        pytest.param(404, {}, (), id="no member"),
    ],
)
def test_an_organisation_counts_when_membership_is_active(
    github: ScriptedGithub, status: int, body: object, within: tuple[str, ...]
) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "read", "user": account(12, "reviewer")})
    github.answers("GET", "/orgs/Acme/memberships/reviewer", body, status=status)
    assert hub(github).standing(REPOSITORY, REVIEWER, (), ("Acme", "other")).organisations == within


@pytest.mark.parametrize("team", ["evil/sre", "sre", "acme/", "/sre"])
def test_case_62_a_team_of_another_organisation_is_not_asked(github: ScriptedGithub, team: str) -> None:
    github.answers("GET", ROLE_PATH, {"role_name": "write", "user": account(12, "reviewer")})
    assert hub(github).standing(REPOSITORY, REVIEWER, (team,)).teams == ()
    assert github.names() == [f"GET {ROLE_PATH}"]


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        pytest.param(200, account(12, "octocat"), 12, id="a person"),
        pytest.param(200, account(12, "octocat", "Organization"), None, id="an organisation"),
        pytest.param(200, account(12, "octocat", "Bot"), None, id="a bot"),
        pytest.param(404, {}, None, id="nobody"),
    ],
)
def test_case_59_the_account_behind_a_login(
    github: ScriptedGithub, status: int, body: object, found: int | None
) -> None:
    github.answers("GET", "/users/octocat", body, status=status)
    assert hub(github).identity(REPOSITORY, "octocat") == found


def test_a_login_that_cannot_be_looked_up_is_a_fault_not_nobody(github: ScriptedGithub) -> None:
    github.answers("GET", "/users/octocat", {}, status=403)
    with pytest.raises(HubRefused):
        hub(github).identity(REPOSITORY, "octocat")


# --- comments ---


def test_case_35_a_comment_is_the_fingerprint_of_its_whole_text(github: ScriptedGithub) -> None:
    body = "/approve staging\r\n\r\nGrüße"
    github.answers("GET", COMMENT_PATH, comment(body=body))
    assert hub(github).comment_fingerprint(REPOSITORY, 501) == hashlib.sha256(body.encode()).hexdigest()


@pytest.mark.parametrize(
    ("status", "changed", "told"),
    [
        pytest.param(200, {"updated_at": "2026-11-20T11:59:01Z"}, "edited", id="case 35: edited"),
        pytest.param(404, {}, "deleted", id="case 37: deleted"),
        pytest.param(410, {}, "deleted", id="case 37: gone"),
    ],
)
def test_a_comment_that_is_not_as_it_was(
    github: ScriptedGithub, status: int, changed: dict[str, object], told: str
) -> None:
    github.answers("GET", COMMENT_PATH, comment(**changed), status=status)
    assert hub(github).comment_fingerprint(REPOSITORY, 501) == told


def test_a_comment_of_an_uninstalled_app_is_unknown_not_deleted(github: ScriptedGithub) -> None:
    github.answers("POST", "/app/installations/5151/access_tokens", {}, status=404)
    with pytest.raises(HubRefused, match="installed"):
        hub(github).comment_fingerprint(REPOSITORY, 501)


# --- fetching ---


def test_a_checkout_is_an_address_and_a_token_that_only_reads_content(github: ScriptedGithub) -> None:
    github.minted_name = "acme/store"
    checkout = hub(github).checkout(REPOSITORY)
    assert checkout.url == "https://github.com/acme/store.git"
    assert checkout.token.startswith("ghs_")
    assert github.mints[0].body == {"repository_ids": [71], "permissions": {"contents": "read"}}


def test_a_repository_of_another_installation_gets_another_token(github: ScriptedGithub) -> None:
    client = hub(github)
    client.checkout(REPOSITORY)
    client.checkout(Repository(71, "acme", "shop", 6161))
    assert [mint.path.split("/")[3] for mint in github.mints] == ["5151", "6161"]


# --- what would ship ---

BASE = "b" * 40
COMPARE_PATH = f"/repos/acme/shop/compare/{BASE}...{SHA}"


def comparison(files: int = 1, **changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "status": "ahead", "ahead_by": 2, "behind_by": 0, "total_commits": 2, "url": SINKHOLE,
        "commits": [
            commit("1" * 40, message="One", author=account(11, "author")),
            commit(SHA, message="Two (#7)\n\nWhy"),
        ],
        "files": [{"filename": f"src/{number}.py", "status": "modified", "changes": 2} for number in range(files)],
    }  # fmt: skip
    return {**body, **changed}


def test_two_commits_are_compared(github: ScriptedGithub) -> None:
    github.answers("GET", COMPARE_PATH, comparison())
    found = hub(github).compare(REPOSITORY, BASE, SHA)
    assert found == Comparison(2, 0, ("One", "Two (#7)\n\nWhy"), ("src/0.py",), 2, Authorship((11,)))


def test_case_32_who_made_what_ships_is_unknown_where_commits_are_left_out(github: ScriptedGithub) -> None:
    github.answers("GET", COMPARE_PATH, {**comparison(), "ahead_by": 251})
    assert hub(github).compare(REPOSITORY, BASE, SHA).authorship is None


def test_a_renamed_file_touches_both_places(github: ScriptedGithub) -> None:
    renamed = {"filename": "new.py", "previous_filename": "old.py", "status": "renamed", "changes": 1}
    github.answers("GET", COMPARE_PATH, comparison(files=0) | {"files": [renamed]})
    assert hub(github).compare(REPOSITORY, BASE, SHA).files == ("new.py", "old.py")


def test_a_list_of_files_that_github_cut_is_no_list(github: ScriptedGithub) -> None:
    github.answers("GET", COMPARE_PATH, comparison(files=300))
    assert hub(github).compare(REPOSITORY, BASE, SHA).files is None


def test_a_commit_that_is_gone_cannot_be_compared(github: ScriptedGithub) -> None:
    github.answers("GET", COMPARE_PATH, {"message": "Not Found"}, status=404)
    with pytest.raises(HubRefused):
        hub(github).compare(REPOSITORY, BASE, SHA)


# --- code owners


def test_codeowners_is_the_first_of_the_places_where_github_looks(github: ScriptedGithub) -> None:
    github.answers("GET", "/repos/acme/shop", {"id": REPOSITORY.id})
    assert hub(github).owners_file(REPOSITORY) == PolicyAbsent()
    raw = b"* @acme/sre\n"
    sha = hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()  # noqa: S324  # git's own name of a blob
    file = {"type": "file", "sha": sha, "size": len(raw), "encoding": "base64"}
    text = {"content": base64.b64encode(raw).decode()}
    path = "/repos/acme/shop/contents/"
    github.answers("GET", f"{path}docs/CODEOWNERS", {**file, **text, "path": "docs/CODEOWNERS"})
    assert hub(github).owners_file(REPOSITORY) == PolicyFile(sha, raw)
    github.answers("GET", f"{path}CODEOWNERS", {**file, **text, "path": "elsewhere"})
    assert isinstance(hub(github).owners_file(REPOSITORY), PolicyRefused)


# --- teams (case 62)


def test_case_62_a_team_has_the_id_that_its_name_means_now(github: ScriptedGithub) -> None:
    github.answers("GET", "/orgs/acme/teams/sre", {"id": 500, "slug": "sre", "url": SINKHOLE})
    assert hub(github).team_id(REPOSITORY, "acme/sre") == 500
    assert hub(github).team_id(REPOSITORY, "acme/gone") is None


@pytest.mark.parametrize("team", ["other/sre", "sre"])
def test_case_62_a_team_of_another_organisation_is_not_asked_about(github: ScriptedGithub, team: str) -> None:
    assert hub(github).team_id(REPOSITORY, team) is None
    assert github.calls == []


def test_a_team_that_may_not_be_seen_is_a_refusal(github: ScriptedGithub) -> None:
    github.answers("GET", "/orgs/acme/teams/sre", {"message": "Forbidden"}, status=403)
    with pytest.raises(HubRefused):
        hub(github).team_id(REPOSITORY, "acme/sre")


FLOOR_PATH = "/repos/acme/shop/contents/.github/gate-floor.yml"


def test_case_097_the_floor_is_read_in_the_repository_of_that_name_and_nowhere_else(
    github: ScriptedGithub,
) -> None:
    client = hub(github)
    assert isinstance(client.floor_file(REPOSITORY), PolicyAbsent), "the App is not installed there"
    github.floor_home = 79
    assert isinstance(client.floor_file(REPOSITORY), PolicyAbsent), "looked up every five minutes"
    github.clock.passes(timedelta(minutes=5))
    github.answers("GET", FLOOR_PATH, policy_file(b"version: 1", path=".github/gate-floor.yml"))
    found = client.floor_file(REPOSITORY)
    assert isinstance(found, PolicyFile)
    assert found.raw == b"version: 1"
    assert [mint.body for mint in github.mints][-1] == {
        "repository_ids": [79],
        "permissions": {"contents": "read", "metadata": "read"},
    }


@pytest.mark.parametrize("status", [403, 404, 500])
def test_case_097_where_the_floor_would_be_is_unknown_while_github_does_not_say(
    github: ScriptedGithub, status: int
) -> None:
    path = f"/app/installations/{REPOSITORY.installation_id}/access_tokens"
    github.answers("POST", path, {"message": "no"}, status)
    with pytest.raises((HubRefused, HubUnavailable)):
        hub(github).floor_file(REPOSITORY)


def test_a_token_for_another_repository_is_no_home_of_a_floor(github: ScriptedGithub) -> None:
    path = f"/app/installations/{REPOSITORY.installation_id}/access_tokens"
    other = [{"id": 79, "full_name": "acme/other"}]
    body = {"token": "ghs_x", "expires_at": "2026-11-20T13:00:00Z", "repositories": other}
    github.answers("POST", path, body, 201)
    with pytest.raises(HubUnavailable):
        hub(github).floor_file(REPOSITORY)
