"""The command line: declarations and calls, nothing else.

Rules of the file: a command parses, calls one function of another room and turns its outcome into an exit
code; problems are sentences on stderr, never tracebacks. Imports of rooms are inside the commands: `--help` is
instant and a web process stays small.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from gate_app import failpoints
from gate_app.errors import ConfigurationFault, GateFault

Given = ParamSpec("Given")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Gate App: automation runs as far as it safely can and stops where a person must decide."""


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

    return wrapped


def _armed(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    for option in value:
        try:
            failpoints.arm_as_told(option)
        except failpoints.UnknownFailpoint as unknown:
            raise click.BadParameter(str(unknown)) from unknown


failpoint_option = click.option(
    "--failpoint", multiple=True, hidden=True, expose_value=False, callback=_armed, metavar="NAME[:N]"
)


@main.command()
@failpoint_option
@plainly
def web() -> None:
    """Receive deliveries and answer health checks (settings from GATE_… variables)."""
    from gate_app import bootstrap, settings

    bootstrap.serve_web(settings.from_environment())


@main.command()
@failpoint_option
@plainly
def worker() -> None:
    """Run the engine: judge, ask, release (settings from GATE_… variables)."""
    from gate_app import bootstrap, settings

    bootstrap.serve_engine(settings.from_environment())


@main.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path(".github/gate.yml"))
@click.option("--explain", "explained", is_flag=True, help="Print what the file expands to.")
def validate(file: Path, explained: bool) -> None:
    """Check a gate file: 0 valid, 1 invalid, 2 wrong call."""
    from gate_app.config import explain
    from gate_app.config import validate as check

    found = check(file)
    for line in found.lines:
        click.echo(line, err=found.exit_code != 0)
    if explained and found.policy is not None:
        click.echo(explain(found.policy))
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main(prog_name="gate-app")
