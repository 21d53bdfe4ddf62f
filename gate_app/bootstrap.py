"""The one composition root: which parts a process consists of.

Rules of the file: imports are lazy, so that a web process loads neither SQLAlchemy nor PyGithub nor DBOS and
the engine process no Flask; everything is wired once, by argument.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gate_app.errors import ConfigurationFault
from gate_app.settings import Intake, Serving, Settings, WebSettings, for_serve, inherited
from gate_app.signals import listening

if TYPE_CHECKING:
    import sqlalchemy

    from gate_app.audit.backtest import Tested
    from gate_app.audit.export import Format
    from gate_app.audit.page import Page
    from gate_app.doctor.finding import Finding
    from gate_app.domain.model import Unknown
    from gate_app.domain.policy import Policy
    from gate_app.domain.proposals import Past
    from gate_app.domain.run import Run
    from gate_app.domain.verdict import Verdict
    from gate_app.engine.drain import Drain
    from gate_app.engine.ports import PolicyFile, SetAside
    from gate_app.engine.replay import ReplayReport
    from gate_app.engine.sweep import Sweep
    from gate_app.github.client import GithubHub
    from gate_app.intake.writer import Writer
    from gate_app.jobs.durable import DurableJobs
    from gate_app.jobs.ticker import Ticker
    from gate_app.stages.inspection import Inspected
    from gate_app.stages.places import Places
    from gate_app.store.repository import SqlStore
    from gate_app.store.verification import VerifyReport
    from gate_app.web.webhooks import Front

SWEEP_SECONDS: Final = 0.2
POLL_SECONDS: Final = 5.0
"""Between two looks at the App's deliveries: 720 calls an hour, of 5,000."""
PRUNE_SECONDS: Final = 3_600.0
TICKS_END_SECONDS: Final = 10.0
"""For all ticks that run when we are told to end, together; a call to GitHub that hangs may take longer."""
WEB_THREADS: Final = 16
PAST_RUNS: Final = 50
PAST_SECONDS: Final = 2.0
"""How far, and for how long, the journal is read for what a proposed gate file would have asked."""
READ_THREADS: Final = 16
"""Reads at GitHub that may be under way at once, over all decisions."""

log = logging.getLogger(__name__)


def now() -> datetime:
    """The wall clock, in UTC: the only one that is wired anywhere."""
    return datetime.now(UTC)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def serve(settings: Serving, intake: Intake, isolation: str, say: Callable[[str], None]) -> int:
    """Both kinds of process under this one until SIGTERM or SIGINT; returns the exit code."""
    from gate_app.serving import serve

    _log_to_stderr(settings.engine.log_level)
    return serve(settings, intake, isolation, say)


def serve_web(settings: WebSettings) -> None:
    """A web process tree: receives deliveries and answers health; ends with SystemExit on SIGTERM."""
    from gate_app.web.server import serve

    _log_to_stderr(settings.log_level)
    serve(lambda: _front(settings), settings.bind, settings.web_processes, WEB_THREADS)


def _front(settings: WebSettings) -> Front:
    """One web process, made after the fork."""
    from gate_app.intake.answers import Answers
    from gate_app.intake.logs import open_log
    from gate_app.intake.readiness import StoreProbe
    from gate_app.intake.receiver import Receiver
    from gate_app.intake.writer import Writer
    from gate_app.store.revision import REVISION
    from gate_app.trust.keyring import Keyring
    from gate_app.trust.oidc import Expectations
    from gate_app.web.api import JobPorts
    from gate_app.web.app import Ports, create_app
    from gate_app.web.keyset import KeySet
    from gate_app.web.webhooks import Front

    writer = Writer(open_log(settings.database_url))
    receiver = Receiver(secrets=settings.webhook_secrets, store=writer, now_ms=_now_ms)
    jobs = JobPorts(
        calls=writer,
        answers=Answers(settings.database_url, _now_ms),
        keys=Keyring(KeySet(settings.oidc_issuer), time.monotonic),
        expectations=Expectations(settings.oidc_issuer, settings.oidc_audience),
        now_ms=_now_ms,
    )
    app = create_app(Ports(StoreProbe(settings.database_url, REVISION), jobs=jobs))
    return Front(receiver, app, close=writer.close)


