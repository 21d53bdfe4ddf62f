"""Grants: an approval that the deploying job exchanges, once, for what it may deploy.

Rules of the file: a job is known by what its verified token says, and it only ever waits or gets an answer; what to
deploy comes from the gate, never from the job. Every doubt is a no. Who redeemed a release is written once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

SCHEMA_VERSION: Final = 1
"""Of what jobs are told; it grows when something in it is taken away or changes its meaning."""
REDEEMING_EVENTS: Final = frozenset({"push", "workflow_dispatch", "schedule", "repository_dispatch"})
"""What may have started the workflow of a job that redeems: nothing that people without write permission can cause,
and nothing that runs what a pull request brings along (case 130)."""
KEPT_ASKS: Final = 20
"""How many jobs of one gate are answered; the oldest are forgotten first."""

Want = Literal["request", "redeem", "report", "withdraw"]
JobOutcome = Literal["", "success", "failure", "cancelled"]
BRANCHES: Final = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Job:
    """The job of a workflow run, as its verified token describes it.

    `workflow` is the file that the job itself is written in, at `workflow_ref`; `called_from` is the file of the whole
    run at `called_from_ref` (another one where the job is in a reusable workflow). `run_ref` and `sha` are what the run
    was started for. `environment` is empty where the job names none. `key` is the fingerprint of a secret that one
    process of the job made up: it tells that one from every other that has the same token.
    """

    repository_id: int
    owner_id: int
    repository: str
    run_id: int
    attempt: int
    workflow: str
    workflow_ref: str
    called_from: str
    called_from_ref: str
    event: str
    run_ref: str
    sha: str
    environment: str
    key: str = ""

    @property
    def run(self) -> tuple[int, int, int]:
        """The attempt of the workflow run that the job belongs to."""
        return (self.repository_id, self.run_id, self.attempt)

    def is_on(self, branch: str) -> bool:
        """Whether the run, its file and the file of the job are all those of this branch (cases 132, 133)."""
        wanted = f"{BRANCHES}{branch}"
        return bool(branch) and {self.run_ref, self.workflow_ref, self.called_from_ref} == {wanted}


@dataclass(frozen=True, slots=True)
class Ask:
    """What a job asked of a gate. `ticket` is the fingerprint of the secret that its answer is fetched with; `told` is
    the fingerprint of the answer that it was given last, empty before the first one.
    """

    ticket: str
    want: Want
    job: Job
    at: datetime
    told: str = ""


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """What whoever has the ticket is told from now on: a JSON object."""

    ticket: str
    body: str


@dataclass(frozen=True, slots=True)
class Told:
    """An answer before it is written down. `decision` is for branching, `code` says why, `message` says it to people.

    `final` says that waiting changes nothing any more. `grant` is what may be deployed, with the decision `approved`
    of a redemption alone.
    """

    decision: str
    code: str
    message: str
    environment: str
    gate: str
    final: bool
    grant: Mapping[str, object] = field(default_factory=dict)
    approved_by: tuple[str, ...] = ()
    sha: str = ""

    def answer(self, ticket: str) -> JobAnswer:
        """The answer as it is stored."""
        body = {
            "schema_version": SCHEMA_VERSION,
            "decision": self.decision,
            "reason_code": self.code,
            "message": self.message,
            "environment": self.environment,
            "gate": self.gate,
            "final": self.final,
            "approved_by": list(self.approved_by),
            "sha": self.sha,
            "grant_id": "",
            "parameters": {},
            **self.grant,
        }
        return JobAnswer(ticket, json.dumps(body, sort_keys=True, separators=(",", ":")))


def fingerprint_of(answer: JobAnswer) -> str:
    """What an ask remembers of its answer."""
    return sha256(answer.body.encode()).hexdigest()


def with_ask(asks: tuple[Ask, ...], ask: Ask, holder: Job | None = None) -> tuple[Ask, ...]:
    """The asks of a gate with one more; the same ticket is the same ask (case 9).

    The newest of `holder`, the job that has the grant, is kept however many others ask: it waits for what to deploy.
    """
    if any(each.ticket == ask.ticket for each in asks):
        return asks
    every = (*asks, ask)
    held = next((each for each in reversed(every) if each.job == holder), None)
    others = [each for each in every if each is not held]
    kept = others[-(KEPT_ASKS - (held is not None)) :]
    return tuple(each for each in every if each is held or each in kept)


def without(asks: tuple[Ask, ...], job: Job) -> tuple[Ask, ...]:
    """The asks of a gate without those of this workflow run's attempt."""
    return tuple(each for each in asks if each.job.run != job.run)


def told_as(ask: Ask, answer: JobAnswer) -> Ask:
    """The ask after it was answered so."""
    return replace(ask, told=fingerprint_of(answer))
