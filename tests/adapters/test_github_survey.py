"""What there is at GitHub, asked for when no delivery told us: whole, or a fault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.github import (
    BASE_SHA,
    NOON,
    OTHER_SHA,
    SHA,
    ScriptedGithub,
    comment,
    commit,
    hub,
    pull,
    scripted,
    side,
)
from support.github import REPOSITORY as SHOP

from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Person, Repository, Subject
from gate_app.engine.ports import ConversationNoticed, Survey
from gate_app.errors import HubRefused, HubUnavailable

INSTALLATIONS = "/app/installations"
REPOSITORIES = "/installation/repositories"
COMMENTS = "/repos/acme/shop/issues/3/comments"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def repositories(*names: str) -> dict[str, object]:
    listed = [{"id": number, "full_name": name} for number, name in enumerate(names, start=71)]
    return {"total_count": len(listed), "repositories": listed}


def test_the_client_is_a_survey(github: ScriptedGithub) -> None:
    survey: Survey = hub(github)
    assert survey


def test_case_195_every_repository_of_every_working_installation_is_known(github: ScriptedGithub) -> None:
    suspended = {"id": 6, "suspended_at": "2026-11-01T00:00:00Z"}
    github.answers("GET", INSTALLATIONS, [{"id": 5151, "suspended_at": None}, suspended])
    github.answers("GET", REPOSITORIES, repositories("acme/shop", "acme/store"))
    assert hub(github).repositories() == [SHOP, Repository(72, "acme", "store", 5151)]
    (mint,) = github.mints
    assert mint.body == {"permissions": {"metadata": "read"}}


@pytest.mark.parametrize("path", [INSTALLATIONS, REPOSITORIES])
def test_a_list_that_cannot_be_had_whole_is_a_fault(github: ScriptedGithub, path: str) -> None:
    github.answers("GET", INSTALLATIONS, [{"id": 5151, "suspended_at": None}])
    github.answers("GET", REPOSITORIES, repositories("acme/shop"))
    github.scripted[f"GET {path}"] = [(500, {}, "")]
    with pytest.raises(HubUnavailable):
        hub(github).repositories()


WORKING = [{"id": 5151, "suspended_at": None}]


def test_case_148_a_token_of_an_installation_that_was_revoked_is_renewed_once(github: ScriptedGithub) -> None:
    github.answers("GET", INSTALLATIONS, WORKING)
    github.answers("GET", REPOSITORIES, {"message": "Bad credentials"}, status=401)
    github.answers("GET", REPOSITORIES, repositories("acme/shop"))
    assert hub(github).repositories() == [SHOP]
    first, second = (call.headers["Authorization"] for call in github.calls[1:])
    assert first != second


def test_a_token_of_an_installation_is_kept_for_the_next_round(github: ScriptedGithub) -> None:
    github.answers("GET", INSTALLATIONS, WORKING)
    github.answers("GET", REPOSITORIES, repositories("acme/shop"))
    client = hub(github)
    assert client.repositories() == client.repositories()
    assert len(github.mints) == 1


@pytest.mark.parametrize(
    ("limited", "asked"),
    [
        pytest.param(INSTALLATIONS, [INSTALLATIONS], id="the App itself"),
        pytest.param(REPOSITORIES, [INSTALLATIONS, REPOSITORIES, INSTALLATIONS], id="an installation"),
    ],
)
def test_case_198_whoever_is_limited_is_not_asked_for_until_then(
    github: ScriptedGithub, limited: str, asked: list[str]
) -> None:
    limit = (429, {"Retry-After": "30"}, "{}")
    github.answers("GET", INSTALLATIONS, WORKING)
    github.answers("GET", REPOSITORIES, repositories("acme/shop"))
    github.scripted[f"GET {limited}"].insert(0, limit)
    client = hub(github)
    for _ in range(2):
        with pytest.raises(HubUnavailable) as fault:
            client.repositories()
        assert fault.value.retry_at == NOON + timedelta(seconds=30)
    assert [call.path for call in github.calls] == asked
    github.clock.passes(timedelta(seconds=30))
    assert client.repositories() == [SHOP]


def test_case_198_an_installation_that_may_mint_no_token_for_now_is_left_alone_too(
    github: ScriptedGithub,
) -> None:
    minting = "/app/installations/5151/access_tokens"
    github.answers("GET", INSTALLATIONS, WORKING)
    github.answers("POST", minting, {"message": ""}, status=429, headers={"Retry-After": "30"})
    client = hub(github)
    with pytest.raises(HubUnavailable):
        client.repositories()
    with pytest.raises(HubUnavailable):
        client.heads(SHOP)
    assert len(github.mints) == 1


def test_case_195_the_heads_are_those_of_open_pull_requests_and_of_the_default_branch(
    github: ScriptedGithub,
) -> None:
    other = pull(number=4, head=side("other", OTHER_SHA))
    github.answers("GET", "/repos/acme/shop/pulls", [pull(), other])
    github.answers("GET", "/repos/acme/shop", {"id": 71, "default_branch": "main"})
    github.answers("GET", "/repos/acme/shop/branches/main", {"name": "main", "commit": commit(BASE_SHA)})
    assert hub(github).heads(SHOP) == {
        Subject(71, number=3): SHA,
        Subject(71, number=4): OTHER_SHA,
        Subject(71, ref="refs/heads/main"): BASE_SHA,
    }
    assert github.calls[0].query["state"] == "open"


def test_an_empty_repository_has_no_head(github: ScriptedGithub) -> None:
    github.answers("GET", "/repos/acme/shop/pulls", [])
    github.answers("GET", "/repos/acme/shop", {"id": 71, "default_branch": "main"})
    assert hub(github).heads(SHOP) == {}


def test_a_default_branch_that_may_not_be_read_is_a_fault(github: ScriptedGithub) -> None:
    github.answers("GET", "/repos/acme/shop/pulls", [])
    github.answers("GET", "/repos/acme/shop", {"id": 71, "default_branch": "main"})
    github.answers("GET", "/repos/acme/shop/branches/main", {}, status=403)
    with pytest.raises(HubRefused):
        hub(github).heads(SHOP)


def test_case_195_a_command_whose_delivery_was_lost_is_read_as_it_would_have_been(
    github: ScriptedGithub,
) -> None:
    edited = comment(503, updated_at="2026-11-20T12:30:00Z")
    github.answers("GET", COMMENTS, [comment(), comment(502, "LGTM"), edited, comment(504, user=None)])
    (notice,) = hub(github).commands_since(SHOP, 3, NOON)
    assert isinstance(notice, ConversationNoticed)
    assert isinstance(notice.event, CommandGiven)
    assert (notice.conversation, notice.event.comment_id, notice.event.person) == (
        3,
        501,
        Person(12, "reviewer"),
    )
    assert notice.event.body_sha256 == hashlib.sha256(b"/approve staging").hexdigest()
    assert github.calls[0].query["since"] == "2026-11-20T12:00:00Z"
