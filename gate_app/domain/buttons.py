"""The buttons of a gate's check run: what they say, and the question that a press answers.

Rules of the file: an identifier is opaque outside and names one question with everything it is bound to, so
that a press on an old page answers nothing (cases 47, 49); GitHub takes three buttons at most and shows them
on completed check runs only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Literal

from gate_app.domain.plan import fingerprint
from gate_app.domain.run import Question, Run

Kind = Literal["approval", "denial"]
_VERBS: Final[dict[Kind, str]] = {"approval": "approve", "denial": "deny"}
_MARK_DIGITS: Final = 12
"""What fits beside `approve:` into the 20 characters of an identifier."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button as GitHub takes it: label at most 20 characters, description 40, identifier 20."""

    label: str
    description: str
    identifier: str


def buttons(run: Run, environment: str, question: Question) -> tuple[Button, ...]:
    """Approve and Deny for one question."""
    return (
        Button(
            "Approve",
            "Yes: deploy exactly what is shown here",
            _identifier(run, environment, question, "approval"),
        ),
        Button(
            "Deny",
            "No: nothing is deployed from this head",
            _identifier(run, environment, question, "denial"),
        ),
    )


def pressed(run: Run, environment: str, question: Question, identifier: str) -> Kind | None:
    """What a press says to this question; None for a button of another question, or of nobody's."""
    kinds: tuple[Kind, ...] = ("approval", "denial")
    return next((kind for kind in kinds if _identifier(run, environment, question, kind) == identifier), None)


def _identifier(run: Run, environment: str, question: Question, kind: Kind) -> str:
    bound = {name: str(part) for name, part in asdict(question.binding).items() if part}
    asked = [run.gate_id(environment), question.number, bound]
    return f"{_VERBS[kind]}:{fingerprint(asked)[:_MARK_DIGITS]}"
