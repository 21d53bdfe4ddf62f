"""The command line says what it does, and docs/cli.md says the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gate_app.cli import main, plainly

DOCUMENTS = Path(__file__).parents[2] / "docs"
DOCUMENT = (DOCUMENTS / "cli.md").read_text()
Commands = dict[str, click.Command]


def commands(group: click.Group = main, path: str = "gate-app") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS: Commands = dict(commands())


def section(path: str) -> str:
    """What the document says of a command."""
    found = re.search(rf"^## {path}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section about {path}"
    return found[1]


def rows(command: click.Command) -> list[str]:
    """The options of a command as they have to stand in its table."""
    shown = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    return [
        f"| `{each.opts[0]}{'' if each.is_flag else f' {each.metavar}'}` | {_help(each)} |" for each in shown
    ]


def _help(option: click.Option) -> str:
    default = f" Default: {option.default}." if option.show_default else ""
    return f"{option.help}{default}".replace("|", "\\|")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_documented_and_nothing_else(path: str) -> None:
    text, command = section(path), COMMANDS[path]
    assert (command.help or "").split("\n")[0].removesuffix(".") in text.replace("\n", " ")
    assert re.findall(r"^\| `--.*\|$", text, re.MULTILINE) == rows(command)


def test_only_commands_that_exist_are_documented() -> None:
    assert re.findall(r"^## (.*)$", DOCUMENT, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("path", ["gate-app", "gate-app audit", *COMMANDS])
def test_help_is_whole_sentences_that_are_not_cut_off(path: str) -> None:
    words = path.split()[1:]
    told = CliRunner().invoke(main, [*words, "--help"], prog_name="gate-app")
    assert told.exit_code == 0
    assert not re.search(r"[a-z,]\.\.\.$", told.output, re.MULTILINE)
    for named in re.findall(r"docs/[a-z-]+\.md", told.output):
        assert (DOCUMENTS.parent / named).exists(), named


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_says_what_it_does(path: str) -> None:
    for row in rows(COMMANDS[path]):
        assert re.search(r"[.)] \|$", row), row
        assert "None" not in row


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["try", "--nonsense"],
        *(["try", "--timeout", each] for each in ("0", "nan", "inf")),
        ["audit"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2_and_says_what_is_there(words: list[str]) -> None:
    told = CliRunner().invoke(main, words, prog_name="gate-app")
    assert told.exit_code == 2
    assert "Usage: gate-app" in told.output


def run(*words: str, **environment: str) -> Result:
    """What a command prints in an otherwise empty environment; both streams together."""
    names = [name for name in os.environ if name.startswith(("GATE_", "XDG_"))]
    return CliRunner(env={**dict.fromkeys(names), **environment}).invoke(main, words, prog_name="gate-app")


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The address of an empty database."""
    url = f"sqlite:///{tmp_path}/gate.db"
    assert run("migrate", "--database-url", url).exit_code == 0
    return url


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["migrate", "--database-url", "nonsense"], 2, "cannot be", id="no address"),
        pytest.param(
            ["migrate", "--database-url", "sqlite:////nonexistent/gate.db"],
            1,
            "its folder has to exist",
            id="no folder",
        ),
        pytest.param(
            ["audit", "verify", "--database-url", "sqlite:////nonexistent/gate.db"],
            2,
            "no database at that address",
            id="nothing to verify",
        ),
        pytest.param(
            ["replay", "--database-url", "sqlite:////nonexistent/gate.db"],
            2,
            "no database at that address",
            id="nothing to replay",
        ),
        pytest.param(
            ["audit", "export", "--since", "0001-01-01T00:00:00+23:59"], 2, "between 1970 and 9000", id="no year"
        ),
        pytest.param(["audit", "outside", "--since", "2026-01-01"], 2, "with its zone", id="no zone"),
        pytest.param(["validate", "/nonexistent.yml"], 2, "No such file", id="no gate file"),
        pytest.param(["web"], 2, "GATE_WEBHOOK_SECRET is missing", id="no settings"),
    ],
)  # fmt: skip
def test_a_problem_is_a_sentence_and_never_a_traceback(words: list[str], code: int, said: str) -> None:
    told = run(*words)
    assert (told.exit_code, said in told.output) == (code, True), told.output
    assert "Traceback" not in told.output


@pytest.mark.parametrize("option", ["--heads", "--remember"])
def test_a_file_of_heads_that_cannot_be_used_is_said(option: str, database: str, tmp_path: Path) -> None:
    told = run("audit", "verify", "--database-url", database, option, str(tmp_path))
    assert told.exit_code == 1
    assert "journal heads cannot be" in told.output
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith(".new")) == []


def test_a_journal_is_verified_and_replayed_in_words(database: str, tmp_path: Path) -> None:
    heads = str(tmp_path / "heads.json")
    assert (
        run("audit", "verify", "--database-url", database, "--remember", heads).output
        == "0 entries, whole.\n"
    )
    assert run("audit", "verify", "--database-url", database, "--heads", heads).exit_code == 0
    assert run("replay", "--database-url", database).output == "0 entries decided again, 0 differences.\n"


def test_case_218_a_fault_of_the_program_is_told_by_type_and_place_alone() -> None:
    @click.command()
    @plainly
    def broken() -> None:
        raise RuntimeError("hunter2")

    told = CliRunner().invoke(broken)
    assert told.exit_code == 1
    assert re.search(r"RuntimeError at test_cli\.py:\d+\. Please report", told.output)
    assert "hunter2" not in told.output
