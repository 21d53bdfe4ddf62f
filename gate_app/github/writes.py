"""What we tell GitHub: check runs, comments, reactions, deployments and their statuses.

Rules of the file:

* Every write can be repeated: without a known id, ours is looked for before another is made (cases 193, 194).
* Ours is what our App made: a marker or an external id in somebody else's object means nothing (case 169).
* A write counts only when the answer names what was written; a moved repository's empty answer does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar
from urllib.parse import quote

from gate_app.domain.annotations import Annotation
from gate_app.domain.effects import CreateDeployment, PublishCheckRun, PublishComment, React, ReportDeployment
from gate_app.domain.model import Repository
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github import answers, check_answers, work_answers
from gate_app.github.api import Api
from gate_app.github.identity import AppIdentity
from gate_app.github.limits import (
    MAX_ANNOTATIONS_PER_CALL,
    MAX_COMMENT_CHARS,
    MAX_DESCRIPTION_CHARS,
    MAX_EXTERNAL_ID_CHARS,
    MAX_SUMMARY_BYTES,
    MAX_TITLE_CHARS,
    line_within,
    text_within_bytes,
    text_within_chars,
)
from gate_app.github.markdown import MARKER
from gate_app.github.origin import Path, in_repository
from gate_app.github.permissions import (
    READ_DEPLOYMENT,
    WRITE_CHECK_RUN,
    WRITE_COMMENT,
    WRITE_DEPLOYMENT,
    Permissions,
)

_EMPTY_SUMMARY: Final = "No details."
GONE: Final = (404, 410)
"""The answers about an object of ours that was deleted."""


class Writes:
    """The writing half of the `Hub`."""

    def __init__(self, api: Api, identity: AppIdentity) -> None:
        self._api = api
        self._identity = identity

    def publish_check_run(self, repository: Repository, wanted: PublishCheckRun, known: int | None) -> int:
        """Makes the check run look as wanted and returns its id.

        Summaries are cut to GitHub's bytes, titles to its characters. Raises HubRefused(422) for an external
        id that is too long to be found again.
        """
        if len(wanted.external_id) > MAX_EXTERNAL_ID_CHARS:
            raise HubRefused(f"an external id has at most {MAX_EXTERNAL_ID_CHARS} characters", 422)
        body = _check_run_body(wanted)
        for ours in _candidates(known, lambda: self._find_check_run(repository, wanted)):
            updated = self._updated_check_run(repository, ours, body)
            if updated is not None:
                self._annotate(repository, updated, wanted)
                return ours
        created = {**body, "head_sha": wanted.head_sha}
        path = in_repository("check-runs")
        made = self._api.write("POST", check_answers.CHECK_RUN, repository, WRITE_CHECK_RUN, path, created)
        self._annotate(repository, made, wanted)
        return made.id

    def _updated_check_run(
        self, repository: Repository, ours: int, body: Mapping[str, object]
    ) -> check_answers.WrittenCheckRun | None:
        """The check run as it is after the update; None when it is gone."""
        path = in_repository("check-runs", ours)
        try:
            updated = self._api.write(
                "PATCH", check_answers.CHECK_RUN, repository, WRITE_CHECK_RUN, path, body
            )
        except HubRefused as refused:
            if refused.status in GONE:
                return None
            raise
        return _same(updated, ours, "check run")

    def _annotate(
        self, repository: Repository, shown: check_answers.WrittenCheckRun, wanted: PublishCheckRun
    ) -> None:
        """Adds the annotations that are not there yet: GitHub appends, so what it counts is never sent again."""
        notes = wanted.annotations
        there = shown.output.annotations_count or 0
        while there < len(notes):
            more = [_annotation(note) for note in notes[there : there + MAX_ANNOTATIONS_PER_CALL]]
            updated = self._updated_check_run(
                repository, shown.id, {"output": {**_output(wanted), "annotations": more}}
            )
            if updated is None:
                raise HubUnavailable("a check run went away while it was annotated")
            there = max(there + len(more), updated.output.annotations_count or 0)

    def publish_comment(self, repository: Repository, wanted: PublishComment, known: int | None) -> int:
        """Makes our comment read as wanted and returns its id."""
        marker = hidden(wanted.marker)
        text = text_within_chars(wanted.body, MAX_COMMENT_CHARS - len(marker) - 2)
        body = {"body": f"{text}\n\n{marker}"}
        for ours in _candidates(known, lambda: self._find_comment(repository, wanted.conversation, marker)):
            if self._patched(
                repository, WRITE_COMMENT, in_repository("issues", "comments", ours), body, ours
            ):
                return ours
        path = in_repository("issues", wanted.conversation, "comments")
        return self._api.write("POST", answers.CREATED, repository, WRITE_COMMENT, path, body).id

    def react(self, repository: Repository, wanted: React) -> None:
        """Adds a reaction; GitHub answers a repeated one with the first (docs: 200 instead of 201)."""
        path = in_repository("issues", "comments", wanted.comment_id, "reactions")
        self._api.write("POST", answers.CREATED, repository, WRITE_COMMENT, path, {"content": wanted.content})

    def find_deployment(self, repository: Repository, wanted: CreateDeployment) -> int | None:
        """The deployment of ours whose payload names this gate; None says that there certainly is none."""
        return self._find_deployment(repository, wanted, READ_DEPLOYMENT)

    def create_deployment(self, repository: Repository, wanted: CreateDeployment) -> int:
        """The id of the one deployment of this gate, found by its payload or made now.

        Raises HubRefused(409) when GitHub recorded another commit than the approved one (case 21).
        """
        found = self._find_deployment(repository, wanted, WRITE_DEPLOYMENT)
        if found is not None:
            return found
        body = {
            "ref": wanted.sha,
            "auto_merge": False,
            "required_contexts": [],
            "payload": {
                "gate": wanted.gate_id,
                "sha": wanted.sha,
                **({"parameters": dict(wanted.parameters)} if wanted.parameters else {}),
            },
            "environment": wanted.environment,
            "description": line_within(wanted.description, MAX_DESCRIPTION_CHARS),
        }
        shape, path = work_answers.CREATED_DEPLOYMENT, in_repository("deployments")
        created = self._api.write("POST", shape, repository, WRITE_DEPLOYMENT, path, body)
        if created.sha != wanted.sha:
            raise HubRefused("GitHub recorded the deployment for another commit", 409)
        return created.id

    def report_deployment(self, repository: Repository, wanted: ReportDeployment) -> None:
        """Adds the status unless it is the newest one already.

        `auto_inactive` stays on, GitHub's convention: a success marks the earlier deployments of the same
        environment inactive (never production ones), so that its page shows what runs there.
        """
        path = in_repository("deployments", wanted.deployment_id, "statuses")
        description = line_within(wanted.description, MAX_DESCRIPTION_CHARS)
        shape = work_answers.DEPLOYMENT_STATUSES
        newest = self._api.read(shape, repository, WRITE_DEPLOYMENT, path, {"per_page": 1})
        if newest and (newest[0].state, newest[0].description or "") == (wanted.state, description):
            return
        body = {"state": wanted.state, "description": description, "auto_inactive": True}
        self._api.write("POST", answers.CREATED, repository, WRITE_DEPLOYMENT, path, body)

    # --- finding ours again ---

    def _find_check_run(self, repository: Repository, wanted: PublishCheckRun) -> int | None:
        listed = self._api.read_all(
            check_answers.CHECK_RUNS,
            lambda page: page.check_runs,
            repository,
            WRITE_CHECK_RUN,
            in_repository("commits", wanted.head_sha, "check-runs"),
            {"app_id": self._identity.app_id, "check_name": wanted.name, "filter": "all"},
        )
        ours = [run for run in listed if run.app is not None and run.app.id == self._identity.app_id]
        return max((run.id for run in ours if run.external_id == wanted.external_id), default=None)

    def _find_comment(self, repository: Repository, conversation: int, marker: str) -> int | None:
        path = in_repository("issues", conversation, "comments")
        listed = self._api.read_all(answers.COMMENTS, list, repository, WRITE_COMMENT, path)
        made = self._identity.made
        marked = [found for found in listed if (found.body or "").rstrip().endswith(marker)]
        ours = [found.id for found in marked if made(found.user, found.performed_via_github_app)]
        return min(ours, default=None)

    def _find_deployment(
        self, repository: Repository, wanted: CreateDeployment, permissions: Permissions
    ) -> int | None:
        listed = self._api.read_all(
            work_answers.DEPLOYMENTS,
            list,
            repository,
            permissions,
            in_repository("deployments"),
            {"sha": wanted.sha, "environment": wanted.environment},
        )
        made = self._identity.made
        here = [found for found in listed if found.sha == wanted.sha]
        for_gate = [found for found in here if _gate_in(found.payload) == wanted.gate_id]
        ours = [found.id for found in for_gate if made(found.creator, found.performed_via_github_app)]
        return min(ours, default=None)

    def _patched(
        self,
        repository: Repository,
        permissions: Permissions,
        path: Path,
        body: Mapping[str, object],
        ours: int,
    ) -> bool:
        """Whether the object was there to be updated; a 404 means that it was deleted."""
        try:
            updated = self._api.write("PATCH", answers.CREATED, repository, permissions, path, body)
        except HubRefused as refused:
            if refused.status in GONE:
                return False
            raise
        _same(updated, ours, "comment")
        return True


Written = TypeVar("Written", answers.Created, check_answers.WrittenCheckRun)


def _same(written: Written, ours: int, what: str) -> Written:
    """What was written, if it is the object that was meant (github-facts, 307 on POST)."""
    if written.id != ours:
        raise HubUnavailable(f"GitHub answered with another {what} than the one to be updated")
    return written


def _candidates(known: int | None, find: Callable[[], int | None]) -> Iterator[int]:
    """The id that we remember, then, only if that one is gone, the one that GitHub has."""
    if known is not None:
        yield known
    found = find()
    if found is not None:
        yield found


def hidden(marker: str) -> str:
    """The invisible line that finds our comment again; quoted, so that no name in it can end it early."""
    return f"{MARKER}{quote(marker, safe='')} -->"


def _check_run_body(wanted: PublishCheckRun) -> dict[str, object]:
    """GitHub wants a conclusion with `completed`, and completes a run that has one: sent only then."""
    body: dict[str, object] = {
        "name": wanted.name,
        "external_id": wanted.external_id,
        "status": wanted.status,
        "output": _output(wanted),
    }
    body["actions"] = [
        {"label": button.label, "description": button.description, "identifier": button.identifier}
        for button in wanted.buttons
    ]
    if wanted.status == "completed":
        if wanted.conclusion is None:
            raise HubRefused("a completed check run needs a conclusion", 422)
        body["conclusion"] = wanted.conclusion
    return body


def _output(wanted: PublishCheckRun) -> dict[str, object]:
    return {
        "title": line_within(wanted.title, MAX_TITLE_CHARS),
        "summary": text_within_bytes(wanted.summary or _EMPTY_SUMMARY, MAX_SUMMARY_BYTES),
    }


def _annotation(note: Annotation) -> dict[str, object]:
    return {
        "path": note.path,
        "start_line": note.line,
        "end_line": note.line,
        "annotation_level": note.level,
        "title": line_within(note.title, MAX_TITLE_CHARS),
        "message": note.message,
    }


def _gate_in(payload: object) -> object:
    """The gate that a deployment's payload names: GitHub shows the payload as an object or as its text."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload[:4_096])
        except (ValueError, RecursionError):
            return None
    return payload.get("gate") if isinstance(payload, dict) else None
