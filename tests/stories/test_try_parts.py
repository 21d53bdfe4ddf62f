"""What `gate-app try` decides before and during a trial: ranges, configurations, answers, where it stands."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from support.runs import (
    AUTHOR,
    CHANGE,
    HEAD,
    MAINTAINER,
    REVIEWER,
    START,
    World,
    asking,
    failed,
    policy,
    proposed,
    unknown_outcome,
)
from support.trial import GATE, SCENE, app_comment, commit, look, repository, said

from gate_app.domain.conditions import Head
from gate_app.domain.model import Content, Origin, Subject
from gate_app.domain.policy import ApproverLine, GrantRoute, Permission
from gate_app.standin.control import Control, ControlError
from gate_app.standin.shapes import PullState
from gate_app.trial import configuration, home, people, report, sample
from gate_app.trial.answers import (
    PATIENCE_SECONDS,
    Heard,
    Saying,
    Utterance,
    parse_saying,
    parse_sayings,
    reception,
    typed,
)
from gate_app.trial.configuration import Configuration
from gate_app.trial.git import Git
from gate_app.trial.home import TrialHome
from gate_app.trial.page import Page
from gate_app.trial.progress import LiveProgress, PlainProgress
from gate_app.trial.prompt import Prompt, Unsaid
from gate_app.trial.refusal import Refusal
from gate_app.trial.report import Ending
from gate_app.trial.repository import CommitRange, resolve
from gate_app.trial.rows import Cast, Row, rows
from gate_app.trial.standing import Moving, Outcome, assess, is_shown_to_the_end
from gate_app.trial.story import Eyes, Memory, Story, Timing
from gate_app.trial.trial import Terminal, Wish, is_attended

SHA = "d" * 40


def refusal(found: object) -> str:
    assert isinstance(found, Refusal), found
    return "\n".join(found.lines)


# --- the range -------------------------------------------------------------------------------------------


def commit_range(found: CommitRange | Refusal) -> CommitRange:
    assert isinstance(found, CommitRange), found
    return found


def test_without_revisions_on_the_default_branch_the_last_commit_is_the_range(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"a": "1"}, {"a": "2"}, {"a": "3"})
    found = commit_range(resolve(made, None, None))
    assert (found.base, found.head) == (Git(made).commit_of("HEAD~1"), Git(made).commit_of("HEAD"))
    assert "the last commit alone" in found.notes[0]


def test_without_revisions_on_a_branch_the_range_starts_where_it_left_the_default_branch(
    tmp_path: Path,
) -> None:
    made = repository(tmp_path / "r", {"a": "1"})
    fork = Git(made).commit_of("HEAD")
    Git(made).run("checkout", "--quiet", "-b", "feature")
    commit(made, {"b": "1"})
    head = commit(made, {"b": "2"}, "Add b")
    found = commit_range(resolve(made, None, None))
    assert (found.base, found.head, found.title) == (fork, head, "Add b")
    assert found.emails == ("somebody@example.org",)


def test_a_base_that_went_on_counts_from_the_merge_base_and_that_is_said(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"a": "1"})
    fork = Git(made).commit_of("HEAD")
    Git(made).run("checkout", "--quiet", "-b", "feature")
    commit(made, {"b": "1"})
    Git(made).run("checkout", "--quiet", "main")
    commit(made, {"a": "2"})
    found = commit_range(resolve(made, "main", "feature"))
    assert found.base == fork
    assert "main is not an ancestor of the head" in found.notes[0]


def test_what_is_not_committed_is_not_tried_and_that_is_said(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"a": "1"}, {"a": "2"})
    (made / "a").write_text("3")
    assert "not committed" in commit_range(resolve(made, None, None)).notes[-1]


def test_a_folder_inside_the_checkout_names_the_checkout(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"deep/a": "1"}, {"deep/a": "2"})
    assert commit_range(resolve(made / "deep", None, None)).checkout == made.resolve()


@pytest.mark.parametrize(
    ("base", "head", "words"),
    [
        pytest.param("nowhere", None, "no such commit", id="an unknown base"),
        pytest.param(None, "nowhere", "no such commit", id="an unknown head"),
        pytest.param("--output=x", None, "no such commit", id="a base that looks like an option"),
        pytest.param("HEAD", "HEAD", "The range is empty", id="an empty range"),
        pytest.param("island", None, "no common history", id="a base without common history"),
    ],
)
def test_a_range_that_is_none_is_refused(
    tmp_path: Path, base: str | None, head: str | None, words: str
) -> None:
    made = repository(tmp_path / "r", {"a": "1"}, {"a": "2"})
    Git(made).run("checkout", "--quiet", "--orphan", "island")
    commit(made, {"c": "1"})
    Git(made).run("checkout", "--quiet", "main")
    assert words in refusal(resolve(made, base, head))


def test_a_single_commit_is_no_range(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    subprocess.run(["git", "init", "-q", str(empty)], check=True, timeout=30)
    assert "has no commit yet" in refusal(resolve(empty, None, None))
    single = repository(tmp_path / "r", {"a": "1"})
    two = repository(tmp_path / "two", {"a": "1"}, {"a": "2"})
    assert "no commit before it" in refusal(resolve(single, None, None))
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{two}", str(tmp_path / "shallow")],
        check=True,
        timeout=30,
    )
    assert "git fetch --unshallow" in refusal(resolve(tmp_path / "shallow", None, None))


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    assert "not a git checkout" in refusal(resolve(tmp_path, None, None))
    assert "no such folder" in refusal(resolve(tmp_path / "absent", None, None))


# --- the configuration -----------------------------------------------------------------------------------


def chosen(checkout: Path, tests: str | None = None) -> Configuration:
    found = configuration.choose(commit_range(resolve(checkout, None, None)), tests)
    assert isinstance(found, Configuration), found
    return found


def test_the_repositorys_own_file_at_the_base_is_used_as_it_is(tmp_path: Path) -> None:
    found = chosen(repository(tmp_path / "r", {".github/gate.yml": GATE}, {"a": "1"}), tests="make test")
    assert found.proposed is None
    assert [environment.name for environment in found.policy.environments] == ["staging"]
    assert "--tests is not used" in found.notes[-1]


def test_case_086_a_file_that_the_range_brings_is_not_used(tmp_path: Path) -> None:
    found = chosen(repository(tmp_path / "r", {"a.py": "1"}, {".github/gate.yml": GATE}))
    assert found.proposed is not None
    assert any("that change is not used" in note for note in found.notes)


def test_a_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    made = repository(tmp_path / "r", {"real.yml": GATE})
    (made / ".github").mkdir()
    (made / ".github" / "gate.yml").symlink_to("../real.yml")
    commit(made, {})
    commit(made, {"a": "1"})
    assert "not a plain, small file" in refusal(
        configuration.choose(commit_range(resolve(made, None, None)), None)
    )


@pytest.mark.parametrize(
    ("tests", "command", "junit"),
    [
        pytest.param(
            None, "python -m pytest -q --junitxml=reports/junit.xml", "reports/junit.xml", id="as detected"
        ),
        pytest.param("make test", "make test", None, id="a command without a report: its exit code decides"),
        pytest.param(
            "tox -- --junitxml=out/j.xml", "tox -- --junitxml=out/j.xml", "out/j.xml", id="with a report"
        ),
    ],
)
def test_the_default_file_runs_the_tests(
    tmp_path: Path, tests: str | None, command: str, junit: str | None
) -> None:
    made = repository(tmp_path / "r", {"a.py": "1", "test_a.py": "def test(): pass"}, {"a.py": "2"})
    work = chosen(made, tests).policy.stage("tests").work
    assert (getattr(work, "command", None), getattr(work, "junit", None)) == (command, junit)


def test_without_recognised_tests_the_default_file_scans_and_says_so(tmp_path: Path) -> None:
    found = chosen(repository(tmp_path / "r", {"a.py": "1"}, {"a.py": "2"}))
    assert [stage.name for stage in found.policy.stages] == ["security"]
    assert any("No tests were recognised" in note for note in found.notes)


# --- the people ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "able"),
    [
        pytest.param(
            ApproverLine(permission=Permission.WRITE), ("reviewer", "maintainer"), id="who may write"
        ),
        pytest.param(ApproverLine(permission=Permission.MAINTAIN), ("maintainer",), id="who may maintain"),
        pytest.param(ApproverLine(users=("Octocat",)), ("Octocat",), id="somebody by name"),
        pytest.param(ApproverLine(teams=("acme/sre",)), ("reviewer", "maintainer"), id="members of a team"),
        pytest.param(
            ApproverLine(organisations=("acme",)), ("reviewer", "maintainer"), id="members of an organisation"
        ),
        pytest.param(ApproverLine(roles=("release captain",)), ("release-captain",), id="a role"),
        pytest.param(
            ApproverLine(any_of=(ApproverLine(users=("Octocat",)), ApproverLine(roles=("maintain",)))),
            ("maintainer", "Octocat"),
            id="parts",
        ),
        pytest.param(ApproverLine(users=("author",)), (), id="never the author"),
    ],
)
def test_who_a_gate_can_be_answered_by(line: ApproverLine, able: tuple[str, ...]) -> None:
    rules = policy(line)
    assert people.able_to_answer(rules.environments[0], people.residents(rules)) == able


# --- what people say -------------------------------------------------------------------------------------


def test_a_saying_is_a_login_and_a_text() -> None:
    assert parse_saying("reviewer: /deny staging: too risky") == Saying(
        "reviewer", "/deny staging: too risky"
    )


@pytest.mark.parametrize("text", ["/approve", "reviewer:", ": /approve", "", "two words: /approve"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    assert 'for example --say "reviewer: /approve staging"' in refusal(parse_saying(text))


def test_people_who_are_not_there_cannot_say_anything() -> None:
    assert "there is no eve; there are author" in refusal(parse_sayings(("eve: /approve",), ("author",)))


def test_at_the_prompt_a_line_may_name_who_speaks() -> None:
    logins = ("reviewer", "maintainer")
    assert typed("maintainer: /approve", logins, "reviewer") == Saying("maintainer", "/approve")
    assert typed("/deny note: no", logins, "reviewer") == Saying("reviewer", "/deny note: no")


SPOKEN = Utterance(Saying("reviewer", "/approve"), 7, posted_at=100.0)


@pytest.mark.parametrize(
    ("thanked", "replied", "later", "heard"),
    [
        pytest.param(True, False, 1, Heard.ACKNOWLEDGED, id="a thumbs up"),
        pytest.param(False, True, 1, Heard.REPLIED, id="a reply"),
        pytest.param(True, True, 1, Heard.ACKNOWLEDGED, id="a thumbs up counts for more than a reply"),
        pytest.param(False, False, PATIENCE_SECONDS, Heard.SILENCE, id="silence, after a while"),
        pytest.param(False, False, PATIENCE_SECONDS - 1, None, id="silence, not yet"),
    ],
)
def test_how_an_answer_is_taken(thanked: bool, replied: bool, later: float, heard: Heard | None) -> None:
    comments = [said(7, "reviewer", "/approve", thanked=thanked)]
    if replied:
        comments.append(app_comment(8, "71#1:1:reply:7", "does not count"))
    found = reception(SPOKEN, look(proposed(), comments=tuple(comments)), SPOKEN.posted_at + later)
    assert (found.heard if found else None) is heard


def test_a_reply_that_somebody_else_forged_is_none() -> None:
    forged = said(8, "reader", "fine <!-- gate-app:71%231%3A1%3Areply%3A7 -->")
    assert (
        reception(SPOKEN, look(proposed(), comments=(said(7, "reviewer", "/approve"), forged)), 101.0) is None
    )


@pytest.mark.parametrize(
    ("keyboard", "sayings", "attended"),
    [(io.StringIO(), (), True), (io.StringIO(), ("reviewer: /approve",), False), (None, (), False)],
    ids=["a person", "a script", "nobody"],
)
def test_a_browser_opens_only_for_a_person_who_answers(
    keyboard: io.StringIO | None, sayings: tuple[str, ...], attended: bool
) -> None:
    terminal = Terminal(Console(), Console(), keyboard)
    assert is_attended(Wish(sayings=sayings), terminal) is attended


def test_the_prompt_helps_reads_and_ends() -> None:
    reading, writing = os.pipe()
    screen = io.StringIO()
    with os.fdopen(reading) as source, os.fdopen(writing, "w", buffering=1) as keyboard:
        prompt = Prompt(source, screen, "reviewer")
        prompt.open()
        assert prompt.read(0) is Unsaid.NOTHING_YET
        keyboard.write("?\n")
        assert prompt.read(1) is Unsaid.NOTHING_YET
        assert prompt.is_open
        keyboard.write(" /approve staging \n")
        assert prompt.read(1) == "/approve staging"
        keyboard.close()
        assert prompt.read(1) is Unsaid.END
    assert "Ctrl-D leaves the gates as they are" in screen.getvalue()


# --- where it stands -------------------------------------------------------------------------------------


def approved_staging() -> World:
    world = asking()
    world.says(REVIEWER, "/approve staging")
    return world


def released_staging() -> World:
    world = approved_staging()
    world.deploys("staging")
    return world


def denied_staging() -> World:
    world = asking()
    world.says(REVIEWER, "/deny staging too risky")
    return world


def released_everywhere() -> World:
    world = released_staging()
    world.says(MAINTAINER, "/approve production")
    world.deploys("production")
    return world


def with_tests(outcome: str) -> World:
    world = proposed()
    world.stage_ends(outcome=failed() if outcome == "failed" else unknown_outcome())
    return world


def with_failed_deployment() -> World:
    world = approved_staging()
    world.deploys("staging", failed())
    return world


@pytest.mark.parametrize(
    ("world", "staging", "production", "outcome"),
    [
        pytest.param(proposed(), Moving.MACHINE, Moving.MACHINE, None, id="tests run"),
        pytest.param(asking(), Moving.PERSON, Moving.MACHINE, None, id="staging asks"),
        pytest.param(
            approved_staging(), Moving.MACHINE, Moving.MACHINE, None, id="staging is being deployed"
        ),
        pytest.param(released_staging(), Outcome.RELEASED, Moving.PERSON, None, id="production asks"),
        pytest.param(
            released_everywhere(), Outcome.RELEASED, Outcome.RELEASED, Outcome.RELEASED, id="all released"
        ),
        pytest.param(
            denied_staging(), Outcome.DENIED, Outcome.DENIED, Outcome.DENIED, id="staging was denied"
        ),
        pytest.param(with_tests("failed"), Outcome.FAILED, Outcome.FAILED, Outcome.FAILED, id="tests failed"),
        pytest.param(
            with_tests("unknown"), Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.UNKNOWN, id="tests unknown"
        ),
        pytest.param(
            with_failed_deployment(), Outcome.FAILED, Outcome.FAILED, Outcome.FAILED, id="deploying failed"
        ),
    ],
)
def test_where_a_trial_stands(
    world: World, staging: object, production: object, outcome: Outcome | None
) -> None:
    standing = assess(policy(), look(world))
    assert (standing.stands["staging"], standing.stands["production"]) == (staging, production)
    assert standing.outcome is outcome
    assert not standing.merge_due


def test_a_trial_is_over_where_a_job_would_have_to_redeem() -> None:
    rules = policy()
    granted = replace(rules, environments=tuple(replace(e, deploy=GrantRoute()) for e in rules.environments))
    world = proposed(granted)
    world.stage_ends()
    assert assess(granted, look(world)).stands["staging"] is Moving.PERSON
    world.says(REVIEWER, "/approve staging")
    assert assess(granted, look(world)).stands["staging"] is Outcome.UNKNOWN


def test_a_gate_is_not_answered_before_its_question_is_on_the_page() -> None:
    picture = look(asking())
    picture = replace(picture, snapshot={**picture.snapshot, "comments": []})
    assert assess(policy(), picture).asking == ()


def test_an_end_that_github_does_not_show_yet_is_waited_for() -> None:
    assert not is_shown_to_the_end(look(released_everywhere()))
    assert is_shown_to_the_end(look(asking()))


AFTER_MERGE = replace(
    policy(),
    environments=tuple(replace(one, origin=Origin.DEFAULT_BRANCH) for one in policy().environments),
)
"""The same policy, but everything deploys from the default branch: the pull request's run has no gates."""


