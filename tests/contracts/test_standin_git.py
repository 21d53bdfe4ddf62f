"""Git at the stand-in: fetching over HTTP, borrowing a checkout, the three ways to merge."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.standin import API, REPOSITORY, Github, open_pull, send, serving

from gate_app.standin.control import ControlError


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("standin")) as found:
        yield found


def git(*arguments: str, folder: Path | None = None) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **{
            f"GIT_{role}_{what}": "somebody@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    place = ["-C", str(folder)] if folder else []
    done = subprocess.run(
        ["git", *place, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def address(github: Github, token: str | None) -> str:
    credential = f"x-access-token:{token}@" if token else ""
    return f"{github.url.replace('http://', f'http://{credential}')}/{REPOSITORY}.git"


def checkout(folder: Path) -> Path:
    git("init", "--quiet", "--initial-branch=main", str(folder))
    for count in range(3):
        (folder / "file.txt").write_text(f"{count}\n")
        git("add", ".", folder=folder)
        git("commit", "--quiet", "-m", f"Commit {count}", folder=folder)
    return folder


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_a_commit_is_fetched_by_its_sha_with_a_token(github: Github, tmp_path: Path, protocol: str) -> None:
    number, sha = open_pull(github, f"fetched-{protocol}")
    url = address(github, github.mint(permissions={"contents": "read"}))
    git("init", "--quiet", "--bare", str(tmp_path))
    git("-c", f"protocol.version={protocol}", "fetch", "--quiet", "--depth=1", url, sha, folder=tmp_path)
    assert git("rev-parse", "FETCH_HEAD", folder=tmp_path) == sha
    git("fetch", "--quiet", url, f"refs/pull/{number}/head", folder=tmp_path)
    assert git("rev-parse", "FETCH_HEAD", folder=tmp_path) == sha


@pytest.mark.parametrize(
    "permissions",
    [pytest.param(None, id="no token"), pytest.param({"checks": "write"}, id="no contents:read")],
)
def test_nothing_is_fetched_without_the_right(
    github: Github, tmp_path: Path, permissions: dict[str, str] | None
) -> None:
    token = github.mint(permissions=permissions) if permissions else None
    with pytest.raises(subprocess.CalledProcessError):
        git("clone", "--quiet", address(github, token), str(tmp_path / "clone"))
    anonymous = send(f"{github.url}/{REPOSITORY}.git/info/refs?service=git-upload-pack", "GET")
    assert (anonymous.status, anonymous.headers["WWW-Authenticate"]) == (401, 'Basic realm="GitHub"')


def test_a_public_repository_is_fetched_by_anybody(github: Github, tmp_path: Path) -> None:
    github.control.create_repository("acme", "open", private=False, files={"README.md": "Hi.\n"})
    git("clone", "--quiet", f"{github.url}/acme/open.git", str(tmp_path / "clone"))
    assert (tmp_path / "clone" / "README.md").read_text() == "Hi.\n"


@pytest.mark.parametrize(
    ("compressed", "status"),
    [
        pytest.param(True, 200, id="compressed, as git sends long requests"),
        pytest.param(False, 400, id="said to be compressed, but not"),
    ],
)
def test_a_long_request_comes_compressed(github: Github, compressed: bool, status: int) -> None:
    sha = github.control.state()["repositories"][0]["branches"]["main"]
    plain = f"0032want {sha}\n00000009done\n".encode()
    token = base64.b64encode(f"x-access-token:{github.mint()}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Encoding": "gzip"}
    body = gzip.compress(plain) if compressed else plain
    assert send(f"{github.url}/{REPOSITORY}.git/git-upload-pack", "POST", body, headers).status == status


def test_nothing_can_be_pushed(github: Github, tmp_path: Path) -> None:
    git("clone", "--quiet", address(github, github.mint()), str(tmp_path / "clone"))
    with pytest.raises(subprocess.CalledProcessError):
        git("push", "origin", "main:other", folder=tmp_path / "clone")


def test_a_users_checkout_becomes_a_repository_and_stays_as_it_was(github: Github, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    base, head = git("rev-parse", "HEAD~1", folder=folder), git("rev-parse", "HEAD", folder=folder)
    before = sorted(str(path) for path in folder.rglob("*"))
    github.control.create_repository(
        "acme",
        "mine",
        checkout=str(folder),
        base=base,
        default_branch="trunk",
        files={".github/gate.yml": "version: 1\n"},
        identities={"*": "author"},
    )
    pull = github.control.open_pull(
        "acme/mine", head_sha=head, head_branch="topic", title="T", author="author"
    )
    token = github.mint()
    body = github.call("GET", "/repos/acme/mine/pulls/1", token=token).body
    assert (body["commits"], body["changed_files"], body["base"]["ref"]) == (1, 1, "trunk")
    assert (pull["head_sha"], body["mergeable"]) == (head, True)
    config = github.call("GET", "/repos/acme/mine/contents/.github/gate.yml", token=token)
    assert config.status == 200
    assert (
        github.call("GET", f"/repos/acme/mine/contents/.github/gate.yml?ref={head}", token=token).status
        == 404
    )
    github.control.merge("acme/mine", 1, "maintainer", "squash")
    assert sorted(str(path) for path in folder.rglob("*")) == before
    assert git("status", "--porcelain", folder=folder) == ""


def test_a_link_shows_the_file_it_leads_to_or_says_where_it_leads(github: Github, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    (folder / "docs").mkdir()
    (folder / "docs" / "inside").symlink_to("../file.txt")
    (folder / "docs" / "outside").symlink_to("/etc/passwd")
    git("add", ".", folder=folder)
    git("commit", "--quiet", "-m", "Links", folder=folder)
    base = git("rev-parse", "HEAD", folder=folder)
    github.control.create_repository("acme", "links", checkout=str(folder), base=base)
    token = github.mint()

    def shown(path: str) -> dict[str, object]:
        return github.call("GET", f"/repos/acme/links/contents/docs/{path}", token=token).body

    assert (shown("inside")["type"], shown("inside")["path"]) == ("file", "file.txt")
    assert (shown("outside")["type"], shown("outside")["target"]) == ("symlink", "/etc/passwd")


def test_a_commit_that_was_pushed_away_belongs_to_no_pull_request(github: Github) -> None:
    number, sha = open_pull(github, "rewritten")
    other = github.control.commit(REPOSITORY, {"rewritten": "1\n"})["sha"]
    github.control.set_head(REPOSITORY, number, other)
    token = github.mint()
    found = [github.call("GET", f"{API}/commits/{one}/pulls", token=token).body for one in (sha, other)]
    assert [[pull["number"] for pull in pulls] for pulls in found] == [[], [number]]


def test_a_work_tree_and_a_shallow_clone_serve_as_checkouts_too(github: Github, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), folder=folder)
    git("clone", "--quiet", "--depth=2", f"file://{folder}", str(tmp_path / "shallow"))
    for name in ("tree", "shallow"):
        head = git("rev-parse", "HEAD", folder=tmp_path / name)
        base = git("rev-parse", "HEAD~1", folder=tmp_path / name)
        github.control.create_repository("acme", name, checkout=str(tmp_path / name), base=base)
        pull = github.control.open_pull(
            f"acme/{name}", head_sha=head, head_branch="topic", title="T", author="author"
        )
        assert pull["head_sha"] == head


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"checkout": "/nonexistent", "base": "HEAD"}, "cannot change to"),
        ({"checkout": "/nonexistent"}, "name the commit"),
        ({"default_branch": "a..b"}, "invalid initial branch name"),
        ({"base": "f" * 40}, "is not the full SHA"),
        ({"files": {"../escape": "x"}}, "invalid path"),
        ({"files": {".git/config": "x"}}, "invalid path"),
    ],
)
def test_a_repository_that_cannot_be_is_refused(
    github: Github, facts: dict[str, object], message: str
) -> None:
    with pytest.raises(ControlError, match=message) as refused:
        github.control.create_repository("acme", "never", **facts)  # type: ignore[arg-type]
    assert refused.value.status == 422
    assert "acme/never" not in str(github.control.state())


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
def test_a_pull_request_is_merged_in_each_way(github: Github, method: str, parents: int) -> None:
    control = github.control
    first = control.commit(REPOSITORY, {f"{method}-1": "1\n"}, message="One", login="author")["sha"]
    head = control.commit(REPOSITORY, {f"{method}-2": "2\n"}, parent=first, message="Two", login="author")[
        "sha"
    ]
    number = control.open_pull(REPOSITORY, head_sha=head, head_branch=method, title="T", author="author")[
        "number"
    ]
    base = control.commit(REPOSITORY, {f"{method}-base": "0\n"})["sha"]
    control.push(REPOSITORY, "main", base, "maintainer")
    merged = control.merge(REPOSITORY, number, "maintainer", method)["merge_commit_sha"]
    token = github.mint()
    tip = github.call("GET", f"{API}/branches/main", token=token).body["commit"]
    assert (tip["sha"], len(tip["parents"])) == (merged, parents)
    signed = tip["commit"]["verification"]["verified"], tip["committer"]["login"]
    assert signed == ((False, "maintainer") if method == "rebase" else (True, "web-flow"))
    ahead = {"merge": 3, "squash": 1, "rebase": 2}[method]
    compared = github.call("GET", f"{API}/compare/{base}...main", token=token).body
    assert (compared["ahead_by"], len(compared["files"])) == (ahead, 2)
    names = {entry["name"] for entry in github.call("GET", f"{API}/contents/?ref=main", token=token).body}
    assert {f"{method}-1", f"{method}-2", f"{method}-base"} <= names
    found = github.call("GET", f"{API}/commits/{merged}/pulls", token=token).body
    assert [(pull["number"], pull["merged_at"] is not None) for pull in found] == [(number, True)]


def test_a_conflict_is_not_merged(github: Github) -> None:
    number, _ = open_pull(github, "conflict", "x = 3\n")
    other = github.control.commit(REPOSITORY, {"src/app.py": "x = 4\n"})["sha"]
    github.control.push(REPOSITORY, "main", other, "maintainer")
    body = github.call("GET", f"{API}/pulls/{number}", token=github.mint()).body
    assert (body["mergeable"], body["mergeable_state"]) == (False, "dirty")
    for method in ("merge", "squash", "rebase"):
        with pytest.raises(ControlError, match="not mergeable") as refused:
            github.control.merge(REPOSITORY, number, "maintainer", method)
        assert refused.value.status == 405
    assert github.control.state()["repositories"][0]["branches"]["main"] == other


def test_a_tree_names_the_same_content_whatever_the_way_it_came(github: Github) -> None:
    token = github.mint()
    number, sha = open_pull(github, "squashed", "x = 9\n")
    merged = github.control.merge(REPOSITORY, number, "maintainer", "squash")["merge_commit_sha"]
    trees = [github.call("GET", f"{API}/git/trees/{one}", token=token).body for one in (sha, merged, "main")]
    assert trees[1] == trees[2]
    commit = github.call("GET", f"{API}/git/commits/{merged}", token=token).body
    assert trees[1]["sha"] == commit["tree"]["sha"]
    by_tree = github.call("GET", f"{API}/git/trees/{commit['tree']['sha']}?recursive=1", token=token).body
    assert {"README.md", "src", "src/app.py"} <= {entry["path"] for entry in by_tree["tree"]}
    assert by_tree["truncated"] is False
    for unknown in ("nowhere", "f" * 40, "--all"):
        assert github.call("GET", f"{API}/git/trees/{unknown}", token=token).status == 404


def test_a_history_is_listed_from_its_head_by_path(github: Github) -> None:
    token = github.mint()
    first = github.control.commit(REPOSITORY, {"notes.txt": "1"}, message="Note")["sha"]
    head = github.control.commit(REPOSITORY, {"other.txt": "1"}, parent=first, message="Other")["sha"]
    github.control.push(REPOSITORY, "story", head, "author")

    def listed(query: str) -> list[str]:
        found = github.call("GET", f"{API}/commits?sha=story&{query}", token=token).body
        return [commit["sha"] for commit in found]

    assert listed("")[:2] == [head, first]
    assert listed("path=notes.txt") == [first]
    assert listed("since=2100-01-01T00:00:00Z") == []
    assert github.call("GET", f"{API}/commits?sha=nowhere", token=token).status == 404
    refs = github.call("GET", f"{API}/git/matching-refs/heads/sto", token=token).body
    assert [(ref["ref"], ref["object"]["sha"]) for ref in refs] == [("refs/heads/story", head)]
    assert github.call("GET", f"{API}/tags", token=token).body == []


def test_renamed_and_removed_files_are_told_apart(github: Github) -> None:
    control = github.control
    text = "".join(f"line {count}\n" for count in range(20))
    base = control.commit(REPOSITORY, {"old name.txt": text, "gone": "x\n"})["sha"]
    control.push(REPOSITORY, "main", base, "maintainer")
    files: dict[str, str | None] = {"old name.txt": None, "neu ä.txt": text + "more\n", "gone": None}
    head = control.commit(REPOSITORY, files, parent=base)["sha"]
    number = control.open_pull(REPOSITORY, head_sha=head, head_branch="moved", title="T", author="author")[
        "number"
    ]
    found = github.call("GET", f"{API}/pulls/{number}/files", token=github.mint()).body
    assert [
        (f["status"], f["filename"], f.get("previous_filename"), f["additions"], f["deletions"])
        for f in found
    ] == [
        ("removed", "gone", None, 0, 1),
        ("renamed", "neu ä.txt", "old name.txt", 1, 0),
    ]


def test_a_file_name_may_have_a_tab(github: Github) -> None:
    control = github.control
    base = control.commit(REPOSITORY, {"plain": "x\n"})["sha"]
    control.push(REPOSITORY, "main", base, "maintainer")
    head = control.commit(REPOSITORY, {"a\tb.txt": "one\n"}, parent=base)["sha"]
    opened = control.open_pull(REPOSITORY, head_sha=head, head_branch="tab", title="T", author="author")
    found = github.call("GET", f"{API}/pulls/{opened['number']}/files", token=github.mint()).body
    assert [(f["filename"], f["additions"]) for f in found] == [("a\tb.txt", 1)]
