"""What remains of a trial: the final state as JSON for scripts, and a few lines for people.

Rules of the file: the JSON's names are public and only ever added to (`schema_version`); it is written whole
or not at all, whatever way the trial ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gate_app.domain.evidence import StageReason, StageVerdict, TestFailure
from gate_app.domain.model import Origin
from gate_app.domain.run import Answer, Gate, ReleaseStatus, Run, StageRun
from gate_app.domain.verdict import Verdict
from gate_app.stages.job import write_whole
from gate_app.stages.places import slug
from gate_app.stages.plaintext import plain_line
from gate_app.stages.releases import current_release
from gate_app.standin.shapes import DeploymentState
from gate_app.trial.answers import Reception, is_acknowledged
from gate_app.trial.home import TrialHome
from gate_app.trial.page import undecorated
from gate_app.trial.picture import Picture
from gate_app.trial.rows import why_not
from gate_app.trial.standing import Outcome, waits_for_others
from gate_app.trial.story import Memory

SCHEMA_VERSION: Final = 1
MAX_FAILURES: Final = 5
_COULD_NOT_START: Final = (StageReason.MODULE_MISSING, StageReason.COMMAND_NOT_FOUND, StageReason.NO_TESTS)

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trial ended; `detail` says more where the outcome alone does not."""

    outcome: Outcome
    detail: str = ""


def write(path: Path, state: Json) -> None:
    """Writes the final state. Raises OSError."""
    text = json.dumps(state, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, text.encode())


# --- for scripts -----------------------------------------------------------------------------------------


def final_state(ending: Ending, home: TrialHome | None, memory: Memory) -> Json:
    """Everything about how the trial ended."""
    picture = memory.picture
    state: Json = {
        "schema_version": SCHEMA_VERSION,
        "outcome": ending.outcome.value,
        "exit_code": ending.outcome.exit_code,
        "detail": ending.detail,
        "home": str(home.root) if home else None,
        "database_url": home.database_url if home else None,
        "said": [_said(reception) for reception in memory.receptions],
        "unsaid": [asdict(saying) for saying in memory.unsaid],
    }
    return {**state, **(_nothing_seen() if picture is None else _seen(picture, memory))}


def _nothing_seen() -> Json:
    return {"pull_request": None, "runs": [], "deployments": [], "journal_heads": {}, "set_aside": []}


def _seen(picture: Picture, memory: Memory) -> Json:
    pull = picture.pull
    heads = picture.overview.journal_heads
    return {
        "pull_request": {
            "repository": pull["repository"],
            "number": pull["number"],
            "title": pull["title"],
            "base_sha": pull["base_sha"],
            "head_sha": pull["head_sha"],
            "merged": pull["merged"],
        },
        "runs": [_run(run, picture, memory) for run in picture.overview.runs],
        "deployments": [_deployment(deployment) for deployment in picture.deployments],
        "journal_heads": {
            str(repository): {"number": number, "hash": digest}
            for repository, (number, digest) in heads.items()
        },
        "set_aside": [asdict(one) for one in picture.overview.set_aside],
    }


def _said(reception: Reception) -> Json:
    saying = reception.utterance.saying
    return {
        "login": saying.login,
        "text": saying.text,
        "comment_id": reception.utterance.comment_id,
        "heard": reception.heard.value,
        "reply": undecorated(reception.reply),
    }


def _run(run: Run, picture: Picture, memory: Memory) -> Json:
    verdicts = picture.overview.verdicts.get(run.id, {})
    return {
        "id": run.id,
        "origin": run.change.origin.value,
        "head_sha": run.change.head.sha,
        "state": run.state.value,
        "stages": {key: _stage(stage) for key, stage in run.stages.items()},
        "gates": {name: _gate(gate, verdicts.get(name), picture, memory) for name, gate in run.gates.items()},
    }


def _stage(stage: StageRun) -> Json:
    state: Json = {"role": stage.role.value, "status": stage.status.value, "attempt": stage.attempt}
    if stage.outcome is None:
        return {**state, "verdict": None}
    evidence = stage.outcome.evidence
    return {
        **state,
        "verdict": stage.outcome.verdict.value,
        "reason_code": stage.outcome.reason.value,
        "detail": stage.outcome.detail,
        "tests": asdict(evidence.tests) if evidence.tests is not None else None,
        "findings": asdict(evidence.severities),
        "duration_seconds": evidence.duration_ms / 1000,
        "isolation": evidence.isolation,
    }


def _gate(gate: Gate, verdict: Verdict | None, picture: Picture, memory: Memory) -> Json:
    release = gate.release
    return {
        "verdict": verdict.state.value if verdict else None,
        "reason_codes": list(verdict.codes) if verdict else [],
        "question": gate.question.number if gate.question else None,
        "release": release.status.value if release else None,
        "failure": release.failure.value if release and release.failure else None,
        "closing": _closing(gate),
        "answers": [_answer(answer, picture, memory) for answer in gate.answers],
    }


def _closing(gate: Gate) -> Json | None:
    if gate.closing is None:
        return None
    by = gate.closing.by
    return {
        "state": gate.closing.state.value,
        "code": gate.closing.code.value,
        "by": by.login if by else None,
        "note": gate.closing.note,
    }


