"""The command line: declarations and calls, nothing else.

Rules of the file: a command parses, calls one function of another room and turns its outcome into an exit
code; problems are sentences on stderr, never tracebacks. Imports of rooms are inside the commands: `--help` is
instant and a web process stays small.
"""

from __future__ import annotations

import sys
from math import isnan
from pathlib import Path

import click

from gate_app import failpoints
from gate_app.calls import InOrder, database_option, plainly
from gate_app.cli_audit import audit
from gate_app.cli_init import init, setup
from gate_app.cli_policy import backtest, compare

FIRST_STEPS = """\
First steps: `gate-app try` needs nothing but this machine; `gate-app init` writes a gate file, `gate-app validate
--explain` says what it means; `gate-app serve` runs the app and `gate-app doctor` says what to mend. More: docs/cli.md
"""


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    """`nan` compares with nothing, so it lies within any bounds."""
    if isnan(value):
        raise click.BadParameter("nan is not a number of seconds.")
    return value


@click.group(
    cls=InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=FIRST_STEPS,
)
def main() -> None:
    """Gate App: automation runs as far as it safely can and stops where a person must decide."""


def _armed(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    for option in value:
        try:
            failpoints.arm_as_told(option)
        except failpoints.UnknownFailpoint as unknown:
            raise click.BadParameter(str(unknown)) from unknown


failpoint_option = click.option(
    "--failpoint", multiple=True, hidden=True, expose_value=False, callback=_armed, metavar="NAME[:N]"
)


poll_option = click.option(
    "--poll",
    "intake",
    flag_value="poll",
    default="webhooks",
    help="Fetch deliveries from GitHub instead of waiting for them: needs no public address.",
)
isolation_option = click.option(
    "--isolation", type=click.Choice(["required", "best"]), default="required", hidden=True
)
"""What has to confine command stages; `best` is for `try` and for tests, which run code that is trusted anyway."""


@main.command("try")
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A git checkout of yours; it is only read. Default: a sample service.",
)
@click.option(
    "--base", metavar="REV", help="Where the change starts. Default: where it left the default branch."
)
@click.option("--head", metavar="REV", help="Where the change ends. Default: HEAD.")
@click.option("--tests", metavar="COMMAND", help="What tests it, where the repository has no gate.yml.")
@click.option(
    "--say",
    multiple=True,
    metavar='"LOGIN: TEXT"',
    help="Answer as somebody, as soon as a gate asks; in order, may be repeated.",
)
@click.option("--no-browser", is_flag=True, help="Print the address of the page, do not open it.")
@click.option(
    "--json",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the final state here, for scripts.",
)
@click.option(
    "--home",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A new folder for releases, journal and logs. Default: a temporary one.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1, max=86_400),
    callback=_seconds,
    default=1800,
    show_default=True,
    help="After which everything is ended.",
)
def try_(
    repo: Path | None,
    base: str | None,
    head: str | None,
    tests: str | None,
    say: tuple[str, ...],
    no_browser: bool,
    json: Path | None,
    home: Path | None,
    timeout: float,
) -> None:
    """Run the whole story on this machine, without GitHub.

    A pull request is opened, its stages run, a person is asked, staging opens, a person is asked, production
    opens: on a checkout of yours with --repo, else on a small sample service. Answer on the page that opens, at
    the prompt, or with --say "reviewer: /approve staging".

    Exit code 0: released everywhere; 1: not; 2: wrong call or configuration; 130: Ctrl-C.
    """
    try:
        from rich.console import Console

        from gate_app import settings
        from gate_app.trial import browser
        from gate_app.trial.trial import Terminal, Wish, run

        keyboard = sys.stdin if sys.stdin is not None and sys.stdin.isatty() else None
        opener = browser.show if settings.has_display() and not no_browser else None
        terminal = Terminal(Console(), Console(stderr=True), keyboard, opener)
        sys.exit(run(Wish(repo, base, head, tests, say, json, home, timeout), terminal))
    except KeyboardInterrupt:  # before anything was started
        sys.exit(130)


main.add_command(init)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path(".github/gate.yml"))
@click.option(
    "--explain", "explained", is_flag=True, help="Print what it means, with every default written out."
)
@click.option(
    "--tests",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Tests of the gate file. Default: gate.tests.yml beside it, where there is one.",
)
@click.option(
    "--floor",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The floor of the organisation, which the gate file is brought up to.",
)
@plainly
def validate(file: Path, explained: bool, tests: Path | None, floor: Path | None) -> None:
    """Check a gate file, .github/gate.yml unless another is named.

    Every problem is told with its place and what to write instead; its tests (docs/simulate.md) are run.
    Exit code 0: valid; 1: invalid, or a test does not come out as expected; 2: there is no such file.
    """
    from gate_app.config import explain
    from gate_app.config import validate as check
    from gate_app.simulation.command import tested

    found = check(file, floor)
    for line in found.lines:
        click.echo(line, err=found.exit_code != 0)
    if explained and found.policy is not None:
        click.echo(explain(found.policy))
    if found.policy is None:
        sys.exit(found.exit_code)
    told = tested(file, found.policy, tests)
    for line in told.lines:
        click.echo(line, err=not told.went_well)
    sys.exit(told.exit_code)


