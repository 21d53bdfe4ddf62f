"""The checks of a pull request as its page shows them: check runs and commit statuses.

Rules of this file: the newest of each name and App, grouped by App, for the head and for the commit that the
merge made. Their order never changes: a button must not move away under somebody's finger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from gate_app.standin import apps, checks, protection, statuses
from gate_app.standin.checks import Annotation, CheckRun
from gate_app.standin.page.markdown import to_html
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import Transaction
from gate_app.standin.statuses import CommitStatus

STATUSES: Final = "Commit statuses"
NOTHING: Final = Markup()
MAX_ANNOTATIONS: Final = 50


@dataclass(frozen=True)
class Look:
    """How a state looks: its icon, its tone (bad, asks, busy, stopped, good or calm) and its words."""

    icon: str
    tone: str
    word: str


LOOKS: Final = {
    "queued": Look("clock", "busy", "queued"),
    "in_progress": Look("ring", "busy", "in progress"),
    "action_required": Look("ask", "asks", "action required"),
    "failure": Look("cross", "bad", "failing"),
    "timed_out": Look("cross", "bad", "timed out"),
    "success": Look("check", "good", "successful"),
    "neutral": Look("dash", "calm", "neutral"),
    "skipped": Look("dash", "calm", "skipped"),
    "cancelled": Look("stop", "stopped", "cancelled"),
    "stale": Look("stop", "stopped", "stale"),
}
_OF_STATUS: Final = {"pending": "queued", "error": "failure"}
_BY_TONE: Final = ("bad", "asks", "busy", "stopped", "good", "calm")
_TITLES: Final = {
    "bad": "Some checks were not successful",
    "asks": "Waiting for a person",
    "busy": "Some checks have not completed yet",
    "stopped": "Some checks were cancelled",
    "good": "All checks have passed",
    "calm": "All checks have completed",
}


@dataclass(frozen=True)
class Note:
    """An annotation: what is said about lines of a file."""

    place: str
    level: str
    title: str
    message: str
    details: str


@dataclass(frozen=True)
class Check:
    """One check run or commit status; `id` is of the check run that can be pressed or run again."""

    id: int | None
    anchor: str
    name: str
    app: str
    state: str
    title: str
    at: str
    is_required: bool
    details_url: str | None
    summary: Markup = NOTHING
    text: Markup = NOTHING
    notes: tuple[Note, ...] = ()
    more_notes: int = 0
    buttons: Sequence[dict[str, str]] = ()

    @property
    def look(self) -> Look:
        return LOOKS[self.state]

    @property
    def is_open(self) -> bool:
        """Whether it shows what it says without being asked to: when somebody has to look at it."""
        return self.look.tone in ("asks", "bad") or bool(self.buttons)

    @property
    def news(self) -> str:
        """What a person who cannot see the page is told when this changes."""
        return f"{self.name}: {self.look.word}"


@dataclass(frozen=True)
class Commit:
    """The checks of one commit: `label` says which it is, `apps` holds each App's checks."""

    label: str
    sha: str
    apps: dict[str, list[Check]]


@dataclass(frozen=True)
class Checklist:
    """All checks of a pull request."""

    commits: tuple[Commit, ...]

    @property
    def checks(self) -> list[Check]:
        """The checks that count now: those of the newest commit that has any."""
        return [check for group in self.commits[-1:] for each in group.apps.values() for check in each]

    @property
    def look(self) -> Look | None:
        return summary(check.look for check in self.checks)

    @property
    def title(self) -> str:
        look = self.look
        return _TITLES[look.tone] if look else "No checks yet"

    @property
    def counts(self) -> str:
        """`1 action required, 2 successful`."""
        found = Counter(check.look.word for check in self.checks)
        order = [look.word for tone in _BY_TONE for look in LOOKS.values() if look.tone == tone]
        return ", ".join(f"{found[word]} {word}" for word in order if found[word])

    @property
    def questions(self) -> int:
        """How many checks wait for a person."""
        return sum(check.look.tone == "asks" for check in self.checks)


