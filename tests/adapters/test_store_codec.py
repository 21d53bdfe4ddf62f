"""Values of the domain survive being stored, exactly, and nothing else is read as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.engine import MAINTAINER
from support.store import NOW, a_run, conditions, released

from gate_app.domain.conditions import Conditions
from gate_app.domain.effects import Effect, StartStage
from gate_app.domain.locks import LONGEST, SHORTEST, Lock
from gate_app.domain.model import LATER, Subject, Unknown
from gate_app.domain.policy import Policy
from gate_app.domain.run import Run, StageRole
from gate_app.domain.verdict import Holds, Reason, ReasonCode, Verdict
from gate_app.engine.ports import Notice
from gate_app.store import codec
from gate_app.store.codec import EFFECT, NOTICE, RUN, Codec
from gate_app.store.faults import RecordUnreadable
from gate_app.store.journal import ENTRY, Entry

TEXTS = st.text(max_size=20)
CONDITIONS: Codec[Conditions] = Codec("conditions", Conditions)


BOUNDED: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    str: TEXTS,
    bool: st.booleans(),
    NoneType: st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    timedelta: st.timedeltas(timedelta(days=-3650), timedelta(days=3650)),
    Lock: st.builds(
        lambda owner, at, lasts: Lock(owner, MAINTAINER, at, at + lasts, "why"),
        st.integers(1, 2**53),
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds the zone
        st.timedeltas(SHORTEST, LONGEST),
    ),
    Subject: st.builds(Subject, st.integers(1, 2**53), st.integers(1, 2**53))
    | st.builds(Subject, st.integers(1, 2**53), ref=TEXTS),
}
"""What cannot be invented from its fields alone: plain values within what can be stored, a lock, and a subject."""


@cache
def values_of(shape: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of the domain, invented from its annotations."""
    arguments = get_args(shape)
    match get_origin(shape):
        case None if shape in BOUNDED:
            return BOUNDED[shape]
        case None if issubclass(shape, Enum):
            return st.sampled_from(shape)
        case None:
            return st.deferred(lambda: st.builds(shape, **fields_of(shape)))
        case origin if origin is Literal:
            return st.sampled_from(arguments)
        case origin if origin is tuple and arguments[-1] is Ellipsis:
            return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
        case origin if origin is tuple:
            return st.tuples(*map(values_of, arguments))
        case origin if origin is Mapping:
            return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=2)
        case _:
            return st.one_of(*map(values_of, arguments))


def fields_of(shape: Any) -> dict[str, st.SearchStrategy[Any]]:
    return {name: values_of(hint) for name, hint in get_type_hints(shape).items() if name != "__test__"}


quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("shape", "one"),
    [
        pytest.param(Run, RUN, id="a run"),
        pytest.param(Effect, EFFECT, id="an effect"),
        pytest.param(Notice, NOTICE, id="a notice"),
        pytest.param(Conditions, CONDITIONS, id="conditions"),
        pytest.param(Entry, ENTRY, id="a journal entry"),
    ],
)
@quick
@given(data=st.data())
def test_whatever_is_stored_is_read_back_equal_and_stored_alike(
    shape: Any, one: Codec[Any], data: st.DataObject
) -> None:
    value = data.draw(values_of(shape))
    text = one.encode(value)
    again = one.decode(text)
    assert again == value
    assert one.encode(again) == text


def test_a_mapping_keeps_its_order_because_decide_iterates_over_it() -> None:
    run = a_run()
    assert list(RUN.decode(RUN.encode(run)).gates) == list(run.gates) == ["staging", "production"]


