"""Who contributed to a commit of the default branch: who wrote and pushed it, not who only merged it (case 54)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.engine import AUTHOR, MAIN, MAINTAINER, TinyEngine, pull, sha

from gate_app.domain.model import MergeShown, Person
from gate_app.store.repository import SqlStore

pytest_plugins = ["support.store_databases"]

HELPER = Person(103, "helper")


@pytest.fixture
def engine(store: SqlStore) -> TinyEngine:
    """Pull request 1, opened by its author, pushed to by a helper as well; main is where it was."""
    engine = TinyEngine(store)
    engine.github.main_is_at("9")
    engine.github.pull_is_at(1, "e")
    engine.reconciles().hears(pull(1), AUTHOR)
    engine.github.pull_is_at(1, "f")
    return engine.hears(pull(1), HELPER)


def merged(engine: TinyEngine, shown: MergeShown, before: str | None = sha("9")) -> tuple[bool, set[int]]:
    """The maintainer merges it: whether that was bare, and who pushed what is in it."""
    engine.github.main_is_at("b", conversation=1)
    engine.github.live[MAIN] = replace(engine.github.live[MAIN], adds_nothing=shown)
    engine.hears(MAIN, MAINTAINER, before=before)
    (run,) = engine.runs()
    return run.change.bare_merge, set(run.pushers)


@pytest.mark.parametrize(
    ("shown", "before"),
    [
        pytest.param(MergeShown.SAME_CONTENT, sha("9"), id="the content of the pull request"),
        pytest.param(MergeShown.SAME_CONTENT, sha("7"), id="the same, whatever was pushed with it"),
        pytest.param(MergeShown.MADE_BY_GITHUB, sha("9"), id="made by GitHub on what was there"),
    ],
)
def test_case_54_who_only_merged_is_no_contributor_and_who_pushed_to_the_pull_request_is(
    engine: TinyEngine, shown: MergeShown, before: str
) -> None:
    assert merged(engine, shown, before) == (True, {AUTHOR.id, HELPER.id})


@pytest.mark.parametrize(
    ("shown", "before"),
    [
        pytest.param(MergeShown.NO, sha("9"), id="case 26: nothing shows what it added"),
        pytest.param(MergeShown.MADE_BY_GITHUB, sha("7"), id="case 26: more came with the same push"),
        pytest.param(MergeShown.MADE_BY_GITHUB, None, id="case 195: the delivery that would tell was lost"),
    ],
)
def test_case_26_who_merged_counts_as_contributor_when_it_is_not_shown_that_they_added_nothing(
    engine: TinyEngine, shown: MergeShown, before: str | None
) -> None:
    assert merged(engine, shown, before) == (False, {AUTHOR.id, HELPER.id, MAINTAINER.id})


def test_the_record_says_who_merged(engine: TinyEngine) -> None:
    merged(engine, MergeShown.SAME_CONTENT)
    (run,) = engine.runs()
    assert run.change.pusher == MAINTAINER


def test_who_pushed_to_the_branch_itself_stays_a_contributor_of_what_follows(engine: TinyEngine) -> None:
    engine.github.main_is_at("8")
    engine.hears(MAIN, MAINTAINER, before=sha("9"))
    engine.github.main_is_at("b", conversation=1)
    engine.github.live[MAIN] = replace(engine.github.live[MAIN], adds_nothing=MergeShown.SAME_CONTENT)
    engine.hears(MAIN, MAINTAINER, before=sha("8"))
    assert set(engine.runs()[-1].pushers) == {MAINTAINER.id, AUTHOR.id, HELPER.id}


@pytest.mark.parametrize(("conversation", "held"), [(1, True), (2, False), (None, False)])
def test_a_hold_goes_on_where_it_can_be_lifted_and_nowhere_else(
    engine: TinyEngine, conversation: int | None, held: bool
) -> None:
    engine.github.main_is_at("b", conversation=1)
    engine.hears(MAIN, MAINTAINER, before=sha("9"))
    engine.hears_command(1, HELPER, "/hold")
    assert [hold.by for hold in engine.runs()[-1].holds] == [HELPER]
    engine.github.main_is_at("d", conversation=conversation)
    engine.hears(MAIN, MAINTAINER, before=sha("b"))
    assert bool(engine.runs()[-1].holds) is held


def test_a_pull_request_from_which_nothing_deploys_is_held_before_its_merge(engine: TinyEngine) -> None:
    engine.hears_command(1, HELPER, "/hold")
    assert [hold.by for hold in engine.runs(pull(1))[-1].holds] == [HELPER]
    merged(engine, MergeShown.SAME_CONTENT)
    assert [hold.by for hold in engine.runs()[-1].holds] == [HELPER]
    assert engine.runs()[-1].change.head.sha == sha("b")
