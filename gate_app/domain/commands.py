"""The grammar of commands in comments.

Rules of the file: a command is a whole line, at column 0, ASCII only up to its reason, never normalised (cases 38 to
42); the Markdown around it was judged before it came here. Read from left to right: a configured environment; 12 to
40 lower-case hex digits; `key=value`s; what follows `--` is the reason, and for commands that need one, the rest. A
reason is any text that can be seen. A line that is no command of ours is None: silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from gate_app.domain.lexis import PARAMETER, SHA, has_hidden
from gate_app.domain.locks import LONGEST, SHORTEST
from gate_app.domain.plan_block import OPENING, BlockFlaw, read
from gate_app.domain.verdict import ReasonCode

MAX_LINE: Final = 4_096
"""Characters of a first line that are looked at; a longer one is no command."""
MAX_REASON: Final = 1_000
"""Characters of a reason that are kept (case 52)."""

FOREIGN: Final = "characters outside ASCII"
"""The detail of a command that has some: they are refused, not shown."""
HIDDEN: Final = "invisible characters in its reason"
"""The same of a reason that does not show as it is."""

Answering = Literal["approve", "deny"]
Asking = Literal["status", "why", "help"]
Moving = Literal["deploy", "cancel", "retry", "modify", "rollback", "override"]
Pausing = Literal["hold", "resume", "ask", "answer", "withdraw"]
Locking = Literal["lock", "unlock", "delegate"]
Waiving = Literal["waive"]
OBEYED: Final = (
    "approve", "deny", "modify", "deploy", "cancel", "retry", "hold", "resume", "ask", "answer", "withdraw",
    "lock", "unlock", "rollback", "override", "waive", "delegate", "status", "why", "help",
)  # fmt: skip
"""The commands, by their first words; anything else is passed over in silence."""

_WORD: Final = re.compile(r"/(?:gate[ \t]+)?([a-z]+)(?=[ \t]|$)", re.ASCII)
_WORD_THEN_FOREIGN: Final = re.compile(r"/(?:gate[ \t]+)?([a-z]+)(?![a-z0-9_-])", re.ASCII)
_REASONED: Final = re.compile(
    r"/(?:gate[ \t]+)?(?:(?:deny|lock|unlock|rollback|override)[ \t]+[^ \t]+|waive(?:[ \t]+[^ \t]+){3})"
    r"(?=[ \t])",
    re.ASCII,
)
_WAIVE: Final = re.compile(
    r"([0-9a-f]{12,64})[ \t]+until[ \t]+([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ \t]+(.*))?", re.ASCII
)
_FOR: Final = re.compile(r"(?:(.*)[ \t])?for[ \t]+([0-9]{1,6})([mhd])", re.ASCII)
_DELEGATED: Final = re.compile(
    r"@([A-Za-z0-9][A-Za-z0-9_-]{0,38})[ \t]+until[ \t]+([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII
)
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_REASON_MARK: Final = " --"
_MARKUP: Final = "*_~`"


@dataclass(frozen=True, slots=True)
class Command:
    """A well-formed command. `environment` and `sha` are None when the line did not name them; `stage` is what a
    `/retry` named, whether or not there is such a stage; `duration` is how long a `/lock` is to last, if it says so;
    `finding` begins the fingerprint that a `/waive` named, which is to hold before `until`.
    `notes` and `rollback` are those of a plan block (`PlanBlock`).
    """

    verb: Answering | Asking | Moving | Pausing | Locking | Waiving
    environment: str | None = None
    sha: str | None = None
    reason: str = ""
    stage: str = ""
    values: tuple[tuple[str, str], ...] = ()
    duration: timedelta | None = None
    finding: str = ""
    until: datetime | None = None
    notes: str | None = None
    rollback: str | None = None


PLAN: Final = "plan"
"""What stands for the verb of a plan block that cannot be read."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A command of ours that cannot be obeyed as written: the code, and what its sentence needs."""

    verb: str
    code: ReasonCode
    detail: str = ""