def test_moments_are_stored_in_utc_to_the_microsecond() -> None:
    east = datetime(2026, 5, 4, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    text = RUN.encode(replace(a_run(), opened_at=east))
    assert '"opened_at":"2026-05-04T12:00:00.000000+00:00"' in text
    assert text == RUN.encode(replace(a_run(), opened_at=NOW))


def test_people_and_comments_are_found_again_by_their_numbers() -> None:
    before = replace(conditions(), standings={12: Unknown("standing_unknown")}, comments={7: "deleted"})
    after = CONDITIONS.decode(CONDITIONS.encode(before))
    assert after.standings == {12: Unknown("standing_unknown")}
    assert after.comments == {7: "deleted"}


def test_a_digest_tells_runs_apart() -> None:
    run = a_run()
    assert codec.run_digest(run) == codec.run_digest(a_run())
    assert codec.run_digest(run) != codec.run_digest(released(run))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(lambda: replace(a_run(), opened_at=datetime(2026, 5, 4)), id="a moment without a zone"),  # noqa: DTZ001 - the naive one is the case
        pytest.param(lambda: replace(a_run(), id="\ud800"), id="half a character"),
        pytest.param(lambda: replace(a_run(), sequence=2**64), id="a number beyond 64 bits"),
        pytest.param(object, id="something that is no value"),
        pytest.param(lambda: Policy, id="a class"),
    ],
)
def test_what_cannot_be_stored_faithfully_is_refused(value: Callable[[], object]) -> None:
    made = value()
    with pytest.raises(TypeError):
        codec.encode(made)


def tampered(change: Callable[[str], str]) -> str:
    text = EFFECT.encode(StartStage("tests", 1, StageRole.AUTOMATED, "a" * 40, "make", timedelta(minutes=30)))
    changed = change(text)
    assert changed != text
    return changed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(tampered(lambda text: text.replace("[1,", "[2,", 1)), id="a newer version"),
        pytest.param(
            tampered(lambda text: text.replace('"attempt":1', '"attempt":"1"')), id="a number as text"
        ),
        pytest.param(tampered(lambda text: text.replace('"attempt":1,', "")), id="a missing field"),
        pytest.param(
            tampered(lambda text: text.replace('"attempt":1', '"attempt":1,"secret":1')),
            id="an unknown field",
        ),
        pytest.param(tampered(lambda text: text.replace("start_stage", "stop_stage")), id="another kind"),
        pytest.param(tampered(lambda text: text.replace("automated", "automatic")), id="an unknown word"),
        pytest.param(tampered(lambda text: text[:-2]), id="cut off"),
        pytest.param("", id="nothing"),
        pytest.param("null", id="null"),
    ],
)
def test_a_text_of_another_shape_is_a_fault_that_does_not_quote_it(text: str) -> None:
    with pytest.raises(RecordUnreadable) as fault:
        EFFECT.decode(text)
    assert "make" not in str(fault.value)
    assert "secret" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_a_field_that_came_later_takes_its_default() -> None:
    text = RUN.encode(a_run())
    older = text.replace(',"wake_at":null', "")
    assert older != text
    assert RUN.decode(older) == a_run()


@dataclass(frozen=True, slots=True)
class Shape:
    """A stored shape that has grown since its first release."""

    name: str
    colour: str = field(default="", metadata=LATER)
    marks: tuple[int, ...] = field(default_factory=tuple, metadata=LATER)
    age: int = 0


def test_a_field_that_came_later_is_left_out_while_it_has_its_default() -> None:
    assert codec.encode(Shape("a")) == '[1,{"age":0,"name":"a"}]'
    assert codec.encode(Shape("a", "red", (1,))) == '[1,{"age":0,"colour":"red","marks":[1],"name":"a"}]'


def test_a_verdict_keeps_its_tree_of_reasons() -> None:
    tree = Reason(
        ReasonCode.NEEDS, Holds.UNMET, {}, (Reason(ReasonCode.STAGE_FAILED, Holds.UNMET, {"stage": "tests"}),)
    )
    one: Codec[Verdict] = Codec("verdict", Verdict)
    verdict = Verdict("staging", "waiting", (tree,))  # type: ignore[arg-type]  # as text; it must come back as the enum
    assert one.decode(one.encode(verdict)).reasons == (tree,)
