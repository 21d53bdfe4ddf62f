"""The one transaction that stores a decision, all of it or nothing (cases 75, 77, 193, 212).

Rules of the file: the order is part of the design. The chains of the journal are locked first, in order of
repository id, which makes decisions of one repository commit one after the other and keeps two commits from
waiting for each other. Everything after that either holds or raises, and whatever raises undoes it all.
"""

from __future__ import annotations

from sqlalchemy import Connection

from gate_app.engine.ports import Step, Transition
from gate_app.store import answers, effects, inbox, journal, releases, runs
from gate_app.store.database import writing
from gate_app.store.tables import Tables


class Commits(Tables):
    """The part of `ports.Store` that stores decisions."""

    def commit(self, transition: Transition) -> None:
        """Stores it all or nothing.

        Steps are applied in order, each on what the one before it left. Raises Conflict when a run, an
        environment or the inbox row moved meanwhile; DatabaseRefused when the schema forbids it (a second
        effective release of a gate); DatabaseUnavailable when nothing could be stored.
        """
        with writing(self._engine) as connection:
            _store_steps(connection, transition)
            if transition.inbox_id is not None:
                inbox.handled(connection, transition.inbox_id, transition.note)
            inbox.put_items(connection, transition.follow_ups)
            if transition.first_head is not None:
                runs.remember_first_head(connection, transition.first_head)


def _store_steps(connection: Connection, transition: Transition) -> None:
    delivery = "" if transition.inbox_id is None else inbox.delivery_of(connection, transition.inbox_id)
    repositories = {step.decision.run.change.repository.id for step in transition.steps}
    heads = {repository: journal.lock_chain(connection, repository) for repository in sorted(repositories)}
    for step in transition.steps:
        repository = step.decision.run.change.repository.id
        heads[repository] = _store_step(connection, heads[repository], step, delivery)


def _store_step(connection: Connection, head: journal.Head, step: Step, delivery: str) -> journal.Head:
    repository = step.decision.run.change.repository.id
    runs.check_environments(connection, step)
    before = runs.stored_snapshot(connection, step.decision.run.id)
    after = runs.save_run(connection, step)
    for facts in step.decision.environments:
        runs.save_environment(connection, repository, facts)
    newer = journal.append(connection, head, step, before, after, delivery)
    releases.store(connection, step, newer.number)
    effects.request(connection, step.decision.run.id, step.decision.effects)
    answers.write(connection, step.decision.answers, step.conditions.now)
    return newer
