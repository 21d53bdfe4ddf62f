"""Caches, worktrees and release folders of real repositories; fetched by the file protocol in tests only."""

import base64
import http.server
import socketserver
import tarfile
import threading
from collections.abc import Iterator

import pytest
from support import stages

from gate_app.stages.workspace import Workspace, WorkspaceUnavailable

TOKEN = "ghs_canary0123456789"


@pytest.fixture
def repository(tmp_path):
    return stages.new_repository(tmp_path / "repository")


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "caches", stages.SEARCH_PATH, allowed_protocols=("file",))


def fetched(workspace, repository, sha):
    workspace.fetch(repository.url, sha)
    return workspace.worktree(repository.url, sha, repository.folder.parent / "checkout")


def test_a_worktree_holds_exactly_the_commit_asked_for_and_is_removed(workspace, repository):
    first = repository.commit({"a.txt": "one"})
    repository.commit({"a.txt": "two"})
    with fetched(workspace, repository, first) as checkout:
        assert (checkout.folder / "a.txt").read_text() == "one"
        assert checkout.sha == first
    assert not checkout.folder.exists()


def test_a_worktree_is_removed_when_the_work_in_it_fails(workspace, repository):
    sha = repository.commit({"a.txt": "one"})
    with pytest.raises(RuntimeError), fetched(workspace, repository, sha) as checkout:
        raise RuntimeError
    assert not checkout.folder.exists()


def test_the_same_commit_is_fetched_once_and_a_later_one_is_added(workspace, repository, tmp_path):
    first = repository.commit({"a.txt": "one"})
    workspace.fetch(repository.url, first)
    second = repository.commit({"a.txt": "two"})
    workspace.fetch(repository.url, second)
    repository.folder.rename(tmp_path / "moved away")
    with workspace.worktree(repository.url, first, tmp_path / "checkout") as checkout:
        assert (checkout.folder / "a.txt").read_text() == "one"
    workspace.fetch(repository.url, second)


def test_the_lock_of_a_killed_fetch_does_not_block_the_next_one(workspace, repository):
    sha = repository.commit({"a.txt": "one"})
    cache = workspace.fetch(repository.url, repository.commit({"a.txt": "two"}))
    (cache / "shallow.lock").touch()
    (cache / "refs" / "gate" / f"{sha}.lock").touch()
    workspace.fetch(repository.url, sha)


@pytest.mark.parametrize(
    "sha",
    [
        pytest.param("main", id="a branch"),
        pytest.param("0" * 39, id="39 digits"),
        pytest.param("A" * 40, id="upper case"),
        pytest.param("0" * 40 + "\n", id="a line feed at the end"),
        pytest.param("--upload-pack=touch /tmp/x", id="an option"),
    ],
)
def test_a_commit_is_only_named_by_40_digits(workspace, repository, sha, tmp_path):
    with pytest.raises(WorkspaceUnavailable, match="40"):
        workspace.fetch(repository.url, sha)
    with pytest.raises(WorkspaceUnavailable, match="40"):
        workspace.export(repository.url, sha, tmp_path / "release")


def test_a_commit_that_does_not_exist_is_unavailable_with_a_reason(workspace, repository):
    repository.commit({"a.txt": "one"})
    with pytest.raises(WorkspaceUnavailable, match="git fetch failed"):
        workspace.fetch(repository.url, "1" * 40)


@pytest.mark.parametrize(
    ("url", "credential", "why"),
    [
        pytest.param("file:///etc", None, "not fetched by", id="file"),
        pytest.param("ssh://example.invalid/x", None, "not fetched by", id="ssh"),
        pytest.param("ext::sh -c touch", None, "not fetched by", id="ext"),
        pytest.param("/etc", None, "not fetched by", id="a path"),
        pytest.param(
            "https://u:p@example.invalid/x", None, "user or password", id="a password in the address"
        ),
        pytest.param("http://example.invalid/x", TOKEN, "plain HTTP", id="a credential in the clear"),
    ],
)
def test_only_plain_http_addresses_are_fetched(tmp_path, url, credential, why):
    workspace = Workspace(tmp_path / "caches", stages.SEARCH_PATH)
    with pytest.raises(WorkspaceUnavailable, match=why) as refused:
        workspace.fetch(url, "1" * 40, credential)
    assert TOKEN not in str(refused.value)


class Server:
    """A loopback server that records what it is asked and answers with one status."""

    def __init__(self, status: int, location: str | None = None) -> None:
        self.asked: list[tuple[str, str | None]] = []
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers.get("Authorization")))
                self.send_response(status)
                if location is not None:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/acme/app.git"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    server = Server(404)
    yield server
    server.close()


@pytest.fixture
def redirecting(elsewhere) -> Iterator[Server]:
    server = Server(301, elsewhere.url + "/info/refs")
    yield server
    server.close()


