"""The part of the control API's client that plays GitHub Actions: dispatching people, and runners."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from gate_app.standin.channel import Channel
from gate_app.standin.shapes import WorkflowRunState


class RunnerControl(Channel):
    """What runners do with workflow runs, and what people do to them."""

    def script_workflow(self, repository: str, file_name: str, *scripts: Mapping[str, object]) -> None:
        """Say what the next attempts of a workflow do, the last script for all that follow.

        A script is {conclusion: "success", seconds: 0, starts: True, jobs: {name: conclusion},
        artifacts: {name: {path: text}}}, each with the default shown or none; conclusion None never ends,
        starts False is never taken up. The file name `*` is every workflow without scripts of its own;
        no scripts at all: runs wait for a runner.
        """
        path = f"/repositories/{repository}/workflows/{quote(file_name)}/scripts"
        self._call("PUT", path, {"scripts": [dict(script) for script in scripts]})

    def dispatch_workflow(
        self,
        repository: str,
        file_name: str,
        login: str,
        ref: str | None = None,
        inputs: Mapping[str, object] | None = None,
    ) -> WorkflowRunState:
        """Run a workflow as a person, on the default branch unless another ref is named."""
        facts = {"login": login, "ref": ref, "inputs": dict(inputs or {})}
        path = f"/repositories/{repository}/workflows/{quote(file_name)}/dispatches"
        return self._as(WorkflowRunState, "POST", path, facts)

    def protect_environment(self, repository: str, environment: str, app_id: int | None) -> None:
        """Let an App hold the jobs of an environment until it answers; None takes the rule away."""
        path = f"/repositories/{repository}/environments/{quote(environment, safe='')}/rule"
        self._call("PUT", path, {"app_id": app_id})

    def job_reviews(self, repository: str, run_id: int) -> list[dict[str, object]]:
        """What Apps said of held jobs, in order: {attempt, environment, state, comment}; a report has no state."""
        return self._as(list, "GET", f"/repositories/{repository}/runs/{run_id}/reviews", None)

    def start_workflow_run(self, repository: str, run_id: int) -> WorkflowRunState:
        """Let a runner take a queued workflow run, whatever its script says."""
        return self._as(WorkflowRunState, "POST", f"/repositories/{repository}/runs/{run_id}/start", {})

    def finish_workflow_run(
        self, repository: str, run_id: int, conclusion: str = "success"
    ) -> WorkflowRunState:
        """End a workflow run, whatever its script says."""
        path = f"/repositories/{repository}/runs/{run_id}/finish"
        return self._as(WorkflowRunState, "POST", path, {"conclusion": conclusion})

    def become_job(
        self, repository: str, run_id: int, job: str, claims: Mapping[str, object] | None = None
    ) -> dict[str, str]:
        """What a job of a workflow run finds in its environment to get OIDC tokens with.

        `claims` are said in the place of GitHub's, None for one that is left out. The job's workflow has to grant
        `id-token: write`.
        """
        path = f"/repositories/{repository}/runs/{run_id}/jobs/{quote(job)}"
        return self._as(dict, "POST", path, {"claims": dict(claims or {})})

    def rerun_workflow(self, repository: str, run_id: int, login: str) -> WorkflowRunState:
        """Run a completed workflow run again, as a person."""
        path = f"/repositories/{repository}/runs/{run_id}/rerun"
        return self._as(WorkflowRunState, "POST", path, {"login": login})
