"""Whom another gate file would have asked, of the runs in the journal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine
from support.journals import kept
from support.runs import CHANGE, REVIEWER, policy
from support.store import new_sqlite, opened, sqlite_url

from gate_app.audit.backtest import recent
from gate_app.bootstrap import past
from gate_app.cli import main
from gate_app.domain.model import Unknown
from gate_app.domain.policy import ApprovalMode, EscalationRule
from gate_app.domain.proposals import Past
from gate_app.domain.shipping import Found, Shipment
from gate_app.store.database import existing
from gate_app.store.journal import newest_runs, recorded

PAGE = (Path(__file__).parents[2] / "docs/simulate.md").read_text()
(SHOWN,) = re.findall(r"^```text backtest\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
BASE = "c" * 40
GATE_FILE = """\
version: 1
stages:
  tests: {command: pytest}
environments:
  staging:
    from: pull_request
    approval: RULES
    deploy: {command: deploy}
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="gate-app")


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """Two changes that people were asked about: one touches `docs`, the other one `infra`."""
    database = new_sqlite(tmp_path / "gate.db")
    rule = EscalationRule(paths=("infra/**",))
    rules = policy(mode=ApprovalMode.ESCALATE, escalate_when=(rule, EscalationRule(lines_over=0)))
    rules = replace(rules, environments=rules.environments[:1])
    with opened(sqlite_url(database)) as engine:
        for number, found in ((1, ()), (2, (Found(rule.paths, "infra/a"),))):
            world = kept(engine, rules, number=number)
            world.shipments["staging"] = Shipment(
                BASE, True, 1, 0, looked_for=(rule.paths,), found=found, lines=3
            )
            world.passes(5).stage_ends()
            world.says(REVIEWER, "/deny staging not today")
    return f"sqlite:///{database}"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("{mode: escalate, escalate_when: [{paths: ['infra/**']}]}", SHOWN),
        ("{mode: never}", "staging: of the last 2, 2 would have needed nobody (then: 0)\n"),
        ("{}", "staging: of the last 2, 0 would have needed nobody (then: 0); 2 people"),
        ("{mode: escalate, escalate_when: [{paths: ['docs/**']}]}", "2 cannot be told"),
        ("{mode: escalate, escalate_when: [{lines_changed: '> 1', block: large}]}", "2 blocked"),
    ],
)
def test_each_gate_of_the_past_is_judged_once_more(
    journal: str, tmp_path: Path, rules: str, said: str
) -> None:
    (tmp_path / "gate.yml").write_text(GATE_FILE.replace("RULES", rules))
    told = run("backtest", str(tmp_path / "gate.yml"), "--database-url", journal)
    assert told.exit_code == 0, told.output
    assert said in told.output


def test_only_the_newest_are_looked_at_and_what_has_no_gate_is_said(journal: str, tmp_path: Path) -> None:
    other = tmp_path / "gate.yml"
    other.write_text("version: 1\nenvironments: {production: {}}\n")
    told = run("backtest", str(other), "--database-url", journal, "--last", "1")
    assert told.output.startswith(
        "staging: of the last 1, 0 would have needed nobody (then: 0); 1 without a gate"
    )


def test_an_empty_journal_says_so_and_a_broken_file_is_a_wrong_call(tmp_path: Path) -> None:
    address = f"sqlite:///{new_sqlite(tmp_path / 'gate.db')}"
    gate = tmp_path / "gate.yml"
    gate.write_text("version: 1\nenvironments: {production: {}}\n")
    assert "no gates" in run("backtest", str(gate), "--database-url", address).output
    gate.write_text("version: 1\n")
    assert run("backtest", str(gate), "--database-url", address).exit_code == 2


def test_two_files_are_compared_on_the_command_line(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yml", tmp_path / "other.yml"
    one.write_text("version: 1\nenvironments: {production: {}}\n")
    other.write_text("version: 1\nenvironments: {production: {approval: {mode: never}}}\n")
    told = run("compare", str(one), str(other))
    assert told.exit_code == 1
    assert told.output.startswith("production: looser\n  looser: approval.mode\n")
    assert "-      mode: always" in told.output
    assert run("compare", str(other), str(one)).exit_code == 0
    assert run("compare", str(one), str(one)).output == "production: same\n"
    assert run("compare", str(one), "/nonexistent").exit_code == 2


def test_a_proposal_is_told_of_as_many_of_the_last_runs_as_there_is_time_for(journal: str) -> None:
    proposed = policy(mode=ApprovalMode.NEVER, blob="z" * 40)
    with existing(journal) as database:
        newest = newest_runs(database, CHANGE.repository.id, 50)
        assert sorted(newest) == ["71#1:1", "71#2:1"]
        assert newest_runs(database, 72, 50) == []
        every = past(database, CHANGE.repository.id, proposed)
        assert every == (Past("staging", 2, 2, 0),)
        entries = iter(range(100))
        first = [*recorded(database, newest[0])]
        runs = [recorded(database, run) for run in newest]
        assert recent(runs, proposed, lambda: next(entries) <= len(first)) == (Past("staging", 1, 1, 0),)
        late = recent([recorded(database, newest[0])], proposed, lambda: False)
        assert isinstance(late, Unknown)
        database.dispose()


def test_a_journal_that_cannot_be_read_for_it_holds_nothing_up(tmp_path: Path) -> None:
    nothing = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    assert past(nothing, 71, policy()) == Unknown("past_unknown", "the journal could not be read for it")
    nothing.dispose()