def test_case_144_a_redirect_is_not_followed_and_the_credential_goes_nowhere_else(
    tmp_path, redirecting, elsewhere
):
    workspace = Workspace(tmp_path / "caches", stages.SEARCH_PATH)
    with pytest.raises(WorkspaceUnavailable):
        workspace.fetch(redirecting.url, "1" * 40, TOKEN)
    expected = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert redirecting.asked[0][1] == f"Basic {expected}"
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("status", "tries"),
    [(502, 3), (429, 3), (403, 3), (307, 3), (404, 1), (401, 1), (301, 1)],
    ids=["in trouble", "limited", "limited or refused", "moved for now", "not there", "no entry", "moved"],
)
def test_a_fetch_in_passing_trouble_is_tried_again_and_no_other(tmp_path, status, tries):
    server = Server(status)
    workspace = Workspace(tmp_path / "caches", stages.SEARCH_PATH, waits=(0, 0))
    try:
        with pytest.raises(WorkspaceUnavailable):
            workspace.fetch(server.url, "1" * 40)
    finally:
        server.close()
    assert len(server.asked) == tries


def test_a_fetch_from_a_server_that_is_away_is_tried_again(tmp_path):
    server = Server(200)
    server.close()
    with pytest.raises(WorkspaceUnavailable) as trouble:
        Workspace(tmp_path / "caches", stages.SEARCH_PATH, waits=()).fetch(server.url, "1" * 40)
    assert trouble.value.passing


def test_a_refused_credential_is_in_no_message_and_in_no_file(tmp_path, elsewhere):
    workspace = Workspace(tmp_path / "caches", stages.SEARCH_PATH)
    with pytest.raises(WorkspaceUnavailable, match="git fetch failed") as refused:
        workspace.fetch(elsewhere.url, "1" * 40, TOKEN)
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    written = b"".join(path.read_bytes() for path in (tmp_path / "caches").rglob("*") if path.is_file())
    for secret in (TOKEN, encoded):
        assert secret not in str(refused.value)
        assert secret.encode() not in written


def test_what_was_left_in_the_cache_cannot_run_in_the_next_checkout(workspace, repository, tmp_path):
    sha = repository.commit({"a.txt": "one", ".gitattributes": "* filter=evil\n"})
    cache = workspace.fetch(repository.url, sha)
    witness = tmp_path / "ran"
    with (cache / "config").open("a") as config:
        config.write(f'[filter "evil"]\n\tsmudge = touch {witness}; cat\n')
        config.write(f"[core]\n\tfsmonitor = touch {witness}\n")
    (cache / "hooks").mkdir(exist_ok=True)
    hook = cache / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {witness}\n")
    hook.chmod(0o755)
    with fetched(workspace, repository, sha) as checkout:
        assert (checkout.folder / "a.txt").read_text() == "one"
    assert not witness.exists()


def test_what_was_left_in_the_cache_cannot_lead_the_next_fetch_elsewhere(workspace, repository, tmp_path):
    cache = workspace.fetch(repository.url, repository.commit({"a.txt": "one"}))
    with (cache / "config").open("a") as config:
        config.write(f'[url "file://{tmp_path}/elsewhere"]\n\tinsteadOf = {repository.url}\n')
    workspace.fetch(repository.url, repository.commit({"a.txt": "two"}))


def test_a_release_holds_every_file_whatever_the_attributes_of_the_commit_say(
    workspace, repository, tmp_path
):
    attributes = "hidden.txt export-ignore\na.txt export-subst\n"
    sha = repository.commit({"a.txt": "$Format:%H$", "hidden.txt": "x", ".gitattributes": attributes})
    workspace.fetch(repository.url, sha)
    workspace.export(repository.url, sha, tmp_path / "release")
    assert (tmp_path / "release" / "a.txt").read_text() == "$Format:%H$"
    assert (tmp_path / "release" / "hidden.txt").exists()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tar"] == []


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/etc/passwd", id="case 176: an absolute link"),
        pytest.param("../../outside", id="case 176: a link that leads out"),
    ],
)
def test_a_commit_with_a_link_out_of_the_release_is_not_unpacked(workspace, repository, tmp_path, target):
    sha = repository.commit({"a.txt": "one"}, links={"link": target})
    workspace.fetch(repository.url, sha)
    with pytest.raises(WorkspaceUnavailable, match="unpacked safely"):
        workspace.export(repository.url, sha, tmp_path / "release")


def test_a_link_inside_the_release_is_kept(workspace, repository, tmp_path):
    sha = repository.commit({"a.txt": "one"}, links={"link": "a.txt"})
    workspace.fetch(repository.url, sha)
    workspace.export(repository.url, sha, tmp_path / "release")
    assert (tmp_path / "release" / "link").read_text() == "one"


def test_this_python_has_the_safe_filter_of_tarfile():
    assert hasattr(tarfile, "data_filter")


def test_submodules_are_not_fetched(workspace, repository, tmp_path):
    other = stages.new_repository(tmp_path / "other")
    other.commit({"secret.txt": "x"})
    stages.git(repository.folder, "-c", "protocol.file.allow=always", "submodule", "add", other.url, "sub")
    sha = repository.commit({"a.txt": "one"})
    with fetched(workspace, repository, sha) as checkout:
        assert list((checkout.folder / "sub").iterdir()) == []
