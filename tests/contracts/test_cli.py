"""The command line says what it does, and docs/cli.md says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gate_app.cli import main

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


@pytest.mark.parametrize("words", [["nonsense"], ["try", "--nonsense"], ["try", "--timeout", "0"], ["audit"]])
def test_a_wrong_call_ends_with_2_and_says_what_is_there(words: list[str]) -> None:
    told = CliRunner().invoke(main, words, prog_name="gate-app")
    assert told.exit_code == 2
    assert "Usage: gate-app" in told.output
