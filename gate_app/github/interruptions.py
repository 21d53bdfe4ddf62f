"""When a head was last away: pushed over, or its pull request closed, reopened or retargeted (cases 23, 25, 34).

Rules of the file: a head that is back where it was looks as if nothing had happened, so this is read from what GitHub
keeps of the past, never concluded from deliveries. Times are GitHub's own. Pull requests have a list of events
(docs: "List issue events", "Issue event types"), branches the activity of their repository (docs: "List repository
activities").
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, StringConstraints, TypeAdapter

from gate_app.domain.model import Repository, Subject
from gate_app.github.api import Api
from gate_app.github.fields import Reading
from gate_app.github.origin import in_repository
from gate_app.github.permissions import READ_BRANCH_ACTIVITY, READ_COMMENT

INTERRUPTING: Final = frozenset(
    {
        "automatic_base_change_succeeded",
        "base_ref_changed",
        "base_ref_force_pushed",
        "closed",
        "head_ref_deleted",
        "head_ref_force_pushed",
        "head_ref_restored",
        "reopened",
    }
)
"""Events of a pull request after which what stands there may be what stood there before, and was not in between."""


class _IssueEvent(Reading):
    event: Annotated[str, StringConstraints(max_length=100)]
    created_at: AwareDatetime


class _Activity(Reading):
    timestamp: AwareDatetime


_ISSUE_EVENTS: Final = TypeAdapter(list[_IssueEvent])
_ACTIVITIES: Final = TypeAdapter(list[_Activity])


class Interruptions:
    """The part of the `Hub` that knows of it."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def interrupted_at(self, repository: Repository, subject: Subject) -> datetime | None:
        """When it last happened; None when it never did. HubUnavailable when the list is not whole."""
        if subject.number is None:
            return self._forced_at(repository, subject.ref or "")
        return max((event.created_at for event in self._events(repository, subject.number)), default=None)

    def happened_since(self, repository: Repository, subject: Subject, since: datetime) -> tuple[str, ...]:
        """What happened to a pull request since; HubUnavailable when the list is not whole."""
        second = since.replace(microsecond=0)
        found = self._events(repository, subject.number or 0)
        later = sorted((event.created_at, event.event) for event in found if event.created_at >= second)
        return tuple(name for _, name in later)

    def _events(self, repository: Repository, number: int) -> list[_IssueEvent]:
        path = in_repository("issues", number, "events")
        listed = self._api.read_all(_ISSUE_EVENTS, list, repository, READ_COMMENT, path)
        return [event for event in listed if event.event in INTERRUPTING]

    def _forced_at(self, repository: Repository, ref: str) -> datetime | None:
        """When the branch was last pushed to with force: the newest activity of that kind comes first."""
        query: dict[str, str | int] = {"ref": ref, "activity_type": "force_push", "per_page": 1}
        path = in_repository("activity")
        listed = self._api.read(_ACTIVITIES, repository, READ_BRANCH_ACTIVITY, path, query)
        return max((activity.timestamp for activity in listed), default=None)
