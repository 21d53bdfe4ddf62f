"""The grammar of commands: what is obeyed, what is refused visibly, what gets silence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import REVIEWER, asking, policy, proposed

from gate_app.domain.commands import MAX_LINE, OBEYED, Command, Malformed, parse
from gate_app.domain.events import HeadMoved
from gate_app.domain.verdict import ReasonCode

ENVIRONMENTS = ("staging", "production", "production eu")
SHA = "a" * 40


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/approve", Command("approve")),
        ("/approve staging", Command("approve", "staging")),
        ("/approve  staging ", Command("approve", "staging")),
        ("/approve\tstaging", Command("approve", "staging")),
        ("/gate approve staging", Command("approve", "staging")),
        ("/approve production eu", Command("approve", "production eu")),
        (f"/approve staging {SHA}", Command("approve", "staging", SHA)),
        ("/approve aaaaaaaaaaaa", Command("approve", None, "aaaaaaaaaaaa")),
        ("/approve staging -- looked at the plan", Command("approve", "staging", None, "looked at the plan")),
        ("/approve -- fine", Command("approve", None, None, "fine")),
        (f"/approve staging {SHA} -- fine", Command("approve", "staging", SHA, "fine")),
        ("/deny staging too risky", Command("deny", "staging", None, "too risky")),
        ("/deny too risky", Command("deny", None, None, "too risky")),
        ("/deny staging -- too risky", Command("deny", "staging", None, "too risky")),
        ("/why", Command("why")),
        ("/why production", Command("why", "production")),
        ("/status", Command("status")),
        ("/help", Command("help")),
        ("/cancel", Command("cancel")),
        ("/deploy production", Command("deploy", "production")),
        (f"/deploy production {SHA}", Command("deploy", "production", SHA)),
    ],
)
def test_is_read_as(line: str, command: Command) -> None:
    assert parse(line, ENVIRONMENTS) == command


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/deny", ReasonCode.REASON_MISSING),
        ("/deny staging", ReasonCode.REASON_MISSING),
        ("/deny staging --", ReasonCode.REASON_MISSING),
        ("/approve stagin", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/approve Staging", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/approve staging percent=10", ReasonCode.PARAMETERS_UNDECLARED),
        ("/approve staging please", ReasonCode.COMMAND_MALFORMED),
        ("/approve staging abc123", ReasonCode.COMMAND_MALFORMED),
        (f"/approve staging {'A' * 40}", ReasonCode.COMMAND_MALFORMED),
        (f"/approve staging {'a' * 41}", ReasonCode.COMMAND_MALFORMED),
        ("/status now", ReasonCode.COMMAND_MALFORMED),
        ("/help me", ReasonCode.COMMAND_MALFORMED),
        ("/why not", ReasonCode.ENVIRONMENT_UNKNOWN),
        ("/override staging", ReasonCode.TEXT_MISSING),
        ("/gate rollback production", ReasonCode.TEXT_MISSING),
        pytest.param("/approve\u200b staging", ReasonCode.COMMAND_MALFORMED, id="case 41: zero width space"),
        pytest.param("/approve stag\u00ading", ReasonCode.COMMAND_MALFORMED, id="case 41: soft hyphen"),
        pytest.param("/approve \u202estaging", ReasonCode.COMMAND_MALFORMED, id="case 41: bidi override"),
        pytest.param("/approve staging\x00", ReasonCode.COMMAND_MALFORMED, id="case 41: NUL"),
        pytest.param("/approve staging\u2028", ReasonCode.COMMAND_MALFORMED, id="case 39: line separator"),
        pytest.param("/deny größer", ReasonCode.COMMAND_MALFORMED, id="case 41: no reason begins like that"),
        pytest.param(
            "/deny stаging no", ReasonCode.COMMAND_MALFORMED, id="case 40: a Cyrillic a in the name"
        ),
        pytest.param("/deny staging un\u200bseen", ReasonCode.COMMAND_MALFORMED, id="an invisible sign"),
        pytest.param("/approve staging -- \u202egood", ReasonCode.COMMAND_MALFORMED, id="a turned reason"),
        pytest.param("/approve größer -- good", ReasonCode.COMMAND_MALFORMED, id="before the mark"),
        pytest.param("/deny **staging** no", ReasonCode.COMMAND_MALFORMED, id="a name that is marked up"),
        pytest.param("/deny `production` no", ReasonCode.COMMAND_MALFORMED, id="a name in code"),
    ],
)
def test_is_refused_whole_and_visibly(line: str, code: ReasonCode) -> None:
    found = parse(line, ENVIRONMENTS)
    assert isinstance(found, Malformed)
    assert found.code is code


@pytest.mark.parametrize(
    "line",
    [
        "",
        "approve staging",
        " /approve staging",
        "/approver staging",
        "/approve-all",
        "/approve_staging",
        "/APPROVE staging",
        "//approve staging",
        "pls don't /approve production",
        "/approve/staging",
        "/gateapprove staging",
        "/gate",
        "/lgtm",
        "thanks\u2028/approve production",
        "／ａｐｐｒｏｖｅ production",
        "/apprové staging",
        "/aрprove staging",
        "/lgtm ✓",
        "/approve " + "x" * MAX_LINE,
    ],
)
def test_case_042_gets_silence(line: str) -> None:
    assert parse(line, ENVIRONMENTS) is None


@given(
    st.tuples(
        st.sampled_from(["", "/", " /", "／", "/approve", "/approve ", "/deny ", "> "]), st.text(max_size=40)
    )
)
@settings(max_examples=400, deadline=None)
def test_case_040_no_text_but_plain_ascii_is_ever_obeyed(parts: tuple[str, str]) -> None:
    line = "".join(parts)
    found = parse(line, ENVIRONMENTS)
    if isinstance(found, Command):
        assert line.removesuffix(found.reason).isascii()
        assert line.startswith("/")


@given(st.sampled_from(OBEYED), st.characters(min_codepoint=128))
@settings(max_examples=1_500, deadline=None)
def test_case_041_one_foreign_character_anywhere_spoils_a_command(verb: str, foreign: str) -> None:
    for line in (f"/{verb} staging{foreign}", f"/{verb} {foreign}staging", f"/{verb}{foreign} staging"):
        assert not isinstance(parse(line, ENVIRONMENTS), Command)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/deny **no**", "**no**"),
        ("/deny staging [see](https://x.example) `a*b` <b>!</b>", "[see](https://x.example) `a*b` <b>!</b>"),
        ("/deny staging zu gefährlich ✋", "zu gefährlich ✋"),
        ("/gate deny staging -- größer", "größer"),
        ("/approve staging -- schön, **ja**", "schön, **ja**"),
    ],
)
def test_a_reason_is_any_text_that_can_be_seen(line: str, reason: str) -> None:
    found = parse(line, ENVIRONMENTS)
    assert isinstance(found, Command)
    assert found.reason == reason


def test_a_reason_is_kept_bounded() -> None:
    found = parse("/deny staging " + "x" * 3_000, ENVIRONMENTS)
    assert isinstance(found, Command)
    assert len(found.reason) == 1_000


# --- which gate a command finds ---


def test_without_an_environment_the_only_asking_gate_is_meant() -> None:
    world = asking()
    world.says(REVIEWER, "/approve")
    assert len(world.releases("staging")) == 1


def test_without_an_environment_and_two_gates_asking_nothing_happens_and_the_choices_are_listed() -> None:
    from dataclasses import replace

    rules = policy()
    both = tuple(replace(environment, after=None) for environment in rules.environments)
    world = asking(replace(rules, environments=both))
    world.says(REVIEWER, "/approve")
    assert not world.releases("staging")
    assert not world.releases("production")
    assert "environment_ambiguous" in world.replies()[-1]
    assert "`staging`" in world.replies()[-1]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/approve production", "not_asked_yet"),
        ("/approve nowhere", "environment_unknown"),
        (f"/approve staging {'f' * 40}", "sha_mismatch"),
        (f"/approve staging {'f' * 12}", "sha_mismatch"),
    ],
)
def test_case_028_a_command_that_finds_no_gate_says_so(line: str, code: str) -> None:
    world = asking()
    world.says(REVIEWER, line)
    assert not world.releases("staging")
    assert (
        code.replace("_", " ") in world.replies()[-1].replace("_", " ")
        or "no gate for that" in world.replies()[-1]
    )


def test_the_head_on_the_card_may_be_named() -> None:
    world = asking()
    world.says(REVIEWER, f"/approve staging {'a' * 12}")
    assert len(world.releases("staging")) == 1


def test_before_anything_asks_an_answer_is_told_so() -> None:
    world = proposed()
    world.says(REVIEWER, "/approve")
    assert "not_asked_yet" in world.replies()[-1]


def test_after_everything_ended_an_answer_is_too_late() -> None:
    world = asking()
    world.happens(HeadMoved(world.now, "d" * 40, "main"))
    world.says(REVIEWER, "/approve")
    assert "too_late" in world.replies()[-1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/help", "/approve [environment]"),
        ("/status", "where it stands"),
        ("/why", "approval_missing"),
        ("/why staging", "stage_passed"),
        ("/why nowhere", "was not obeyed"),
        ("/override staging", "it says nothing"),
    ],
)
def test_a_command_that_only_asks_is_answered(line: str, said: str) -> None:
    world = asking()
    world.says(REVIEWER, line)
    assert said in world.replies()[-1]
    assert not world.releases("staging")


def test_an_unknown_word_gets_silence() -> None:
    world = asking()
    world.says(REVIEWER, "/lgtm")
    assert world.replies() == []
