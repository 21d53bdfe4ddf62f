"""The one way from the bytes of `.github/gate.yml` to a policy.

Rules of the file: a policy comes out whole or not at all; everything wrong is told at once, in the order of
the file; the caller names the blob, because a policy is only ever read from the trusted ref (case 86).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress
from typing import TypeVar

from pydantic import ValidationError

from gate_app.config.asking import ApproverLineModel
from gate_app.config.deploying import EnvironmentModel
from gate_app.config.document import Document, Value, parse
from gate_app.config.expand import expand
from gate_app.config.models import FileModel, PolicyModel, StageModel
from gate_app.config.phrases import Places, flaws_of
from gate_app.config.problems import ConfigProblem, Flaw, Mark, Path, path_text
from gate_app.config.rules import Draft, judge
from gate_app.config.shape import Strict
from gate_app.config.text import decode
from gate_app.config.vocabulary import unenforceable
from gate_app.domain.policy import Policy

DEFAULT_FILE_NAME = ".github/gate.yml"
MAX_PROBLEMS = 50

_Model = TypeVar("_Model", bound=Strict)


Raise = Callable[[FileModel], FileModel | tuple[Flaw, ...]]
"""What brings a gate file up to the floor of its organisation, or says why the two cannot hold together."""


def read(
    raw: bytes,
    blob_sha: str,
    default_file_name: str = DEFAULT_FILE_NAME,
    raised: Raise = lambda file: file,
) -> Policy | tuple[ConfigProblem, ...]:
    """The policy in `raw`, or everything that keeps it from being obeyed (never empty, at most 50).

    `blob_sha` is git's id of `raw`, which the policy is pinned to; `default_file_name` is only for display.
    """
    text = decode(raw)
    if isinstance(text, Flaw):
        return _problems(Document(), (text,), default_file_name)
    document = parse(text)
    refused = unenforceable(document.value)
    enforceable = _without(document.value, _paths(refused))
    shape = _shape(enforceable)
    misshapen = () if isinstance(shape, FileModel) else shape
    unknown = tuple(flaw for flaw in misshapen if flaw.aim == "key")
    meant = judge(_draft(document, _without(enforceable, _paths(unknown))))
    taken_out = _paths((*refused, *unknown))
    told = (flaw for flaw in (*refused, *misshapen, *meant) if not _is_explained(flaw, document, taken_out))
    flaws = (*document.flaws, *told)
    if not flaws and isinstance(shape, FileModel):
        whole = raised(shape)
        if isinstance(whole, FileModel):
            return expand(whole, blob_sha)
        flaws = whole
    return _problems(document, flaws, default_file_name)


def read_as(
    model: type[_Model],
    places: Places,
    raw: bytes,
    file_name: str,
    meaning: Callable[[_Model], Iterable[Flaw]],
) -> _Model | tuple[ConfigProblem, ...]:
    """Another file of ours, read as strictly: the model of it in `raw`, or everything that is wrong (never empty).

    `meaning` says what is wrong with values together, once each of them is well formed.
    """
    text = decode(raw)
    if isinstance(text, Flaw):
        return _problems(Document(), (text,), file_name)
    document = parse(text)
    try:
        found = model.model_validate(document.value)
    except ValidationError as error:
        flaws = (
            flaw for flaw in flaws_of(error, document.value, places) if not document.is_unread(flaw.path)
        )
        return _problems(document, (*document.flaws, *flaws), file_name)
    wrong = (*document.flaws, *meaning(found))
    return _problems(document, wrong, file_name) if wrong else found


def _paths(flaws: Iterable[Flaw]) -> Set[Path]:
    return {flaw.path for flaw in flaws}


def _shape(value: Value) -> FileModel | tuple[Flaw, ...]:
    try:
        return FileModel.model_validate(value)
    except ValidationError as error:
        return flaws_of(error, value)


def _draft(document: Document, value: Value) -> Draft:
    stages, environments = (_section(value, name) for name in ("stages", "environments"))
    return Draft(
        stage_names=_names(document, value, "stages"),
        environment_names=_names(document, value, "environments"),
        stages=_sound_entries(StageModel, stages),
        environments=_sound_entries(EnvironmentModel, environments),
        notify=_texts(value, "notify"),
        owners=_owners(value),
    )


def _owners(value: Value) -> tuple[ApproverLineModel, ...]:
    """The owners of the policy, where that section is sound."""
    sound = _sound_entries(PolicyModel, {"policy": _section(value, "policy")})
    return sound["policy"].owners if sound else ()


def _texts(value: Value, name: str) -> tuple[str, ...]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, tuple) else ()


def _section(value: Value, name: str) -> Mapping[str, Value]:
    section = value.get(name) if isinstance(value, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _names(document: Document, value: Value, section: str) -> tuple[str, ...] | None:
    if document.is_unread((section,)):
        return None
    return tuple(_section(value, section))


def _sound_entries(model: type[_Model], section: Mapping[str, Value]) -> dict[str, _Model]:
    sound: dict[str, _Model] = {}
    for name, entry in section.items():
        with suppress(ValidationError):
            sound[name] = model.model_validate(entry)
    return sound


def _without(value: Value, refused: Set[Path], path: Path = ()) -> Value:
    """`value` less the entries at the `refused` paths, so that they are told once."""
    match value:
        case Mapping():
            kept = {key: inner for key, inner in value.items() if (*path, key) not in refused}
            return {key: _without(inner, refused, (*path, key)) for key, inner in kept.items()}
        case tuple():
            return tuple(_without(inner, refused, (*path, index)) for index, inner in enumerate(value))
        case _:
            return value


def _is_explained(flaw: Flaw, document: Document, taken_out: Set[Path]) -> bool:
    """Whether the flaw only follows from one that is told already: from what was not read or taken out."""
    if document.is_unread(flaw.path):
        return True
    return flaw.aim == "value" and any(flaw.path == path[:-1] for path in taken_out)


def _problems(document: Document, flaws: tuple[Flaw, ...], file: str) -> tuple[ConfigProblem, ...]:
    every = (_problem(flaw, _mark(flaw, document), file) for flaw in dict.fromkeys(flaws))
    ordered = sorted(every, key=lambda problem: (problem.line, problem.column))
    if len(ordered) <= MAX_PROBLEMS:
        return tuple(ordered)
    rest = Flaw(
        (), f"{len(ordered) - MAX_PROBLEMS + 1} more problems are not listed", "mend those above first"
    )
    last = ordered[MAX_PROBLEMS - 1]
    return (*ordered[: MAX_PROBLEMS - 1], _problem(rest, Mark(last.line, last.column), file))


def _problem(flaw: Flaw, mark: Mark, file: str) -> ConfigProblem:
    return ConfigProblem(file, path_text(flaw.path), mark.line, mark.column, flaw.reason, flaw.fix)


def _mark(flaw: Flaw, document: Document) -> Mark:
    if flaw.mark is not None:
        return flaw.mark
    place = document.place(flaw.path)
    return place.key if flaw.aim == "key" else place.value