def test_the_merge_is_due_once_the_stages_of_the_pull_request_are_green() -> None:
    world = proposed(AFTER_MERGE)
    assert not assess(AFTER_MERGE, look(world)).merge_due
    world.stage_ends()
    assert assess(AFTER_MERGE, look(world)).merge_due
    merged = assess(AFTER_MERGE, look(world, state="closed", merged=True, merge_commit_sha=SHA))
    assert (merged.merge_due, merged.outcome) == (False, None)


def test_a_red_pull_request_is_never_merged() -> None:
    world = proposed(AFTER_MERGE)
    world.stage_ends(outcome=failed())
    standing = assess(AFTER_MERGE, look(world))
    assert (standing.merge_due, standing.outcome) == (False, Outcome.FAILED)


class MergedMeanwhile(Control):
    """A stand-in on which somebody merges on the page just before the trial does."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "unused")
        self.tries = 0

    def merge(self, repository: str, number: int, by: str, method: str = "merge") -> PullState:
        self.tries += 1
        raise ControlError(405, "Pull Request 1 is not open")


def test_somebody_who_merges_on_the_page_first_stops_nothing() -> None:
    world, control = proposed(AFTER_MERGE), MergedMeanwhile()
    world.stage_ends()
    pictures = iter([look(world), look(world, state="closed", merged=True, merge_commit_sha="e" * 40)])
    ticks = iter(range(4))
    story = Story(
        Cast(AFTER_MERGE, people.residents(AFTER_MERGE)),
        SCENE,
        control,
        Eyes(lambda: next(pictures), lambda: None),
        PlainProgress(Console(file=io.StringIO()), lambda: datetime(2026, 3, 2, tzinfo=UTC)),
        Timing(lambda: next(ticks), lambda _seconds: None, 2),
        Memory(),
        deque(),
    )
    assert story.tell() is Outcome.TIMED_OUT
    assert control.tries == 1


@pytest.mark.parametrize(
    ("sha", "asks"),
    [pytest.param(SHA, ("staging",), id="the merge commit"), pytest.param("e" * 40, (), id="another commit")],
)
def test_after_the_merge_only_the_run_of_the_merge_commit_counts(sha: str, asks: tuple[str, ...]) -> None:
    before = proposed(AFTER_MERGE)
    before.stage_ends()
    main = Subject(CHANGE.repository.id, ref="refs/heads/main")
    content = Content(sha, HEAD.tree)
    after = proposed(AFTER_MERGE, replace(CHANGE, subject=main, origin=Origin.DEFAULT_BRANCH, head=content))
    after.head = Head(sha, "main", True)
    after.stage_ends()
    picture = look(before, after, state="closed", merged=True, merge_commit_sha=SHA)
    assert assess(AFTER_MERGE, picture).asking == asks


# --- what is shown ---------------------------------------------------------------------------------------

CAST = Cast(policy(), people.residents(policy()))


def shown(world: World) -> dict[str, str]:
    picture = look(world)
    return {row.name: row.state for row in rows(CAST, picture, assess(policy(), picture))}


def test_a_row_says_what_waits_for_whom() -> None:
    assert shown(asking()) == {
        "tests": "passed: no counts (0.0 s)",
        "gate staging": "waits for a person: reviewer or maintainer",
        "gate production": "waiting for staging",
    }
    assert shown(denied_staging())["gate staging"] == "denied by reviewer: too risky"


def test_plain_output_has_one_line_for_each_change_and_nothing_that_moves_a_cursor() -> None:
    screen = io.StringIO()
    moments = iter(START + timedelta(seconds=number) for number in range(9))
    progress = PlainProgress(Console(file=screen, width=100), lambda: next(moments))
    running, ended = (
        Row("t", "tests", "running", "busy"),
        Row("t", "tests", "passed \x1b[2Jand \r gone", "good"),
    )
    for row in (running, running, ended):
        progress.show((row,))
    first, second = screen.getvalue().splitlines()
    assert first == "   1.0 s  ▶ tests: running"
    assert "\x1b" not in second
    assert "\r" not in second


def test_the_table_counts_the_time_of_what_runs() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=True)
    progress = LiveProgress(console, lambda: START + timedelta(seconds=75), "Greet in French")
    progress.show((Row("t", "tests", "running", "busy", START),))
    progress.close()
    assert "1:15" in screen.getvalue()


def test_each_comment_of_the_app_is_shown_once_and_the_sticky_one_never() -> None:
    comments = (
        app_comment(1, "status:71#1", "**Gate App**"),
        app_comment(2, "71#1:1:reply:9", "**No**: `not_an_approver`"),
    )
    page, picture = Page(), look(proposed(), comments=comments)
    assert page.news(picture) == ("gate-app: No: `not_an_approver`",)
    assert page.news(picture) == ()


# --- what remains ----------------------------------------------------------------------------------------


def test_the_final_state_says_who_answered_what_and_whether_it_counted(tmp_path: Path) -> None:
    world = asking()
    world.says(AUTHOR, "/approve staging")
    memory = Memory()
    memory.keep(look(world))
    world.says(REVIEWER, "/approve staging -- fine")
    memory.keep(
        look(world, comments=(said(world.last_comment, "reviewer", "/approve staging", thanked=True),))
    )
    report.write(
        tmp_path / "state.json", report.final_state(Ending(Outcome.TIMED_OUT), TrialHome(tmp_path), memory)
    )
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["schema_version"], state["outcome"], state["exit_code"]) == (1, "timed_out", 1)
    answers = state["runs"][0]["gates"]["staging"]["answers"]
    assert [(one["login"], one["counted"], one["code"], one["reason"]) for one in answers] == [
        ("author", False, "self_approval", ""),
        ("reviewer", True, "answer_counts", "fine"),
    ]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (outcome, {"released": 0, "refused": 2, "interrupted": 130}.get(outcome.value, 1))
        for outcome in Outcome
    ],
)
def test_only_a_release_everywhere_exits_with_0(outcome: Outcome, code: int) -> None:
    assert outcome.exit_code == code


def test_the_summary_names_the_stage_in_the_way_and_its_failing_tests(tmp_path: Path) -> None:
    memory = Memory((Saying("reviewer", "/approve"),))
    memory.keep(look(with_tests("unknown")))
    text = report.summary(Ending(Outcome.UNKNOWN), TrialHome(tmp_path), memory)
    assert "tests unknown: No module named 'requests'" in text
    assert "--tests COMMAND" in text
    assert "Left unsaid: reviewer: /approve" in text


def test_a_home_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    assert "is not empty" in refusal(home.prepare(tmp_path))
    assert (tmp_path / "mine").read_text() == "precious"


# --- the sample ------------------------------------------------------------------------------------------


def test_the_sample_is_the_same_every_time_and_its_tests_pass(tmp_path: Path) -> None:
    one, other = sample.create(tmp_path / "one"), sample.create(tmp_path / "other")
    assert (one.base, one.head) == (other.base, other.head)
    identities = set(Git(one.path).run("log", "--format=%an").split())
    assert identities == {"author", "reviewer", "maintainer"}
    dates = Git(one.path).run("log", "--format=%aI").split()
    assert max(map(datetime.fromisoformat, dates)) < datetime(2026, 2, 1, tzinfo=UTC)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(tests, cwd=one.path, capture_output=True, text=True, timeout=60, check=False)
    assert "13 passed" in done.stdout, done.stdout


def test_the_page_about_trying_names_every_outcome_and_key_of_the_final_state(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "try.md").read_text()
    memory = Memory()
    memory.keep(look(asking()))
    keys = report.final_state(Ending(Outcome.RELEASED), TrialHome(tmp_path), memory).keys() - {"runs"}
    assert [name for name in (*keys, *Outcome) if f"`{name}`" not in page] == []
