"""What pydantic found, in the words of the person who wrote the file.

Rules of the file: paths come back as they stand in the file, without pydantic's own steps; each kind of error
is one row of a table; an error without a row still refuses, in pydantic's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gate_app.config import fields
from gate_app.config.document import Value
from gate_app.config.durations import DURATION_PATTERN
from gate_app.config.models import ANY, PLACES
from gate_app.config.problems import Flaw, Path, did_you_mean, listed, quote
from gate_app.config.shape import Strict, keys_of

Words = tuple[str, str]
Phrase = Callable[[ErrorDetails, Path], Words]
Places = Mapping[tuple[str, ...], type[Strict]]
"""Which model describes the keys at a path of a file."""

_KEY_STEP = "[key]"
_REFERENCE = "see docs/configuration.md"


def flaws_of(error: ValidationError, document: Value, places: Places = PLACES) -> tuple[Flaw, ...]:
    """The flaws behind a validation error of the whole `document`, whose models are at these `places`."""
    return tuple(
        _flaw(details, document, places)
        for details in error.errors(include_url=False)
        if not _is_echo(details)
    )


def model_at(path: Path, places: Places = PLACES) -> type[Strict] | None:
    """The model that describes the keys at `path`, None where no keys are known."""
    for pattern, model in places.items():
        if len(pattern) == len(path) and all(map(_fits, pattern, path)):
            return model
    return None


def _fits(pattern: str, step: str | int) -> bool:
    return pattern in (ANY, step)


def _is_echo(details: ErrorDetails) -> bool:
    """Whether a list is only called too short because its items were refused one by one already."""
    found = details["input"]
    return details["type"] == "too_short" and isinstance(found, tuple | Mapping) and len(found) > 0


def _flaw(details: ErrorDetails, document: Value, places: Places) -> Flaw:
    path = _path_in(document, details["loc"])
    match details["type"]:
        case "extra_forbidden":
            reason, fix = _unknown_key(path, places)
        case "dict_type" | "model_type":
            reason, fix = _mapping_wanted(details, path, places)
        case other:
            reason, fix = _PHRASES.get(other, _other)(details, path)
    return Flaw(path, reason, fix, aim="key" if _is_about_key(details) else "value")


def _is_about_key(details: ErrorDetails) -> bool:
    return details["type"] == "extra_forbidden" or details["loc"][-1:] == (_KEY_STEP,)


def _path_in(document: Value, loc: tuple[str | int, ...]) -> Path:
    """`loc` without the steps that only name a branch of the model; a missing key keeps its name."""
    path: Path = ()
    for index, step in enumerate(loc):
        match document:
            case Mapping() if isinstance(step, str) and step in document:
                document, path = document[step], (*path, step)
            case tuple() if isinstance(step, int) and step < len(document):
                document, path = document[step], (*path, step)
            case Mapping() if index == len(loc) - 1 and step != _KEY_STEP:
                path = (*path, step)
            case _:
                continue
    return path


def _context(details: ErrorDetails, key: str) -> object:
    return details.get("ctx", {}).get(key, "")


def _unknown_key(path: Path, places: Places) -> Words:
    key, model = str(path[-1]), model_at(path[:-1], places)
    reason = f"{quote(key)} is not a key here"
    if model is None:
        return reason, _REFERENCE
    for pattern, other in places.items():
        if key in keys_of(other) and other is not model:
            return reason, f"it belongs {_home(pattern)}"
    if likely := did_you_mean(key, keys_of(model)):
        return reason, f"did you mean `{likely}`?"
    return reason, f"known here: {listed(keys_of(model))}"


def _home(pattern: tuple[str, ...]) -> str:
    text = ".".join(pattern).replace(f"approvers.{ANY}", "approvers[…]").replace(ANY, "<name>")
    return f"under `{text}`" if text else "at the top of the file"


def _missing(details: ErrorDetails, path: Path) -> Words:
    return f"`{path[-1]}` is missing", _MISSING.get(str(path[-1]), _REFERENCE)


_MISSING: Mapping[str, str] = MappingProxyType(
    {
        "version": "write `version: 1`",
        "environments": "name at least one: `environments: {production: {}}`",
        "new_findings": "write `new_findings: high`",
    }
)


def _choice(details: ErrorDetails, path: Path) -> Words:
    if str(path[-1]) == "version":
        return f"{quote(details['input'])} is not a version that can be read", "write `version: 1`"
    choices = str(_context(details, "expected")).replace("'", "").replace(" or ", ", ").split(", ")
    found = details["input"]
    reason = f"{quote(found)} is not one of {listed(choices)}"
    likely = did_you_mean(found, choices) if isinstance(found, str) else None
    if likely is not None:
        return reason, f"did you mean `{likely}`?"
    return reason, "names go in a list: `[…]`" if path[-1] == "checks" else f"write `{choices[0]}`"


def _text_wanted(details: ErrorDetails, path: Path) -> Words:
    return f"must be text, not {_kind(details['input'])}", "put it in quotes if it is meant as text"


def _number_wanted(details: ErrorDetails, path: Path) -> Words:
    return f"must be a whole number, not {_kind(details['input'])}", "write a number without quotes"


def _list_wanted(details: ErrorDetails, path: Path) -> Words:
    return f"must be a list, not {_kind(details['input'])}", "write `[…]` or one `- …` per line"


def _mapping_wanted(details: ErrorDetails, path: Path, places: Places) -> Words:
    where = "the file" if not path else "this"
    model = model_at(path, places)
    fix = f"known keys: {listed(keys_of(model))}" if model else "write `name: {…}` entries below it"
    return f"{where} must be a mapping of keys, not {_kind(details['input'])}", fix


def _too_small(details: ErrorDetails, path: Path) -> Words:
    least = _context(details, "ge")
    return f"must be at least {least}: a rule that asks for nothing is refused", f"write {least} or more"


def _too_large(details: ErrorDetails, path: Path) -> Words:
    return f"must be at most {_context(details, 'le')}", "write a smaller number"


def _empty(details: ErrorDetails, path: Path) -> Words:
    return "is empty, and an empty rule is refused", "name at least one, or delete the key for its default"


def _too_many(details: ErrorDetails, path: Path) -> Words:
    return f"has more than {_context(details, 'max_length')} entries", "shorten it"


def _too_long(details: ErrorDetails, path: Path) -> Words:
    return f"is longer than {_context(details, 'max_length')} characters", "shorten it"


def _misshapen(details: ErrorDetails, path: Path) -> Words:
    reason, fix = _SHAPES.get(str(_context(details, "pattern")), ("has the wrong form", _REFERENCE))
    return f"{quote(details['input'])} {reason}", fix


_SHAPES: Mapping[str, Words] = MappingProxyType(
    {
        fields.NAME_PATTERN: (
            "is not a name",
            "begin with a letter or digit, go on with letters, digits, `.`, `_`, `-`, single spaces and `/`",
        ),
        fields.LOGIN_PATTERN: ("is not a person's login", "write the login without `@`; bots never count"),
        fields.TEAM_PATTERN: ("is not a team", "write `organisation/slug` without `@`"),
        fields.ORGANISATION_PATTERN: ("is not an organisation", "write its name without `@`"),
        fields.ROLE_PATTERN: (
            "is not the name of a role",
            "write it as GitHub shows it, without other signs",
        ),
        fields.WORKFLOW_PATTERN: (
            "is not the file name of a workflow",
            "write the name alone, such as `ci.yml`, without its folder",
        ),
        fields.GLOB_PATTERN: (
            "is not a path in the repository",
            "write it relative to the repository, with `/`",
        ),
        fields.SAID_PATTERN: ("is nothing that somebody said", "write `login: /approve staging`"),
        DURATION_PATTERN: ("is not a duration", "write a number and s, m, h or d, such as `48h`"),
    }
)


def _ours(details: ErrorDetails, path: Path) -> Words:
    return details["msg"], str(_context(details, "fix"))


def _other(details: ErrorDetails, path: Path) -> Words:
    return details["msg"][:200], _REFERENCE


def _kind(value: object) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case int():
            return f"the number {value}"
        case str():
            return f"the text {quote(value)}"
        case tuple():
            return "a list"
        case _:
            return "a mapping"


_PHRASES: Mapping[str, Phrase] = MappingProxyType(
    {
        "missing": _missing,
        "literal_error": _choice,
        "string_type": _text_wanted,
        "int_type": _number_wanted,
        "tuple_type": _list_wanted,
        "greater_than_equal": _too_small,
        "less_than_equal": _too_large,
        "too_short": _empty,
        "string_too_short": _empty,
        "too_long": _too_many,
        "string_too_long": _too_long,
        "string_pattern_mismatch": _misshapen,
        "other_type": _ours,
        "duration_bounds": _ours,
        "invisible_text": _ours,
        "path_escape": _ours,
    }
)
