"""What commands share: their order, their faults as sentences, the option that names the database."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click

from gate_app.errors import ConfigurationFault, GateFault, outline

Given = ParamSpec("Given")


class InOrder(click.Group):
    """Lists its commands in the order in which a reader meets them."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.commands)


def plainly(command: Callable[Given, None]) -> Callable[Given, None]:
    """Faults as sentences: wrong settings end with 2, anything else of ours with 1."""

    @wraps(command)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigurationFault as fault:
            click.echo(f"The settings cannot be used:\n{fault}", err=True)
            sys.exit(2)
        except GateFault as fault:
            click.echo(str(fault), err=True)
            sys.exit(1)
        except (click.ClickException, BrokenPipeError):
            raise
        except Exception as fault:  # the last line of defence: its own text may hold a secret (case 218)
            click.echo(f"The program has a fault: {outline(fault)}. Please report this line.", err=True)
            sys.exit(1)

    return wrapped


def _database(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    from gate_app import settings

    try:
        return value or settings.database_url()
    except ConfigurationFault as fault:
        raise click.BadParameter(str(fault)) from fault


database_option = click.option(
    "--database-url",
    metavar="URL",
    envvar="GATE_DATABASE_URL",
    callback=_database,
    help="sqlite:////absolute/path.db or postgresql://… (GATE_DATABASE_URL). Default: the one of `serve`.",
)
