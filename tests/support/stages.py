"""What the tests of the stages share: real repositories, jobs, and waiting for a child with a bound."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gate_app.domain.evidence import StageOutcome
from gate_app.stages import isolation
from gate_app.stages.job import JobKind, StageJob
from gate_app.stages.runner import ChildHandle, Ended, Runner, Running

SEARCH_PATH = os.environ.get("PATH", os.defpath)
STRONGEST = isolation.Grade.PROCESS
with tempfile.TemporaryDirectory() as _scratch:
    if isolation.of_grade(isolation.Grade.NAMESPACES, SEARCH_PATH, Path(_scratch)):
        STRONGEST = isolation.Grade.NAMESPACES
PASSING_TEST = "def test_one():\n    assert 1 + 1 == 2\n"
PYTEST = "python -m pytest -q -p no:cacheprovider --junitxml=reports/junit.xml"
BANDIT = "mkdir -p reports && bandit -q -r app --exit-zero -f sarif -o reports/bandit.sarif"
_GIT_ENVIRONMENT = {
    "PATH": SEARCH_PATH,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "author",
    "GIT_AUTHOR_EMAIL": "author@example.invalid",
    "GIT_COMMITTER_NAME": "author",
    "GIT_COMMITTER_EMAIL": "author@example.invalid",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("git", "-C", str(folder), *arguments),
        env=_GIT_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Repository:
    """A real git repository in a temporary folder."""

    folder: Path

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def commit(self, files: dict[str, str | None], links: dict[str, str] | None = None) -> str:
        """Writes ``files`` (``None`` deletes) and ``links`` and returns the SHA of the new commit."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for name, target in (links or {}).items():
            (self.folder / name).symlink_to(target)
        git(self.folder, "add", "--all", "--force")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "change")
        return git(self.folder, "rev-parse", "HEAD")


def new_repository(folder: Path) -> Repository:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return Repository(folder)


def new_job(state: Path, repository: Repository, sha: str, command: str, **changes: Any) -> StageJob:
    """A command job whose folders are below ``state``; ``changes`` are fields of ``StageJob``."""
    job_id = changes.pop("job_id", "job-1")
    job = StageJob(
        job_id=job_id,
        kind=changes.pop("kind", JobKind.COMMAND),
        clone_url=repository.url,
        sha=sha,
        cache_folder=state / "caches",
        work_folder=state / "work" / job_id,
        result_path=state / "results" / f"{job_id}.json",
        progress_path=state / "results" / f"{job_id}.progress.json",
        search_path=SEARCH_PATH,
        timeout_seconds=changes.pop("timeout_seconds", 60),
        command=command,
        environment=changes.pop("environment", None),
        releases_folder=changes.pop("releases_folder", None),
        allowed_protocols=("file",),
        isolation=STRONGEST,
    )
    return replace(job, **changes)


def program(path: Path, text: str) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def run_to_end(job: StageJob, seconds: float = 90) -> StageOutcome:
    """Starts a child and follows it to its outcome."""
    runner = Runner()
    ended = wait_until_gone(runner, runner.start(job), seconds)
    assert isinstance(ended, Ended), ended
    return ended.outcome


def wait_until_gone(runner: Runner, handle: ChildHandle, seconds: float = 90) -> object:
    """Polls until the child no longer runs; the bound turns a hang into a failure."""
    give_up = time.monotonic() + seconds
    while isinstance(polled := runner.poll(handle), Running):
        if time.monotonic() > give_up:
            runner.stop(handle)
            raise AssertionError(f"the child still runs after {seconds} s: {polled}")
        time.sleep(0.02)
    return polled


def wait_for(condition: Any, seconds: float = 30) -> None:
    """Returns once ``condition()`` holds; the bound turns a hang into a failure."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.02)


def sarif(*results: dict[str, object], **run: object) -> bytes:
    """A SARIF document of one run of a tool named "scanner"."""
    rules = run.pop("rules", [])
    driver = {"name": "scanner", "rules": rules}
    return json.dumps(
        {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results), **run}]}
    ).encode()


def result(rule: str = "R1", text: str = "bad call", line: int = 3, **fields: object) -> dict[str, object]:
    """One SARIF result in ``app/main.py``."""
    return {
        "ruleId": rule,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "app/main.py"},
                    "region": {"startLine": line, "snippet": {"text": f"{text}()\n"}},
                }
            }
        ],
        **fields,
    }


def job_bytes(job: StageJob) -> bytes:
    return TypeAdapter(StageJob).dump_json(job)


def handle_text(handle: ChildHandle) -> str:
    return json.dumps(asdict(handle))


def peak_memory(reader: str, arguments: str) -> int:
    """KiB at the peak of a fresh process that reads one report; ``arguments`` are a Python expression.

    From the kernel's own mark: ``getrusage`` would hand down the peak of the process that started it.
    """
    program = (
        "from pathlib import Path, PurePosixPath\n"
        f"from gate_app.stages.reports import {reader}\n{reader}.read({arguments})\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)
