"""One trial from the call to the exit code.

Rules of the file: what the caller got wrong is told before anything is started; whatever way it ends,
processes are ended, the final state is written and the exit code says how it was, heard or not.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, TextIO

from rich.console import Console

from gate_app import bootstrap
from gate_app.config import DEFAULT_FILE_NAME
from gate_app.settings import inherited
from gate_app.stages.inspection import inspect
from gate_app.stages.isolation import Grade
from gate_app.stages.places import Places
from gate_app.stages.virtualenv import VirtualEnvironment, find_venv
from gate_app.standin.control import Control, ControlError
from gate_app.trial import configuration, home, people, report, repository, sample
from gate_app.trial.answers import Saying, parse_sayings
from gate_app.trial.app import raise_curtain
from gate_app.trial.configuration import Configuration
from gate_app.trial.git import GitRefused
from gate_app.trial.home import TrialHome
from gate_app.trial.last_words import heard
from gate_app.trial.people import REVIEWER, Resident
from gate_app.trial.picture import Picture
from gate_app.trial.processes import Processes, ProcessLost, TimeIsOver
from gate_app.trial.progress import LiveProgress, PlainProgress, Progress
from gate_app.trial.prompt import Prompt
from gate_app.trial.refusal import Refusal, refuse
from gate_app.trial.report import Ending
from gate_app.trial.repository import CommitRange
from gate_app.trial.rows import Cast
from gate_app.trial.scene import Scene
from gate_app.trial.standing import Outcome
from gate_app.trial.story import Eyes, Memory, Story, Timing

TERMINATED: Final = 143
"""The exit code after SIGTERM: 128 and the number of the signal."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for. `timeout` is in seconds and bounds everything."""

    repository: Path | None = None
    base: str | None = None
    head: str | None = None
    tests: str | None = None
    sayings: tuple[str, ...] = ()
    json: Path | None = None
    home: Path | None = None
    timeout: float = 1800.0


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a trial shows itself and what it is answered with; `keyboard` is None when nobody sits there.

    `browser` opens an address in front of whoever sits there.
    """

    screen: Console
    errors: Console
    keyboard: TextIO | None = None
    browser: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A wish that can be carried out."""

    commits: CommitRange
    configuration: Configuration
    people: tuple[Resident, ...]
    sayings: tuple[Saying, ...]
    venv: VirtualEnvironment

    @property
    def cast(self) -> Cast:
        return Cast(self.configuration.policy, self.people)


class _Terminated(BaseException):
    """SIGTERM. Not an `Exception`, so nothing swallows it."""


def run(wish: Wish, terminal: Terminal) -> int:
    """Carries a wish out and returns the exit code: 0 released, 1 not, 2 wrong call, 130 Ctrl-C, 143 SIGTERM."""
    place = _json_problem(wish) or home.prepare(wish.home)
    if isinstance(place, Refusal):
        return _refused(wish, terminal, place)
    plan = _plan(wish, place)
    if isinstance(plan, Refusal):
        _discard(wish, place)
        return _refused(wish, terminal, plan)
    memory = Memory(plan.sayings)
    try:
        with _terminable():
            ending, code = _tell(wish, plan, place, memory, terminal), None
    except KeyboardInterrupt:
        ending, code = Ending(Outcome.INTERRUPTED), None
    except _Terminated:
        ending, code = Ending(Outcome.INTERRUPTED, "Ended by SIGTERM."), TERMINATED
    code = ending.outcome.exit_code if code is None else code
    _keep(wish, terminal, report.final_state(ending, place, memory))
    if not heard(lambda: _print(terminal.screen, report.summary(ending, place, memory))):
        os._exit(code)  # the interpreter would try to print the rest, and wait for ever
    return code


# --- before anything is started --------------------------------------------------------------------------


def _plan(wish: Wish, place: TrialHome) -> Plan | Refusal:
    try:
        commits = _commits(wish, place)
        if isinstance(commits, Refusal):
            return commits
        chosen = configuration.choose(commits, wish.tests)
    except GitRefused as refused:
        return refuse(f"The repository cannot be read: {refused}")
    if isinstance(chosen, Refusal):
        return chosen
    everybody = people.residents(chosen.policy)
    sayings = parse_sayings(wish.sayings, tuple(person.login for person in everybody))
    if isinstance(sayings, Refusal):
        return sayings
    return Plan(commits, chosen, everybody, sayings, find_venv(commits.checkout))


def _commits(wish: Wish, place: TrialHome) -> CommitRange | Refusal:
    """The range of the caller's repository, else that of the sample service."""
    if wish.repository is not None:
        return repository.resolve(wish.repository, wish.base, wish.head)
    if wish.base is not None or wish.head is not None:
        return refuse("--base and --head are about a repository of yours; name it with --repo PATH")
    made = sample.create(place.sample)
    return repository.resolve(made.path, made.base, made.head)


def _json_problem(wish: Wish) -> Refusal | None:
    if wish.json is None or wish.json.absolute().parent.is_dir():
        return None
    return refuse(f"--json {wish.json}: there is no folder {wish.json.parent}; make it first")


