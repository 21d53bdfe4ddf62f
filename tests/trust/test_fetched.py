"""A delivery that we fetched ourselves: believed because we asked as the App, and only as the App's own."""

import ast
from pathlib import Path

import pytest

from gate_app.trust.body import Provenance, VerifiedBody
from gate_app.trust.bounds import MAX_BODY_BYTES
from gate_app.trust.fetched import Fetched, attest
from gate_app.trust.signature import Refusal

APP_ID = 4711
BODY = b'{"action":"created"}'
ROOT = Path(__file__).parents[2] / "gate_app"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(("integration", "4711"), id="of this App"),
        pytest.param(("", ""), id="a record that names no target"),
    ],
)
def test_a_delivery_of_our_own_hook_is_believed(target: tuple[str, str]) -> None:
    body = attest(Fetched(*target, BODY), APP_ID)
    assert isinstance(body, VerifiedBody)
    assert (body.raw, body.provenance) == (BODY, Provenance.DELIVERIES_API)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(("integration", "666"), id="case 14: of another App"),
        pytest.param(("repository", "4711"), id="case 14: of a repository whose id is ours"),
        pytest.param(("integration", ""), id="half a target"),
        pytest.param(("", "4711"), id="the other half"),
    ],
)
def test_a_delivery_for_somebody_else_is_refused(target: tuple[str, str]) -> None:
    refusal = attest(Fetched(*target, BODY), APP_ID)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "target_foreign"


def test_the_bound_is_that_of_webhooks() -> None:
    assert isinstance(attest(Fetched("", "", b" " * MAX_BODY_BYTES), APP_ID), VerifiedBody)
    refusal = attest(Fetched("", "", b" " * (MAX_BODY_BYTES + 1)), APP_ID)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "fetched_too_large"


def test_a_body_stays_out_of_what_is_shown() -> None:
    assert "created" not in repr(Fetched("", "", BODY))


@pytest.mark.parametrize(
    ("door", "callers"),
    [
        ("sealed", {"trust/fetched.py", "trust/signature.py"}),
        ("attest", {"intake/fetched.py"}),
        ("verify", {"intake/receiver.py", "web/api.py"}),
    ],
)
def test_each_door_has_one_caller(door: str, callers: set[str]) -> None:
    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            of_trust = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gate_app.trust")
            if of_trust and any(alias.name == door for alias in node.names):
                found.add(str(path.relative_to(ROOT)))
    assert found == callers