def serve_engine(settings: Settings, intake: Intake = Intake.WEBHOOKS, isolation: str = "required") -> None:
    """The engine process: drains subjects until SIGTERM or SIGINT, then ends gracefully.

    `isolation` is a `stages.inspection.Demand`.
    """
    from gate_app.engine.reconcile import Reconcile
    from gate_app.intake.logs import open_log
    from gate_app.intake.writer import Writer
    from gate_app.jobs.ticker import Ticker

    _log_to_stderr(settings.log_level)
    engine = Engine.wired(settings, isolation)
    sweep = Ticker(SWEEP_SECONDS, engine.sweep, "sweep")
    reconcile = Reconcile(engine.hub, engine.store, engine.sweep, now)
    writer = Writer(open_log(settings.database_url), signal=sweep.signal)
    tickers = (
        sweep,
        Ticker(settings.reconcile_seconds, reconcile, "reconcile"),
        _fetching(settings, engine, writer, intake),
        Ticker(PRUNE_SECONDS, lambda: _prune(settings, engine.store), "pruning"),
    )
    try:
        run_engine(engine.jobs, engine.drain, tickers)
    finally:
        writer.close()


def _prune(settings: Settings, store: SqlStore) -> None:
    from gate_app.stages.pruning import prune

    prune(places(settings), {child.folder for child in store.children()}, now())


def run_engine(jobs: DurableJobs, drain: Callable[[str], None], tickers: Sequence[Ticker]) -> None:
    """Drains and ticks until SIGTERM or SIGINT, then stops within bounded time.

    Where a drain outlives that time, the process ends at once with 1, as a crash would end it and as
    harmlessly: the interpreter would wait for the drain's thread for ever, and the database with it.
    """
    from gate_app.jobs.ticker import stop_together

    with listening(signal.SIGTERM, signal.SIGINT) as signals, ExitStack() as running:
        running.callback(jobs.stop)
        jobs.start(drain)
        running.callback(stop_together, tickers, TICKS_END_SECONDS)
        for ticker in tickers:
            ticker.start()
        signals.wait_for_end()
    if jobs.stuck:
        logging.shutdown()
        os._exit(1)


