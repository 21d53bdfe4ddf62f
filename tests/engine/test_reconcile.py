"""What reconciling believes of comments that it finds at GitHub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from support.runs import REPOSITORY, REVIEWER, START

from gate_app.domain.events import CommandGiven
from gate_app.domain.model import Repository, Subject
from gate_app.engine.ports import ConversationNoticed, InboxItem, Store, Survey, passed_over
from gate_app.engine.reconcile import Reconcile
from gate_app.engine.sweep import Sweep


@dataclass
class Github:
    """One repository with one conversation, in which these comments read as commands now."""

    comments: Sequence[int]

    def repositories(self) -> Sequence[Repository]:
        return [REPOSITORY]

    def heads(self, repository: Repository) -> Mapping[Subject, str]:
        return {}

    def waiting_runs(self, repository: Repository) -> Sequence[int]:
        return []

    def commands_since(
        self, repository: Repository, conversation: int, since: datetime
    ) -> Sequence[ConversationNoticed]:
        given = [
            CommandGiven(START, each, conversation, REVIEWER, "/approve", "d" * 64) for each in self.comments
        ]
        return [ConversationNoticed(repository, conversation, event) for event in given]


@dataclass
class Memory:
    """The part of the store that a round needs; `reasons` are those for which deliveries were ignored."""

    reasons: set[str]
    put_in: list[str] = field(default_factory=list)
    heard: tuple[str, ...] = ()

    def conversations(self, repository_id: int) -> Sequence[int]:
        return [1]

    def conversing(self, repository_id: int, conversation: int) -> Sequence[str]:
        return ["71#1"]

    def unfinished_subjects(self, repository_id: int) -> Sequence[str]:
        return []

    def told(self, repository_id: int, conversation: int, meaning: str) -> bool:
        return meaning in self.heard

    def ignored(self, reason: str) -> bool:
        return reason in self.reasons

    def put(self, items: Sequence[InboxItem]) -> None:
        self.put_in += [item.meaning for item in items]


def test_case_035_a_comment_that_was_no_command_when_it_was_written_never_becomes_one() -> None:
    """GitHub's times have seconds: an edit within the second of the creation looks like none."""
    memory = Memory({passed_over(501)})
    store = cast(Store, cast(Any, memory))
    sweep = Sweep(store, cast(Any, None), cast(Any, None), cast(Any, None), lambda: START)
    Reconcile(cast(Survey, cast(Any, Github([501, 502]))), store, sweep, lambda: START)()
    assert memory.put_in == ["comment:502:created"]


def test_a_command_that_was_told_when_it_was_written_is_not_told_again() -> None:
    memory = Memory(set(), heard=("comment:501:created",))
    store = cast(Store, cast(Any, memory))
    sweep = Sweep(store, cast(Any, None), cast(Any, None), cast(Any, None), lambda: START)
    Reconcile(cast(Survey, cast(Any, Github([501, 502]))), store, sweep, lambda: START)()
    assert memory.put_in == ["comment:502:created"]
