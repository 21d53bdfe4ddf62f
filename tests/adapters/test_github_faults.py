"""GitHub down, slow, limiting, moved or talking nonsense: nothing is known then, and nothing is followed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from github import Github
from github.Auth import Token
from github.Requester import Requester
from support.github import (
    API,
    NOON,
    REPOSITORY,
    SINKHOLE,
    ScriptedGithub,
    change,
    comment,
    commit,
    hub,
    scripted,
)

from gate_app.domain.effects import React
from gate_app.domain.model import Person
from gate_app.errors import ConfigurationFault, HubRefused, HubUnavailable
from gate_app.github.origin import Origin, at_root, in_repository
from gate_app.github.transport import MAX_ANSWER_BYTES, Reply, Transport, pinned_session

COMMENT_PATH = "/repos/acme/shop/issues/comments/501"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def ask(github: ScriptedGithub) -> str:
    return hub(github).comment_fingerprint(REPOSITORY, 501)


# --- what went wrong ---


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(500, {"message": "boom"}, id="500"),
        pytest.param(502, "<html>Bad gateway</html>", id="502 with HTML"),
        pytest.param(503, "", id="503 without a body"),
        pytest.param(200, "<html>Unicorn!</html>", id="case 200: 200 with HTML"),
        pytest.param(200, "", id="case 200: 200 with nothing"),
        pytest.param(200, '{"id": 501, "bo', id="case 200: half a JSON text"),
        pytest.param(200, {"id": 501}, id="case 200: missing fields"),
        pytest.param(200, {**comment(), "id": "501"}, id="case 200: an id that is a text"),
        pytest.param(200, {**comment(), "id": 502}, id="another comment than asked for"),
        pytest.param(200, {**comment(), "created_at": 0}, id="a time that is a number"),
        pytest.param(200, "[" * 100_000, id="a hundred thousand brackets"),
        pytest.param(200, "[]", id="a list where one thing was asked for"),
        pytest.param(200, "null", id="null"),
        pytest.param(202, {}, id="202: still computing"),
        pytest.param(204, "", id="204: nothing"),
        pytest.param(304, "", id="304 although nothing was conditional"),
        pytest.param(408, {}, id="408"),
    ],
)
def test_an_answer_that_is_no_answer_means_that_nothing_is_known(
    github: ScriptedGithub, status: int, body: object
) -> None:
    github.answers("GET", COMMENT_PATH, body, status=status)
    with pytest.raises(HubUnavailable) as fault:
        ask(github)
    assert fault.value.retry_at is None
    assert "ghs_" not in str(fault.value)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(requests.ConnectionError("refused: canary"), id="no connection"),
        pytest.param(requests.ReadTimeout("canary"), id="no answer in time"),
        pytest.param(requests.exceptions.SSLError("canary"), id="a wrong certificate"),
        pytest.param(requests.exceptions.ChunkedEncodingError("canary"), id="a broken answer"),
    ],
)
def test_a_connection_that_fails_means_that_nothing_is_known(
    github: ScriptedGithub, error: Exception
) -> None:
    github.fails("GET", COMMENT_PATH, error)
    with pytest.raises(HubUnavailable) as fault:
        ask(github)
    assert "canary" not in str(fault.value)
    assert fault.value.__suppress_context__


@pytest.mark.parametrize("status", [400, 403, 409, 410, 422, 451])
def test_a_definite_refusal_says_so_without_repeating_what_github_wrote(
    github: ScriptedGithub, status: int
) -> None:
    github.answers(
        "GET", "/repos/acme/shop/collaborators/reviewer/permission", {"message": "canary"}, status=status
    )
    with pytest.raises(HubRefused) as fault:
        hub(github).standing(REPOSITORY, Person(12, "reviewer"), ())
    assert fault.value.status == status
    assert "canary" not in str(fault.value)


def test_headers_that_pygithub_cannot_read_are_no_answer_and_no_crash(github: ScriptedGithub) -> None:
    garbled = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "some", "X-RateLimit-Reset": "soon"}
    github.answers("GET", COMMENT_PATH, comment(), headers=garbled)
    with pytest.raises(HubUnavailable):
        ask(github)


def test_a_larger_answer_than_any_honest_one_is_not_read_to_its_end(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, {**comment(), "body": "x" * MAX_ANSWER_BYTES})
    with pytest.raises(HubUnavailable, match="larger"):
        ask(github)


def test_an_answer_that_trickles_for_ever_is_given_up() -> None:
    ticks = iter(range(0, 10_000, 20))
    with scripted() as github:
        github.answers("GET", "/app", {"text": "x" * 200_000})
        transport = Transport(
            Origin.parse("https://api.github.com", "x"), monotonic=lambda: float(next(ticks))
        )
        with pytest.raises(HubUnavailable, match="longer than 30 s"):
            transport.exchange(Token("ghs_x"), "GET", "/app", {})


# --- limits ---


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        pytest.param(403, {"Retry-After": "30"}, "", 30, id="case 199: 403 with Retry-After"),
        pytest.param(429, {"Retry-After": "30"}, "", 30, id="case 199: 429 with Retry-After"),
        pytest.param(
            429, {"Retry-After": "Fri, 20 Nov 2026 12:01:30 GMT"}, "", 90, id="Retry-After as a date"
        ),
        pytest.param(429, {"Retry-After": "soon"}, "", 60, id="Retry-After that is neither"),
        pytest.param(429, {}, "", 60, id="case 199: 429 without a word"),
        pytest.param(
            403, {}, "You have exceeded a secondary rate limit.", 60, id="case 199: secondary limit"
        ),
        pytest.param(
            403, {}, "API rate limit exceeded for installation", 60, id="primary limit without headers"
        ),
        pytest.param(
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOON.timestamp()) + 1_200)},
            "API rate limit exceeded",
            1_200,
            id="case 198: primary limit",
        ),
        pytest.param(
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOON.timestamp()) + 10**9)},
            "",
            3_600,
            id="a reset in thirty years is not believed",
        ),
        pytest.param(
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOON.timestamp()) - 5)},
            "",
            1,
            id="a reset that has passed",
        ),
    ],
)
def test_a_limit_tells_when_to_come_back_and_nobody_sleeps(
    github: ScriptedGithub, status: int, headers: Mapping[str, str], message: str, wait: int
) -> None:
    github.answers("GET", COMMENT_PATH, {"message": message}, status=status, headers=headers)
    with pytest.raises(HubUnavailable) as fault:
        ask(github)
    assert fault.value.retry_at == NOON + timedelta(seconds=wait)
    assert len(github.calls) == 1


def test_a_refusal_is_not_taken_for_a_limit_because_calls_remain(github: ScriptedGithub) -> None:
    remaining = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": str(int(NOON.timestamp()) + 1_200)}
    body = {"message": "Resource not accessible by integration"}
    github.answers("GET", COMMENT_PATH, body, status=403, headers=remaining)
    with pytest.raises(HubRefused, match="issues: read"):
        ask(github)


def test_a_limited_installation_is_left_alone_until_then_and_others_are_not(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, {"message": ""}, status=429, headers={"Retry-After": "30"})
    github.answers("GET", COMMENT_PATH, comment())
    client = hub(github)
    for _ in range(3):
        with pytest.raises(HubUnavailable) as fault:
            client.comment_fingerprint(REPOSITORY, 501)
        assert fault.value.retry_at == NOON + timedelta(seconds=30)
    assert len(github.calls) == 1
    github.clock.passes(timedelta(seconds=30))
    client.comment_fingerprint(REPOSITORY, 501)
    assert len(github.calls) == 2


# --- reads are tried twice, writes once ---


def test_a_read_is_tried_once_more_at_once(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, "", status=502)
    github.answers("GET", COMMENT_PATH, comment())
    assert len(ask(github)) == 64
    assert len(github.calls) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_case_194_a_write_is_never_sent_again_by_itself(github: ScriptedGithub, status: int) -> None:
    github.answers("POST", f"{COMMENT_PATH}/reactions", "", status=status)
    with pytest.raises(HubUnavailable):
        hub(github).react(REPOSITORY, React(501, "+1"))
    assert len(github.calls) == 1


def test_case_194_a_write_whose_answer_is_lost_is_never_sent_again_by_itself(github: ScriptedGithub) -> None:
    github.fails("POST", f"{COMMENT_PATH}/reactions", requests.ReadTimeout())
    with pytest.raises(HubUnavailable):
        hub(github).react(REPOSITORY, React(501, "+1"))
    assert len(github.calls) == 1


# --- only there ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", [SINKHOLE, f"{API}/repositories/71/issues/comments/501", "//sinkhole.example/"]
)
def test_case_144_no_redirect_is_followed(github: ScriptedGithub, status: int, location: str) -> None:
    github.answers("GET", COMMENT_PATH, {}, status=status, headers={"Location": location})
    with pytest.raises(HubUnavailable, match="redirect"):
        ask(github)
    assert {call.path for call in github.calls} == {COMMENT_PATH}


def test_case_144_a_renamed_repository_is_found_again_by_its_id(github: ScriptedGithub) -> None:
    client = hub(github)
    github.answers("GET", COMMENT_PATH, comment())
    client.comment_fingerprint(REPOSITORY, 501)
    github.scripted.clear()
    github.minted_name = "acme-corp/store"
    github.answers("GET", COMMENT_PATH, {}, status=301, headers={"Location": SINKHOLE})
    github.answers("GET", "/repos/acme-corp/store/issues/comments/501", comment())
    assert len(client.comment_fingerprint(REPOSITORY, 501)) == 64


def test_case_144_a_write_to_a_renamed_repository_is_repeated_at_its_new_name(github: ScriptedGithub) -> None:
    client = hub(github)
    github.answers("POST", f"{COMMENT_PATH}/reactions", {"id": 1}, status=201)
    client.react(REPOSITORY, React(501, "+1"))
    github.scripted.clear()
    github.minted_name = "acme/store"
    github.answers("POST", f"{COMMENT_PATH}/reactions", {"message": "Moved"}, status=307)
    github.answers("POST", "/repos/acme/store/issues/comments/501/reactions", {"id": 1}, status=201)
    client.react(REPOSITORY, React(501, "+1"))
    assert len(github.calls) == 3


def test_a_repository_whose_current_name_github_does_not_tell_keeps_the_known_one(
    github: ScriptedGithub,
) -> None:
    github.minted_name = None
    github.answers("GET", COMMENT_PATH, comment())
    assert len(ask(github)) == 64


def test_case_141_the_address_of_a_next_page_is_never_used(github: ScriptedGithub) -> None:
    path = "/repos/acme/shop/pulls/3/commits"
    lure = {"Link": f'<{SINKHOLE}?page=2>; rel="next", <{SINKHOLE}?page=9>; rel="last"'}
    github.answers("GET", path, [commit("e" * 40)], headers=lure)
    github.answers("GET", path, [commit()])
    hub(github).authorship(change())
    assert [call.query["page"] for call in github.calls] == ["1", "2"]
    assert {call.path for call in github.calls} == {path}


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://api.github.com", id="plain http"),
        pytest.param("https://user:secret@api.github.com", id="credentials inside"),
        pytest.param("https://api.github.com?x=1", id="a query"),
        pytest.param("https://api.github.com#evil", id="a fragment"),
        pytest.param("https://", id="no host"),
        pytest.param("ftp://api.github.com", id="another scheme"),
        pytest.param("https://api.github.com:99999", id="no port"),
        pytest.param("https://\u0430pi.github.com", id="a Cyrillic host"),
        pytest.param("http://127.0.0.1.evil.example", id="a host that begins like loopback"),
        pytest.param("api.github.com", id="no scheme"),
    ],
)
def test_case_142_an_address_that_is_not_plainly_one_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        Origin.parse(address, "GATE_GITHUB_API_URL")
    assert "secret" not in str(fault.value)
    assert str(fault.value).startswith("GATE_GITHUB_API_URL: ")


@pytest.mark.parametrize(
    ("address", "root", "url"),
    [
        pytest.param(
            "https://api.github.com",
            "https://api.github.com:443/",
            "https://api.github.com",
            id="github.com",
        ),
        pytest.param(
            "https://ghe.acme/api/v3/", "https://ghe.acme:443/", "https://ghe.acme/api/v3", id="GHES"
        ),
        pytest.param("http://127.0.0.1:81", "http://127.0.0.1:81/", "http://127.0.0.1:81", id="the stand-in"),
        pytest.param("http://localhost:81", "http://localhost:81/", "http://localhost:81", id="by name"),
        pytest.param("http://[::1]:81", "http://[::1]:81/", "http://[::1]:81", id="the stand-in on IPv6"),
    ],
)
def test_an_origin_is_scheme_exact_host_and_port(address: str, root: str, url: str) -> None:
    origin = Origin.parse(address, "x")
    assert (origin.root, origin.url) == (root, url)


@pytest.mark.parametrize(
    ("segment", "quoted"),
    [
        pytest.param("a/b", "/repos/acme/shop/branches/a%2Fb", id="a slash"),
        pytest.param("a?b#c", "/repos/acme/shop/branches/a%3Fb%23c", id="a query and a fragment"),
        pytest.param("ä", "/repos/acme/shop/branches/%C3%A4", id="not ASCII"),
        pytest.param("%2e%2e", "/repos/acme/shop/branches/%252e%252e", id="quoted dots"),
    ],
)
def test_case_141_no_name_climbs_out_of_its_place_in_a_path(segment: str, quoted: str) -> None:
    assert in_repository("branches", segment).below("acme/shop") == quoted


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_case_141_dots_are_no_path_segment(segment: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        at_root("users", segment).below("")


def test_case_145_netrc_and_certificates_of_the_surroundings_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, github: ScriptedGithub
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.github.com login thief password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    github.answers("GET", COMMENT_PATH, comment())
    ask(github)
    (call,) = github.calls
    assert call.headers["Authorization"] == f"token {'ghs_4711_secret.token-1'}"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://api.github.com.evil.example:443/",
        "https://api.github.com:444/",
        "http://api.github.com:443/",
        SINKHOLE,
    ],
)
def test_case_143_nothing_but_the_configured_origin_has_a_way_out(elsewhere: str) -> None:
    session = pinned_session(Origin.parse("https://api.github.com", "x"))
    session.get_adapter(f"{API}/app")
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get_adapter(elsewhere)


def test_a_github_that_is_not_there_means_that_nothing_is_known() -> None:
    transport = Transport(Origin.parse("http://127.0.0.1:1", "x"))
    with pytest.raises(HubUnavailable, match="no answer"):
        transport.exchange(Token("ghs_x"), "GET", "/app", {})


def test_case_218_an_answer_shows_neither_its_body_nor_its_headers() -> None:
    shown = repr(Reply(201, {"set-cookie": "ghs_a"}, '{"token": "ghs_b"}'))
    assert shown == "Reply(status=201, 18 characters)"


def test_case_32_a_list_without_an_end_is_given_up(github: ScriptedGithub) -> None:
    path, pages = "/repos/acme/shop/pulls/3/commits", 100
    for number in range(pages + 1):
        github.answers("GET", path, [commit(f"{number:040x}")], headers={"Link": '<x>; rel="next"'})
    with pytest.raises(HubUnavailable, match="more than 100 pages"):
        hub(github).authorship(change())
    assert len(github.calls) == pages


def test_every_call_names_the_version_of_the_api_and_ourselves(github: ScriptedGithub) -> None:
    github.answers("GET", COMMENT_PATH, comment())
    ask(github)
    for call in (*github.calls, *github.mints):
        assert call.headers["X-GitHub-Api-Version"] == "2022-11-28"
        assert call.headers["User-Agent"] == "gate-app"
        assert call.headers["Accept"] == "application/vnd.github+json"


def test_case_218_no_log_at_any_level_shows_a_token(
    github: ScriptedGithub, caplog: pytest.LogCaptureFixture
) -> None:
    github.answers("GET", COMMENT_PATH, comment())
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("github.Requester").setLevel(logging.DEBUG)
        ask(github)
    assert "ghs_" not in caplog.text
    assert "Bearer" not in caplog.text
    assert COMMENT_PATH in caplog.text


def test_what_is_injected_into_our_requester_stays_out_of_pygithub_itself() -> None:
    Transport(Origin.parse("https://api.github.com", "x"))
    requester = Github().requester
    assert type(requester) is Requester
    assert requester._Requester__persist is True  # type: ignore[attr-defined]  # a private switch of PyGithub's
