"""What can be seen of a trial at one moment: the App's store and the stand-in's state, both only read.

Rules of the file: the stand-in is looked at before the store, so that whatever the App has shown there is
already in what the store says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote

from gate_app.domain.model import Origin
from gate_app.domain.run import Run
from gate_app.domain.verdict import Verdict
from gate_app.engine.ports import SetAside
from gate_app.standin.shapes import CommentState, DeploymentState, PullState, Snapshot
from gate_app.trial.scene import Scene

_MARKER: Final = re.compile(r"<!-- gate-app:([^ ]+) -->\s*\Z")


class Overview(Protocol):
    """What the App's store holds (`gate_app.bootstrap.Overview`)."""

    @property
    def runs(self) -> tuple[Run, ...]: ...
    @property
    def verdicts(self) -> Mapping[str, Mapping[str, Verdict]]: ...
    @property
    def journal_heads(self) -> Mapping[int, tuple[int, str]]: ...
    @property
    def set_aside(self) -> tuple[SetAside, ...]: ...


@dataclass(frozen=True, slots=True)
class AppComment:
    """A comment of the App. `marker` says what it shows: `<run id>:<surface>`, or `status:…` for the sticky one."""

    id: int
    marker: str
    body: str

    @property
    def surface(self) -> str:
        """`status`, or a surface of a run such as `question:staging:1` or `reply:17`."""
        return "status" if self.marker.startswith("status:") else self.marker.split(":", 2)[-1]


@dataclass(frozen=True, slots=True)
class Picture:
    """One look at everything."""

    scene: Scene
    overview: Overview
    snapshot: Snapshot

    @property
    def pull(self) -> PullState:
        """The pull request. Raises LookupError when the stand-in does not have it."""
        for pull in self.snapshot["pulls"]:
            if (pull["repository"], pull["number"]) == (self.scene.repository, self.scene.pull_request):
                return pull
        raise LookupError("the pull request is gone")

    @property
    def app_comments(self) -> tuple[AppComment, ...]:
        """The App's comments, oldest first."""
        found = []
        for comment in self._comments():
            marker = _MARKER.search(comment["body"]) if comment["via_app"] else None
            if marker is not None:
                text = comment["body"][: marker.start()].strip()
                found.append(AppComment(comment["id"], unquote(marker.group(1)), text))
        return tuple(found)

    @property
    def remarks(self) -> tuple[CommentState, ...]:
        """The comments that people wrote themselves, oldest first."""
        return tuple(comment for comment in self._comments() if comment["via_app"] is None)

    def comment(self, comment_id: int) -> CommentState | None:
        return next((comment for comment in self._comments() if comment["id"] == comment_id), None)

    @property
    def deployments(self) -> tuple[DeploymentState, ...]:
        return tuple(self.snapshot["deployments"])

    def run_of(self, origin: Origin) -> Run | None:
        """The newest run of the pull request, or that of the commit which merging it made."""
        fitting = [run for run in self.overview.runs if self._fits(run, origin)]
        return max(fitting, key=lambda run: run.sequence, default=None)

    def _fits(self, run: Run, origin: Origin) -> bool:
        if run.change.origin is not origin:
            return False
        match origin:
            case Origin.PULL_REQUEST:
                return run.change.subject.number == self.scene.pull_request
            case Origin.DEFAULT_BRANCH:
                return run.change.head.sha == self.pull["merge_commit_sha"]
            case Origin.COMMAND:
                return False  # no run travels for it

    def _comments(self) -> list[CommentState]:
        wanted = (self.scene.repository, self.scene.pull_request)
        return [one for one in self.snapshot["comments"] if (one["repository"], one["number"]) == wanted]
