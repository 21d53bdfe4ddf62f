"""Issues of ours: the follow-ups of overrides (REST docs: Issues).

Rules of the file: an issue is opened once, found again by its hidden marker among those that our App made since it was
first asked for (whoever may write can edit a marker into an older one); whether one is closed is asked live.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import AwareDatetime, TypeAdapter

from gate_app.domain.effects import OpenIssue
from gate_app.domain.model import Person, Repository
from gate_app.errors import HubUnavailable
from gate_app.github.api import Api
from gate_app.github.fields import Account, App, Id, LongText, Reading, person_or_ghost
from gate_app.github.identity import AppIdentity
from gate_app.github.limits import MAX_COMMENT_CHARS, line_within, text_within_chars
from gate_app.github.origin import in_repository
from gate_app.github.permissions import READ_ISSUE, WRITE_ISSUE
from gate_app.github.writes import hidden

MAX_TITLE: Final = 256
_APART: Final = timedelta(minutes=10)
"""How much the clocks may differ by which "since then" is told."""


class _Issue(Reading):
    number: Id
    state: str
    created_at: AwareDatetime
    body: LongText | None = None
    user: Account | None = None
    closed_by: Account | None = None
    performed_via_github_app: App | None = None


_ISSUE: Final = TypeAdapter(_Issue)
_ISSUES: Final = TypeAdapter(list[_Issue])


class Issues:
    """The part of the `Hub` about issues."""

    def __init__(self, api: Api, identity: AppIdentity) -> None:
        self._issues_api = api
        self._issues_identity = identity

    def issue_closer(self, repository: Repository, number: int) -> Person | None:
        """Who closed it; None while it is open. HubRefused(404 or 410) for one that is gone: that is not closed."""
        path = in_repository("issues", number)
        found = self._issues_api.read(_ISSUE, repository, READ_ISSUE, path)
        if found.number != number:
            raise HubUnavailable(f"GET {path}: GitHub answered with another issue")
        return person_or_ghost(found.closed_by) if found.state == "closed" else None

    def open_issue(self, repository: Repository, wanted: OpenIssue) -> int:
        """Its number, found by the marker or opened now. HubRefused(410) where issues are switched off."""
        marker = hidden(wanted.marker)
        found = self._find(repository, wanted, marker)
        if found is not None:
            return found
        text = text_within_chars(wanted.body, MAX_COMMENT_CHARS - len(marker) - 2)
        body = {"title": line_within(wanted.title, MAX_TITLE), "body": f"{text}\n\n{marker}"}
        return self._issues_api.write(
            "POST", _ISSUE, repository, WRITE_ISSUE, in_repository("issues"), body
        ).number

    def _find(self, repository: Repository, wanted: OpenIssue, marker: str) -> int | None:
        since = wanted.asked_at - _APART
        listed = self._issues_api.read_all(
            _ISSUES,
            list,
            repository,
            WRITE_ISSUE,
            in_repository("issues"),
            {"state": "all", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"},
        )
        made = self._issues_identity.made
        new = [each for each in listed if each.created_at >= since]
        ours = [each for each in new if made(each.user, each.performed_via_github_app)]
        marked = [each.number for each in ours if (each.body or "").rstrip().endswith(marker)]
        return min(marked, default=None)
