"""What a metric has to be: an expression, a comparison, a number."""

from __future__ import annotations

import pytest

from gate_app.domain.probes import Probe
from gate_app.domain.thresholds import MAX_EXPRESSION, Threshold


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("error_rate < 0.01", Threshold("error_rate", "<", 0.01)),
        ("up==1", Threshold("up", "==", 1)),
        (
            'sum(rate(x{code!="200"}[5m])) / 2 <= 1e-3',
            Threshold('sum(rate(x{code!="200"}[5m])) / 2', "<=", 1e-3),
        ),
        ("a > 1 > 2", Threshold("a > 1", ">", 2)),
        ("t != -5", Threshold("t", "!=", -5)),
        ("a >= 1.5", Threshold("a", ">=", 1.5)),
    ],
)
def test_the_last_comparison_is_the_one_that_is_ours(text: str, parsed: Threshold) -> None:
    assert Threshold.parse(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error_rate",
        "< 0.01",
        "a < b",
        "a < 0.01\n",
        "a\nb < 1",
        "a =< 1",
        "a < nan",
        "a < ٣",
        "a" * MAX_EXPRESSION + " < 1",
    ],
)
def test_anything_else_asks_for_nothing(text: str) -> None:
    assert Threshold.parse(text) is None


@pytest.mark.parametrize(
    ("comparison", "fine", "wrong"),
    [("<", 0, 1), ("<=", 1, 2), (">", 2, 1), (">=", 1, 0), ("==", 1, 2), ("!=", 2, 1)],
)
def test_a_number_is_compared(comparison: str, fine: float, wrong: float) -> None:
    threshold = Threshold("x", comparison, 1)
    assert threshold.holds(fine)
    assert not threshold.holds(wrong)


def test_a_probe_shows_what_it_asks() -> None:
    assert Probe("https://app.example/healthz").shown == "https://app.example/healthz"
    assert Probe("", query="error_rate < 0.01").shown == "error_rate < 0.01"
