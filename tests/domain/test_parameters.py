"""What people may set: one canonical text for each value, and nothing that a shell or a file could read otherwise."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_app.domain.parameters import Parameter, is_word, values

PERCENT = Parameter("percent", "integer", "100", minimum=1, maximum=100)
ANY_NUMBER = Parameter("shift", "integer", "0")
MIGRATE = Parameter("migrate", "boolean", "false")
STRATEGY = Parameter("strategy", "choice", "rolling", ("rolling", "canary"))
REGION = Parameter("region", "string", "eu-central-1")

ACCEPTED = [
    (PERCENT, "1"),
    (PERCENT, "100"),
    (ANY_NUMBER, "-7"),
    (ANY_NUMBER, "999999999"),
    (MIGRATE, "true"),
    (STRATEGY, "canary"),
    (REGION, "a"),
    (REGION, "registry.example/team/app@sha256:0123"),
    (REGION, "v1.2+build"),
]
REFUSED = [
    *((PERCENT, text) for text in ("0", "101", "010", "+5", "5.0", "1e2", "0x10", " 5", "5\n", "٥", "")),
    *((ANY_NUMBER, text) for text in ("-0", "1000000000")),
    *((MIGRATE, text) for text in ("True", "yes")),
    *((STRATEGY, text) for text in ("blue", "Canary")),
    *(
        (REGION, text)
        for text in ("", "-rf", "a b", "a;b", "$(id)", "`id`", "a=b", "<<EOF", "a\0", "a\r", "é")
    ),
    *(
        (REGION, text)
        for text in ("a" * 101, "ghp_0123456789abcdef", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJI", "a/ghp_0123")
    ),
    *((REGION, text) for text in ("https://elsewhere.example/x", "a/../../etc/passwd")),
]


@pytest.mark.parametrize(("parameter", "text"), ACCEPTED)
def test_a_value_is_accepted_as_it_is_written(parameter: Parameter, text: str) -> None:
    assert parameter.accepts(text)


@pytest.mark.parametrize(("parameter", "text"), REFUSED)
def test_case_156_anything_else_is_refused(parameter: Parameter, text: str) -> None:
    assert not parameter.accepts(text)


@given(st.text(max_size=30) | st.from_regex(r"[A-Za-z0-9._/@:+-]+", fullmatch=True))
@settings(max_examples=500, deadline=None)
def test_case_156_no_accepted_text_can_end_a_line_or_mean_anything_to_a_shell(text: str) -> None:
    if is_word(text):
        assert re.fullmatch(r"[A-Za-z0-9._/@:+-]{1,100}", text)
        assert not text.startswith("-")


def test_every_declared_parameter_has_a_value_and_nothing_else_has() -> None:
    declared = (PERCENT, STRATEGY)
    assert values(declared, {}) == {"percent": "100", "strategy": "rolling"}
    assert values(declared, {"percent": "10", "other": "1"}) == {"percent": "10", "strategy": "rolling"}


def test_a_value_that_the_file_does_not_accept_any_more_is_not_used() -> None:
    assert values((PERCENT,), {"percent": "1000"}) == {"percent": "100"}


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (PERCENT, "a whole number from 1 to 100"),
        (ANY_NUMBER, "a whole number"),
        (MIGRATE, "true or false"),
        (STRATEGY, "one of rolling, canary"),
        (REGION, "letters, digits and . _ / @ : + -, at most 100 of them, and never a secret"),
    ],
)
def test_what_a_parameter_takes_is_said_in_words(parameter: Parameter, said: str) -> None:
    assert parameter.wanted == said
