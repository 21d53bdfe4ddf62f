"""The floor of an organisation: what no gate file goes below."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate_app.cli import main
from gate_app.config.explain import explain
from gate_app.config.floor import Floor, read_floor, read_raised
from gate_app.config.reader import read
from gate_app.domain.policy import ApprovalMode, ApproverLine, Environment, Permission, Policy

PAGE = (Path(__file__).parents[2] / "docs/floor.md").read_text()
(DOCUMENTED,) = re.findall(r"^```yaml floor\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GATE, BELOW = "b" * 40, "f" * 40


def floor(production: str, every: str = "") -> Floor:
    star = f'  "*": {every}\n' if every else ""
    found = read_floor(
        f"version: 1\nenvironments:\n{star}  production: {production}\n".encode(), BELOW, "floor.yml"
    )
    assert isinstance(found, Floor), found
    return found


def under(below: Floor, production: str = "{}", name: str = "production") -> Environment:
    raw = f"version: 1\nenvironments:\n  {name}: {production}\n".encode()
    found = read_raised(raw, GATE, "gate.yml", below)
    assert isinstance(found, Policy), found
    return found.environments[0]


def test_the_documented_floor_is_obeyed_and_explained() -> None:
    found = read_floor(DOCUMENTED.encode(), BELOW, "floor.yml")
    assert isinstance(found, Floor), found
    raised = read_raised(
        b"version: 1\nenvironments: {staging: {}, Production: {}}\n", GATE, "gate.yml", found
    )
    assert isinstance(raised, Policy)
    staging, production = raised.environments
    assert staging.approval.expires_after.total_seconds() == 24 * 3600
    assert production.approval.lines == (ApproverLine(teams=("acme/sre",), permission=Permission.WRITE),)
    assert production.approval.mode is ApprovalMode.ESCALATE
    assert [rule.block for rule in production.approval.escalate_when] == ["the label says so", ""]
    assert len(production.freeze) == 1
    assert read(explain(raised).encode(), raised.blob_sha) == raised


def test_a_policy_is_pinned_to_both_files() -> None:
    found = read_raised(b"version: 1\nenvironments: {staging: {}}\n", GATE, "gate.yml", floor("{}"))
    assert isinstance(found, Policy)
    assert found.blob_sha == f"{GATE}+{BELOW}"


STRICTNESS = ("never", "escalate", "always")
RULES = "escalate_when: [{title: [x]}]"


@pytest.mark.parametrize(("given", "least"), [*product(STRICTNESS, STRICTNESS)])
def test_the_stricter_mode_holds_and_no_rule_is_lost(given: str, least: str) -> None:
    ours = f"mode: {given}" + (f", {RULES}" if given == "escalate" else "")
    theirs = f"mode: {least}" + (", escalate_when: [{labels: [y]}]" if least == "escalate" else "")
    approval = under(floor(f"{{approval: {{{theirs}}}}}"), f"{{approval: {{{ours}}}}}").approval
    titles = {rule.titles[0] for rule in approval.escalate_when if rule.titles}
    labels = {rule.labels[0] for rule in approval.escalate_when if rule.labels}
    always = "always" in (given, least)
    assert ("x" in titles) == (given == "escalate")
    assert ("y" in labels) == (least == "escalate")
    assert ("*" in titles) == (always and "escalate" in (given, least)), (
        "people are always asked all the same"
    )
    expected = "escalate" if approval.escalate_when else "always" if always else "never"
    assert approval.mode.value == expected


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ("{}", [("acme/sre", Permission.WRITE)]),
        ("{approval: {approvers: [{users: [ada]}]}}", [("", Permission.NONE), ("acme/sre", Permission.NONE)]),
        ("{approval: {approvers: [{teams: [acme/sre]}]}}", [("acme/sre", Permission.NONE)]),
    ],
    ids=["its default is replaced, by writers", "beside its own", "the same line counts once"],
)
def test_lines_are_added(given: str, lines: list[tuple[str, Permission]]) -> None:
    found = under(floor("{approval: {mode: always, approvers: [{teams: [acme/sre]}]}}"), given).approval.lines
    assert [("".join(line.teams), line.permission) for line in found] == lines


def test_a_floor_of_alternatives_stands_beside_a_writer_and_a_stricter_permission_stays() -> None:
    any_of = "{approval: {mode: always, approvers: [{any_of: [{teams: [acme/a]}, {teams: [acme/b]}]}]}}"
    assert [line.permission for line in under(floor(any_of)).approval.lines] == [
        Permission.NONE,
        Permission.WRITE,
    ]
    admin = "{approval: {mode: always, approvers: [{permission: admin}]}}"
    assert under(floor(admin)).approval.lines == (ApproverLine(permission=Permission.ADMIN),)


def test_nobody_else_is_handed_the_question_where_a_floor_names_approvers() -> None:
    given = "{approval: {escalate_to: [{after: 1h, users: [friend]}]}}"
    assert under(floor("{}"), given).approval.escalate_to
    named = floor("{approval: {mode: always, approvers: [{teams: [acme/sre]}]}}")
    assert under(named, given).approval.escalate_to == ()


@pytest.mark.parametrize(
    "asked",
    [
        "{mode: always, approvers: [{teams: [acme/sre]}]}",
        "{mode: always, escalate_when: [{title: ['*'], approvers: [{teams: [acme/sre]}]}]}",
    ],
    ids=["always", "by a rule"],
)
def test_delegates_of_a_gate_file_answer_for_nobody_whom_a_floor_names(asked: str) -> None:
    given = "{approval: {approvers: [{permission: write}], delegates: [{permission: write}]}}"
    assert under(floor("{approval: {mode: always}}"), given).approval.delegates
    assert under(floor(f"{{approval: {asked}}}"), given).approval.delegates == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (", ".join(f"{{users: [w{number}]}}" for number in range(8)), "more than 10 lines"),
        (
            "{any_of: [{users: [a]}, {users: [b]}, {users: [c]}]}, {any_of: [{users: [d]}, {users: [e]}]}",
            "more than 256 ways",
        ),
    ],
    ids=["lines", "ways"],
)
def test_a_gate_file_that_asks_too_much_together_with_its_floor_is_refused(given: str, said: str) -> None:
    some = "{any_of: [{users: [x]}, {users: [y]}]}, {any_of: [{users: [z]}, {users: [v]}]}"
    rules = ", ".join(f"{{title: [t{number}], approvers: [{some}]}}" for number in range(3))
    below = floor(
        f"{{approval: {{mode: always, escalate_when: [{rules}], "
        "approvers: [{teams: [a/b]}, {teams: [a/c]}, {teams: [a/d]}]}}"
    )
    raw = f"version: 1\nenvironments: {{production: {{approval: {{approvers: [{given}]}}}}}}\n"
    assert isinstance(read(raw.encode(), GATE), Policy)
    found = read_raised(raw.encode(), GATE, "gate.yml", below)
    assert not isinstance(found, Policy)
    assert said in found[0].reason
    assert "with those of the organisation's floor" in found[0].reason


def test_no_approval_outlives_a_push_where_a_floor_holds() -> None:
    assert not under(floor("{}"), "{approval: {same_content: keep}}").approval.keeps


def test_contributors_do_not_approve_where_a_floor_holds() -> None:
    given = "{approval: {self_approval: true}}"
    assert under(floor("{}"), given, name="staging").approval.self_approval
    assert not under(floor("{}"), given).approval.self_approval
    assert under(floor("{approval: {contributors: shipped}}")).approval.contributors == "shipped"
    shipped = "{approval: {contributors: shipped}}"
    assert under(floor("{}"), shipped).approval.contributors == "shipped"


def test_both_the_name_and_the_star_hold() -> None:
    below = floor("{approval: {expires_after: 12h}}", every="{approval: {mode: always, expires_after: 24h}}")
    approval = under(below, "{approval: {mode: never}}", name="Production").approval
    assert (approval.mode, approval.expires_after.total_seconds()) == (ApprovalMode.ALWAYS, 12 * 3600)
    assert under(below, "{approval: {expires_after: 1h}}").approval.expires_after.total_seconds() == 3600
    other = under(below, "{approval: {mode: never}}", name="staging").approval
    assert (other.mode, other.expires_after.total_seconds()) == (ApprovalMode.ALWAYS, 24 * 3600)


def test_windows_are_added_and_shadow_is_lifted_unless_it_is_allowed() -> None:
    window = "freeze: [{holidays: DE, timezone: UTC}]"
    below = floor(f"{{{window}}}")
    assert len(under(below, "{freeze: [{holidays: FR, timezone: UTC}]}").freeze) == 2
    assert len(under(below, f"{{{window}}}").freeze) == 1
    assert not under(below, "{shadow: true}").shadow
    assert under(floor("{shadow: true}"), "{shadow: true}").shadow
    assert not under(floor("{shadow: true}"), "{}").shadow


def test_nobody_overrides_unless_the_floor_allows_it() -> None:
    listed = "{override: {users: [octocat]}}"
    assert under(floor("{}"), listed).override is None
    assert under(floor(listed), "{}").override is None
    assert under(floor(listed), listed).override is not None


@pytest.mark.parametrize(
    ("below", "given", "users", "teams"),
    [
        ("{users: [hubot, OctoCat]}", "{users: [octocat, stranger]}", ("octocat",), ()),
        ("{teams: [acme/oncall]}", "{users: [octocat]}", ("octocat",), ("acme/oncall",)),
        ("{users: [octocat]}", "{teams: [acme/oncall]}", ("octocat",), ("acme/oncall",)),
        ("{teams: [acme/oncall]}", "{teams: [acme/all, acme/oncall]}", (), ("acme/oncall",)),
    ],
    ids=["users of both", "users who are in the team", "members who are listed", "teams of both"],
)
def test_a_gate_file_lets_nobody_override_whom_its_floor_does_not_list(
    below: str, given: str, users: tuple[str, ...], teams: tuple[str, ...]
) -> None:
    found = under(floor(f"{{override: {below}}}"), f"{{override: {given}}}").override
    assert found is not None
    assert (found.line.users, found.line.teams) == (users, teams)


def test_nobody_overrides_where_the_lists_have_nobody_in_common_or_for_their_own() -> None:
    below = floor("{override: {users: [octocat]}}")
    assert under(below, "{override: {users: [stranger]}}").override is None
    both = under(below, "{override: {users: [octocat], self_approval: true}}").override
    assert both is not None
    assert not both.self_approval


def test_a_way_back_asks_the_people_of_the_floor() -> None:
    people = "{approval: {mode: always, approvers: [{teams: [acme/sre]}]}}"
    lighter = "{rollback: {approvers: [{permission: write}]}}"
    assert under(floor(people), lighter).rollback == ()
    assert under(floor("{}"), lighter).rollback != ()
    watched = "{monitor: {for: 1m, probes: [{http: 'https://a.example'}], on_breach: rollback}}"
    for below, expected in ((people, "propose_rollback"), ("{}", "rollback")):
        monitor = under(floor(below), watched).monitor
        assert monitor is not None
        assert monitor.on_breach == expected


NINE = ", ".join(f"{{users: [u{number}]}}" for number in range(9))


def approvers(lines: str) -> str:
    return f"environments: {{production: {{approval: {{mode: always, approvers: [{lines}]}}}}}}"


def rule(rules: str) -> str:
    return f"environments: {{production: {{approval: {{mode: always, escalate_when: [{rules}]}}}}}}"


def window(windows: str) -> str:
    return f"environments: {{production: {{freeze: [{windows}]}}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("environments: {production: {approvals: {}}}", "did you mean `approval`?"),
        ("environments: {production: {approval: {mod: always}}}", "did you mean `mode`?"),
        ("environments: {production: {needs: [tests]}}", "is not a key here"),
        ("environments: {}", "is empty"),
        ("environments: {production: {approval: {mode: escalate}}}", "would never ask"),
        (
            "environments: {production: {approval: {approvers: [{count: 1}], mode: always}}}",
            "it names nobody",
        ),
        ("environments: {production: {approval: {approvers: [{teams: [a/b]}]}}}", "mode: never"),
        (
            "environments: {production: {approval: {mode: never, approvers: [{teams: [a/b]}]}}}",
            "these people were never asked",
        ),
        (approvers("{teams: [a/b], any_of: [{permission: write}]}"), "either its keys or its parts"),
        (
            approvers("{any_of: [{permission: write}], all_of: [{teams: [a/b]}]}"),
            "either its keys or its parts",
        ),
        (approvers("{count: 2, any_of: [{teams: [a/b]}]}"), "either its keys or its parts"),
        (approvers("{any_of: [{count: 1}, {permission: admin}]}"), "it names nobody"),
        (approvers("{permission: read}"), "`read` alone holds nothing"),
        (approvers("{teams: [a/b]}, {teams: [a/b]}"), "given twice"),
        (approvers("{teams: [a/b, A/b]}"), "listed twice"),
        (approvers("{users: [ada], count: 2}"), "nobody could open this gate"),
        (approvers(", ".join(f"{{any_of: [{NINE}]}}" for _ in range(6))), "more than 10 lines"),
        (rule("{approvers: [{teams: [a/b]}]}"), "names nothing that could make it fire"),
        (rule("{block: never}"), "names nothing that could make it fire"),
        (rule("{title: [x], block: no, approvers: [{teams: [a/b]}]}"), "asks nobody"),
        (rule("{title: [x]}, {title: [x]}"), "given twice"),
        (rule("{outside_hours: {timezone: UTC, from: '18:00', to: '09:00'}}"), "is not after"),
        (window("{cron: '0 16 * * FRI', timezone: UTC}"), "add the other"),
        (window("{duration: 64h, timezone: UTC}"), "found neither"),
        (window("{timezone: UTC}"), "found neither"),
        (window("{cron: '0 9 * * *', duration: 12h, holidays: DE, timezone: UTC}"), "found both"),
        ("environments: {'**': {}}", "has the wrong form"),
        ("a: &x b", "anchors"),
    ],
)
def test_a_floor_that_does_not_say_what_it_means_is_refused(text: str, said: str) -> None:
    found = read_floor(f"version: 1\n{text}\n".encode(), BELOW, "floor.yml")
    assert not isinstance(found, Floor)
    assert said in "\n".join(map(str, found))


def test_the_command_line_shows_a_gate_file_under_a_floor(tmp_path: Path) -> None:
    gate, below = tmp_path / "gate.yml", tmp_path / "floor.yml"
    gate.write_text("version: 1\nenvironments: {production: {approval: {mode: never}}}\n")
    below.write_text(DOCUMENTED)
    told = CliRunner().invoke(main, ["validate", str(gate), "--floor", str(below), "--explain"])
    assert (told.exit_code, "acme/sre" in told.output, "mode: never" in told.output) == (0, True, False)
    below.write_text("version: 2\n")
    assert CliRunner().invoke(main, ["validate", str(gate), "--floor", str(below)]).exit_code == 1
    assert CliRunner().invoke(main, ["validate", str(gate), "--floor", "/nonexistent"]).exit_code == 2
    gate.write_text("version: 1\n")
    below.write_text(DOCUMENTED)
    assert CliRunner().invoke(main, ["validate", str(gate), "--floor", str(below)]).exit_code == 1


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("", ("sre",)),
        ("policy: {owners: [{permission: admin}]}\n", ("", "sre")),
        ("policy: {owners: [{teams: [acme/sre]}]}\n", ("sre",)),
    ],
    ids=["it names nobody", "both are asked", "a line of both counts once"],
)
def test_a_floor_names_who_owns_every_gate_file(file: str, lines: tuple[str, ...]) -> None:
    below = read_floor(
        b"version: 1\nenvironments: {'*': {}}\npolicy: {owners: [{teams: [acme/sre]}]}\n", BELOW, "floor.yml"
    )
    assert isinstance(below, Floor), below
    found = read_raised(f"version: 1\nenvironments: {{a: {{}}}}\n{file}".encode(), GATE, "gate.yml", below)
    assert isinstance(found, Policy), found
    assert tuple("".join(line.teams).removeprefix("acme/") for line in found.owners) == lines
    again = read(explain(found).encode(), found.blob_sha, "gate.yml")
    assert again == found


def test_owners_of_a_floor_that_nobody_meets_are_refused() -> None:
    raw = b"version: 1\nenvironments: {'*': {}}\npolicy: {owners: [{users: [octocat], count: 2}]}\n"
    found = read_floor(raw, BELOW, "floor.yml")
    assert not isinstance(found, Floor)
    assert [problem.path for problem in found] == ["policy.owners[0].count"]
