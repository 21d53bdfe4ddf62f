"""`gate-app audit`: the journal for auditors. Rules as in `cli`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate_app.calls import InOrder, database_option, plainly

if TYPE_CHECKING:
    from gate_app.audit.export import Format


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    """A moment without a zone means another one everywhere."""
    if value is None:
        return None
    from gate_app.simulation.moments import parsed

    found = parsed(value)
    if found is None:
        raise click.BadParameter(
            "write it with its zone, between 1970 and 9000, such as 2026-03-02T09:00:00Z."
        )
    return found


@click.group(cls=InOrder)
def audit() -> None:
    """Look at the journal of decisions (docs/journal.md)."""


@audit.command()
@database_option
@click.option(
    "--heads",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare with heads that were remembered: shows a cut end.",
)
@click.option(
    "--remember",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the heads here if all is whole.",
)
@plainly
def verify(database_url: str, heads: Path | None, remember: Path | None) -> None:
    """Check that no entry was changed, moved or taken away.

    Nothing inside a database shows that its end was cut off: remember the heads elsewhere with --remember and
    compare with them later with --heads. Exit code 0: whole; 1: not; 2: there is no such database.
    """
    from gate_app import bootstrap

    report = bootstrap.verify_journal(database_url, heads, remember)
    for found in report.findings:
        click.echo(f"{found.code}: repository {found.repository_id}, entry {found.number}: {found.detail}")
    for repository, head in report.heads.items():
        click.echo(f"repository {repository}: {head.number} entries, head {head.hash}")
    click.echo(f"{report.entries} entries, {'whole' if report.clean else f'{report.found} findings'}.")
    sys.exit(0 if report.clean else 1)


_ENVIRONMENT = click.option(
    "--environment", metavar="NAME", help="Events about this environment alone. Default: all."
)
_SINCE = click.option(
    "--since",
    metavar="TIME",
    callback=_moment,
    help="Events at this moment or later, given with its zone. Default: all.",
)
_FORMAT = click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="jsonl: one JSON object a line; csv: for spreadsheets, never a formula.",
)


@audit.command()
@database_option
@_ENVIRONMENT
@_SINCE
@_FORMAT
@plainly
def export(database_url: str, environment: str | None, since: datetime | None, form: Format) -> None:
    """Write the journal as events, one line each.

    Who asked, answered, changed, released, and why, in the order of the journal; docs/audit.md explains the columns.
    What cannot be read is an event too. Exit code 0: written; 2: there is no such database.
    """
    from gate_app import bootstrap

    for line in bootstrap.audit_events(database_url, environment, since, form):
        click.echo(line)


@audit.command()
@database_option
@_ENVIRONMENT
@_SINCE
@_FORMAT
@plainly
def outside(database_url: str, environment: str | None, since: datetime | None, form: Format) -> None:
    """List the releases outside the gate.

    Deployments that GitHub told of, to an environment with a gate, which no release of this app brought there: one
    event a line, as `export` writes it. What cannot be read is an event too. Exit code 0: written; 2: there is no such
    database.
    """
    from gate_app import bootstrap

    for line in bootstrap.audit_events(database_url, environment, since, form, "released_outside"):
        click.echo(line)


@audit.command()
@click.argument("gate")
@database_option
@click.option(
    "--heads",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare with heads that were remembered: shows a cut end.",
)
@plainly
def record(gate: str, database_url: str, heads: Path | None) -> None:
    """Write one page about one deployment, in Markdown.

    What shipped, who was asked, who answered what and why, on which evidence, and where that stands in the journal.
    GATE is its id, as the deployment at GitHub names it: 71#3:1:production.
    Exit code 0: written, and the journal is whole; 1: it is not, or has no such gate; 2: there is no such database.
    """
    from gate_app import bootstrap

    found = bootstrap.decision_record(database_url, gate, heads)
    if found is None:
        click.echo(f"The journal has no gate {gate!a}; `gate-app audit export` lists them.", err=True)
        sys.exit(1)
    click.echo(found.text, nl=False)
    sys.exit(0 if found.whole else 1)