def parse(line: str, environments: Sequence[str]) -> Command | Malformed | None:
    """Reads one first line, or a whole plan block. None is no command of ours, to be passed over in silence."""
    if line.startswith(OPENING):
        return _plan(line, environments)
    if len(line) > MAX_LINE:
        return None
    decisive = line[: _reason_at(line)]
    if not decisive.isascii() or has_hidden(decisive):
        return _foreign(line, FOREIGN)
    if has_hidden(line):
        return _foreign(line, HIDDEN)
    word = _WORD.match(line)
    if word is None:
        return None
    verb, rest = word.group(1), line[word.end() :].strip(" \t")
    match verb:
        case "approve":
            return _approve(rest, environments)
        case "deny":
            return _deny(rest, environments)
        case "modify":
            return _modify(rest, environments)
        case "deploy":
            return _deploy(rest, environments)
        case "retry":
            return Command("retry", stage=rest) if rest else Malformed("retry", ReasonCode.STAGE_NOT_FOUND)
        case "hold" | "ask" | "answer":
            return _text(verb, rest, environments)
        case "rollback" | "override":
            return _with_reason(verb, rest, environments)
        case "waive":
            return _waive(rest)
        case "lock" | "unlock":
            return _lock(verb, rest, environments)
        case "delegate":
            return _delegate(rest, environments)
        case "withdraw":
            return _withdraw(rest, environments)
        case "status" | "help" | "cancel" | "resume":
            return Command(verb) if not rest else Malformed(verb, ReasonCode.COMMAND_MALFORMED, rest[:80])
        case "why":
            return _why(rest, environments)
        case _:
            return None


def _reason_at(line: str) -> int:
    """Where nothing but the reason can follow any more: behind ` --`, and behind the first word after e.g. `/deny`."""
    reasoned = _REASONED.match(line)
    if reasoned is not None:
        return reasoned.end()
    before, mark, _ = line.partition(_REASON_MARK)
    return len(before + mark)


def _foreign(line: str, detail: str) -> Malformed | None:
    """A command with invisible or foreign characters is refused whole and visibly, never cleaned (case 41)."""
    word = _WORD_THEN_FOREIGN.match(line)
    if word is None or word.group(1) not in OBEYED:
        return None
    return Malformed(word.group(1), ReasonCode.COMMAND_MALFORMED, detail)


def _approve(rest: str, environments: Sequence[str]) -> Command | Malformed:
    head, _, reason = _split_reason(rest)
    environment, head = _take_environment(head, environments)
    sha, head = _take_sha(head)
    if not head:
        return Command("approve", environment, sha, reason[:MAX_REASON])
    first = head.split()[0]
    if PARAMETER.fullmatch(first):
        return Malformed("approve", ReasonCode.PARAMETERS_UNDECLARED, first.partition("=")[0])
    if environment is None and sha is None:
        return Malformed("approve", ReasonCode.ENVIRONMENT_UNKNOWN, first)
    return Malformed("approve", ReasonCode.COMMAND_MALFORMED, first)


def _modify(rest: str, environments: Sequence[str]) -> Command | Malformed:
    """`key=value`s and nothing else, each key once."""
    environment, remainder = _take_environment(rest, environments)
    parts = remainder.split()
    for part in parts:
        if PARAMETER.fullmatch(part) is None:
            wrong = ReasonCode.COMMAND_MALFORMED if environment else ReasonCode.ENVIRONMENT_UNKNOWN
            return Malformed("modify", wrong, part)
    values = dict(part.split("=", 1) for part in parts)
    if not parts or len(values) < len(parts):
        return Malformed(
            "modify", ReasonCode.TEXT_MISSING if not parts else ReasonCode.COMMAND_MALFORMED, remainder
        )
    return Command("modify", environment, values=tuple(values.items()))


def _plan(text: str, environments: Sequence[str]) -> Command | Malformed:
    """A plan block is a `/modify` that can say more."""
    found = read(text, environments)
    if isinstance(found, BlockFlaw):
        return Malformed(PLAN, found.code, found.detail)
    return Command(
        "modify", found.environment, values=found.values, notes=found.notes, rollback=found.rollback
    )


def _deploy(rest: str, environments: Sequence[str]) -> Command | Malformed:
    environment, remainder = _take_environment(rest, environments)
    sha, remainder = _take_sha(remainder)
    if environment is None:
        return Malformed("deploy", ReasonCode.ENVIRONMENT_UNKNOWN, rest.split()[0] if rest else "")
    return (
        Malformed("deploy", ReasonCode.COMMAND_MALFORMED, remainder)
        if remainder
        else Command("deploy", environment, sha)
    )


def _deny(rest: str, environments: Sequence[str]) -> Command | Malformed:
    environment, remainder = _take_environment(rest, environments)
    first = remainder.partition(" ")[0]
    if (
        environment is None and first.strip(_MARKUP) in environments
    ):  # `/deny **staging** …` may mean it, or not
        return Malformed("deny", ReasonCode.COMMAND_MALFORMED, first)
    reason = remainder.removeprefix("--").strip(" \t")
    if not reason:
        return Malformed("deny", ReasonCode.REASON_MISSING, environment or "")
    return Command("deny", environment, None, reason[:MAX_REASON])


