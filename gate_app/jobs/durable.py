"""The wake-up service on DBOS, in the application's database: SQLite in one process, PostgreSQL in many.

Rules of the file:
* DBOS is one per process, so these jobs are too. Nothing is launched before `start`.
* What must hold rests on our side: one drain per subject on `turns`, no lost wake on `Wakeups.queue`. DBOS
  adds that a queued subject survives a crash.
* A drain that raises is logged and over; the engine's sweep wakes its subject again while something is due,
  within the bounds the store keeps.
* A drain is short. One that outlives its timeout keeps its turn: the next one finds its subject busy and
  comes back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from gate_app.jobs.drains import Drains
from gate_app.jobs.faults import JobsAlreadyRunning, JobsNotRunning
from gate_app.jobs.members import member_of
from gate_app.jobs.subjects import checked
from gate_app.jobs.ticker import Ticker, stop_together
from gate_app.jobs.wakeups import APPLICATION, QUEUE, VERSION, WORKFLOW, Wakeups

TAKE_OVER_EVERY: Final = 5.0
"""Seconds between two looks for members that died."""

KEEP_FINISHED: Final = timedelta(days=1)
"""How long a finished row is kept; nothing reads it, it is for the operator's eye."""

PURGE_EVERY: Final = 3_600.0
"""Seconds between two purges of finished rows: hourly, so that none is large."""

SPARE_THREADS: Final = 8
"""Threads of DBOS's executor beyond the drains: recovery at launch and its own small jobs."""

TICKERS_GRACE: Final = 3.0
"""Seconds for both tickers together to end what they are at in the database."""

LAST_GRACE: Final = 1.0
"""Seconds for a drain that was begun while DBOS was ending."""

_log = logging.getLogger(__name__)

_one_per_process = threading.Lock()  # mirrors DBOS, whose instance is global to the process


@dataclass(frozen=True, slots=True)
class _Runtime:
    """What lives from `start` to `stop`."""

    wakeups: Wakeups
    drains: Drains
    tickers: tuple[Ticker, ...]


class DurableJobs:
    """Implements `engine.ports.Jobs` so that a wake survives `kill -9` of the process."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        clock: Callable[[], datetime],
        poll: float = 0.2,
        concurrency: int = 16,
        drain_timeout: float = 120.0,
        stop_timeout: int = 30,
    ) -> None:
        """Starts nothing. `engine` is the store's; on PostgreSQL a drain needs two connections of its pool.

        `poll`, `drain_timeout` and `stop_timeout` are seconds. Raises ConfigurationFault for a database that
        cannot keep jobs.
        """
        if stop_timeout < 1:
            raise ValueError("DBOS needs a second to record which drains have ended")
        self._engine = engine
        self._member = member_of(engine)
        self._clock = clock
        self._poll = poll
        self._concurrency = concurrency
        self._drain_timeout = drain_timeout
        self._stop_timeout = stop_timeout
        self._runtime: _Runtime | None = None

    def start(self, handler: Callable[[str], None]) -> None:
        """Takes up what an earlier process left behind and begins draining.

        Raises JobsAlreadyRunning when this process, or on SQLite another one, runs jobs already.
        """
        runtime = self._prepared(handler)
        if not _one_per_process.acquire(blocking=False):
            raise JobsAlreadyRunning("this process runs jobs already; stop those first")
        with ExitStack() as undo:
            undo.callback(_one_per_process.release)
            self._member.join()
            undo.pop_all()
        self._runtime = runtime  # before the launch, whose first drains may wake others
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._launch(runtime)
            undo.pop_all()

    def wake(self, subject: str) -> None:
        """See `Jobs.wake`. Call it after committing what the drain shall find; also from within a drain.

        Raises JobsNotRunning outside `start` … `stop`, and the database's own fault when it cannot be
        written.
        """
        runtime = self._runtime
        if runtime is None:
            raise JobsNotRunning("start the jobs before waking a subject")
        runtime.wakeups.queue(checked(subject))

    def stop(self) -> None:
        """Begins no further drain and waits for the running ones, at most `stop_timeout` seconds and four more.

        What did not end by then is drained again by the next process. Until it ends, this one keeps its
        place: it cannot start again, and on SQLite no other process is let in. A later `stop` looks again.
        """
        runtime = self._runtime
        if runtime is None:
            return
        stop_together(runtime.tickers, TICKERS_GRACE)
        # DBOS sleeps a second before it looks at all, so an engine at rest is not made to wait.
        patience = 0 if runtime.drains.at_rest else self._stop_timeout
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=patience)
        if not runtime.drains.idle_within(LAST_GRACE):
            _log.error("drains still run %s s after stop: %d", self._stop_timeout, runtime.drains.running)
            return
        runtime.wakeups.close()
        self._runtime = None
        self._member.leave()
        _one_per_process.release()

    @property
    def stuck(self) -> bool:
        """Whether drains outlived `stop`. Their threads cannot be ended, and a process waits for its threads."""
        return self._runtime is not None

    def _prepared(self, handler: Callable[[str], None]) -> _Runtime:
        wakeups = Wakeups(self._engine, self._drain_timeout)
        return _Runtime(
            wakeups,
            Drains(handler, self._member.turns, wakeups),
            (
                Ticker(TAKE_OVER_EVERY, lambda: self._member.take_over(wakeups), "take-over of dead members"),
                Ticker(PURGE_EVERY, lambda: self._purge(wakeups), "purge of finished drains"),
            ),
        )

    def _launch(self, runtime: _Runtime) -> None:
        def drain(subject: str) -> None:
            runtime.drains.run(subject)

        logging.getLogger("dbos").addHandler(logging.NullHandler())  # else DBOS adds a console of its own
        DBOS(config=self._config())
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=50)(drain)
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=self._concurrency,
            polling_interval_sec=self._poll,
            on_conflict="always_update",
        )
        for ticker in runtime.tickers:
            ticker.start()

    def _config(self) -> DBOSConfig:
        return DBOSConfig(
            name=APPLICATION,
            system_database_engine=self._engine,
            application_version=VERSION,
            executor_id=self._member.executor,
            max_executor_threads=self._concurrency + SPARE_THREADS,
            serializer=DBOSPortableJSONSerializer(),
            run_migrations=True,
            log_level="WARNING",
        )

    def _purge(self, wakeups: Wakeups) -> None:
        wakeups.forget_finished(self._clock() - KEEP_FINISHED)
