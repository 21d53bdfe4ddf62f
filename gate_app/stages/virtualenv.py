"""Finds the virtual environment of a checkout, so that ``try`` runs tests with the packages they need.

Rules of this file:

* An editable install that points into the checkout would make the tests import the checkout instead of
  the commit under decision: a green light for the wrong code. Such an environment is not used.
* What cannot be read is not used. Nothing of the environment is run to find out.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

NAMES: Final = (".venv", "venv", "env")
_NONE_THERE: Final = (
    "The checkout has no virtual environment (.venv, venv, env): "
    "its commands find the packages of gate-app alone."
)
_MAX_FILE: Final = 1_048_576
_MAX_DISTRIBUTIONS: Final = 10_000


@dataclass(frozen=True, slots=True)
class VirtualEnvironment:
    """The environment to use, or ``None``; ``reason`` says why, in one sentence for people."""

    folder: Path | None
    reason: str


def find_venv(checkout: Path) -> VirtualEnvironment:
    """The first usable virtual environment in the root of ``checkout``."""
    refused = []
    for name in NAMES:
        folder = checkout / name
        if not (folder / "pyvenv.cfg").is_file():
            continue
        problem = _problem(folder, checkout)
        if problem is None:
            return VirtualEnvironment(folder, _praise(folder, name))
        refused.append(f"{name} is not used: {problem}.")
    return VirtualEnvironment(None, " ".join(refused) or _NONE_THERE)


def linked_folders(folder: Path) -> tuple[Path, ...]:
    """Folders outside of the virtual environment ``folder`` that its installs import from; none if unreadable."""
    try:
        named = [entry for site in _site_packages(folder) for entry in _linked(site)]
    except OSError:
        return ()
    outside = (path for path in map(Path, named) if path.is_absolute() and not path.is_relative_to(folder))
    return tuple(dict.fromkeys(path for path in outside if path.is_dir()))


def _linked(site: Path) -> Iterator[str]:
    for path in islice(sorted(site.glob("*.pth")), _MAX_DISTRIBUTIONS):
        yield from _path_entries(_read(path))
    for path in islice(sorted(site.glob("*.dist-info/direct_url.json")), _MAX_DISTRIBUTIONS):
        yield _editable_source(_read(path))


def _problem(folder: Path, checkout: Path) -> str | None:
    if not os.access(folder / "bin" / "python", os.X_OK):
        return "it has no bin/python that runs"
    packages = list(_site_packages(folder))
    if not packages:
        return "it has no site-packages"
    try:
        pointing = next(_editable_installs(folder, packages, checkout), None)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if pointing is None:
        return None
    return f"the editable install {pointing} would test the checkout instead of the commit"


def _praise(folder: Path, name: str) -> str:
    has_pytest = any((packages / "pytest" / "__init__.py").is_file() for packages in _site_packages(folder))
    if has_pytest:
        return f"Using the checkout's own {name}."
    return f"Using the checkout's own {name}; it has no pytest, so tests may not start."


def _site_packages(folder: Path) -> Iterator[Path]:
    for library in ("lib", "lib64"):
        if not (folder / library).is_symlink():
            yield from sorted((folder / library).glob("python3*/site-packages"))


def _editable_installs(folder: Path, packages: list[Path], checkout: Path) -> Iterator[str]:
    """Names of the files that make an import come from ``checkout`` (but not from the environment in it)."""
    for site in packages:
        for path in islice(sorted(site.glob("*.pth")), _MAX_DISTRIBUTIONS):
            if any(_leads_in(site / entry, folder, checkout) for entry in _path_entries(_read(path))):
                yield path.name
        for path in islice(sorted(site.glob("__editable__*.py")), _MAX_DISTRIBUTIONS):
            if str(checkout) in _read(path) or str(checkout.resolve()) in _read(path):
                yield path.name
        for path in islice(sorted(site.glob("*.egg-link")), _MAX_DISTRIBUTIONS):
            if _leads_in(site / _read(path).partition("\n")[0].strip(), folder, checkout):
                yield path.name
        for path in islice(sorted(site.glob("*.dist-info/direct_url.json")), _MAX_DISTRIBUTIONS):
            if _leads_in(site / _editable_source(_read(path)), folder, checkout):
                yield path.parent.name


def _editable_source(text: str) -> str:
    """The folder of an editable install (PEP 610), else nothing."""
    try:
        origin: object = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(origin, dict):
        return ""
    details, url = origin.get("dir_info"), origin.get("url")
    if not isinstance(details, dict) or details.get("editable") is not True or not isinstance(url, str):
        return ""
    return unquote(urlsplit(url).path)


def _path_entries(text: str) -> list[str]:
    """The lines of a ``.pth`` file that are folders, absolute or relative to the file."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]


def _leads_in(target: Path, folder: Path, checkout: Path) -> bool:
    target = target.resolve()
    return target.is_relative_to(checkout.resolve()) and not target.is_relative_to(folder.resolve())


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(_MAX_FILE).decode("utf-8", errors="replace")