def _text(
    verb: Literal["hold", "ask", "answer"], rest: str, environments: Sequence[str]
) -> Command | Malformed:
    """A command that goes with a text; a hold needs none."""
    environment, remainder = _take_environment(rest, environments) if verb == "ask" else (None, rest)
    text = remainder.removeprefix("--").strip(" \t")
    if not text and verb != "hold":
        return Malformed(verb, ReasonCode.TEXT_MISSING)
    return Command(verb, environment, None, text[:MAX_REASON])


def _lock(verb: Literal["lock", "unlock"], rest: str, environments: Sequence[str]) -> Command | Malformed:
    """An environment and a reason; a lock may end with how long it lasts, and has to have a reason."""
    environment, remainder = _take_environment(rest, environments)
    if environment is None:
        return Malformed(verb, ReasonCode.ENVIRONMENT_UNKNOWN, rest.split()[0] if rest else "")
    reason, duration = remainder.removeprefix("--").strip(" \t"), None
    said = _FOR.fullmatch(reason) if verb == "lock" else None
    if said is not None:
        reason, duration = (said[1] or "").strip(" \t"), int(said[2]) * _UNITS[said[3]]
        if not SHORTEST <= duration <= LONGEST:
            return Malformed(verb, ReasonCode.COMMAND_MALFORMED, f"for {said[2]}{said[3]}")
    if verb == "lock" and not reason:
        return Malformed(verb, ReasonCode.TEXT_MISSING)
    return Command(verb, environment, None, reason[:MAX_REASON], duration=duration)


def _delegate(rest: str, environments: Sequence[str]) -> Command | Malformed:
    """To whom and until which day; `none` takes it back."""
    environment, remainder = _take_environment(rest, environments)
    if remainder == "none":
        return Command("delegate", environment)
    said = _DELEGATED.fullmatch(remainder)
    if said is None:
        return Malformed("delegate", ReasonCode.COMMAND_MALFORMED, remainder[:80])
    return Command("delegate", environment, values=(("login", said[1]), ("until", said[2])))


def _with_reason(
    verb: Literal["rollback", "override"], rest: str, environments: Sequence[str]
) -> Command | Malformed:
    """An environment, perhaps a commit, and a reason in any case."""
    environment, remainder = _take_environment(rest, environments)
    if environment is None:
        return Malformed(verb, ReasonCode.ENVIRONMENT_UNKNOWN, rest.split()[0] if rest else "")
    sha, remainder = _take_sha(remainder)
    reason = remainder.removeprefix("--").strip(" \t")
    if not reason:
        return Malformed(verb, ReasonCode.TEXT_MISSING)
    return Command(verb, environment, sha, reason[:MAX_REASON])


def _waive(rest: str) -> Command | Malformed:
    """The id of a finding, the last day, and a reason."""
    said = _WAIVE.fullmatch(rest)
    if said is None:
        return Malformed(
            "waive", ReasonCode.COMMAND_MALFORMED if rest else ReasonCode.TEXT_MISSING, rest[:80]
        )
    try:
        until = datetime.fromisoformat(said[2]).replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return Malformed("waive", ReasonCode.COMMAND_MALFORMED, said[2])
    reason = (said[3] or "").removeprefix("--").strip(" \t")
    if not reason:
        return Malformed("waive", ReasonCode.TEXT_MISSING)
    return Command("waive", reason=reason[:MAX_REASON], finding=said[1], until=until)


def _withdraw(rest: str, environments: Sequence[str]) -> Command | Malformed:
    environment, remainder = _take_environment(rest, environments)
    if remainder:
        return Malformed("withdraw", ReasonCode.ENVIRONMENT_UNKNOWN, remainder.split()[0])
    return Command("withdraw", environment)


def _why(rest: str, environments: Sequence[str]) -> Command | Malformed:
    environment, remainder = _take_environment(rest, environments)
    if remainder:
        return Malformed("why", ReasonCode.ENVIRONMENT_UNKNOWN, remainder.split()[0])
    return Command("why", environment)


def _split_reason(rest: str) -> tuple[str, str, str]:
    """`staging abc -- because` → before, the mark, after."""
    if rest.startswith("--"):
        return "", "--", rest[2:].strip(" \t")
    before, mark, after = rest.partition(_REASON_MARK)
    return before.strip(" \t"), mark, after.strip(" \t")


def _take_environment(rest: str, environments: Sequence[str]) -> tuple[str | None, str]:
    """The longest configured name that the text starts with, as a whole token; exact, case and all (108)."""
    fitting = [name for name in environments if rest == name or rest.startswith((f"{name} ", f"{name}\t"))]
    if not fitting:
        return None, rest
    name = max(fitting, key=len)
    return name, rest[len(name) :].strip(" \t")


def _take_sha(rest: str) -> tuple[str | None, str]:
    token, _, remainder = rest.partition(" ")
    if SHA.fullmatch(token):
        return token, remainder.strip(" \t")
    return None, rest
