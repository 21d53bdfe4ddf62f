"""The journal for auditors: events for other programs, and one page about one deployment."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.journals import kept
from support.runs import AUTHOR, MAINTAINER, REVIEWER, START, failed, passed, policy
from support.store import new_sqlite, opened, sqlite_url, tamper

from gate_app.audit.chronicle import AuditEvent
from gate_app.audit.export import COLUMNS, lines, wanted
from gate_app.cli import main
from gate_app.domain.events import CommentChanged
from gate_app.domain.policy import ApproverLine, OverridePolicy, Permission

AUDIT_DOCUMENT = (Path(__file__).parents[2] / "docs/audit.md").read_text()
STAGING, PRODUCTION = "71#1:1:staging", "71#1:1:production"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(new_sqlite(tmp_path / "gate.db"))


@pytest.fixture
def story(database: str) -> str:
    """Staging is approved and healthy, production denied; its address."""
    with opened(sqlite_url(Path(database))) as engine:
        world = kept(engine)
        world.passes(5).stage_ends(outcome=passed())
        world.says(AUTHOR, "/approve staging")
        world.says(REVIEWER, "/approve staging -- looks good")
        world.deploys("staging")
        world.says(MAINTAINER, '/deny production =HYPERLINK("http://x")')
    return f"sqlite:///{database}"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", *words], prog_name="gate-app")


def events(address: str, *words: str) -> list[dict[str, Any]]:
    told = run("export", "--database-url", address, *words)
    assert told.exit_code == 0, told.output
    return [json.loads(line) for line in told.output.splitlines()]


def test_every_event_says_who_what_and_where_it_stands(story: str) -> None:
    found = events(story)
    assert [
        each["event"] for each in found if each["environment"] == "staging" or not each["environment"]
    ] == [
        "opened",
        "stage_ended",
        "asked",
        "comment",
        "approval",
        "comment",
        "approval",
        "release_begun",
        "deployment_recorded",
        "stage_ended",
        "release_healthy",
        "comment",
    ]
    given = [each for each in found if each["event"] == "approval"][-1]
    assert (given["person"], given["person_id"], given["detail"]) == ("reviewer", 101, "looks good")
    assert (given["gate"], given["sha"], given["policy"]) == (STAGING, "a" * 40, "p" * 40)
    assert (given["repository"], given["run"], len(given["hash"])) == ("acme/greeter", "71#1:1", 64)
    released = next(each for each in found if each["event"] == "release_begun")
    assert released["detail"] == "approved by reviewer (101)"
    closed = next(each for each in found if each["event"] == "closed")
    assert (closed["environment"], closed["verdict"], closed["person"]) == (
        "production",
        "denied",
        "maintainer",
    )


def test_events_are_chosen_by_environment_and_moment(story: str) -> None:
    assert {each["environment"] for each in events(story, "--environment", "production")} == {"production"}
    assert events(story, "--since", "2026-03-02T09:00:06Z")[0]["event"] == "comment"
    assert events(story, "--since", "2036-01-01T00:00:00+01:00") == []
    assert all(each["at"].endswith("Z") for each in events(story))


def test_a_moment_without_a_zone_is_a_wrong_call(story: str) -> None:
    assert run("export", "--database-url", story, "--since", "2026-03-02").exit_code == 2


def test_the_columns_are_documented(story: str) -> None:
    assert tuple(events(story)[0]) == COLUMNS
    for name in COLUMNS:
        assert f"| `{name}` |" in AUDIT_DOCUMENT


def test_an_override_is_never_told_as_an_approval(database: str) -> None:
    rules = policy(ApproverLine(permission=Permission.WRITE, count=2))
    listed = OverridePolicy(ApproverLine(users=("maintainer",), permission=Permission.WRITE))
    environments = tuple(replace(each, override=listed) for each in rules.environments)
    with opened(sqlite_url(Path(database))) as engine:
        world = kept(engine, replace(rules, environments=environments))
        world.identities["maintainer"] = MAINTAINER.id
        world.passes(5).stage_ends(outcome=passed())
        world.says(REVIEWER, "/approve staging")
        world.says(MAINTAINER, "/override staging nobody else answers")
    found = {each["event"]: each for each in events(f"sqlite:///{database}", "--environment", "staging")}
    assert (found["override"]["person"], found["override"]["detail"]) == ("maintainer", "nobody else answers")
    assert found["release_begun"]["detail"] == f"overridden by maintainer ({MAINTAINER.id})"


def test_a_spreadsheet_calculates_nothing_that_people_wrote(story: str) -> None:
    told = run("export", "--database-url", story, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(told.output)))
    assert tuple(rows[0]) == COLUMNS
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    denied = next(row for row in rows if row["event"] == "denial")
    assert denied["detail"] == '\'=HYPERLINK("http://x")'


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(1)", "'  @SUM(1)"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        ("\uff1d1", "'\uff1d1"),
        ("two\nlines", "two ⏎ lines"),
        ('a "quoted", word', '"a ""quoted"", word"'),
        ("\u202eevil", "\\u202eevil"),
        ("plain; and simple", "plain; and simple"),
        ("broken;=1+1; -2;@x", "broken;'=1+1;' -2;'@x"),
        ('broken;"=1+1"', '"broken;\'""=1+1"""'),
    ],
)
def test_a_cell_is_text(text: str, cell: str) -> None:
    event = AuditEvent(START, 71, "acme/greeter", 1, "h", "comment", "71#1:1", detail=text)
    assert list(lines([event], "csv"))[1].endswith(f",{cell},")


