"""The documents say what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate_app.domain.commands import OBEYED
from gate_app.domain.evidence import StageReason
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import Holds, Reason, ReasonCode

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "domain": {"domain"},
    "config": {"domain", "config", "calendars"},
    "engine": {"domain", "engine", "errors", "failpoints"},
    "github": {"domain", "engine", "errors", "failpoints", "github"},
    "store": {"domain", "engine", "errors", "store"},
    "stages": {"domain", "engine", "stages"},
    "jobs": {"engine", "errors", "jobs"},
    "intake": {"intake", "trust"},
    "notify": {"domain", "notify"},
    "audit": {"domain", "engine", "audit"},
    "simulation": {"domain", "config", "calendars", "simulation", "trial"},
    "starter": {"domain", "config", "stages", "starter", "trial"},
    "trust": {"trust"},
    "web": {"web", "trust", "intake"},
    "standin": {"standin"},
}


def test_every_reason_code_is_documented_with_what_it_says() -> None:
    text = (ROOT / "docs/reason-codes.md").read_text()
    for code in StageReason:
        assert f"`{code.value}`" in text, code
    for each in ReasonCode:
        assert f"| `{each.value}` | {sentence(Reason(each, Holds.MET))} |" in text, each


def test_every_link_and_picture_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)|(?:src|srcset)=\"([^\"]+)\"", (ROOT / "README.md").read_text()):
        assert (ROOT / "".join(target)).exists(), target


def test_the_pictures_of_the_readme_are_made_by_the_script() -> None:
    shown = re.findall(r"(?:src|srcset)=\"docs/([^\"]+)\"", (ROOT / "README.md").read_text())
    for name in shown:
        assert f'"{name}"' in (ROOT / "docs/picture.py").read_text(), name


def test_every_place_and_test_of_the_invariants_exists() -> None:
    text = (ROOT / "docs/invariants.md").read_text()
    for name in re.findall(r"`(tests/[a-z_/]+\.py)`", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`([a-z]+/[a-z_]+\.py)`", text):
        assert (ROOT / "gate_app" / name).exists(), name


def imports_of(room: str) -> Iterator[tuple[Path, str]]:
    """Every file of a room with each module of ours that it imports, wherever in the file."""
    for path in sorted((ROOT / "gate_app" / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            yield from ((path, name) for name in names if name.startswith("gate_app."))


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for path, name in imports_of(room):
        assert name.split(".")[1] in MAY_IMPORT[room], f"{path}: {name}"


@pytest.mark.parametrize("room", ["github", "jobs", "stages", "store"])
def test_an_adapter_knows_the_engine_by_its_ports_alone(room: str) -> None:
    for path, name in imports_of(room):
        assert name.startswith("gate_app.engine.ports") or not name.startswith("gate_app.engine"), (
            f"{path}: {name}"
        )


def test_only_settings_read_the_environment() -> None:
    for path in sorted((ROOT / "gate_app").rglob("*.py")):
        read = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        if path.name != "settings.py":
            assert not any(ast.unparse(node) in ("os.environ", "os.getenv") for node in read), path


def test_the_domain_is_pure() -> None:
    forbidden = {"os", "time", "random", "socket", "requests", "sqlalchemy", "flask", "github", "pydantic"}
    for path in sorted((ROOT / "gate_app/domain").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & forbidden, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, path
        assert "datetime.now" not in path.read_text(), path


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    read = set(re.findall(r'"(GATE_[A-Z_]+)"', (ROOT / "gate_app/settings.py").read_text()))
    written = set(
        re.findall(r"^\| `(GATE_[A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    )
    assert read == written


def test_every_surprise_of_github_names_tests_that_exist() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs/github.md").read_text())
    assert len(named) > 40
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_every_topic_of_the_doctor_is_documented() -> None:
    written = set(re.findall(r"`([a-z-]+)`", (ROOT / "docs/operate.md").read_text()))
    for path in (ROOT / "gate_app/doctor").glob("*.py"):
        for topic in re.findall(r'(?:ok|warn|wrong|_guarded)\(\s*"([a-z-]+)"', path.read_text()):
            assert topic in written, f"{path}: {topic}"


def test_every_command_in_comments_is_documented() -> None:
    page = (ROOT / "docs" / "answering.md").read_text(encoding="utf-8")
    assert [verb for verb in OBEYED if f"`/{verb}" not in page] == []