def summary(looks: Iterable[Look]) -> Look | None:
    """The one look that stands for several: the most urgent."""
    found = sorted(looks, key=lambda look: _BY_TONE.index(look.tone))
    return found[0] if found else None


def of_pull(tx: Transaction, repository: Repository, pull: Pull) -> Checklist:
    """The checks of the head, and of the commit that merging made."""
    branch, sources = pull.base_ref, (protection.PROTECTION, protection.RULESET)
    required = {
        check.context for source in sources for check in protection.required(tx, repository, branch, source)
    }
    reader = _Reader(tx, repository, frozenset(required))
    found = [reader.commit(f"Head of {pull.head_ref}", pull.head_sha)]
    if pull.merge_commit_sha:
        found.append(reader.commit(f"Merged into {branch}", pull.merge_commit_sha))
    return Checklist(tuple(commit for commit in found if commit.apps))


def look_of_commit(tx: Transaction, repository: Repository, sha: str) -> Look | None:
    """The one look of a commit's checks, None if it has none."""
    runs = checks.latest(checks.of_commit(tx, repository, sha))
    marks = statuses.latest(statuses.of_commit(tx, repository, sha))
    return summary(LOOKS[state] for state in (*map(_state, runs), *map(_state_of_status, marks)))


@dataclass(frozen=True)
class _Reader:
    """Reads the checks of commits; `required` are the names that the base branch requires."""

    tx: Transaction
    repository: Repository
    required: frozenset[str]

    def commit(self, label: str, sha: str) -> Commit:
        """The checks of one commit."""
        grouped: dict[str, list[Check]] = {}
        for run in _in_order(checks.of_commit(self.tx, self.repository, sha)):
            check = self._of_run(run)
            grouped.setdefault(check.app, []).append(check)
        marks = statuses.latest(statuses.of_commit(self.tx, self.repository, sha))
        if marks:
            grouped[STATUSES] = [self._of_status(mark) for mark in sorted(marks, key=lambda m: m.context)]
        return Commit(label, sha, grouped)

    def _of_run(self, run: CheckRun) -> Check:
        notes = self.tx.oldest(Annotation, MAX_ANNOTATIONS, check_run_id=run.id)
        return Check(
            id=run.id,
            anchor=f"check-{run.id}",
            name=run.name,
            app=apps.by_id(self.tx, run.app_id).name,
            state=_state(run),
            title=run.title or "",
            at=run.completed_at or run.started_at,
            is_required=run.name in self.required,
            details_url=_web_address(run.details_url),
            summary=to_html(run.summary),
            text=to_html(run.text),
            notes=tuple(_note(note.facts) for note in notes),
            more_notes=self.tx.count(Annotation, check_run_id=run.id) - len(notes),
            buttons=run.actions if run.status == "completed" else [],
        )

    def _of_status(self, mark: CommitStatus) -> Check:
        return Check(
            id=None,
            anchor=f"status-{mark.id}",
            name=mark.context,
            app=STATUSES,
            state=_state_of_status(mark),
            title=mark.description or "",
            at=mark.created_at,
            is_required=mark.context in self.required,
            details_url=_web_address(mark.target_url),
        )


def _in_order(runs: Sequence[CheckRun]) -> list[CheckRun]:
    """The newest run of each name and App, where the first of that name has its place."""
    places = {(run.app_id, run.name): run.id for run in runs}
    return sorted(checks.latest(runs), key=lambda run: places[run.app_id, run.name])


def _state_of_status(mark: CommitStatus) -> str:
    return _OF_STATUS.get(mark.state, mark.state)


def _state(run: CheckRun) -> str:
    return (run.conclusion or "neutral") if run.status == "completed" else run.status


def _note(facts: dict[str, object]) -> Note:
    first, last = facts["start_line"], facts["end_line"]
    lines = f"{first}" if first == last else f"{first}-{last}"
    place = f"{facts['path']}:{lines}"
    title, details = facts.get("title") or "", facts.get("raw_details") or ""
    return Note(place, str(facts["annotation_level"]), str(title), str(facts["message"]), str(details))


def _web_address(url: str | None) -> str | None:
    return url if url and url.startswith(("https://", "http://")) else None
