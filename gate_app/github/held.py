"""Jobs that GitHub holds for us: which ones wait, what we answer, and how those end that we let go.

Rules of the file: an answer goes to the path that we build ourselves, never to one that a delivery names (case 141); a
run is of the repository that is asked, and of the attempt that is newest now; what a fork brought is said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gate_app.domain.effects import AnswerJob
from gate_app.domain.held import HeldJob, HeldRun
from gate_app.domain.model import Repository
from gate_app.domain.workflows import WorkflowSeen
from gate_app.errors import HubUnavailable
from gate_app.github import answers, check_answers, held_answers
from gate_app.github.api import PER_PAGE, Api
from gate_app.github.limits import MAX_RULE_COMMENT_CHARS, text_within_chars
from gate_app.github.origin import Origin, in_repository
from gate_app.github.permissions import READ_JOBS, READ_WORKFLOW, WRITE_DEPLOYMENT

_BETTER: Final = ("success", "skipped", "neutral")


class HeldCalls:
    """The part of the `Hub` about jobs that wait for our answer. `web` is where GitHub's pages are."""

    def __init__(self, api: Api, web: Origin) -> None:
        self._held_api = api
        self._held_background = api.background()
        self._held_web = web

    def held_run(self, repository: Repository, run_id: int) -> HeldRun:
        """The workflow run, and the environments that its jobs wait for now."""
        path = in_repository("actions", "runs", run_id)
        run = self._held_api.read(held_answers.WAITING_RUN, repository, READ_WORKFLOW, path)
        if run.id != run_id:
            raise HubUnavailable(f"GET {path}: GitHub answered with another run")
        names: tuple[str, ...] = ()
        if run.status != "completed":
            path = in_repository("actions", "runs", run_id, "pending_deployments")
            pending = self._held_api.read(held_answers.PENDING, repository, READ_WORKFLOW, path)
            names = tuple(dict.fromkeys(each.environment.name for each in pending))
        own = run.head_repository is not None and run.head_repository.id == repository.id
        return HeldRun(
            run.id,
            run.run_attempt,
            run.event,
            run.head_branch or "",
            run.head_sha,
            own,
            names,
            tuple(each.number for each in run.pull_requests),
        )

    def answer_job(self, repository: Repository, wanted: AnswerJob) -> None:
        """Approves or rejects what waits there, or says only why it waits."""
        path = in_repository("actions", "runs", wanted.run_id, "deployment_protection_rule")
        comment = text_within_chars(wanted.comment, MAX_RULE_COMMENT_CHARS)
        body: dict[str, object] = {"environment_name": wanted.environment, "comment": comment}
        if wanted.answer != "waiting":
            body["state"] = wanted.answer
        self._held_api.write("POST", answers.ANYTHING, repository, WRITE_DEPLOYMENT, path, body)

    def released_jobs(self, repository: Repository, job: HeldJob, environment: str) -> WorkflowSeen:
        """How the jobs of that environment stand: the newest attempt of them that is not later than the one let go.

        Where GitHub does not tell which jobs those are, it is the whole attempt.
        """
        path = in_repository("actions", "runs", job.run_id, "attempts", job.attempt)
        run = self._held_api.read(held_answers.WAITING_RUN, repository, READ_JOBS, path)
        if (run.id, run.run_attempt) != (job.run_id, job.attempt):
            raise HubUnavailable(f"GET {path}: GitHub answered with another run")
        link = f"{self._held_web.url}/{repository.full_name}/actions/runs/{run.id}"
        ended = run.status == "completed"
        conclusion = (run.conclusion or "no conclusion") if ended else ""
        if conclusion != "success":
            ends = self._ends(repository, job, run, environment)
            conclusion = _together(ends) if ends else conclusion
        return WorkflowSeen(run.id, run.run_attempt, conclusion, run.head_sha, link)

    def _ends(
        self, repository: Repository, job: HeldJob, run: held_answers.WaitingRun, environment: str
    ) -> Sequence[str]:
        """The conclusions of the attempt's jobs in that environment, empty for one that has not ended."""
        path = in_repository("actions", "runs", job.run_id, "attempts", job.attempt, "jobs")
        jobs = self._held_api.read_all(
            held_answers.JOBS, lambda page: page.jobs, repository, READ_JOBS, path, {}
        )
        ours = {each.id for each in jobs}
        path = in_repository("check-suites", run.check_suite_id, "check-runs")
        checks = self._held_api.read_all(
            check_answers.STANDING_CHECK_RUNS,
            lambda page: page.check_runs,
            repository,
            READ_JOBS,
            path,
            {"filter": "all"},
        )
        return [
            (each.conclusion or "no conclusion") if each.status == "completed" else ""
            for each in checks
            if each.id in ours and each.deployment is not None and each.deployment.environment == environment
        ]

    def waiting_runs(self, repository: Repository) -> Sequence[int]:
        """The workflow runs that wait for something before a deployment, at most the newest page of them."""
        query: dict[str, str | int] = {"status": "waiting", "per_page": PER_PAGE}
        path = in_repository("actions", "runs")
        page = self._held_background.read(held_answers.WAITING_RUNS, repository, READ_WORKFLOW, path, query)
        return [each.id for each in page.workflow_runs]


def _together(ends: Sequence[str]) -> str:
    """One conclusion for all of them: empty until every one has ended, then the first that is not good."""
    if "" in ends:
        return ""
    return next((end for end in ends if end not in _BETTER), "success" if "success" in ends else ends[0])
