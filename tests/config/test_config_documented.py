"""The reference and the code say the same: keys, defaults, examples, what is not enforced yet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.config import accepted, refused

from gate_app.config.models import DESCRIBED
from gate_app.config.shape import keys_of
from gate_app.config.vocabulary import NOT_YET

_DOCS = Path(__file__).parents[2] / "docs"
_PAGE = (_DOCS / "configuration.md").read_text(encoding="utf-8")
_CONCEPTS = "".join(
    (_DOCS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("approvers", "policy-changes", "delegation", "escalation", "windows", "plan", "shadow")
)
_BLOCKS = re.findall(r"^```(yaml[^\n]*)\n(.*?)^```$", _PAGE + _CONCEPTS, re.MULTILINE | re.DOTALL)
_EXAMPLES = [text for kind, text in _BLOCKS if kind == "yaml"]
_REFUSED = [text for kind, text in _BLOCKS if kind == "yaml refused"]
_SECTIONS = dict(re.findall(r"^### `([^`]+)`\n\n(.*?)(?=^##|\Z)", _PAGE, re.MULTILINE | re.DOTALL))


def _completed(example: str) -> str:
    """An example may leave out what every file has."""
    if "version:" not in example:
        example = f"version: 1\n{example}"
    return example if "\nenvironments:" in example else f"{example}environments: {{production: {{}}}}\n"


@pytest.mark.parametrize("example", _EXAMPLES, ids=range(len(_EXAMPLES)))
def test_a_documented_example_is_accepted(example: str) -> None:
    accepted(_completed(example))


def test_the_documented_refusal_is_what_is_said() -> None:
    (example,) = _REFUSED
    (shown,) = re.findall(r"^```text\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert [str(problem) for problem in refused(example)] == shown.splitlines()


def test_every_key_is_documented_and_nothing_else_is() -> None:
    keys = {".".join((*place, key)) for model, place in DESCRIBED.items() for key in keys_of(model)}
    assert set(_SECTIONS) == keys


@pytest.mark.parametrize(
    ("name", "default"),
    [
        (".".join((*place, field.alias or name)), field.default)
        for model, place in DESCRIBED.items()
        for name, field in model.model_fields.items()
        if isinstance(field.default, str | int)
    ],
)
def test_the_documented_default_is_the_real_one(name: str, default: str | int) -> None:
    word = f"`{str(default).lower()}`"
    assert re.search(rf"Default:\s+{re.escape(word)}", _SECTIONS[name])


def test_what_is_not_enforced_yet_is_listed_exactly() -> None:
    table = _PAGE.partition("## Known, but not enforced yet")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)` )?\|$", table, re.MULTILINE)
    assert set(rows) == {(".".join(it.path), it.shown.strip("`").partition(": ")[2]) for it in NOT_YET}
