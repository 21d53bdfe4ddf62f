"""What a simulation came to, for people and for scripts.

Rules of the file: the tree of reasons reads as `/why` and the check run have it; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gate_app.domain.model import Person
from gate_app.domain.sentences import sentence
from gate_app.domain.smallest import Finishers
from gate_app.domain.verdict import Reason, ReasonCode, Verdict
from gate_app.domain.wording import tree
from gate_app.simulation.world import Outcome, Simulation

Json = dict[str, object]

_OF_PEOPLE = frozenset({ReasonCode.APPROVAL, ReasonCode.APPROVAL_MISSING})


def text(found: Simulation) -> str:
    """Every gate with its verdict, the reasons, who could still finish it and what would change it."""
    parts = [f"Judged as of {_moment(found.at)}."]
    parts += [f"{said.line}\n{_indented(said.reply)}" for said in found.said if said.reply]
    parts += ["\n".join(_gate(outcome)) for outcome in found.outcomes]
    return "\n\n".join(parts)


def as_json(found: Simulation) -> Json:
    """The same for scripts; docs/simulate.md describes it."""
    return {
        "at": found.at.isoformat(),
        "environments": {each.environment: _outcome(each) for each in found.outcomes},
        "said": [{"line": each.line, "reply": each.reply} for each in found.said],
    }


def obstacles(verdict: Verdict) -> tuple[Reason, ...]:
    """What does not hold, ground by ground: the innermost reasons, people left out."""
    every = (reason for root in verdict.reasons for reason in root.walk() if not reason.met)
    return tuple(
        each for each in every if each.code not in _OF_PEOPLE and all(under.met for under in each.children)
    )


def _gate(outcome: Outcome) -> Iterator[str]:
    if outcome.verdict is None:
        yield f"{outcome.environment}: not asked for"
        yield f"  What would change it: `/deploy {outcome.environment}`"
        return
    released = " (it would be released)" if outcome.released else ""
    yield f"{outcome.environment}: {outcome.verdict.state.value}{released}"
    yield _indented(tree(outcome.verdict.reasons))
    if outcome.released:
        return
    if outcome.finishers.needed:
        yield f"  Who could finish it: {_whom(outcome.finishers)}"
    changes = list(_changes(outcome, outcome.verdict))
    if changes:
        yield "  What would change it:"
        yield from (f"    - {change}" for change in changes)


def _changes(outcome: Outcome, verdict: Verdict) -> Iterator[str]:
    yield from (sentence(reason) for reason in obstacles(verdict))
    if outcome.finishers.sets:
        yield "Approvals, as above."
    elif outcome.finishers.needed:
        yield "Other people, or other approvers in the gate file: nobody of these could approve it."
    if outcome.wakes_at is not None:
        yield f"Time: it is judged again at {_moment(outcome.wakes_at)}."


def _whom(able: Finishers) -> str:
    if not able.sets:
        return "nobody of the people in the facts" if able.whole else "more people than could be tried"
    sets = " or ".join(" and ".join(person.login for person in chosen) for chosen in able.sets)
    return sets if able.whole else f"{sets}, or others"


def _outcome(outcome: Outcome) -> Json:
    verdict, able = outcome.verdict, outcome.finishers
    return {
        "verdict": verdict.state.value if verdict else None,
        "released": outcome.released,
        "codes": list(verdict.codes) if verdict else [],
        "reasons": _reasons(verdict.reasons) if verdict else [],
        "people_needed": able.needed,
        "finishers": [_logins(chosen) for chosen in able.sets],
        "all_finishers": able.whole,
        "obstacles": _reasons(obstacles(verdict)) if verdict else [],
        "judged_again_at": outcome.wakes_at.isoformat() if outcome.wakes_at else None,
    }


def _reasons(reasons: Sequence[Reason]) -> list[Json]:
    return [
        {
            "code": each.code.value,
            "holds": each.holds.value,
            "sentence": sentence(each),
            "facts": dict(each.facts),
            "reasons": _reasons(each.children),
        }
        for each in reasons
    ]


def _logins(people: Sequence[Person]) -> list[str]:
    return [person.login for person in people]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _indented(lines: str) -> str:
    return "\n".join(f"  {line}" for line in lines.split("\n"))
