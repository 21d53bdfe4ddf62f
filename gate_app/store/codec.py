"""Values of the domain as text and back: strict, canonical, versioned.

Rules of the file: texts are hashed, so nothing about them is left to chance: no spaces, fields sorted by name,
times in UTC to the microsecond. Mappings keep their order: `decide` iterates over them, and a run that was
stored must be decided like one that was not. The text is `[version, value]`. Reading takes nothing on trust:
another version, an unknown or missing key or a value of the wrong type is a `RecordUnreadable`, and its
message never quotes the text. A new field has a default and is marked `LATER`: it is left out of a text while it
has that default, so what an older release wrote keeps its fingerprint. Anything else needs a new version and a
migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from hashlib import sha256
from types import GenericAlias
from typing import Any, Final, Generic, Literal, TypeVar

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.effects import Effect
from gate_app.domain.model import LATER, Repository, Unknown
from gate_app.domain.run import Run
from gate_app.engine.ports import Notice
from gate_app.store.faults import RecordUnreadable

VERSION: Final = 1
"""Of the shape of every stored text."""

_CONFIG: Final = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_MICROSECOND: Final = timedelta(microseconds=1)

T = TypeVar("T")


def encode(value: object) -> str:
    """The canonical text of a value made of dataclasses, enums, mappings, sequences and plain values.

    Raises TypeError for anything else, a naive datetime and a lone surrogate among them.
    """
    return orjson.dumps([VERSION, value], default=_plain, option=_OPTIONS).decode()


def fingerprint(text: str) -> str:
    """SHA-256, in hex, of a stored text."""
    return sha256(text.encode()).hexdigest()


class Codec(Generic[T]):
    """Reads and writes the texts of one shape: a dataclass or a union of dataclasses."""

    def __init__(self, name: str, shape: object) -> None:
        self._name = name
        self._shape = shape

    def encode(self, value: T) -> str:
        """See `encode`."""
        return encode(value)

    def decode(self, text: str) -> T:
        """The value of a text. Raises RecordUnreadable."""
        if not isinstance(text, str) or not text.startswith(f"[{VERSION},"):  # a damaged row may hold bytes
            raise RecordUnreadable(
                f"a stored {self._name} is not of version {VERSION}, which this program reads"
            )
        try:
            return self._adapter.validate_json(text)[1]
        except ValidationError as fault:
            cause = fault.errors(include_url=False, include_context=False, include_input=False)[0]["type"]
            raise RecordUnreadable(f"a stored {self._name} cannot be read: {cause}") from None

    @cached_property
    def _adapter(self) -> TypeAdapter[tuple[int, T]]:
        # In a tuple, because a configuration cannot be given to a dataclass itself but reaches nested ones.
        envelope: Any = GenericAlias(tuple, (Literal[1], self._shape))
        return TypeAdapter(envelope, config=_CONFIG)


RUN: Final = Codec[Run]("run", Run)
NOTICE: Final = Codec[Notice]("notice", Notice)
EFFECT: Final = Codec[Effect]("effect", Effect)
ENVIRONMENT: Final = Codec[EnvironmentFacts]("environment", EnvironmentFacts)
REPOSITORY: Final = Codec[Repository]("repository", Repository)


def environment_facts(text: str) -> EnvironmentFacts:
    """The facts of an environment; a lock that cannot be read is Unknown and takes nothing else with it (case 84).

    Raises RecordUnreadable.
    """
    try:
        return ENVIRONMENT.decode(text)
    except RecordUnreadable:
        try:
            version, facts = orjson.loads(text)
            del facts["lock"]
        except (ValueError, TypeError, KeyError):
            facts = None
        if facts is None:
            raise
        rest = ENVIRONMENT.decode(orjson.dumps([version, facts]).decode())
        return replace(rest, lock=Unknown("lock_unreadable"))


def run_digest(run: Run) -> str:
    """What the journal remembers of a run: the fingerprint of its text."""
    return fingerprint(RUN.encode(run))


def _plain(value: object) -> object:
    """What `orjson` does not write by itself, as something that it does."""
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, timedelta):
        return _duration(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _written(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _written(value: Any) -> dict[str, object]:
    """The fields of a dataclass as they are written, sorted by name."""
    shape: type = type(value)
    always, later = _names(shape)
    told = {name: getattr(value, name) for name in always}
    told |= {name: said for name, default in later.items() if (said := getattr(value, name)) != default}
    return dict(sorted(told.items())) if len(told) > len(always) else told


@cache
def _names(shape: type) -> tuple[tuple[str, ...], Mapping[str, object]]:
    """The fields that are always written, and those that came later, with their defaults."""
    later = {
        field.name: _default(field) for field in fields(shape) if LATER.items() <= field.metadata.items()
    }
    return tuple(sorted(field.name for field in fields(shape) if field.name not in later)), later


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _utc(value: datetime) -> str:
    if value.tzinfo is None:
        raise TypeError("a naive datetime cannot be stored")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _duration(value: timedelta) -> str:
    """ISO 8601, in seconds with microseconds, exact."""
    seconds, rest = divmod(abs(value) // _MICROSECOND, 1_000_000)
    return f"{'-' if value < timedelta(0) else ''}PT{seconds}.{rest:06d}S"
