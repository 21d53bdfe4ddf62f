"""`gate-app compare` and `gate-app backtest`: a gate file that somebody proposes. Rules as in `cli`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate_app.calls import database_option, plainly

if TYPE_CHECKING:
    from gate_app.domain.policy import Policy


def _read(file: Path) -> Policy:
    """The policy of a file; everything wrong with it is told, and ends the command with 2."""
    from gate_app.config import validate

    found = validate(file)
    if found.policy is None:
        for line in found.lines:
            click.echo(line, err=True)
        sys.exit(2)
    return found.policy


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@plainly
def compare(before: Path, after: Path) -> None:
    """Say whether a gate file is stricter or looser than another.

    Environment by environment, and what differs once both are written out. What cannot be shown to be as strict counts
    as looser (docs/simulate.md).
    Exit code 0: nothing is looser; 1: something is; 2: a file cannot be read or obeyed.
    """
    from gate_app.simulation.comparison import told

    found = told(_read(before), _read(after))
    for line in found.lines:
        click.echo(line)
    sys.exit(1 if found.looser else 0)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@database_option
@click.option(
    "--last",
    metavar="NUMBER",
    type=click.IntRange(min=1, max=10_000),
    default=50,
    show_default=True,
    help="How many gates of each environment are looked at, the newest.",
)
@plainly
def backtest(file: Path, database_url: str, last: int) -> None:
    """Say whom a gate file would have asked, of the runs in the journal.

    Each gate is judged once more on the facts that were recorded for it; nothing is changed or sent (docs/simulate.md).
    Exit code 0: told; 2: the file cannot be read or obeyed, or there is no such database.
    """
    from gate_app import bootstrap
    from gate_app.audit.backtest import summary

    for line in summary(bootstrap.backtest_journal(database_url, _read(file), last)):
        click.echo(line)
