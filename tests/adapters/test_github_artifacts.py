"""Artifacts: listed with the least, fetched by nobody from where GitHub says, and never more than fits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from support.github import REPOSITORY, SINKHOLE, ScriptedGithub, hub, scripted

from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.downloads import DOWNLOAD_SECONDS, Downloads
from gate_app.github.origin import Origin
from gate_app.github.workflows import MAX_ARTIFACT_BYTES, MAX_ARTIFACTS

LIST = "/repos/acme/shop/actions/runs/77/artifacts"
STORE = "https://store.example/archive?sig=secret"
LATER = float("inf")
AT_GITHUB = Origin.parse("https://api.github.com", "the address")
AT_HOME = Origin.parse("http://127.0.0.1:8000", "the address")


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def artifact(number: int, name: str = "reports", size: int = 10, expired: bool = False) -> dict[str, object]:
    return {
        "id": number,
        "name": name,
        "size_in_bytes": size,
        "expired": expired,
        "archive_download_url": SINKHOLE,
        "url": SINKHOLE,
    }


def left(
    github: ScriptedGithub, *artifacts: dict[str, object], store: str = STORE, body: bytes = b"PK"
) -> None:
    """The run left these, and each archive is at the store."""
    github.answers("GET", LIST, {"total_count": len(artifacts), "artifacts": list(artifacts)})
    for each in artifacts:
        path = f"/repos/acme/shop/actions/artifacts/{each['id']}/zip"
        github.answers("GET", path, "", 302, {"Location": store})
    github.elsewhere.get(store, body=body)


def archive() -> str:
    return "/repos/acme/shop/actions/artifacts/1/zip"


# --- which ones ------------------------------------------------------------------------------------------


def test_the_newest_of_each_name_is_fetched_the_smallest_first(github: ScriptedGithub) -> None:
    left(
        github,
        artifact(2, "b", 9),
        artifact(1, "b", 1),
        artifact(3, "a", 20),
        artifact(4, "c", 5, expired=True),
    )
    found = hub(github).artifacts(REPOSITORY, 77)
    assert ([each.name for each in found.archives], found.left_out) == (["b", "a"], 0)
    assert github.names()[1:] == [f"GET /repos/acme/shop/actions/artifacts/{number}/zip" for number in (2, 3)]


def test_no_more_are_fetched_than_reports_need(github: ScriptedGithub) -> None:
    left(github, *(artifact(number, f"a{number}") for number in range(1, MAX_ARTIFACTS + 4)))
    found = hub(github).artifacts(REPOSITORY, 77)
    assert (len(found.archives), found.left_out) == (MAX_ARTIFACTS, 3)


def test_artifacts_beyond_the_first_page_are_not_forgotten(github: ScriptedGithub) -> None:
    github.answers("GET", LIST, {"total_count": 102, "artifacts": [artifact(1, expired=True)]})
    assert hub(github).artifacts(REPOSITORY, 77).left_out == 101


def test_what_is_too_large_is_not_even_asked_for(github: ScriptedGithub) -> None:
    left(github, artifact(1, size=MAX_ARTIFACT_BYTES + 1))
    assert hub(github).artifacts(REPOSITORY, 77).left_out == 1
    assert github.names() == [f"GET {LIST}"]


def test_an_archive_that_is_larger_than_it_said_is_left_out(github: ScriptedGithub) -> None:
    left(github, artifact(1), body=b"a" * (MAX_ARTIFACT_BYTES + 1))
    found = hub(github).artifacts(REPOSITORY, 77)
    assert (found.archives, found.left_out) == ((), 1)


@pytest.mark.parametrize(
    ("status", "headers", "fault"),
    [
        (410, {}, HubRefused),
        (502, {}, HubUnavailable),
        (302, {}, HubUnavailable),
        (200, {"Location": STORE}, HubUnavailable),
    ],
    ids=["gone", "in trouble", "without an address", "no redirect"],
)
def test_an_archive_that_github_does_not_place_is_not_there(
    github: ScriptedGithub, status: int, headers: dict[str, str], fault: type[Exception]
) -> None:
    github.answers("GET", LIST, {"total_count": 1, "artifacts": [artifact(1)]})
    github.answers("GET", archive(), "", status, headers)
    with pytest.raises(fault):
        hub(github).artifacts(REPOSITORY, 77)


# --- by whom ---------------------------------------------------------------------------------------------


def test_an_archive_is_fetched_by_nobody(github: ScriptedGithub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 145: neither our token nor what lies around on this machine goes to the host that keeps it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    left(github, artifact(1))
    hub(github).artifacts(REPOSITORY, 77)
    (sent,) = [call.request for call in github.elsewhere.calls if call.request.url == STORE]
    assert set(sent.headers) <= {"User-Agent", "Accept-Encoding", "Accept", "Connection"}
    assert sent.body is None


@pytest.mark.parametrize(
    "url",
    [
        "http://store.example/a",
        "ftp://store.example/a",
        "file:///etc/passwd",
        "https:///a",
        "//store.example/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://[::1]/a",
        "https://[::ffff:169.254.169.254]/a",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/a",
        "https://0.0.0.0/a",
        "https://[/a",
        "https://1.2.3/a",
        "https://0x7f000001/a",
        "https://0x7f.1/a",
        "https://2130706433/a",
        "https://localhost./a",
        "https://127.0.0.1./a",
    ],
)
def test_an_address_that_is_not_called(github: ScriptedGithub, url: str) -> None:
    """Case 141, 142: https to the internet, and nothing of this machine or its network."""
    with pytest.raises(HubRefused) as refused:
        Downloads(AT_GITHUB).fetch(url, 10, LATER)
    assert url not in str(refused.value)
    assert not github.elsewhere.calls


def test_where_github_is_on_this_machine_its_archives_are_too(github: ScriptedGithub) -> None:
    github.elsewhere.get("http://127.0.0.1:8000/zip", body=b"PK")
    assert Downloads(AT_HOME).fetch("http://127.0.0.1:8000/zip", 10, LATER) == b"PK"


def test_a_second_redirect_is_not_followed(github: ScriptedGithub) -> None:
    github.elsewhere.get(STORE, status=302, headers={"Location": "https://other.example/"})
    with pytest.raises(HubUnavailable):
        Downloads(AT_GITHUB).fetch(STORE, 10, LATER)
    assert len(github.elsewhere.calls) == 1


def test_no_fault_names_the_signed_address(github: ScriptedGithub) -> None:
    github.elsewhere.get(STORE, body=requests.ConnectionError(f"no route to {STORE}"))
    with pytest.raises(HubUnavailable) as fault:
        Downloads(AT_GITHUB).fetch(STORE, 10, LATER)
    assert "secret" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_an_archive_that_trickles_is_given_up(github: ScriptedGithub) -> None:
    moments = iter([0.0, DOWNLOAD_SECONDS + 1])
    downloads = Downloads(AT_GITHUB, lambda: next(moments))
    github.elsewhere.get(STORE, body=b"PK")
    with pytest.raises(HubUnavailable, match="took longer"):
        downloads.fetch(STORE, 10, downloads.deadline())
