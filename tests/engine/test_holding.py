"""A job that GitHub holds comes to the gate that it waits for; one that no gate is for is told why, and waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.engine import MAIN, TinyEngine
from support.store import opened, sqlite_url

from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

HELD = b"version: 1\nenvironments:\n  production: {deploy: protection_rule}\n  other: {deploy: grant}\n"


@pytest.fixture
def database(sqlite_file: Path) -> Iterator[sa.Engine]:
    with opened(sqlite_url(sqlite_file)) as engine:
        yield engine


@pytest.fixture
def engine(database: sa.Engine) -> TinyEngine:
    found = TinyEngine(SqlStore(database))
    found.github.gate_file = HELD
    found.github.main_is_at("a", default_branch="main")
    return found


def waits(engine: TinyEngine) -> TinyEngine:
    """Time passes until everything that waited was looked at again."""
    for _ in range(40):
        engine.time += timedelta(seconds=5)
        engine.drains()
    return engine


def held(engine: TinyEngine) -> list[tuple[int, ...]]:
    return [run.gates["production"].held for run in engine.runs()]


def test_a_commit_under_decision_hears_of_its_job(engine: TinyEngine) -> None:
    engine.hears(MAIN)
    engine.github.holds(77, "a", "production")
    engine.hears_of_held(77)
    assert held(engine) == [(77,)]
    assert engine.github.told == []


def test_a_job_that_is_told_of_before_the_push_waits_for_it(engine: TinyEngine) -> None:
    engine.github.holds(77, "a", "production")
    waits(engine.hears_of_held(77))
    assert held(engine) == [(77,)]


def test_a_commit_that_was_there_before_us_is_asked_about_because_a_job_waits(engine: TinyEngine) -> None:
    engine.reconciles()
    assert engine.runs() == []
    engine.github.holds(77, "a", "production", event="schedule")
    waits(engine.hears_of_held(77))
    assert held(engine) == [(77,)]


def test_a_lost_delivery_is_found_when_reconciling(engine: TinyEngine) -> None:
    engine.hears(MAIN)
    engine.github.holds(77, "a", "production")
    engine.reconciles()
    assert held(engine) == [(77,)]


def test_an_app_that_may_not_list_held_jobs_reconciles_the_rest(engine: TinyEngine) -> None:
    engine.github.lists_nothing = True
    engine.hears(MAIN).reconciles()
    assert engine.heads() == "a"


@pytest.mark.parametrize(
    ("gate_file", "environment", "said"),
    [
        pytest.param(None, "production", "run `gate-app init`", id="no gate file"),
        pytest.param(b"version: 7\n", "production", "has problems", id="a broken gate file"),
        pytest.param(HELD, "prod", "does not name `prod`", id="an unknown environment"),
        pytest.param(HELD, "Production", "letter by letter", id="another letter case"),
        pytest.param(HELD, "pr\u043eduction", "letter by letter", id="a look-alike"),
        pytest.param(HELD, "a/../b `x` <b>", "does not name", id="odd characters"),
        pytest.param(HELD, "other", "by `grant`", id="another route"),
    ],
)
def test_what_no_gate_is_for_is_told_why(
    engine: TinyEngine, gate_file: bytes | None, environment: str, said: str
) -> None:
    engine.github.gate_file = gate_file
    engine.github.holds(77, "a", environment)
    waits(engine.hears_of_held(77))
    ((named, answer, comment),) = engine.github.told
    assert (named, answer) == (environment, "waiting")
    assert said in comment
    assert comment.startswith("Closed: ")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"own": False}, "belongs to a fork"),
        ({"own": False, "sha": "d" * 40}, "a job of a fork"),
        ({"event": "pull_request_target"}, "started by `pull_request_target`"),
        ({"sha": "d" * 40}, "is not under decision"),
        ({"sha": "d" * 40, "branch": "side"}, "is not under decision"),
    ],
    ids=["a fork at our commit", "a fork", "another event", "an older commit", "another branch"],
)
def test_a_job_of_another_commit_or_a_fork_is_told_why(
    engine: TinyEngine, changed: dict[str, object], said: str
) -> None:
    engine.hears(MAIN)
    engine.github.holds(77, "a", "production", **changed)
    if changed.get("branch"):
        engine.github.holds(77, "d", "production", branch="")
    waits(engine.hears_of_held(77))
    assert [comment for _, _, comment in engine.github.told if said in comment]
    assert held(engine) == [()]


def test_another_repositorys_run_and_one_that_waits_for_nothing_change_nothing(engine: TinyEngine) -> None:
    engine.hears(MAIN)
    engine.github.holds(78, "a")
    engine.hears_of_held(77).hears_of_held(78)
    assert (held(engine), engine.github.told) == ([()], [])


def test_a_report_that_github_refuses_changes_nothing(engine: TinyEngine) -> None:
    engine.github.refuses_reports = True
    engine.github.holds(77, "a", "prod")
    waits(engine.hears_of_held(77))
    assert engine.github.told == []


def test_each_hour_is_a_look_and_only_the_first_is_told(engine: TinyEngine) -> None:
    engine.hears(MAIN)
    engine.github.holds(77, "a", "prod")
    engine.reconciles()
    engine.time += timedelta(hours=1)
    waits(engine.reconciles())
    assert len(engine.github.told) <= 1
    engine.github.holds(77, "a", "production")
    engine.time += timedelta(hours=1)
    waits(engine.reconciles())
    assert held(engine) == [(77,)]