def test_what_cannot_be_read_is_an_event_whatever_is_asked_for(story: str, database: str) -> None:
    with opened(sqlite_url(Path(database))) as engine:
        tamper(engine, "UPDATE journal SET entry = 'broken' WHERE number = 2")
    found = events(story, "--environment", "nowhere")
    assert [each["event"] for each in found][:2] == ["entry_unreadable", "run_unknown"]
    told = run("record", STAGING, "--database-url", story)
    assert told.exit_code == 1


def test_an_entry_that_this_version_decides_otherwise_is_said(database: str) -> None:
    with opened(sqlite_url(Path(database))) as engine:
        kept(engine)
        tamper(engine, "UPDATE journal SET entry = replace(entry, '\"waiting\"', '\"approved\"')")
    assert "replays_otherwise" in [each["event"] for each in events(f"sqlite:///{database}")]


def test_a_plan_that_was_changed_an_answer_that_was_edited_and_a_push_are_events(database: str) -> None:
    with opened(sqlite_url(Path(database))) as engine:
        world = kept(engine)
        world.passes(5).stage_ends(outcome=failed())
        world.says(REVIEWER, "/retry tests")
        world.stage_ends()
        world.says(REVIEWER, "/deny staging no")
        world.happens(CommentChanged(world.now, world.last_comment, 1, "edited"))
    names = [each["event"] for each in events(f"sqlite:///{database}")]
    assert {"stage_ended", "denial", "closed"} <= set(names)


def test_one_page_tells_the_whole_deployment(story: str) -> None:
    told = run("record", STAGING, "--database-url", story)
    assert told.exit_code == 0, told.output
    page = told.output
    assert page.startswith("# Deployment of `aaaaaaaaaaaa` to `staging`\n")
    for said in (
        "| Outcome | healthy |",
        "| Released | 2026-03-02T09:00:07Z |",
        "one person with write permission who did not contribute",
        "| `reviewer` (101) | approval | `looks good` | yes |",
        "| `author` (100) | approval |  | nobody approves a change that they contributed to |",
        "- `tests`: passed (tests_passed)",
        "approver_line_met",
        "The journal is whole in itself",
    ):
        assert said in page, page


def test_a_denial_has_its_page_and_what_it_says_is_boxed(story: str) -> None:
    page = run("record", PRODUCTION, "--database-url", story).output
    assert "| Outcome | denied |" in page
    assert "| Released | no |" in page
    assert '`=HYPERLINK("http://x")`' in page


def test_a_page_is_compared_with_remembered_heads(story: str, tmp_path: Path) -> None:
    heads = str(tmp_path / "heads.json")
    assert run("verify", "--database-url", story, "--remember", heads).exit_code == 0
    page = run("record", STAGING, "--database-url", story, "--heads", heads).output
    assert "continues the heads that were remembered elsewhere" in page


@pytest.mark.parametrize("gate", ["71#1:1:nowhere", "nonsense", "72#1:1:staging", "\u202e"])
def test_a_gate_that_is_not_there_is_said(story: str, gate: str) -> None:
    told = run("record", gate, "--database-url", story)
    assert (told.exit_code, "has no gate" in told.output) == (1, True)


def test_no_database_is_a_wrong_call() -> None:
    assert run("export", "--database-url", "sqlite:////nonexistent/gate.db").exit_code == 2


def test_nothing_is_left_out_of_an_empty_choice() -> None:
    assert list(wanted([], None, None)) == []


def test_what_would_have_been_in_shadow_is_an_event_each_time_that_it_changes(database: str) -> None:
    rules = policy()
    shadow = replace(rules, environments=(replace(rules.environments[0], shadow=True),))
    with opened(sqlite_url(Path(database))) as engine:
        world = kept(engine, shadow)
        world.passes(5).stage_ends()
        world.tick()
        world.says(REVIEWER, "/lock staging mine")
    found = [each for each in events(f"sqlite:///{database}") if each["event"].startswith("would")]
    assert [each["event"] for each in found] == ["would_hold", "would_ask"]
    assert found[-1]["codes"] == ["approval", "approval_missing"]


def test_an_approval_of_ones_own_is_an_event_of_its_own(database: str) -> None:
    with opened(sqlite_url(Path(database))) as engine:
        world = kept(engine, policy(self_approval=True))
        world.passes(5).stage_ends()
        world.says(AUTHOR, "/approve staging")
    (found,) = [each for each in events(f"sqlite:///{database}") if each["event"] == "self_approval"]
    assert (found["person_id"], found["environment"]) == (100, "staging")