@main.command()
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The gate file. Default: .github/gate.yml; with --repo, the one of the base.",
)
@click.option(
    "--facts",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What is so: the change, its evidence, people, what they said.",
)
@click.option(
    "--repo",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A git checkout that the change is taken from; it is only read.",
)
@click.option(
    "--base", metavar="REV", help="Where the change starts. Default: where it left the default branch."
)
@click.option("--head", metavar="REV", help="Where the change ends. Default: HEAD.")
@click.option(
    "--at", metavar="TIME", help="When it is judged, with its zone. Default: now, or what the facts say."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@plainly
def simulate(
    config: Path | None,
    facts: Path | None,
    repo: Path | None,
    base: str | None,
    head: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    """Judge a change that is only described, by the rules of production.

    Every gate with its verdict, the tree of reasons, who could still finish it and what would change it. Nothing is
    asked of GitHub, stored or released (docs/simulate.md).
    Exit code 0: judged, whatever the verdicts; 1: a file is invalid; 2: wrong call.
    """
    from gate_app.simulation.command import Wish, run

    told = run(Wish(config, facts, repo, base, head, at), as_json)
    for line in told.lines:
        click.echo(line, err=not told.went_well)
    sys.exit(told.exit_code)


main.add_command(compare)
main.add_command(backtest)
main.add_command(setup)


@main.command()
@poll_option
@isolation_option
@plainly
def serve(intake: str, isolation: str) -> None:
    """Run the whole app on this machine.

    Web processes and the engine under one parent, until SIGTERM or Ctrl-C. Settings come from GATE_… variables;
    all their problems are told at once (docs/settings.md). Exit code 2: the settings cannot be used.
    """
    from gate_app import bootstrap, settings

    sys.exit(bootstrap.serve(settings.for_serve(), settings.Intake(intake), isolation, click.echo))


@main.command()
@failpoint_option
@plainly
def web() -> None:
    """Run the web processes alone: deliveries and health.

    For machines that `serve` does not hold together; settings come from GATE_… variables (docs/settings.md).
    """
    from gate_app import bootstrap, settings

    bootstrap.serve_web(settings.for_web())


@main.command()
@failpoint_option
@poll_option
@isolation_option
@plainly
def worker(intake: str, isolation: str) -> None:
    """Run the engine alone: judge, ask, release.

    For machines that `serve` does not hold together; settings come from GATE_… variables (docs/settings.md).
    """
    from gate_app import bootstrap, settings

    bootstrap.serve_engine(settings.from_environment(), settings.Intake(intake), isolation)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def doctor(as_json: bool) -> None:
    """Look whether everything is well, and say what to mend.

    Settings, key, clock, App, permissions, events, webhook, deliveries, installations, gate files, how strong
    each gate is, database and isolation. It changes nothing. Exit code 0: well; 1: doubtful; 2: wrong.
    """
    from rich.console import Console

    from gate_app import bootstrap
    from gate_app.doctor import report
    from gate_app.doctor.finding import exit_code

    console, found = Console(highlight=False), []
    for finding in bootstrap.findings():
        found.append(finding)
        if not as_json:
            report.show(console, finding)
    if as_json:
        click.echo(report.as_json(found))
    else:
        report.summary(console, found)
    sys.exit(exit_code(found))


@main.command()
@database_option
@plainly
def migrate(database_url: str) -> None:
    """Create or upgrade the tables of the database.

    The engine does the same when it starts; this is for upgrades where it may not change tables by itself.
    """
    from gate_app import bootstrap

    bootstrap.apply_migrations(database_url)
    click.echo("The database is up to date.")


main.add_command(audit)


@main.command()
@database_option
@plainly
def replay(database_url: str) -> None:
    """Decide the whole journal again, and compare.

    Every recorded event is judged once more under its recorded conditions; nothing is changed or sent.
    Exit code 0: the same came out; 1: something differs; 2: there is no such database.
    """
    from gate_app import bootstrap

    report = bootstrap.replay_journal(database_url)
    for found in report.differences:
        click.echo(f"repository {found.repository_id}, entry {found.number}: differs in its {found.what}")
    if report.reworded:
        click.echo(
            f"{report.reworded} entries would read otherwise at GitHub in this version; no rule differs by that."
        )
    why = "" if report.agrees else ": this version decides otherwise, or the record was changed"
    click.echo(f"{report.entries} entries decided again, {len(report.differences)} differences{why}.")
    sys.exit(0 if report.agrees else 1)


if __name__ == "__main__":
    main(prog_name="gate-app")
