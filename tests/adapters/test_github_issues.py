"""The issue that follows an override up: opened once, found again, and asked about live."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.github import BOT, NOON, REPOSITORY, ScriptedGithub, account, hub, scripted

from gate_app.domain.effects import OpenIssue
from gate_app.domain.model import Person, PersonKind
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github.fields import GHOST
from gate_app.github.writes import hidden

ISSUES = "/repos/acme/shop/issues"
WANTED = OpenIssue("production", 501, "Follow up", "It was overridden.", "r1:override:501", NOON)
MARKED = f"It was overridden.\n\n{hidden(WANTED.marker)}"


@pytest.fixture
def github() -> Iterator[ScriptedGithub]:
    with scripted() as github:
        yield github


def issue(number: int, body: str = MARKED, user: object = BOT, app: object = None) -> dict[str, object]:
    return {
        "number": number,
        "state": "open",
        "created_at": NOON.isoformat(),
        "body": body,
        "user": user,
        "performed_via_github_app": app,
    }


def test_an_issue_is_opened_with_its_marker(github: ScriptedGithub) -> None:
    github.answers("GET", ISSUES, [])
    github.answers("POST", ISSUES, issue(7))
    assert hub(github).open_issue(REPOSITORY, WANTED) == 7
    (sent,) = [call for call in github.calls if call.method == "POST" and call.path == ISSUES]
    assert sent.body == {"title": "Follow up", "body": MARKED}


def test_one_that_is_there_already_is_found_again_and_nobody_elses(github: ScriptedGithub) -> None:
    stranger = issue(3, user=account(12, "reviewer"))
    github.answers("GET", ISSUES, [stranger, issue(4, body="something else"), issue(5)])
    assert hub(github).open_issue(REPOSITORY, WANTED) == 5
    assert not [call for call in github.calls if call.method == "POST" and call.path == ISSUES]


def test_issues_that_are_switched_off_are_a_refusal(github: ScriptedGithub) -> None:
    github.answers("GET", ISSUES, [])
    github.answers("POST", ISSUES, {"message": "Issues are disabled for this repo"}, status=410)
    with pytest.raises(HubRefused):
        hub(github).open_issue(REPOSITORY, WANTED)


@pytest.mark.parametrize(
    ("state", "by", "closer"),
    [
        ("open", None, None),
        ("open", account(12, "reviewer"), None),
        ("odd", account(12, "reviewer"), None),
        ("closed", account(12, "reviewer"), Person(12, "reviewer")),
        ("closed", BOT, Person(int(str(BOT["id"])), str(BOT["login"]), PersonKind.BOT)),
        ("closed", None, GHOST),
    ],
    ids=[
        "open",
        "reopened",
        "something new",
        "closed",
        "closed by a bot",
        "closed by an account that is gone",
    ],
)
def test_who_closed_an_issue(github: ScriptedGithub, state: str, by: object, closer: Person | None) -> None:
    github.answers("GET", f"{ISSUES}/7", {**issue(7), "state": state, "closed_by": by})
    assert hub(github).issue_closer(REPOSITORY, 7) == closer


def test_an_issue_that_is_gone_or_another_one_is_not_closed(github: ScriptedGithub) -> None:
    github.answers("GET", f"{ISSUES}/7", {"message": "This issue was deleted"}, status=410)
    with pytest.raises(HubRefused):
        hub(github).issue_closer(REPOSITORY, 7)
    github.answers("GET", f"{ISSUES}/8", issue(9))
    with pytest.raises(HubUnavailable):
        hub(github).issue_closer(REPOSITORY, 8)


def test_an_older_issue_of_ours_that_somebody_marked_anew_is_not_this_one(github: ScriptedGithub) -> None:
    """Whoever may write edits issues: an old one, closed long ago, would pay the new debt at once."""
    older = {**issue(4), "state": "closed", "created_at": "2026-01-01T00:00:00Z"}
    github.answers("GET", ISSUES, [older])
    github.answers("POST", ISSUES, issue(7))
    assert hub(github).open_issue(REPOSITORY, WANTED) == 7
