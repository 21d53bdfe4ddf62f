"""What one value of the file may look like: names, globs, spans, days, and their bounds.

Rules of the file: a value is refused with its reason and its fix; nothing is coerced; every text and list has a bound.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from gate_app.calendars import cron_problem, knows_holidays, knows_zone
from gate_app.config.durations import DURATION_PATTERN, duration
from gate_app.domain.thresholds import MAX_EXPRESSION, THRESHOLD_PATTERN

# Parts are separated by single spaces or slashes and never begin with a dot, so that a name can neither hide
# blanks nor climb out of a folder that is called after it (case 94).
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*([ /][A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
LOGIN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}$"
TEAM_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"
SAID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}(\[bot\])?:[ \t]*[^ \t]"
ORGANISATION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$"
ROLE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*( [A-Za-z0-9_-]+)*$"
WORKFLOW_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.ya?ml$"
GLOB_PATTERN = r"^[A-Za-z0-9_.*?\[][^\\]*$"

MAX_STAGES = 50
MAX_ENVIRONMENTS = 50
MAX_NAMES = 100
MAX_LINES = 10
MAX_RULES = 20
MAX_COUNT = 100


def between(shortest: timedelta, longest: timedelta, words: str) -> AfterValidator:
    """A span from `shortest` to `longest`, both included; `words` name them."""

    def judge(text: str) -> str:
        if not shortest <= duration(text) <= longest:
            raise PydanticCustomError(
                "duration_bounds",
                "must be between {words}",
                {"words": words, "fix": "choose a span between the two"},
            )
        return text

    return AfterValidator(judge)


def exactly(kind: type[int], fix: str) -> BeforeValidator:
    """Python holds `True == 1`; a file that says one where the other belongs is wrong (case 91)."""

    def judge(value: object) -> object:
        if type(value) is not kind:
            raise PydanticCustomError("other_type", "is not what belongs here", {"fix": fix})
        return value

    return BeforeValidator(judge)


def visible(text: str) -> str:
    """Text that people can read, and read as what it is."""
    if not text.strip() or not all(character.isprintable() or character in "\n\t" for character in text):
        raise PydanticCustomError(
            "invisible_text",
            "must have visible characters and no invisible ones",
            {"fix": "retype it"},
        )
    return text


def _inside(glob: str) -> str:
    if ".." in glob.split("/") or not glob.isprintable():
        raise PydanticCustomError(
            "path_escape",
            "must stay inside the repository",
            {"fix": "write a path without `..` parts and invisible characters"},
        )
    return glob


def _relative(glob: str) -> str:
    """Files are named from the top of the repository; what they are never called can never be touched."""
    if glob.removeprefix("!").startswith(("/", "./")) or glob.endswith("/"):
        fix = "write it from the top of the repository: `infra/**`"
        raise PydanticCustomError("unmatched", "would fit no file", {"fix": fix})
    if any(mark in glob for mark in "{}"):
        raise PydanticCustomError(
            "unmatched", "braces are not known here", {"fix": "write one pattern for each"}
        )
    return glob


def _includes(globs: tuple[str, ...]) -> tuple[str, ...]:
    if all(glob.startswith("!") for glob in globs):
        fix = "add a pattern without `!`, such as `**`"
        raise PydanticCustomError(
            "unmatched", "takes away from nothing, so it would fit no file", {"fix": fix}
        )
    return globs


def _cron(text: str) -> str:
    problem = cron_problem(text)
    if problem:
        words = f"is no cron expression: {problem}"
        raise PydanticCustomError("cron", "{words}", {"words": words, "fix": "write such as `0 16 * * FRI`"})
    return text


def _zone(text: str) -> str:
    if not knows_zone(text):
        fix = "write a name such as `Europe/Berlin` or `UTC`"
        raise PydanticCustomError("timezone", "is no time zone", {"fix": fix})
    return text


def _country(text: str) -> str:
    country, _, region = text.partition("-")
    if not knows_holidays(country, region):
        fix = "write a country such as `DE`, or a region such as `DE-BY`"
        raise PydanticCustomError("holidays", "its public holidays are not known", {"fix": fix})
    return text


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise PydanticCustomError("day", "is no day", {"fix": "write it as `2026-12-27`"})


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=255)]
Login = Annotated[str, Field(pattern=LOGIN_PATTERN)]
Team = Annotated[str, Field(pattern=TEAM_PATTERN)]
Organisation = Annotated[str, Field(pattern=ORGANISATION_PATTERN)]
Role = Annotated[str, Field(pattern=ROLE_PATTERN, max_length=100)]
WorkflowFile = Annotated[str, Field(pattern=WORKFLOW_PATTERN)]
ReportGlob = Annotated[str, Field(pattern=GLOB_PATTERN, max_length=255), AfterValidator(_inside)]
ProbeUrl = Annotated[
    str, Field(pattern=r"^https?://[^/\s?#@]+(/[^\s#]*)?$", max_length=1024), AfterValidator(visible)
]
MetricText = Annotated[
    str, Field(pattern=THRESHOLD_PATTERN, max_length=MAX_EXPRESSION), AfterValidator(visible)
]
ProbeInterval = Annotated[
    str,
    Field(pattern=DURATION_PATTERN),
    between(timedelta(seconds=1), timedelta(hours=1), "1s and 1h"),
]
WatchTime = Annotated[
    str,
    Field(pattern=DURATION_PATTERN),
    between(timedelta(seconds=1), timedelta(hours=24), "1s and 24h"),
]
PathGlob = Annotated[
    str,
    Field(min_length=1, max_length=255),
    AfterValidator(visible),
    AfterValidator(_inside),
    AfterValidator(_relative),
]
PathGlobs = Annotated[
    tuple[PathGlob, ...], Field(min_length=1, max_length=MAX_NAMES), AfterValidator(_includes)
]
Command = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(visible)]
CheckName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(visible)]
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_NAMES)]
Timeout = Annotated[
    str,
    Field(pattern=DURATION_PATTERN),
    between(timedelta(seconds=1), timedelta(hours=6), "1s and 6h"),
]
SoakTime = Annotated[
    str,
    Field(pattern=DURATION_PATTERN),
    between(timedelta(minutes=1), timedelta(days=30), "1m and 30d"),
]
# GitHub holds a job at most 30 days before it fails it, so a longer question could never be answered there.
Patience = Annotated[
    str,
    Field(pattern=DURATION_PATTERN),
    between(timedelta(minutes=1), timedelta(days=30), "1m and 30d"),
]

CHANNEL_PATTERN = r"^[a-z][a-z0-9_-]{0,39}$"
MAX_CHANNELS = 10
Channels = Annotated[
    tuple[Annotated[str, Field(pattern=CHANNEL_PATTERN)], ...], Field(min_length=1, max_length=MAX_CHANNELS)
]
CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
MAX_REMINDERS = 10
Clock = Annotated[str, Field(pattern=CLOCK_PATTERN)]
WeekDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Reminders = Annotated[tuple[Patience, ...], Field(min_length=1, max_length=MAX_REMINDERS)]

LESS_THAN_PATTERN = r"^< ?(0\.[0-9]{1,3}|1(\.0{1,3})?)$"
MORE_THAN_PATTERN = r"^> ?(0|[1-9][0-9]{0,6})$"
MORE_POINTS_PATTERN = r"^> ?(0|[1-9][0-9]?)(\.[0-9]{1,3})?$"
Pattern = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(visible)]
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=MAX_NAMES)]

CheckWord = Literal["required", "all"]
CheckNames = Annotated[tuple[CheckName, ...], Field(min_length=1, max_length=MAX_NAMES)]
RouteWord = Literal["grant", "deployment", "protection_rule"]
MAX_PARAMETERS = 20
PARAMETER_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
WORD_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._/@:+-]{0,98}[A-Za-z0-9])?$"
ParameterName = Annotated[str, Field(pattern=PARAMETER_PATTERN)]
Word = Annotated[str, Field(pattern=WORD_PATTERN)]
ParameterNumber = Annotated[int, Field(ge=-999_999_999, le=999_999_999)]
CronText = Annotated[str, Field(max_length=100), AfterValidator(_cron)]
WindowTime = Annotated[
    str,
    Field(pattern=DURATION_PATTERN),
    between(timedelta(minutes=1), timedelta(days=60), "1m and 60d"),
]
Holidays = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"), AfterValidator(_country)]
ZoneName = Annotated[str, Field(max_length=100), AfterValidator(_zone)]
Days = Annotated[tuple[Annotated[str, AfterValidator(_day)], ...], Field(min_length=1, max_length=MAX_NAMES)]
Sentence = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(visible)]
