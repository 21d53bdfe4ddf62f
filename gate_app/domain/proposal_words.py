"""What is said of a proposed gate file: on the check run `gate / policy`, and in the status comment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gate_app.domain.approver_words import many
from gate_app.domain.inert import code, fenced, plain
from gate_app.domain.model import Unknown
from gate_app.domain.proposals import Past, Proposal
from gate_app.domain.strictness import NEW, Compared, Difference, Direction

_MARKS: Final = {Direction.LOOSER: "⚠️ looser", Direction.STRICTER: "stricter", Direction.SAME: "the same"}
_WORDS: Final = {
    "environment": {Direction.LOOSER: "it has no gate any more", Direction.STRICTER: "it gets a gate"},
    NEW: {
        Direction.LOOSER: "it is new, and asks people not always, or for less than where the same is started"
    },
}
UNREAD: Final = "Whether this pull request changes the gate file is not known yet"


def title(found: Proposal) -> str:
    """One line for the check run."""
    if not found.touches:
        return "This pull request leaves the gate file alone"
    if found.problem:
        return "The gate file of this pull request could not be obeyed"
    if found.looser:
        return plain(f"Looser than now: {', '.join(found.looser)}", 200)
    return "Stricter than now" if found.environments else "As strict as now"


def summary(found: Proposal | None) -> str:
    """What differs, environment by environment, and what the pull request is judged by meanwhile."""
    if found is None or not found.touches:
        return "The gate file on the default branch is valid."
    if found.problem:
        said = f"Once merged, every gate would stay closed, or be gone:\n\n{fenced(found.problem)}"
    elif found.environments:
        said = "\n\n".join(("\n".join(_table(found)), *_past(found.past)))
    else:
        said = "No environment would be stricter or looser."
    return f"{said}\n\n{_MEANWHILE}"


_MEANWHILE: Final = (
    "This pull request is judged by the gate file of the default branch. What cannot be shown to be as strict as "
    "before counts as looser."
)


def _past(found: tuple[Past, ...] | Unknown | None) -> Iterator[str]:
    """How often nobody would have been asked, of what the journal has."""
    if isinstance(found, Unknown):
        yield f"How many of the last runs would have needed nobody cannot be told: {plain(found.detail, 200)}."
    elif found == ():
        yield "The journal has no runs of these environments yet that would tell what this change makes of them."
    for each in found if isinstance(found, tuple) else ():
        rest = f"; of {each.untold} it cannot be told" if each.untold else ""
        yield (
            f"Under this change, {each.nobody} of the last {many(each.runs, 'run')} would have needed nobody in "
            f"{code(each.environment)} (then: {each.then}{rest})."
        )


def section(found: Proposal | None, review: str = "") -> str:
    """The part of the status comment, empty where the gate file is left alone; `review` is where its review stands."""
    if found is None or not found.touches:
        return ""
    parts = (f"#### The gate file: {title(found)}", summary(found), review)
    return "\n\n".join(part for part in parts if part)


def _table(found: Proposal) -> Iterator[str]:
    yield "| environment | with this change | what differs |"
    yield "|---|---|---|"
    yield from (
        f"| {code(each.environment)} | {_MARKS[each.direction]} | {_differing(each)} |"
        for each in found.environments
    )


def _differing(found: Compared) -> str:
    """What is looser first: that is what somebody has to look at."""
    ordered = sorted(found.differences, key=lambda each: each.direction is not Direction.LOOSER)
    return ", ".join(map(_difference, ordered))


def _difference(found: Difference) -> str:
    words = _WORDS.get(found.key)
    return words[found.direction] if words else f"{code(found.key)} ({found.direction.value})"
