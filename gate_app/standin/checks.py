"""Check runs: created and updated by Apps, clicked by people.

Rules of this file, from the REST docs "Check runs":

* A conclusion completes the run; a completed run has a conclusion; leaving `completed` drops it.
* Annotations are appended by every update, never replaced.
* Buttons (`actions`) show on completed runs only; a click reaches the owning App alone.
* What is too long or too many is refused by the request bodies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import apps, pulls, repositories, suites, webhooks
from gate_app.standin.apps import App
from gate_app.standin.errors import forbidden, invalid, not_found
from gate_app.standin.people import Person
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id
from gate_app.standin.suites import CheckSuite


@dataclass(frozen=True)
class CheckRun:
    """A check run as it is kept."""

    TABLE: ClassVar[str] = "check_runs"
    id: int
    repository_id: int
    suite_id: int
    app_id: int
    name: str
    head_sha: str
    external_id: str
    details_url: str | None
    status: str
    conclusion: str | None
    started_at: str
    completed_at: str | None
    title: str | None
    summary: str | None
    text: str | None
    actions: list[dict[str, str]]


@dataclass(frozen=True)
class Annotation:
    """A remark of a check run at a place in a file."""

    TABLE: ClassVar[str] = "annotations"
    id: int
    check_run_id: int
    facts: dict[str, object]


@dataclass(frozen=True)
class Report:
    """What an App says about a check run; None is left as it is."""

    name: str | None = None
    external_id: str | None = None
    details_url: str | None = None
    status: str | None = None
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: Sequence[Mapping[str, object]] = ()
    actions: Sequence[Mapping[str, str]] | None = None

    def columns(self, now: str) -> JsonObject:
        """The columns that this report changes."""
        plain = ("name", "external_id", "details_url", "started_at", "title", "summary", "text")
        changes: JsonObject = {name: getattr(self, name) for name in plain}
        if self.actions is not None:
            changes["actions"] = list(self.actions)
        return {
            name: value for name, value in {**changes, **self._state(now)}.items() if value is not None
        } | ({"conclusion": None, "completed_at": None} if self._reopens() else {})

    def _reopens(self) -> bool:
        return self.conclusion is None and self.status in ("queued", "in_progress")

    def _state(self, now: str) -> JsonObject:
        if self.conclusion is None:
            return {"status": self.status}
        completed_at = self.completed_at or now
        return {"status": "completed", "conclusion": self.conclusion, "completed_at": completed_at}


def create(
    tx: Transaction,
    repository: Repository,
    app: App,
    sha: str,
    report: Report,
    suite: CheckSuite | None = None,
) -> CheckRun:
    """A new check run of an App on a commit, in its only suite unless one is named. 422 if the repository
    does not have the commit."""
    if repositories.git(tx, repository).resolve(sha) != sha:
        raise invalid("CheckRun", "head_sha", f"No commit found for SHA: {sha}")
    suite = suite or suites.ensure(tx, repository, app, sha)
    defaults: JsonObject = {"external_id": "", "status": "queued", "started_at": tx.now, "actions": []}
    run = tx.insert(
        CheckRun,
        **{
            "repository_id": repository.id,
            "suite_id": suite.id,
            "app_id": app.id,
            "head_sha": sha,
            **defaults,
            **report.columns(tx.now),
        },
    )
    _annotate(tx, run, report)
    _tell(tx, run, "created", apps.bot(tx, app))
    if run.status == "completed":
        _tell(tx, run, "completed", apps.bot(tx, app))
    _settle(tx, run)
    return run


def update(tx: Transaction, run: CheckRun, app: App, report: Report) -> CheckRun:
    """The check run after another report. 403 if it is another App's."""
    if run.app_id != app.id:
        raise forbidden()
    changed = tx.update(run, **({"name": run.name} | report.columns(tx.now)))
    _annotate(tx, changed, report)
    tx.announce("check_run.updated", **_facts(changed))
    if changed.status == "completed" and run.status != "completed":
        _tell(tx, changed, "completed", apps.bot(tx, app))
    _settle(tx, changed)
    return changed


def _settle(tx: Transaction, run: CheckRun) -> None:
    suite = tx.get(CheckSuite, id=run.suite_id)
    if suite:
        suites.settle(tx, suite, [(one.status, one.conclusion) for one in of_suite(tx, suite)])


def _annotate(tx: Transaction, run: CheckRun, report: Report) -> None:
    for annotation in report.annotations:
        tx.insert(Annotation, check_run_id=run.id, facts=dict(annotation))


def click(tx: Transaction, run: CheckRun, identifier: str, person: Person) -> None:
    """Somebody presses a button. 422 if it is not there to be pressed."""
    shown = run.actions if run.status == "completed" else []
    if not any(action["identifier"] == identifier for action in shown):
        raise invalid("CheckRun", "identifier", f"{run.name} shows no button {identifier}")
    pressed: JsonObject = {"requested_action": {"identifier": identifier}}
    _tell(tx, run, "requested_action", person, pressed, only=apps.by_id(tx, run.app_id))


