"""The thread that does with workflow runs what their scripts say.

Each step is a transaction of its own, so that its webhooks leave before the next step. How long a run has
taken is counted from when this process first saw it in progress.
"""

from __future__ import annotations

import threading
import time

from gate_app.standin import workflow_lifecycle
from gate_app.standin.runners import Script
from gate_app.standin.state import State, Transaction
from gate_app.standin.workflow_runs import WorkflowRun

IDLE_SECONDS = 0.5
STOP_SECONDS = 10


class Pool:
    """Works on queued workflow runs until stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stopping = threading.Event()
        self._due: dict[int, float] = {}
        self._thread = threading.Thread(target=self._run, name="runners", daemon=True)

    def start(self) -> None:
        """Begin working."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step under way, then end."""
        self._stopping.set()
        self._state.wake_waiters()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            seen = self._state.commits
            with self._state.transaction() as tx:
                worked = self._step(tx)
            if not worked:
                self._state.wait_for_commit(seen, self._patience())

    def _step(self, tx: Transaction) -> bool:
        """One step of one run, if any can be made."""
        for run in tx.every(WorkflowRun, status="queued"):
            if Script.of(run.script).starts:
                workflow_lifecycle.start(tx, run)
                return True
        now, running = time.monotonic(), tx.every(WorkflowRun, status="in_progress")
        self._due = {run.id: self._end_of(run, now) for run in running if Script.of(run.script).conclusion}
        for run in running:
            if self._due.get(run.id, now + 1) <= now:
                workflow_lifecycle.finish(tx, run, str(Script.of(run.script).conclusion))
                return True
        return False

    def _end_of(self, run: WorkflowRun, now: float) -> float:
        return self._due.get(run.id, now + Script.of(run.script).seconds)

    def _patience(self) -> float:
        return max(0.0, min([IDLE_SECONDS, *(due - time.monotonic() for due in self._due.values())]))
