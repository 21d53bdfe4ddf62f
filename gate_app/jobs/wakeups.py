"""The queue of wake-ups as DBOS keeps it: one row per drain, its only payload the subject.

Rules of the file:
* One workflow name and one application version for ever. A row that names an unknown workflow or another
  version is never run and blocks its subject, so a rolling upgrade must not meet one.
* JSON only: DBOS's own serializer is pickle, which whoever can write to the database could turn into code.
* Rows are added and read through the client, never through the workflow's context: inside a workflow DBOS
  numbers the calls and answers a repeated one from its memory, which would lose a wake after a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import sqlalchemy as sa
from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

APPLICATION: Final = "gate"
VERSION: Final = "1"
WORKFLOW: Final = "drain"
QUEUE: Final = "subjects"

_FINISHED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_BATCH: Final = 500
_MAX_BATCHES: Final = 200


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that some executor is working on, or was when it died."""

    id: str
    subject: str
    executor: str


class Wakeups:
    """Reads and writes the rows. Connects on first use; DBOS must have migrated the database by then."""

    def __init__(self, engine: sa.Engine, drain_timeout: float) -> None:
        self._drain_timeout = drain_timeout
        self._client = DBOSClient(
            system_database_engine=engine,
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
            lazy=True,
        )

    def close(self) -> None:
        """Lets go of the client; the engine stays open, it belongs to the application."""
        self._client.destroy()

    def queue(self, subject: str, delay: float = 0.0) -> None:
        """Makes sure that a drain of this subject starts after this call; `delay` in seconds.

        A row that waits already is enough, and looking for one is race-free: the caller has committed what
        the drain shall find; if we see the row waiting now, its drain begins later and finds it. Two
        callers at once may both add a row, which is one cheap drain too many.
        """
        if self._waits(subject):
            return
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "queue_partition_key": subject,
            "workflow_id": f"{_prefix(subject)}{uuid4().hex}",
            "workflow_timeout": self._drain_timeout,
        }
        if delay:
            options["delay_seconds"] = delay
        self._client.enqueue(options, subject)

    def claimed(self) -> Sequence[Claimed]:
        """The rows that are being worked on in the whole installation, or were by a process that died."""
        rows = self._client.list_workflows(
            name=WORKFLOW, queue_name=QUEUE, status="PENDING", limit=_BATCH, load_output=False
        )
        return [
            Claimed(row.workflow_id, row.queue_partition_key, row.executor_id)
            for row in rows
            if row.queue_partition_key and row.executor_id
        ]

    def abandon(self, row: Claimed) -> None:
        """Gives up a dead executor's row, so that it no longer blocks its subject, and queues the subject
        again.
        """
        self.queue(row.subject)
        self._client.cancel_workflow(row.id)

    def forget_finished(self, before: datetime) -> int:
        """Deletes the rows that ended before then, in bounded batches; returns how many."""
        deleted = 0
        for _ in range(_MAX_BATCHES):
            rows = self._client.list_workflows(
                name=WORKFLOW,
                status=_FINISHED,
                completed_before=before.isoformat(),
                limit=_BATCH,
                load_input=False,
                load_output=False,
            )
            self._client.delete_workflows([row.workflow_id for row in rows])
            deleted += len(rows)
            if len(rows) < _BATCH:
                break
        return deleted

    def _waits(self, subject: str) -> bool:
        rows = self._client.list_workflows(
            workflow_id_prefix=_prefix(subject),
            queue_name=QUEUE,
            status=["ENQUEUED", "DELAYED"],
            limit=1,
            load_input=False,
            load_output=False,
        )
        return bool(rows)


def _prefix(subject: str) -> str:
    """Ids of one subject's rows begin alike; hashed, because a ref may be long and hold any character."""
    return f"{WORKFLOW}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}:"