def rerequest(tx: Transaction, run: CheckRun, person: Person) -> None:
    """Ask the owning App to run the check again."""
    _tell(tx, run, "rerequested", person, only=apps.by_id(tx, run.app_id))


def rerequest_suite(tx: Transaction, suite: CheckSuite, person: Person) -> None:
    """Ask the owning App to run all its checks of the commit again."""
    app, repository = apps.by_id(tx, suite.app_id), repositories.by_id(tx, suite.repository_id)
    tx.announce("check_suite.rerequested", id=suite.id, head_sha=suite.head_sha, by=person.login)
    shown = suites.render(tx, suite, len(of_suite(tx, suite)))
    payload: JsonObject = {"action": "rerequested", "check_suite": shown}
    webhooks.emit(tx, repository, person, "check_suite", payload, only=app)


def require(tx: Transaction, repository: Repository, identifier: int) -> CheckRun:
    """The check run with this id. 404 if the repository has none."""
    found = tx.get(CheckRun, id=identifier, repository_id=repository.id)
    if found is None:
        raise not_found()
    return found


def of_commit(tx: Transaction, repository: Repository, sha: str) -> list[CheckRun]:
    """All check runs of a commit, newest first."""
    return tx.newest_first(CheckRun, repository_id=repository.id, head_sha=sha)


def latest(runs: Sequence[CheckRun]) -> list[CheckRun]:
    """Of runs that come newest first, the newest of each name and suite."""
    seen: dict[tuple[int, str], CheckRun] = {}
    for run in runs:
        seen.setdefault((run.suite_id, run.name), run)
    return list(seen.values())


def of_suite(tx: Transaction, suite: CheckSuite, *, every: bool = False) -> list[CheckRun]:
    """The check runs of a suite, newest first: the newest of each name, or all."""
    found = tx.newest_first(CheckRun, suite_id=suite.id)
    return found if every else latest(found)


def _tell(
    tx: Transaction,
    run: CheckRun,
    action: str,
    sender: Person,
    extra: JsonObject | None = None,
    only: App | None = None,
) -> None:
    repository = repositories.by_id(tx, run.repository_id)
    tx.announce(f"check_run.{action}", **_facts(run), by=sender.login)
    suite = tx.get(CheckSuite, id=run.suite_id)
    in_suite = {"check_suite": suites.render_simple(tx, suite)} if suite else {}
    payload: JsonObject = {"action": action, "check_run": {**render(tx, run), **in_suite}, **(extra or {})}
    webhooks.emit(tx, repository, sender, "check_run", payload, only)


def _facts(run: CheckRun) -> JsonObject:
    state = {"status": run.status, "conclusion": run.conclusion, "title": run.title}
    return {"id": run.id, "name": run.name, "head_sha": run.head_sha, **state}


def render(tx: Transaction, run: CheckRun) -> JsonObject:
    """The check run of every body."""
    repository = repositories.by_id(tx, run.repository_id)
    api, html = repositories.api_url(tx, repository), repositories.html_url(tx, repository)
    url = f"{api}/check-runs/{run.id}"
    app = apps.by_id(tx, run.app_id)
    found = pulls.with_head(tx, repository, run.head_sha)
    return {
        "id": run.id,
        "head_sha": run.head_sha,
        "node_id": node_id("CheckRun", run.id),
        "external_id": run.external_id,
        "url": url,
        "html_url": f"{html}/runs/{run.id}",
        "details_url": run.details_url or f"{tx.url}/apps/{app.slug}",
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": tx.count(Annotation, check_run_id=run.id),
            "annotations_url": f"{url}/annotations",
        },
        "name": run.name,
        "check_suite": {"id": run.suite_id},
        "app": apps.render(tx, app),
        "pull_requests": [pulls.render_minimal(tx, pull) for pull in found],
    }


def render_short(tx: Transaction, run: CheckRun) -> JsonObject:
    """A check run as the deployments of its job name it."""
    shown = ("id", "name", "node_id", "head_sha", "external_id", "url", "html_url", "details_url")
    state = ("status", "conclusion", "started_at", "completed_at")
    whole = render(tx, run)
    return {name: whole[name] for name in (*shown, *state)}


def render_annotations(tx: Transaction, run: CheckRun) -> list[JsonObject]:
    """The body of "List check run annotations"."""
    html = repositories.html_url(tx, repositories.by_id(tx, run.repository_id))
    absent = dict.fromkeys(("start_column", "end_column", "title", "raw_details"), None)
    return [
        {**absent, **annotation.facts, "blob_href": f"{html}/blob/{run.head_sha}/{annotation.facts['path']}"}
        for annotation in tx.every(Annotation, check_run_id=run.id)
    ]
