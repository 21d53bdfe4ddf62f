"""What the workflows of a checkout say of themselves: what starts them, and which environments their jobs name.

Rules of the file: they are read, never run, by the strict reader of gate files; one that it cannot read is said, and
taken for one that does nothing. An environment that an expression chooses is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gate_app.config.document import Value, parse
from gate_app.config.text import decode

INPUTS: Final = frozenset({"sha", "gate"})
"""What the app gives a workflow that it starts to deploy (docs/routes.md)."""
_PAGES: Final = "github-pages"


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow file. `checks_branch` is None where pushes do not start it, empty where those to any branch do.

    `unsure` are environments that are not named outright; `fits` says that the app can start it to deploy.
    """

    file: str
    triggers: tuple[str, ...] = ()
    push_branches: tuple[str, ...] | None = None
    environments: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    fits: bool = False
    readable: bool = True

    def checks(self, branch: str) -> bool:
        """Whether it runs on what is pushed to this branch, and is not itself a deployment."""
        if self.push_branches is None or self.environments or self.unsure:
            return False
        return not self.push_branches or branch in self.push_branches or "**" in self.push_branches


def read_workflow(file: str, raw: bytes) -> Workflow:
    """What the file says; one that cannot be read is not `readable`."""
    text = decode(raw)
    document = parse(text) if isinstance(text, str) else None
    if document is None or not isinstance(document.value, Mapping):
        return Workflow(file, readable=False)
    triggers = document.value.get("on")
    named, unsure = _environments(_mapping(document.value.get("jobs")))
    return Workflow(
        file,
        tuple(_names(triggers)),
        _push_branches(triggers),
        named,
        unsure,
        _fits(triggers),
    )


def _mapping(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}


def _names(value: Value) -> tuple[str, ...]:
    """The texts of one text, a list or the keys of a mapping."""
    listed = value if isinstance(value, tuple) else tuple(value) if isinstance(value, Mapping) else (value,)
    return tuple(each for each in listed if isinstance(each, str))


def _push_branches(triggers: Value) -> tuple[str, ...] | None:
    """The branches whose pushes start it, empty for all of them; None where none do."""
    if "push" not in _names(triggers):
        return None
    push = _mapping(_mapping(triggers).get("push"))
    if "branches" in push:
        return _names(push["branches"])
    only_some = any(filter_ in push for filter_ in ("tags", "tags-ignore", "branches-ignore"))
    return None if only_some else ()


def _fits(triggers: Value) -> bool:
    """Whether it declares both inputs, and asks for nothing else that the app would not give."""
    dispatch = _mapping(_mapping(triggers).get("workflow_dispatch"))
    inputs = _mapping(dispatch.get("inputs"))
    asked = {name for name, facts in inputs.items() if _mapping(facts).get("required") is True}
    return set(inputs) >= INPUTS and asked <= INPUTS


def _environments(jobs: Mapping[str, Value]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: dict[str, None] = {}
    for job in jobs.values():
        place = _mapping(job).get("environment")
        name = place.get("name") if isinstance(place, Mapping) else place
        if isinstance(name, str) and name and name != _PAGES:
            found[name] = None
    named = tuple(name for name in found if "${{" not in name)
    return named, tuple(name for name in found if "${{" in name)