def _refused(wish: Wish, terminal: Terminal, refusal: Refusal) -> int:
    for line in refusal.lines:
        _print(terminal.errors, line)
    ending = Ending(Outcome.REFUSED, "\n".join(refusal.lines))
    if _json_problem(wish) is None:
        _keep(wish, terminal, report.final_state(ending, None, Memory()))
    return ending.outcome.exit_code


def _discard(wish: Wish, place: TrialHome) -> None:
    """Takes back what `home.prepare` made: nothing was started, so there is nothing to look at."""
    for part in place.root.iterdir():
        shutil.rmtree(part)
    if wish.home is None:
        place.root.rmdir()


# --- the trial itself ------------------------------------------------------------------------------------


def _tell(wish: Wish, plan: Plan, place: TrialHome, memory: Memory, terminal: Terminal) -> Ending:
    """Starts everything, tells the story and ends everything."""
    timing = Timing(time.monotonic, time.sleep, time.monotonic() + wish.timeout)
    progress = _progress(plan, terminal.screen)
    processes = Processes(place)
    _introduce(plan, wish, place, progress)
    try:
        control, scene = raise_curtain(
            processes, place, plan.commits, plan.configuration, plan.people, plan.venv.folder, timing.deadline
        )
        progress.say(f"author opens pull request #{scene.pull_request}: {plan.commits.title}")
        _point_to_the_page(wish, terminal, progress, scene.page(control.url))
        story = Story(
            plan.cast,
            scene,
            control,
            Eyes(lambda: _look(place, control, scene), processes.check),
            progress,
            timing,
            memory,
            deque(plan.sayings),
            _prompt(terminal),
        )
        return Ending(story.tell())
    except TimeIsOver:
        return Ending(Outcome.TIMED_OUT)
    except (ProcessLost, ControlError) as lost:
        return Ending(Outcome.FAULT, str(lost))
    except Exception as fault:  # the last line of defence: a sentence for the user, the trace in a file
        log = place.logs / "try.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        return Ending(Outcome.FAULT, f"{type(fault).__name__}; the trace is in {log}")
    finally:
        with _undisturbed():
            processes.end()
        heard(progress.close)


def _point_to_the_page(wish: Wish, terminal: Terminal, progress: Progress, address: str) -> None:
    progress.say(f"Look and answer in the browser, too: {address}")
    if terminal.browser is not None and is_attended(wish, terminal):
        terminal.browser(address)


def is_attended(wish: Wish, terminal: Terminal) -> bool:
    """Whether a person sits there and answers, so that a browser may open in front of them."""
    return terminal.keyboard is not None and not wish.sayings


def _look(place: TrialHome, control: Control, scene: Scene) -> Picture:
    snapshot = control.state(scene.repository)
    return Picture(scene, bootstrap.overview(place.database_url), snapshot)


def _introduce(plan: Plan, wish: Wish, place: TrialHome, progress: Progress) -> None:
    """Says what is tried and what was decided on the way."""
    commits = plan.commits
    what = "the sample service greeter" if wish.repository is None else str(commits.checkout)
    progress.say(f"Trying {what}: {commits.base[:12]}..{commits.head[:12]}, in {place.root}")
    for note in (*commits.notes, *plan.configuration.notes):
        progress.say(note)
    if plan.configuration.proposed is not None:
        text = "".join(f"    {line}\n" for line in plan.configuration.proposed.splitlines())
        progress.say(f"\n    # {DEFAULT_FILE_NAME}\n{text}")
    if wish.repository is not None:
        progress.say(plan.venv.reason)
    progress.say(_confinement(plan, place))


def _confinement(plan: Plan, place: TrialHome) -> str:
    """What the commands of the range can do here, found out as the engine is going to find out."""
    search_path = inherited().get("PATH", "")
    found = inspect(Places(place.app, search_path, plan.venv.folder, (place.root, Path.home())))
    if found.grade is Grade.NAMESPACES:
        return "Commands are confined: a read-only machine without your home, no network but for deployments."
    return f"Commands are not confined, since {found.shortcoming}: they can do what you can."


def _progress(plan: Plan, screen: Console) -> Progress:
    if screen.is_terminal:
        return LiveProgress(screen, bootstrap.now, plan.commits.title)
    return PlainProgress(screen, bootstrap.now)


def _prompt(terminal: Terminal) -> Prompt | None:
    if terminal.keyboard is None:
        return None
    return Prompt(terminal.keyboard, terminal.screen.file, REVIEWER)


# --- after it --------------------------------------------------------------------------------------------


def _keep(wish: Wish, terminal: Terminal, state: report.Json) -> None:
    if wish.json is None:
        return
    try:
        report.write(wish.json.absolute(), state)
    except OSError as error:
        _print(terminal.errors, f"--json {wish.json} could not be written: {error.strerror}")


def _print(console: Console, text: str) -> None:
    with suppress(BrokenPipeError):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM inside the block raises, so that it is left in order."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Neither Ctrl-C nor SIGTERM interrupt the block: an impatient second one must leave nothing behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated
