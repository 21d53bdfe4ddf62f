"""What a pull request would make of the gate file, asked of GitHub once for each head and policy.

Rules of the file: the proposed text is read as it stands at the head, from the base repository, bounded and as strictly
as the real one (case 86: to be shown, never to judge by); what cannot be read is Unknown (invariant 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gate_app.domain.model import Change, Purpose, Unknown
from gate_app.domain.policy import Policy
from gate_app.domain.proposals import GATE_FILE, Proposal, proposal
from gate_app.domain.run import Run, RunState
from gate_app.engine.elsewhere import or_unknown
from gate_app.engine.ports import (
    Comparison,
    Hub,
    PastReader,
    PolicyAbsent,
    PolicyFile,
    PolicyReader,
    PolicyRefused,
)

_REMOVED: Final = (
    f"{GATE_FILE} is taken away: no environment has a gate without it. Keep it, or say why in review."
)

Compare = Callable[[str], Comparison | Unknown]
"""What lies between a base and the head under decision."""


@dataclass(frozen=True, slots=True)
class Proposing:
    """Looks whether a pull request changes the gate file, and reads its version if it does."""

    hub: Hub
    read_policy: PolicyReader
    past: PastReader | None = None

    def of(self, run: Run, rules: Policy | None, compare: Compare) -> Proposal | Unknown | None:
        """What is learned now; None where nothing has to be asked."""
        if rules is None or not _wanted(run, rules):
            return None
        between = compare(run.change.base_sha)
        if isinstance(between, Unknown):
            return between
        if between.files is not None and GATE_FILE not in between.files:
            return Proposal(rules.blob_sha)
        return self._read(run.change, rules)

    def _read(self, change: Change, rules: Policy) -> Proposal | Unknown:
        file = or_unknown(lambda: self.hub.proposed_file(change.repository, change.head.sha))
        match file:
            case PolicyAbsent():
                return proposal(rules, _REMOVED)
            case PolicyRefused():
                return proposal(rules, file.detail)
            case PolicyFile():
                return self._compared(change, rules, file)
            case Unknown():
                return file

    def _compared(self, change: Change, rules: Policy, file: PolicyFile) -> Proposal | Unknown:
        """Under the same floor as the policy in force; a change of nothing but the floor is not this one's."""
        blob, _, below = rules.blob_sha.partition("+")
        if file.blob_sha == blob:
            return Proposal(rules.blob_sha, touches=True)
        floor = or_unknown(lambda: self.hub.floor_file(change.repository)) if below else PolicyAbsent()
        if isinstance(floor, Unknown):
            return floor
        found = self.read_policy(file, floor if isinstance(floor, PolicyFile) else None)
        if isinstance(found, Policy) and found.blob_sha.partition("+")[2] != below:
            return Unknown("hub_unavailable", "the floor of the organisation changed meanwhile")
        return self._with_past(change, proposal(rules, found), found)

    def _with_past(self, change: Change, told: Proposal, found: Policy | str) -> Proposal:
        """Shown, and judged by nothing: no decision waits for more of it than there is time for."""
        if self.past is None or not isinstance(found, Policy) or not told.environments:
            return told
        past = self.past(change.repository.id, found)
        if isinstance(past, Unknown):
            return replace(told, past=past)
        differing = {each.environment for each in told.environments}
        return replace(told, past=tuple(each for each in past if each.environment in differing))


def _wanted(run: Run, rules: Policy) -> bool:
    """Only what would be merged into the branch that policy comes from; once for each policy."""
    change, known = run.change, run.proposal
    if run.state is not RunState.OPEN or run.final or run.purpose is not Purpose.RELEASE:
        return False
    if change.subject.number is None or change.default_branch not in ("", change.base_ref):
        return False
    return known is None or (known.touches and known.under != rules.blob_sha)
