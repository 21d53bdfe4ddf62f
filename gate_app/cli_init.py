"""`gate-app init` and `gate-app setup`: the first files of a repository, the App itself. Rules as in `cli`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gate_app.calls import plainly

if TYPE_CHECKING:
    from gate_app.starter.command import Proposed


@click.command()
@click.option(
    "--repo",
    metavar="PATH",
    type=click.Path(path_type=Path),
    default=Path("."),
    help="A git checkout of yours. Default: this folder.",
)
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--force", is_flag=True, help="Propose also what replaces files that are there.")
@plainly
def init(repo: Path, yes: bool, force: bool) -> None:
    """Write a gate file and workflows, fitted to a checkout.

    The difference is shown first; nothing of the repository is run, and nothing is replaced without --force
    (docs/init.md).
    Exit code 0: written, or nothing to do; 1: not written; 2: no checkout, or a link where a file should be.
    """
    from gate_app.starter import command

    proposed = command.propose(repo, force=force)
    if not isinstance(proposed, command.Proposed):
        _end(proposed.lines, command.WRONG_CALL)
    _show(proposed)
    if not proposed.files:
        sys.exit(command.NOT_WRITTEN if proposed.kept else command.WRITTEN)
    if not yes and not _agreed():
        _end(("Nothing was written.",), command.NOT_WRITTEN)
    if refused := command.write(proposed):
        _end(refused.lines, command.NOT_WRITTEN)
    for each in proposed.files:
        click.echo(f"Written: {each.path}")
    click.echo(
        "Next: gate-app validate --explain, then commit and merge them; docs/start.md goes on from there."
    )


@click.command()
@click.option(
    "--organisation",
    metavar="NAME",
    default="",
    help="Whose App it is. Default: yours, or chosen on the page.",
)
@plainly
def setup(organisation: str) -> None:
    """Register the App at GitHub, from a page in your browser.

    Prints a link that one browser can use once. The App's credentials are stored in the state folder, readable by this
    user alone, and the other commands find them there (docs/setup.md).
    Exit code 0: the App is there; 1: nobody finished within an hour; 2: the settings cannot be used.
    """
    from gate_app import registering, settings

    sys.exit(registering.register(settings.for_setup(), organisation, click.echo))


def _show(proposed: Proposed) -> None:
    for line in proposed.difference:
        click.echo(line)
    for line in proposed.notes:
        click.echo(f"* {line}", err=True)
    for each in proposed.kept:
        click.echo(f"* {each.path} is there and stays; --force shows what would replace it.", err=True)
    if not proposed.files and not proposed.kept:
        click.echo("Nothing to do: the files are there, as they would be written.")


def _agreed() -> bool:
    try:
        return click.confirm("Write this?")
    except click.Abort:  # no terminal to ask at, or Ctrl-C
        click.echo(err=True)
        return False


def _end(lines: tuple[str, ...], code: int) -> NoReturn:
    for line in lines:
        click.echo(line, err=True)
    sys.exit(code)
