"""Workflows at GitHub: may they be started, start them, find what a start became, follow and cancel it.

Rules of the file: a dispatch is sent once and its answer judged; a run is ours when our bot started it; pages are
named by numbers, never by an address of an answer (case 141).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from gate_app.domain.effects import DispatchWorkflow
from gate_app.domain.evidence import StageReason
from gate_app.domain.model import Repository, Unknown
from gate_app.domain.workflows import DeploymentSeen, Sought, WorkflowSeen
from gate_app.engine.ports import Archive, Artifacts
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github import answers, work_answers
from gate_app.github.api import PER_PAGE, Api
from gate_app.github.downloads import Downloads
from gate_app.github.identity import AppIdentity
from gate_app.github.origin import Origin, in_repository
from gate_app.github.permissions import DISPATCH_WORKFLOW, READ_DEPLOYMENT, READ_WORKFLOW

MAX_ARTIFACTS: Final = 10
"""Of one run that are looked into, the smallest first: reports are small."""
MAX_ARTIFACT_BYTES: Final = 16 * 1024**2
"""Of all of them together, as they are transferred."""
_OVER: Final = 409
"""Cancelling what has ended already."""


class WorkflowCalls:
    """The part of the `Hub` about workflows and what others say of deployments. `web` is where GitHub's pages are."""

    def __init__(self, api: Api, identity: AppIdentity, web: Origin, downloads: Downloads) -> None:
        self._api = api
        self._downloads = downloads
        self._identity = identity
        self._web = web

    def workflow_obstacle(self, repository: Repository, workflow: str) -> Unknown | None:
        """Why the workflow cannot be dispatched; asked with the token that would dispatch it."""
        path = in_repository("actions", "workflows", workflow)
        try:
            found = self._api.read(work_answers.WORKFLOW, repository, DISPATCH_WORKFLOW, path)
        except HubRefused as refused:
            if refused.status == 404:
                said = f"{workflow} is not among the workflows of the default branch; put it there"
                return Unknown(StageReason.WORKFLOW_MISSING.value, said)
            if refused.status == 403:
                said = "the App lacks `actions: write`; grant it and accept it for this account"
                return Unknown(StageReason.PERMISSION_MISSING.value, said)
            raise
        if found.state != "active":
            said = f"{workflow} is switched off ({found.state}); enable it under Actions"
            return Unknown(StageReason.WORKFLOW_DISABLED.value, said)
        return None

    def dispatch_workflow(self, repository: Repository, wanted: DispatchWorkflow) -> WorkflowSeen | None:
        """Starts it; GitHub answers 204, or 200 with the run where it knows `return_run_details`.

        After HubUnavailable it may have started, unless that says when to come back: a limit refuses the call.
        """
        path = in_repository("actions", "workflows", wanted.workflow, "dispatches")
        body: dict[str, object] = {"ref": wanted.branch, "return_run_details": True}
        if wanted.inputs:
            body["inputs"] = dict(wanted.inputs)
        taken = self._api.write("POST", work_answers.DISPATCHED, repository, DISPATCH_WORKFLOW, path, body)
        if taken is None:
            return None
        run_id = taken.workflow_run_id
        return WorkflowSeen(run_id, 1, "", wanted.sha, self._link(repository, run_id))

    def dispatched_runs(self, repository: Repository, sought: Sought) -> Sequence[WorkflowSeen]:
        """Our runs of that workflow and branch since then, at most the newest page of them."""
        since = sought.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        asked: dict[str, str | int] = {
            "event": "workflow_dispatch",
            "branch": sought.branch,
            "created": f">={since}",
            "per_page": PER_PAGE,
        }
        path = in_repository("actions", "workflows", sought.workflow, "runs")
        page = self._api.read(work_answers.WORKFLOW_RUNS, repository, READ_WORKFLOW, path, asked)
        ours = [run for run in page.workflow_runs if self._may_be(run, sought)]
        named = [run for run in ours if sought.mark and sought.mark in run.display_title]
        return [self._seen(repository, run, named=bool(named)) for run in named or ours]

    def workflow_run(self, repository: Repository, run_id: int) -> WorkflowSeen:
        """The run as it is now."""
        path = in_repository("actions", "runs", run_id)
        found = self._api.read(work_answers.WORKFLOW_RUN, repository, READ_WORKFLOW, path)
        if found.id != run_id:
            raise HubUnavailable(f"GET {path}: GitHub answered with another run")
        return self._seen(repository, found, named=False)

    def artifacts(self, repository: Repository, run_id: int) -> Artifacts:
        """The newest artifact of each name that the run left, smallest first, as far as the bounds go."""
        path = in_repository("actions", "runs", run_id, "artifacts")
        query: dict[str, str | int] = {"per_page": PER_PAGE}
        page = self._api.read(work_answers.ARTIFACTS, repository, READ_WORKFLOW, path, query)
        newest = {each.name: each for each in sorted(page.artifacts, key=lambda each: each.id)}
        usable = sorted(
            (each for each in newest.values() if not each.expired), key=lambda each: each.size_in_bytes
        )
        archives: list[Archive] = []
        room, deadline = MAX_ARTIFACT_BYTES, self._downloads.deadline()
        for each in usable[:MAX_ARTIFACTS]:
            if each.size_in_bytes > room:
                break
            place = in_repository("actions", "artifacts", each.id, "zip")
            address = self._api.place(repository, READ_WORKFLOW, place)
            content = self._downloads.fetch(address, room, deadline)
            if content is None:
                break
            archives.append(Archive(each.name, content))
            room -= len(content)
        unlisted = max(0, page.total_count - len(page.artifacts))
        return Artifacts(tuple(archives), left_out=len(usable) - len(archives) + unlisted)

    def cancel_workflow_run(self, repository: Repository, run_id: int) -> None:
        """Asks for its end; one that has ended, or is gone, is none the worse."""
        path = in_repository("actions", "runs", run_id, "cancel")
        try:
            self._api.write("POST", answers.ANYTHING, repository, DISPATCH_WORKFLOW, path, {})
        except HubRefused as refused:
            if refused.status not in (_OVER, 404):
                raise

    def deployment_seen(self, repository: Repository, deployment_id: int) -> DeploymentSeen:
        """The newest status of a deployment that is not ours."""
        path = in_repository("deployments", deployment_id, "statuses")
        query: dict[str, str | int] = {"per_page": PER_PAGE}
        listed = self._api.read(work_answers.DEPLOYMENT_STATUSES_OF, repository, READ_DEPLOYMENT, path, query)
        made = self._identity.made
        others = [each for each in listed if not made(each.creator, each.performed_via_github_app)]
        if not others:
            return DeploymentSeen()
        newest = max(others, key=lambda each: each.id)
        return DeploymentSeen(newest.state, newest.creator.login if newest.creator else "ghost")

    def _may_be(self, run: work_answers.WorkflowRun, sought: Sought) -> bool:
        if run.event != "workflow_dispatch" or run.head_branch != sought.branch:
            return False
        if run.created_at < sought.since or (sought.sha and run.head_sha != sought.sha):
            return False
        return self._identity.made(run.actor, None)

    def _seen(self, repository: Repository, run: work_answers.WorkflowRun, named: bool) -> WorkflowSeen:
        conclusion = (run.conclusion or "no conclusion") if run.status == "completed" else ""
        link = self._link(repository, run.id)
        return WorkflowSeen(run.id, run.run_attempt, conclusion, run.head_sha, link, named)

    def _link(self, repository: Repository, run_id: int) -> str:
        return f"{self._web.url}/{repository.full_name}/actions/runs/{run_id}"