def _fetching(settings: Settings, engine: Engine, writer: Writer, intake: Intake) -> Ticker:
    """Looks for deliveries that did not reach us, or for all of them when none is sent to us."""
    from gate_app.engine.deliveries import Fetching, all_of, undelivered_of
    from gate_app.intake.fetched import FetchedIntake
    from gate_app.jobs.ticker import Ticker

    admission = FetchedIntake(app_id=settings.app_id, store=writer, now_ms=_now_ms)
    polling = intake is Intake.POLL
    look = Fetching(engine.hub.hook, engine.store, admission, now, all_of if polling else undelivered_of)
    return Ticker(POLL_SECONDS if polling else settings.reconcile_seconds, look, "fetching deliveries")


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of an engine process, wired."""

    store: SqlStore
    hub: GithubHub
    jobs: DurableJobs
    drain: Drain
    sweep: Sweep

    @staticmethod
    def wired(settings: Settings, isolation: str) -> Engine:
        """Opens the database, applies its migrations and connects everything; starts nothing."""
        from concurrent.futures import ThreadPoolExecutor

        from gate_app import calendars
        from gate_app.config.globs import touches
        from gate_app.engine.conditions import Gathering
        from gate_app.engine.drain import Drain
        from gate_app.engine.gatekeeper import Gatekeeper
        from gate_app.engine.performer import Performer
        from gate_app.engine.sweep import Sweep
        from gate_app.github.payloads import WebhookPayloads
        from gate_app.jobs.durable import DurableJobs
        from gate_app.notify.channels import AppriseChannels
        from gate_app.owners import ownership
        from gate_app.stages.inspection import Demand
        from gate_app.stages.workers import StageWorkers
        from gate_app.store.database import migrate, open_engine
        from gate_app.store.repository import SqlStore

        database = open_engine(settings.database_url)
        migrate(database)
        store = SqlStore(database)
        hub = _client(settings)
        workers = StageWorkers(places(settings), inspected(settings), Demand(isolation))
        jobs = DurableJobs(database, clock=now)
        threads = ThreadPoolExecutor(READ_THREADS, "read")
        channels = AppriseChannels(settings.channels, settings.git_url)
        gathering = Gathering(
            hub,
            store,
            read_policy,
            touches,
            calendars,
            ownership,
            threads,
            now,
            channels.names,
            lambda repository_id, policy: past(database, repository_id, policy),
        )
        drain = Drain(
            store,
            Gatekeeper(store, gathering, now),
            Performer(
                store, hub, workers, now, timedelta(seconds=settings.settle_seconds), channels=channels
            ),
            now,
        )
        return Engine(
            store,
            hub,
            jobs,
            drain,
            Sweep(store, WebhookPayloads(settings.app_id), workers, jobs, now),
        )


def _client(settings: Settings) -> GithubHub:
    from gate_app.github.client import AppSettings, connect

    app = AppSettings(
        settings.app_id,
        settings.issuer,
        settings.private_key,
        settings.bot_id,
        settings.api_url,
        settings.git_url,
    )
    return connect(app, now)


def findings() -> Iterator[Finding]:
    """What `gate-app doctor` finds, as it finds it; settings that cannot be used are findings too."""
    from gate_app.doctor import jobs
    from gate_app.doctor.examination import examine, refused_settings
    from gate_app.web.keyset import KeySet

    try:
        serving = for_serve()
        settings = serving.engine
        hub = _client(settings)
    except ConfigurationFault as fault:
        yield from refused_settings(fault)
        return
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    yield from examine(settings, hub, read_policy, inherited().get("PATH", ""), now)
    issuer = serving.web.oidc_issuer
    yield from jobs.tokens(issuer, serving.web.oidc_audience, KeySet(issuer))


def places(settings: Settings) -> Places:
    """Where this installation's stages have their things, links resolved: a mount would not follow them."""
    from gate_app.stages.places import Places

    search_path = inherited().get("PATH", "")
    return Places(
        settings.home.resolve(),
        search_path,
        settings.stage_venv,
        settings.guarded,
        settings.probe_hosts,
        settings.prometheus_url,
        settings.prometheus_queries,
    )


def inspected(settings: Settings) -> Inspected:
    """What confines commands of repositories on this machine; found out by trying, and logged."""
    from gate_app.stages.inspection import inspect

    found = inspect(places(settings))
    log.info("commands are confined by %s%s", found.grade, found.shortcoming and f": {found.shortcoming}")
    return found


def read_policy(file: PolicyFile, floor: PolicyFile | None) -> Policy | str:
    """Implements `engine.ports.PolicyReader` with the config room."""
    from gate_app.config import DEFAULT_FILE_NAME, read
    from gate_app.config.floor import FLOOR_FILE_NAME, Floor, read_floor, read_raised
    from gate_app.domain.policy import Policy

    if floor is None:
        found = read(file.raw, file.blob_sha)
    else:
        below = read_floor(floor.raw, floor.blob_sha, f"the organisation's {FLOOR_FILE_NAME}")
        found = (
            read_raised(file.raw, file.blob_sha, DEFAULT_FILE_NAME, below)
            if isinstance(below, Floor)
            else below
        )
    return found if isinstance(found, Policy) else "\n".join(str(problem) for problem in found)


@dataclass(frozen=True, slots=True)
class Overview:
    """What the store holds, for people to look at: verdicts are by run id and environment."""

    runs: tuple[Run, ...]
    verdicts: Mapping[str, Mapping[str, Verdict]]
    journal_heads: Mapping[int, tuple[int, str]]
    set_aside: tuple[SetAside, ...]


def overview(database_url: str) -> Overview:
    """Reads the store of a running or ended App; changes nothing."""
    from gate_app.store.database import open_engine
    from gate_app.store.journal import heads
    from gate_app.store.repository import SqlStore

    database = open_engine(database_url)
    try:
        store = SqlStore(database)
        runs = tuple(stored.run for stored in store.all_runs())
        verdicts = {run.id: store.last_verdicts(run.id) for run in runs}
        marks = {repository: (head.number, head.hash) for repository, head in heads(database).items()}
        return Overview(runs, verdicts, marks, tuple(store.set_aside()))
    finally:
        database.dispose()


