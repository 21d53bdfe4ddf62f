"""`python -m bench.intake`: rounds that alternate, medians and ratios, then a burst and a SIGKILL.

All contenders run on the same gunicorn settings at the same time and are loaded in turn, so that a noisy
machine is equally noisy for each. Read the ratios; the rates say more about the machine than about us.
"""

import argparse
import contextlib
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.intake.load import Plan, Result, run
from bench.intake.servers import CONTENDERS, THREADS, WORKERS, make_database

BURST = 1_000


@dataclass(frozen=True, slots=True)
class Server:
    """A contender that serves: its name, port, database and gunicorn's parent process."""

    name: str
    port: int
    database: Path
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        parent = psutil.Process(self.process.pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        return sum(spent.user + spent.system for spent in times)


@dataclass(frozen=True, slots=True)
class Round:
    """One contender's figures in one round."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    lost: int


@contextlib.contextmanager
def serving(name: str, folder: Path) -> Iterator[Server]:
    """Start one contender on a free loopback port; it is ended by its own process id."""
    database = folder / f"{name}-{time.monotonic_ns()}.db"
    make_database(database)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    command = [sys.executable, "-m", "bench.intake.servers", name, str(port), str(database)]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        _wait_for(port)
        yield Server(name, port, database, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def measure(server: Server, plan: Plan) -> Round:
    """Load `server` once."""
    before = server.cpu_seconds()
    result = run(plan)
    spent = server.cpu_seconds() - before
    done = max(1, len(result.acknowledged))
    latencies = sorted(result.latencies) or [0.0]
    return Round(
        result.rate,
        spent / done * 1e6,
        statistics.median(latencies) * 1e3,
        latencies[int(len(latencies) * 0.99)] * 1e3,
        result.refused + result.failed,
    )


def compare(names: Sequence[str], folder: Path, rounds: int, seconds: float, kept: int) -> None:
    """Alternate between the contenders and print a table; every ratio is of one round's neighbours."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serving(name, folder)) for name in names]
        for server in servers:  # a first load fills caches and is not counted
            run(Plan(server.port, seconds=0.5, kept=kept))
        seen: dict[str, list[Round]] = {name: [] for name in names}
        for turn in range(rounds):
            for server in servers if turn % 2 == 0 else reversed(servers):
                seen[server.name].append(measure(server, Plan(server.port, seconds=seconds, kept=kept)))
    _print_table(seen, "a new connection each" if kept == 1 else f"{kept} requests on a connection")


def _print_table(seen: dict[str, list[Round]], title: str) -> None:
    base = seen["flask"]
    print(f"\n{title}: 14 KB signed issue_comment, 32 connections, {WORKERS} workers x {THREADS} threads")
    print(
        f"{'':10} {'acks/s':>8} {'ratio':>6} {'ratio of each round':>30} {'CPU us':>7} {'p50 ms':>7}"
        f" {'p99 ms':>7} lost"
    )
    for name, rounds in seen.items():
        ratios = [one.rate / other.rate for one, other in zip(rounds, base, strict=True)]
        print(
            f"{name:10} {statistics.median(one.rate for one in rounds):8.0f} {statistics.median(ratios):6.2f}"
            f" {' '.join(f'{ratio:.2f}' for ratio in ratios):>30}"
            f" {statistics.median(one.cpu_us for one in rounds):7.0f}"
            f" {statistics.median(one.p50_ms for one in rounds):7.1f}"
            f" {statistics.median(one.p99_ms for one in rounds):7.1f} {sum(one.lost for one in rounds):4}"
        )


def burst(folder: Path) -> bool:
    """1,000 deliveries at once: all acknowledged, all stored."""
    with serving("receiver", folder) as server:
        result = run(Plan(server.port, connections=64, seconds=30, requests=BURST))
    stored = _stored(server.database)
    sound = len(result.acknowledged) == BURST and set(result.acknowledged) == stored
    print(
        f"\nburst of {BURST}: acknowledged {len(result.acknowledged)}, stored {len(stored)},"
        f" slowest {max(result.latencies) * 1e3:.0f} ms: {'sound' if sound else 'NOT SOUND'}"
    )
    return sound


def killed(folder: Path) -> bool:
    """SIGKILL to every process of the server in the middle of a load: what was acknowledged is stored."""
    with serving("receiver", folder) as server, contextlib.ExitStack() as stack:
        watcher = subprocess.Popen(
            [sys.executable, "-c", _KILLER, str(server.process.pid), str(server.database), str(BURST // 2)]
        )
        stack.callback(watcher.wait, 30)
        result: Result = run(Plan(server.port, seconds=4, requests=BURST * 4))
    stored = _stored(server.database)
    missing = set(result.acknowledged) - stored
    sound = not missing and 0 < len(result.acknowledged) < BURST * 4
    print(
        f"SIGKILL in a load: acknowledged {len(result.acknowledged)}, stored {len(stored)},"
        f" acknowledged but missing {len(missing)}: {'sound' if sound else 'NOT SOUND'}"
    )
    return sound


_KILLER = """
import os, signal, sqlite3, sys, time
group, database, enough = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
deadline = time.monotonic() + 4
while time.monotonic() < deadline:
    if sqlite3.connect(database).execute("SELECT count(*) FROM deliveries").fetchone()[0] >= enough:
        break
    time.sleep(0.02)
os.killpg(group, signal.SIGKILL)
"""


def _stored(database: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return {row[0] for row in connection.execute("SELECT delivery_id FROM deliveries")}


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def main() -> int:
    """Parse the call, run everything, exit 1 when a delivery was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.intake", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2, help="per contender and round")
    parser.add_argument(
        "--contenders", nargs="+", choices=list(CONTENDERS), default=["flask", "receiver", "naive"]
    )
    call = parser.parse_args()
    names = ["flask", *(name for name in call.contenders if name != "flask")]
    print(f"{os.cpu_count()} cores, shared with the load generator: read the ratios")
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as path:
        folder = Path(path)
        compare(names, folder, call.rounds, call.seconds, kept=1)
        compare([name for name in names if name != "naive"], folder, call.rounds, call.seconds, kept=50)
        sound = [burst(folder), killed(folder)]
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