def _answer(answer: Answer, picture: Picture, memory: Memory) -> Json:
    counted, code = _judgement(answer, picture, memory)
    return {
        "login": answer.person.login,
        "id": answer.person.id,
        "what": answer.kind,
        "question": answer.question,
        "counted": counted,
        "code": code,
        "reason": answer.reason,
        "comment_id": answer.comment_id,
    }


def _judgement(answer: Answer, picture: Picture, memory: Memory) -> tuple[bool, str | None]:
    """As the gate judged it while it was open; where that went by unseen, as the App acknowledged it."""
    judged = memory.judged.get(answer.key)
    if judged is not None:
        return judged.counts, judged.code.value
    acknowledged = answer.comment_id is not None and is_acknowledged(picture, answer.comment_id)
    return acknowledged, "answer_counts" if acknowledged else None


def _deployment(deployment: DeploymentState) -> Json:
    statuses = [
        {"state": one["state"], "description": one["description"], "at": one["created_at"]}
        for one in deployment["statuses"]
    ]
    return {
        "id": deployment["id"],
        "environment": deployment["environment"],
        "sha": deployment["sha"],
        "created_at": deployment["created_at"],
        "statuses": statuses,
    }


# --- for people ------------------------------------------------------------------------------------------


def summary(ending: Ending, home: TrialHome, memory: Memory) -> str:
    """A few lines: what runs where, who said so, how to look further."""
    lines = ["", *_title(ending)]
    if memory.picture is not None:
        lines += _released(memory.picture, home, memory)
        lines += _not_passed(memory.picture)
        lines += _journal(memory.picture.overview.journal_heads)
    if memory.unsaid:
        lines.append(f"Left unsaid: {'; '.join(map(str, memory.unsaid))}")
    lines += [
        f"Look further: gate-app audit verify --database-url {home.database_url}",
        f"Everything of this trial lies in {home.root} (logs: {home.logs}); remove it when you are done.",
    ]
    return "\n".join(lines)


_TITLES: Final = {
    Outcome.RELEASED: "Released and healthy in every environment.",
    Outcome.DENIED: "Denied: nothing more is released from this head. A new push asks again.",
    Outcome.EXPIRED: "Nobody answered in time, which counts as denied.",
    Outcome.SUPERSEDED: "A newer head took the place of this one.",
    Outcome.CANCELLED: "Cancelled: nothing is released from this head.",
    Outcome.FAILED: "Not released: something failed.",
    Outcome.UNKNOWN: "Not released: something could not be found out, and unknown never opens a gate.",
    Outcome.WAITING: "Not released: a gate still waits for an answer.",
    Outcome.TIMED_OUT: "Not released: the time of the trial is over (timed_out); --timeout SECONDS gives it more.",
    Outcome.FAULT: "The trial broke off.",
    Outcome.INTERRUPTED: "Interrupted.",
    Outcome.REFUSED: "Nothing was started.",
}


def _title(ending: Ending) -> Iterator[str]:
    yield _TITLES[ending.outcome]
    if ending.detail:
        yield ending.detail


def _released(picture: Picture, home: TrialHome, memory: Memory) -> Iterator[str]:
    for origin in Origin:
        run = picture.run_of(origin)
        for name, gate in (run.gates if run else {}).items():
            if run is None or gate.release is None:
                continue
            healthy = "runs" if gate.release.status is ReleaseStatus.HEALTHY else "was given, not healthy,"
            approvers = ", ".join(_approvers(gate, picture, memory))
            asked = f"approved by {approvers}" if approvers else "nobody was asked"
            where = current_release(home.releases_of(run.change.repository.id), slug(name))
            yield f"  {name} {healthy} {run.change.head.sha[:12]}, {asked}: {where}"


def _approvers(gate: Gate, picture: Picture, memory: Memory) -> Iterator[str]:
    for answer in gate.answers:
        if answer.kind == "approval" and _judgement(answer, picture, memory)[0]:
            yield answer.person.login


def _not_passed(picture: Picture) -> Iterator[str]:
    """The stages in the way, with the first tests that failed and what helps when tests could not start."""
    stages = [(run, stage) for run in picture.overview.runs for stage in run.stages.values()]
    for run, stage in stages:
        if waits_for_others(run, stage):
            yield f"  {stage.key} unknown: it waits for checks of others, and the stand-in has no CI that reports any."
            yield "    --tests COMMAND names what to run here, where the repository has no gate.yml of its own."
        if stage.outcome is None or stage.outcome.verdict is StageVerdict.PASSED:
            continue
        yield f"  {stage.key} {stage.outcome.verdict.value}: {why_not(stage.outcome)}"
        yield from (_failure(failure) for failure in stage.outcome.evidence.failures[:MAX_FAILURES])
        if stage.outcome.reason in _COULD_NOT_START:
            yield "    A virtual environment in the checkout (.venv) is used; --tests COMMAND names another command."


def _failure(failure: TestFailure) -> str:
    """A test that failed, with the first line of what it said."""
    first = failure.message.strip().split("\n", 1)[0]
    return f"    {plain_line(failure.name, 80)}: {plain_line(first, 160)}"


def _journal(heads: Mapping[int, tuple[int, str]]) -> Iterator[str]:
    for number, digest in heads.values():
        yield f"Journal: {number} {'entry' if number == 1 else 'entries'}, head {digest[:12]}"
