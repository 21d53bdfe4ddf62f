"""The short comments about a question that waits, in words.

Rules of the file: they mention exactly those who can answer now; what was asked stands in the question and is not
told twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate_app.domain.approver_words import people_of
from gate_app.domain.conditions import Conditions
from gate_app.domain.escalation import in_force
from gate_app.domain.inert import code, plain
from gate_app.domain.model import Purpose
from gate_app.domain.policy import ApproverLine, Environment
from gate_app.domain.rollback import rollback_approval
from gate_app.domain.run import Run
from gate_app.domain.verdict import ReasonCode, Verdict


@dataclass(frozen=True, slots=True)
class Words:
    """Words about the open question of one gate; `verdict` says what is missing."""

    run: Run
    environment: Environment
    verdict: Verdict
    conditions: Conditions

    def reminder(self) -> str:
        """That it still waits, and for whom."""
        return self._short(f"⏰ {self._what} still waits for {self._missing()}.")

    def handed_on(self, lines: Sequence[ApproverLine]) -> str:
        """Who may answer from now on, and instead of whom."""
        people = " or ".join(people_of(self.run, line) for line in lines)
        return self._short(
            f"🪜 {self._what} has waited long enough for {self._missing()}. From now on {people} may answer "
            "instead. What they said before does not count; nothing is approved by waiting."
        )

    def added(self, lines: Sequence[ApproverLine]) -> str:
        """Whom a rule has added since the question was asked; empty where nobody of them is missing."""
        missing = [line for line in self._lines_missing() if line in lines]
        if not missing:
            return ""
        people = ", and ".join(people_of(self.run, line) for line in missing)
        return self._short(f"📣 A rule has fired since this was asked: {self._what} also needs {people}.")

    @property
    def _what(self) -> str:
        name, head = code(self.environment.name), code(self.run.change.head.sha[:12])
        back = self.run.purpose is Purpose.ROLLBACK
        return f"Rolling back {name} to {head}" if back else f"Deploying to {name} at {head}"

    def _missing(self) -> str:
        return ", and ".join(people_of(self.run, line) for line in self._lines_missing())

    def _lines_missing(self) -> Iterator[ApproverLine]:
        """The lines of the gate, as they are in force, that are not met yet."""
        gate = self.run.gates[self.environment.name]
        environment = in_force(self.run, gate, self.environment, self.conditions)
        back = self.run.purpose is Purpose.ROLLBACK
        lines = rollback_approval(environment).lines if back else environment.approval.lines
        for reason in self.verdict.reasons:
            if reason.code is ReasonCode.APPROVAL:
                children = zip(lines, reason.children, strict=True)
                yield from (line for line, child in children if not child.met)

    def _short(self, text: str) -> str:
        name = plain(self.environment.name, 100)
        gate = self.run.gates[self.environment.name]
        ends = self.run.expires_at(gate, self.environment.approval.expires_after)
        until = f"\n\n<sub>Open until {ends:%Y-%m-%d %H:%M} UTC, then denied.</sub>" if ends else ""
        return f"{text}\n\n`/approve {name}` · `/deny {name} reason` · `/why {name}`{until}"
