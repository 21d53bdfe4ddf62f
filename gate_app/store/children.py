"""Supervised processes, remembered so that they are found, stopped and read after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, select

from gate_app.engine.ports import Child
from gate_app.store.database import reading, writing
from gate_app.store.schema import children
from gate_app.store.tables import Tables, insert


class Children(Tables):
    """The part of `ports.Store` about children."""

    def child_started(self, child: Child) -> None:
        """Remembers a child; a newer process for the same attempt takes the place of the older one."""
        process = {"pid": child.pid, "process_started": child.process_started, "folder": str(child.folder)}
        values = {"run_id": child.run_id, "stage": child.stage, "attempt": child.attempt} | process
        key = [children.c.run_id, children.c.stage, children.c.attempt]
        with writing(self._engine) as connection:
            statement = insert(connection, children).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=process))

    def child_ended(self, child: Child) -> None:
        """Forgets a child, unless another process took its place."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(children).where(
                    children.c.run_id == child.run_id,
                    children.c.stage == child.stage,
                    children.c.attempt == child.attempt,
                    children.c.pid == child.pid,
                    children.c.process_started == child.process_started,
                )
            )

    def children(self) -> Sequence[Child]:
        """Every child that was started and has not ended as far as we know."""
        query = select(children).order_by(children.c.run_id, children.c.stage, children.c.attempt)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            Child(row.run_id, row.stage, row.attempt, row.pid, row.process_started, Path(row.folder))
            for row in rows
        ]