def verify_journal(database_url: str, remembered: Path | None, remember: Path | None) -> VerifyReport:
    """Checks the journal of a database, against heads remembered earlier if there are any.

    A clean journal's heads are written to `remember`. Raises RecordUnreadable for a file that is not one.
    """
    from gate_app.store.database import existing
    from gate_app.store.journal import remembered_heads, write_heads
    from gate_app.store.verification import verify

    with existing(database_url) as database:
        report = verify(database, remembered_heads(remembered) if remembered else None)
        if remember and report.clean:
            write_heads(report.heads, remember)
        return report


def replay_journal(database_url: str) -> ReplayReport:
    """Decides the whole journal again with the rules of this version; changes nothing."""
    from gate_app.engine.replay import replay
    from gate_app.store.codec import run_digest
    from gate_app.store.database import existing
    from gate_app.store.journal import recorded

    with existing(database_url) as database:
        return replay(recorded(database), run_digest)


def audit_events(
    database_url: str, environment: str | None, since: datetime | None, form: Format, kind: str = ""
) -> Iterator[str]:
    """The events of the journal, or those of one kind, as lines, read while they are printed."""
    from gate_app.audit.chronicle import chronicle
    from gate_app.audit.export import lines, wanted
    from gate_app.store.codec import run_digest
    from gate_app.store.database import existing
    from gate_app.store.journal import recorded

    with existing(database_url) as database:
        events = chronicle(recorded(database), run_digest)
        yield from lines(wanted(events, environment, since, kind), form)


def decision_record(database_url: str, gate: str, remembered: Path | None) -> Page | None:
    """One page about the gate of that id, None where the journal has none. Raises RecordUnreadable."""
    from gate_app.audit.page import Verified, page
    from gate_app.store.codec import run_digest
    from gate_app.store.database import existing
    from gate_app.store.journal import GENESIS, Head, recorded, remembered_heads
    from gate_app.store.verification import verify

    with existing(database_url) as database:
        report = verify(database, remembered_heads(remembered) if remembered else None)
        repository = gate.partition("#")[0].partition("@")[0]
        head = report.heads.get(int(repository) if repository.isdecimal() else 0, Head(0, GENESIS))
        verified = Verified(head.number, head.hash, report.clean, remembered is not None)
        return page(recorded(database), run_digest, gate, verified)


def backtest_journal(database_url: str, policy: Policy, last: int) -> Sequence[Tested]:
    """The newest gates of the journal under another policy; changes nothing."""
    from gate_app.audit.backtest import backtest
    from gate_app.store.database import existing
    from gate_app.store.journal import recorded

    with existing(database_url) as database:
        return backtest(recorded(database), policy, last)


def past(database: sqlalchemy.Engine, repository_id: int, policy: Policy) -> tuple[Past, ...] | Unknown:
    """What the last runs of a repository would have been under another policy, as far as `PAST_SECONDS` reach."""
    from gate_app.audit.backtest import recent
    from gate_app.domain.model import Unknown
    from gate_app.store.journal import newest_runs, recorded

    end = time.monotonic() + PAST_SECONDS
    try:
        newest = newest_runs(database, repository_id, PAST_RUNS)
        return recent((recorded(database, run) for run in newest), policy, lambda: time.monotonic() < end)
    except Exception:  # it is shown only: no decision waits for it, or fails with it
        log.exception("what the last runs of repository %d would have been cannot be told", repository_id)
        return Unknown("past_unknown", "the journal could not be read for it")


def apply_migrations(database_url: str) -> None:
    """Creates or upgrades the tables; the engine process does the same at its start."""
    from gate_app.store.database import migrate, open_engine

    database = open_engine(database_url)
    try:
        migrate(database)
    finally:
        database.dispose()


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("dbos", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(
        logging.ERROR
    )  # it warns about each retry; the fault that follows tells
