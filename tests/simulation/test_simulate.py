"""`gate-app simulate` and the tests of a policy, as docs/simulate.md shows them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gate_app.cli import main
from gate_app.config.shape import keys_of
from gate_app.simulation.facts import FACTS_PLACES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/simulate.md").read_text()
FILES = dict(re.findall(r"^```yaml (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SHOWN, DIFFERS = (
    re.findall(rf"^```{kind}\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)[0]
    for kind in ("text", "text differs")
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page, each under its name; the gate file and its tests where they belong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".github").mkdir()
    for name, text in FILES.items():
        (tmp_path / (f".github/{name}" if name.startswith("gate") else name)).write_text(text)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="gate-app")


def judged(*words: str) -> dict[str, dict[str, object]]:
    """The environments of a simulation, as a script reads them."""
    told = run("simulate", *words, "--json")
    assert told.exit_code == 0, told.output
    found: dict[str, dict[str, object]] = json.loads(told.output)["environments"]
    return found


def facts(folder: Path, text: str) -> str:
    path = folder / "told.yml"
    path.write_text(f"version: 1\n{text}")
    return str(path)


def test_the_documented_simulation_is_what_is_printed(folder: Path) -> None:
    told = run("simulate", "--config", ".github/gate.yml", "--facts", "facts.yml")
    assert told.exit_code == 0
    assert told.output.rstrip() == SHOWN


def test_the_documented_facts_are_all_there_are() -> None:
    wanted = [
        f"| `{'.'.join((*place, name))}` | {' '.join((model.model_fields[name].description or '').split())} |"
        for place, model in FACTS_PLACES.items()
        for name in keys_of(model)
    ]
    rows = re.findall(r"^(\| `[^`]+` \| .*? \|) [^|]*\|$", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(wanted)


def test_the_documented_tests_of_the_policy_hold(folder: Path) -> None:
    told = run("validate")
    assert (told.exit_code, told.output.splitlines()[-1]) == (
        0,
        ".github/gate.tests.yml: 3 cases as expected",
    )


def test_a_policy_that_says_something_else_is_shown_with_its_reasons(folder: Path) -> None:
    gate = folder / ".github/gate.yml"
    gate.write_text(gate.read_text().replace('"migrations/**"', '"docs/**"'))
    told = run("validate")
    assert told.exit_code == 1
    assert "documentation goes to staging by itself: staging" in told.output
    assert DIFFERS in told.output
    assert told.output.splitlines()[-1].endswith("2 of 3 cases differ")


def test_scripts_read_who_could_finish_it_and_what_would_change_it(folder: Path) -> None:
    production = judged("--facts", "facts.yml")["production"]
    assert (production["verdict"], production["finishers"]) == ("waiting", [["grace"]])
    assert production["all_finishers"] is True
    assert "frozen" in str(production["obstacles"])
    assert production["judged_again_at"] is not None


def test_a_moment_on_the_command_line_goes_before_that_of_the_facts(folder: Path) -> None:
    codes = judged("--facts", "facts.yml", "--at", "2026-03-03T12:00:00Z")["production"]["codes"]
    assert "frozen" not in str(codes)


APPROVED = (
    "stages: passed\npeople: {ada: {permission: admin}, linus: {permission: write}}\nchange: {author: ada}\n"
)


@pytest.mark.parametrize(
    ("said", "verdict", "code"),
    [
        ("linus: /approve staging", "approved", "approver_line_met"),
        ("linus: /deny staging too large", "denied", "denied"),
        ("linus: /hold staging is sick", "waiting", "held"),
        ("stranger: /approve staging", "waiting", "approval_missing"),
        ("robot[bot]: /approve staging", "waiting", "approval_missing"),
        ("ada: /approve staging", "waiting", "approval_missing"),
    ],
)
def test_what_people_say_is_heard_as_in_production(folder: Path, said: str, verdict: str, code: str) -> None:
    staging = judged("--facts", facts(folder, f'{APPROVED}said: ["{said}"]'))["staging"]
    assert staging["verdict"] == verdict
    assert code in str(staging["codes"])


def test_what_is_answered_to_a_comment_is_shown(folder: Path) -> None:
    told = run("simulate", "--facts", facts(folder, f'{APPROVED}said: ["ada: /approve staging"]'))
    assert "nobody approves a change that they contributed to" in told.output


def test_time_that_passes_expires_a_question_and_never_approves_it(folder: Path) -> None:
    assert judged("--facts", facts(folder, f"{APPROVED}waited: 49h"))["staging"]["verdict"] == "expired"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("", "stage_running"),
        ("stages: failed", "stage_failed"),
        ("stages: unknown", "stage_unknown"),
        ("stages: {tests: passed, security: {verdict: unknown}}", "stage_unknown"),
        ("stages: passed\nenvironments: {staging: {busy: true}}", "environment_busy"),
        ("stages: passed\nchange: {unattributed: [who@example.org]}", "approval_missing"),
    ],
    ids=["nothing known", "failed", "unknown", "no scan", "busy", "nobody's commit"],
)
def test_what_is_not_known_or_not_well_opens_nothing(folder: Path, told: str, code: str) -> None:
    staging = judged("--facts", facts(folder, told))["staging"]
    assert staging["verdict"] == "waiting"
    assert code in str(staging["codes"])


def test_nobody_can_approve_where_contributors_are_not_known(folder: Path) -> None:
    told = APPROVED.replace("author: ada", "author: ada, unattributed: [who@example.org]")
    staging = judged("--facts", facts(folder, told))["staging"]
    assert (staging["people_needed"], staging["finishers"]) == (True, [])


def test_known_findings_are_no_new_ones(folder: Path) -> None:
    scan = "stages: {tests: passed, security: {verdict: passed, findings: [{severity: high, known: %s}]}}"
    change = "change: {files: [docs/a.md]}\n"
    assert judged("--facts", facts(folder, change + scan % "true"))["staging"]["verdict"] == "approved"
    assert judged("--facts", facts(folder, change + scan % "false"))["staging"]["verdict"] == "waiting"


@pytest.mark.parametrize(
    ("rule", "told", "verdict"),
    [
        pytest.param("coverage_drop: '> 0.5'", "coverage: '84.5'", "approved", id="as much as it may"),
        pytest.param("coverage_drop: '> 0.5'", "coverage: '84.4'", "waiting", id="more"),
        pytest.param("flaky_tests: '> 0'", "tests: {passed: 3}", "approved", id="no flaky test"),
        pytest.param("flaky_tests: '> 0'", "tests: {passed: 3, flaky: 1}", "waiting", id="a flaky test"),
    ],
)
def test_reports_are_told_too(folder: Path, rule: str, told: str, verdict: str) -> None:
    (folder / ".github/gate.yml").write_text(
        "version: 1\nstages: {tests: {command: make, junit: j.xml, coverage: c.xml}}\nenvironments:\n"
        f"  staging: {{deploy: deployment, approval: {{mode: escalate, escalate_when: [{{{rule}}}]}}}}\n"
    )
    stages = f"stages: {{tests: {{verdict: passed, {told}}}}}"
    text = f"{stages}\nenvironments: {{staging: {{coverage: '85'}}}}"
    assert judged("--facts", facts(folder, text))["staging"]["verdict"] == verdict


def test_code_owners_answer_for_their_files(folder: Path) -> None:
    (folder / ".github/gate.yml").write_text(
        "version: 1\nstages: {tests: {command: make}}\nenvironments:\n"
        "  staging: {deploy: deployment, approval: {approvers: [{codeowners: true}]}}\n"
    )
    people = (
        "stages: passed\npeople: {ada: {permission: write}, linus: {permission: write, teams: [acme/sre]}}\n"
    )
    told = people + "change: {author: grace, owners: [[ada], [acme/sre]]}"
    assert judged("--facts", facts(folder, told))["staging"]["finishers"] == [["ada", "linus"]]
    unknown = judged("--facts", facts(folder, people))["staging"]
    assert (unknown["verdict"], unknown["finishers"]) == ("waiting", [])


def test_the_first_deployment_asks(folder: Path) -> None:
    told = "stages: passed\nchange: {files: [docs/a.md]}\nenvironments: {staging: {runs: false}}"
    assert "escalated" in str(judged("--facts", facts(folder, told))["staging"]["reasons"])


def test_an_environment_by_command_is_not_asked_about_before_somebody_asks(folder: Path) -> None:
    (folder / ".github/gate.yml").write_text(
        "version: 1\nstages: {tests: {command: make}}\nenvironments: {demo: {from: command, deploy: deployment}}\n"
    )
    assert judged("--facts", facts(folder, "stages: passed"))["demo"]["verdict"] is None
    assert "`/deploy demo`" in run("simulate", "--facts", facts(folder, "stages: passed")).output
    asked = judged("--facts", facts(folder, f'{APPROVED}said: ["linus: /deploy demo"]'))["demo"]
    assert (asked["verdict"], asked["finishers"]) == ("waiting", [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: {test: passed}", "4:"),
        ("peopel: {}", "did you mean `people`?"),
        ("change: {autor: ada}", "did you mean `author`?"),
        ("environments: {stagign: {}}", "did you mean `staging`?"),
        ("at: yesterday", "is no moment"),
        ("at: 0001-01-01T00:00:00+14:00", "is no moment"),
        ("at: 9999-12-31T23:00:00Z", "is no moment"),
        ("said: [hello]", "is nothing that somebody said"),
        ("change: {lines: many}", "must be a whole number"),
        ("people: {ada: {permission: owner}}", "is not one of none, read"),
        ("stages: &a passed", "anchors"),
    ],
)
def test_facts_that_do_not_fit_are_refused_with_their_place(folder: Path, text: str, said: str) -> None:
    told = run("simulate", "--facts", facts(folder, text.replace("stages: {test", "\n\nstages: {test")))
    assert told.exit_code == 1
    assert said in told.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: {}", "is empty"),
        ("cases: {a: {expect: {}}}", "is empty"),
        ("cases: {a: {expect: {nowhere: approved}}}", "no environment `nowhere`"),
        ("cases: {a: {expect: {staging: aproved}}}", "did you mean `approved`?"),
        ("cases: {a: {expect: {staging: {verdict: waiting, codes: [frosen]}}}}", "did you mean `frozen`?"),
        ("cases: {a: {expects: {staging: approved}}}", "did you mean `expect`?"),
        ("facts: {stages: {x: passed}}\ncases: {a: {expect: {staging: approved}}}", "no stage `x`"),
    ],
)
def test_tests_that_test_nothing_are_refused(folder: Path, text: str, said: str) -> None:
    (folder / "mine.yml").write_text(f"version: 1\n{text}\n")
    told = run("validate", "--tests", "mine.yml")
    assert told.exit_code == 1
    assert said in told.output


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--base", "main"),
        ("--facts", "facts.yml", "--at", "2026-03-03"),
        ("--facts", "nowhere.yml"),
        ("--facts", "facts.yml", "--config", "nowhere.yml"),
        ("--repo", "nowhere"),
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_a_wrong_call_ends_with_2(folder: Path, words: tuple[str, ...]) -> None:
    told = run("simulate", *words)
    assert told.exit_code == 2
    assert "Traceback" not in told.output


def test_tests_that_are_named_have_to_be_there(folder: Path) -> None:
    assert run("validate", "--tests", "nowhere.yml").exit_code == 2


def git(*words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def test_a_checkout_tells_files_lines_and_who_contributed_and_is_judged_by_the_gate_file_of_its_base(
    folder: Path,
) -> None:
    git("init", "-q", "-b", "main")
    git("add", ".github")
    git("commit", "-q", "-m", "The gates")
    git("switch", "-q", "-c", "change")
    (folder / ".github/gate.yml").write_text(
        "version: 1\nenvironments: {staging: {approval: {mode: never}}}\n"
    )
    git("add", ".github")
    git("commit", "-q", "-m", "Loosen the gates\n\nCo-authored-by: L <linus@example.org>")
    people = "stages: passed\npeople:\n" + "".join(
        f"  {name}: {{permission: write, emails: [{name}@example.org]}}\n"
        for name in ("ada", "grace", "linus")
    )
    staging = judged("--repo", ".", "--facts", facts(folder, people))["staging"]
    assert (staging["verdict"], staging["finishers"]) == ("waiting", [["grace"]])
    assert ".github/gate.yml changes" in str(staging["reasons"])
    nobody = judged("--repo", ".", "--facts", facts(folder, people.replace("linus@", "other@")))["staging"]
    assert nobody["finishers"] == []


EXAMPLES = re.findall(
    r"^```yaml\n(version.*?)^```$",
    "".join(
        (ROOT / f"docs/{page}.md").read_text()
        for page in ("configuration", "escalation", "windows", "plan", "approvers")
    ),
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_documented_policy_can_be_simulated(example: str, folder: Path) -> None:
    (folder / ".github/gate.yml").write_text(example)
    said = '["linus: /approve", "linus: /deny no", "linus: /why", "ada: /hold", "linus: /status", "x: hello"]'
    for told in (
        "stages: passed",
        "stages: failed",
        "change: {pull_request: false, fork: true}",
        "waited: 9d",
    ):
        found = judged(
            "--facts", facts(folder, f"{told}\npeople: {{linus: {{permission: admin}}}}\nsaid: {said}")
        )
        assert all(each["verdict"] for each in found.values())
