"""The store of the engine: every noun's part put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate_app.store.answers import Answers
from gate_app.store.children import Children
from gate_app.store.commit import Commits
from gate_app.store.due import Due
from gate_app.store.effects import Effects
from gate_app.store.history import History
from gate_app.store.inbox import Inbox
from gate_app.store.runs import Runs

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gate_app.engine.ports import Store


class SqlStore(Inbox, Runs, Commits, Effects, Children, Due, History, Answers):
    """Implements `ports.Store` on SQLite and PostgreSQL. Safe to share between threads."""


if TYPE_CHECKING:

    def _is_a_store(engine: Engine) -> Store:
        return SqlStore(engine)
