"""Whose files a deployment would change, asked of GitHub where a policy wants to know.

Rules of the file: CODEOWNERS is the default branch's, read with every decision like the gate file (case 86); what
cannot be read, or is not there, is Unknown (invariant 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gate_app.domain.conditions import EnvironmentFacts
from gate_app.domain.model import Change, Unknown
from gate_app.domain.ownership import Ownership
from gate_app.domain.policy import Environment, Policy
from gate_app.domain.proposals import GATE_FILE, REVIEWED
from gate_app.domain.review import asks_code_owners, under_review
from gate_app.domain.run import Run
from gate_app.engine.elsewhere import or_unknown
from gate_app.engine.ports import Hub, OwnersReader, PolicyAbsent, PolicyFile, PolicyRefused


@dataclass(frozen=True, slots=True)
class Owning:
    """Asks for CODEOWNERS and what changes, and reads the one over the other."""

    hub: Hub
    read: OwnersReader

    def of(
        self, run: Run, rules: Policy | None, facts: Mapping[str, EnvironmentFacts]
    ) -> Mapping[str, Ownership | Unknown]:
        """The owners by environment, for gates that answers may still decide; those of the gate file under review."""
        asking = [each for each in rules.environments if _turns_on(run, each)] if rules else []
        of_policy = rules is not None and under_review(run) is not None and asks_code_owners(rules)
        if not asking and not of_policy:
            return {}
        raw = self._file(run)
        found = {each.name: self._owners(run, each, facts, raw) for each in asking}
        if of_policy:
            found[REVIEWED] = raw if isinstance(raw, Unknown) else self.read(raw, (GATE_FILE,))
        return found

    def _file(self, run: Run) -> bytes | Unknown:
        found = or_unknown(lambda: self.hub.owners_file(run.change.repository))
        match found:
            case PolicyFile():
                return found.raw
            case PolicyAbsent():
                return Unknown("owners_absent", "the default branch has no CODEOWNERS; add one there")
            case PolicyRefused():
                return Unknown("owners_unreadable", f"CODEOWNERS: {found.detail}")
            case Unknown():
                return found

    def _owners(
        self, run: Run, environment: Environment, facts: Mapping[str, EnvironmentFacts], raw: bytes | Unknown
    ) -> Ownership | Unknown:
        if isinstance(raw, Unknown):
            return raw
        running = facts.get(environment.name, EnvironmentFacts(environment.name)).running
        if running is None and run.change.subject.number is None:  # what else was never released is not known
            return self.read(raw, None)
        files = self._files(run.change, running.sha if running else run.change.base_sha)
        return files if isinstance(files, Unknown) else self.read(raw, files)

    def _files(self, change: Change, base: str) -> tuple[str, ...] | Unknown | None:
        """What differs, or more: what either side changed since they had something in common; None for any file."""
        repository, head = change.repository, change.head.sha
        there = or_unknown(lambda: self.hub.compare(repository, base, head))
        if isinstance(there, Unknown) or there.files is None or not there.behind:
            return there if isinstance(there, Unknown) else there.files
        back = or_unknown(lambda: self.hub.compare(repository, head, base))
        if isinstance(back, Unknown) or back.files is None:
            return back if isinstance(back, Unknown) else None
        return (*there.files, *back.files)


def _turns_on(run: Run, environment: Environment) -> bool:
    gate = run.gates.get(environment.name)
    return gate is not None and gate.turns_on_answers and environment.asks_owners
