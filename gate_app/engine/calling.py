"""Calls of jobs: from a stored row to the gate that is meant.

Rules of the file: the row was written by our own web process, and is read strictly all the same; a call that means no
gate, or more than one, is answered at once and reaches no run. What is compared here only finds the gate: whether the
job may have anything is judged by `domain.redeeming`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, get_args

from gate_app.domain.events import JobAsked
from gate_app.domain.grants import Job, JobAnswer, JobOutcome, Told, Want
from gate_app.domain.model import Purpose
from gate_app.domain.run import Run, RunState
from gate_app.domain.sentences import sentence
from gate_app.domain.verdict import ReasonCode, refused
from gate_app.engine.ports import Delivery, Store
from gate_app.engine.telling import item_for

JOB_CALL: Final = "job.call"
"""The event of a row that a job's call became; no webhook can have it (`intake.job_calls`)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A job's call as it was stored: the fact for the run, and the gate that it names, empty where it names none."""

    event: JobAsked
    gate: str


def read_call(body: bytes, at: datetime) -> Call:
    """The call of a row. Raises ValueError when it is not one."""
    try:
        said = json.loads(body)
        job = Job(**{each.name: _typed(said["job"][each.name], each.type) for each in fields(Job)})
        event = JobAsked(
            at,
            _typed(said["environment"], "str"),
            _typed(said["ticket"], "str"),
            _typed(said["want"], "str"),
            job,
            _typed(said["outcome"], "str"),
        )
        gate: str = _typed(said["gate"], "str")
    except (KeyError, TypeError) as fault:
        raise ValueError(f"not a call of a job: {type(fault).__name__}") from None
    if event.want not in get_args(Want) or event.outcome not in get_args(JobOutcome):
        raise ValueError("not a call of a job: an unknown word")
    return Call(event, gate)


def _typed(value: object, kind: object) -> Any:
    if type(value) is not {"int": int, "str": str}[str(kind)]:
        raise TypeError(kind)
    return value


@dataclass(frozen=True, slots=True)
class Calling:
    """Brings calls to the inboxes of the runs that they are about."""

    store: Store

    def route(self, delivery: Delivery) -> None:
        """Puts a call into an inbox, or answers it. Raises ValueError for a row that is no call."""
        call = read_call(delivery.body, delivery.received_at)
        found = self._run_meant(call)
        if isinstance(found, ReasonCode):
            self.store.answer(_nothing_for(call, found), delivery.received_at)
            self.store.route(delivery, (), f"a call of a job: {found.value}")
            return
        self.store.route(delivery, [item_for(found.id, call.event, f"job:{call.event.ticket}")], "")

    def _run_meant(self, call: Call) -> Run | ReasonCode:
        """The run with the gate: the one that is named, else the only one that is open, else the way back."""
        repository, environment = call.event.job.repository_id, call.event.environment
        if call.gate:
            return self._named(call, repository)
        candidates = [
            stored.run
            for subject in self.store.unfinished_subjects(repository)
            for stored in self.store.unfinished(subject)
            if _is_open(stored.run, environment)
        ]
        ours = [run for run in candidates if _is_of(run, environment, call.event.job)]
        pushed = [run for run in candidates if run.change.head.sha == call.event.job.sha]
        if call.event.job.event == "push":  # it deploys what was pushed, whatever else is approved
            candidates = pushed
        back = [run for run in candidates if run.purpose is Purpose.ROLLBACK]
        for meant in (ours, back, candidates, pushed):
            if len(meant) == 1:
                return meant[0]
        return ReasonCode.GATE_AMBIGUOUS if candidates else ReasonCode.GATE_UNKNOWN

    def _named(self, call: Call, repository: int) -> Run | ReasonCode:
        """A gate's id says run, environment and, after a plus, which of its occasions: the present one is meant."""
        environment = call.event.environment
        plain = call.gate if call.gate.endswith(f":{environment}") else call.gate.rpartition("+")[0]
        stored = self.store.run(plain.removesuffix(f":{environment}"))
        if stored is None or stored.run.change.repository.id != repository:
            return ReasonCode.GATE_UNKNOWN
        known = environment in stored.run.gates and stored.run.release_id(environment) == call.gate
        return stored.run if known else ReasonCode.GATE_UNKNOWN


def _is_open(run: Run, environment: str) -> bool:
    gate = run.gates.get(environment)
    return gate is not None and not gate.ended and (run.state is RunState.OPEN or gate.release is not None)


def _is_of(run: Run, environment: str, job: Job) -> bool:
    """Whether the gate's release is one that this workflow run carries out."""
    release = run.gates[environment].release
    if release is None:
        return False
    stage = run.stages.get(f"deploy@{environment}")
    followed = stage.followed if stage is not None else None
    redeemed = release.redeemed is not None and release.redeemed.run == job.run
    return redeemed or (followed is not None and (followed.what, followed.id) == ("workflow_run", job.run_id))


def _nothing_for(call: Call, code: ReasonCode) -> JobAnswer:
    said = sentence(refused(code)).replace("`", "")
    told = Told("denied", code.value, said, call.event.environment, call.gate, final=True)
    return told.answer(call.event.ticket)
