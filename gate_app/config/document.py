"""From text to plain values that know their line and column.

Rules of the file: the parser's events are read one by one, so that depth and count are judged before anything
is built (case 92); what YAML can do beyond mappings, lists and plain values is refused: aliases, anchors,
tags, merge keys, directives, a second document; a repeated key is refused, never resolved (case 91). Plain
words keep their text: only `true`, `false` and whole numbers are anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from gate_app.config.problems import Flaw, Mark, Path, quote

MAX_DEPTH = 20
MAX_VALUES = 5_000

Value = str | int | bool | None | tuple["Value", ...] | Mapping[str, "Value"]

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,8})")
_WORDS: Mapping[str, bool | None] = MappingProxyType(
    dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
    | dict.fromkeys(("", "~", "null", "Null", "NULL"))
)
_MERGE_KEY = "<<"
_TOP = Mark(1, 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: its key and its value; lists, mappings and items have one place for both."""

    key: Mark
    value: Mark


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. Below an `unread` path nothing is known, so nothing more is said about it."""

    value: Value = None
    places: Mapping[Path, Place] = field(default_factory=dict)
    flaws: tuple[Flaw, ...] = ()
    unread: frozenset[Path] = frozenset()

    def place(self, path: Path) -> Place:
        """The place of the nearest ancestor that stands in the file."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(_TOP, _TOP))

    def is_unread(self, path: Path) -> bool:
        return any(path[:length] in self.unread for length in range(len(path) + 1))


class _EndedError(Exception):
    """Reading cannot go on: a bound is exceeded."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.reason)
        self.flaw = flaw


def parse(text: str) -> Document:
    """The one document in `text`, with everything that is wrong with it as YAML."""
    builder = _Builder(_events(text))
    try:
        value = builder.document()
    except _EndedError as ended:
        return builder.broken_by(ended.flaw)
    except MarkedYAMLError as error:
        return builder.broken_by(_syntax_flaw(error))
    except (YAMLError, ValueError, OverflowError):
        # The scanner lets Python's own complaints through, e.g. for "\UFFFFFFFF".
        flaw = Flaw(
            (), "this is not YAML: a character or an escape is not allowed", "retype it", builder.here
        )
        return builder.broken_by(flaw)
    return Document(value, builder.places, tuple(builder.flaws), frozenset(builder.unread))


def plain_scalar(text: str) -> str | int | bool | None:
    """What an unquoted scalar means here: text, but for `true`, `false`, nothing and whole numbers."""
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(text)


def _syntax_flaw(error: MarkedYAMLError) -> Flaw:
    mark = error.problem_mark or error.context_mark
    where = _mark(mark) if mark is not None else _TOP
    reason = f"this is not YAML: {quote(error.problem or error.context or 'unreadable').strip('`')}"
    return Flaw((), reason, "check indentation (spaces, no tabs), colons and quotes here", where)


def _mark(mark: StringMark) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


class _Builder:
    """Builds values from events, notes where each stands and what is wrong with it."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._values = 0
        self.here = _TOP
        self.places: dict[Path, Place] = {}
        self.flaws: list[Flaw] = []
        self.unread: set[Path] = set()

    def broken_by(self, flaw: Flaw) -> Document:
        return Document(None, self.places, (*self.flaws, flaw), frozenset({()}))

    def document(self) -> Value:
        event = self._next()
        while isinstance(event, StreamStartEvent):
            event = self._next()
        if isinstance(event, StreamEndEvent):
            raise _EndedError(Flaw((), "the file is empty", "begin with `version: 1`"))
        if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
            self._refuse((), "YAML directives (`%…`) are refused", "delete the line that begins with `%`")
        first = self._next()
        self.places[()] = Place(self.here, self.here)
        value = self._value(first, ())
        self._expect_the_end()
        return value

    def _expect_the_end(self) -> None:
        for event in self._events:
            self.here = _mark(event.start_mark)
            if isinstance(event, DocumentStartEvent):
                flaw = Flaw((), "a second document begins here", "keep one document: delete `---`", self.here)
                raise _EndedError(flaw)

    def _next(self) -> Event:
        event = next(self._events)
        self.here = _mark(event.start_mark)
        return event

    def _refuse(self, path: Path, reason: str, fix: str) -> None:
        self.flaws.append(Flaw(path, reason, fix, self.here))

    def _value(self, event: Event, path: Path) -> Value:
        self._judge_bounds(path)
        if isinstance(event, AliasEvent):
            self.unread.add(path)
            self._refuse(path, "aliases (`*name`) are refused", "write the value out")
            return None
        self._judge_decoration(event, path)
        match event:
            case ScalarEvent():
                return self._scalar(event, path)
            case SequenceStartEvent():
                return self._sequence(path)
            case MappingStartEvent():
                return self._mapping(path)
            case _:
                raise _EndedError(Flaw(path, "this is not YAML", "check this line", self.here))

    def _judge_bounds(self, path: Path) -> None:
        self._values += 1
        if len(path) > MAX_DEPTH:
            raise _EndedError(Flaw((), f"more than {MAX_DEPTH} levels deep", "flatten it", self.here))
        if self._values > MAX_VALUES:
            raise _EndedError(Flaw((), f"more than {MAX_VALUES:,} values", "shorten it", self.here))

    def _judge_decoration(self, event: Event, path: Path) -> None:
        if not isinstance(event, NodeEvent):
            return
        if event.anchor is not None:
            self._refuse(path, "anchors (`&name`) are refused", "delete the anchor and write values out")
        if getattr(event, "tag", None) is not None:
            self._refuse(path, "tags (`!…`) are refused", "delete the tag")

    def _scalar(self, event: ScalarEvent, path: Path) -> Value:
        is_plain = event.style is None
        value = plain_scalar(event.value) if is_plain else str(event.value)
        if value is None:
            self.unread.add(path)
            fix = "write the value, `{}` for all defaults, or check the indentation below"
            self._refuse(path, "has no value", fix)
        return value

    def _sequence(self, path: Path) -> tuple[Value, ...]:
        items: list[Value] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            where = (*path, len(items))
            self.places[where] = Place(self.here, self.here)
            items.append(self._value(event, where))
        return tuple(items)

    def _mapping(self, path: Path) -> Mapping[str, Value]:
        entries: dict[str, Value] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key, key_mark = self._key(event, path), self.here
            where = (*path, key)
            if key in entries:
                self.flaws.append(
                    Flaw(where, f"{quote(key)} is given twice", "keep one of the two", key_mark)
                )
                self.unread.add(where)
            first = self._next()
            self.places[where] = Place(key_mark, self.here if isinstance(first, ScalarEvent) else key_mark)
            value = self._value(first, where)
            entries.setdefault(key, value)
        return entries

    def _key(self, event: Event, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            raise _EndedError(Flaw(path, "a key must be a word", "write `key: value`", self.here))
        key = str(event.value)
        self._judge_bounds((*path, key))
        self._judge_decoration(event, path)
        if key == _MERGE_KEY and event.style is None:
            self._refuse(path, "merge keys (`<<`) are refused", "write the keys out")
            self.unread.add((*path, key))
        return key
