"""What to run for a repository without ``.github/gate.yml``: proposed from the names in the tree of a commit.

Rules of this file: it looks at paths and at two manifests, runs nothing, and says for each proposal why.
When nothing is recognised it proposes nothing; it never guesses a command that would pass by itself.
"""

import json
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

TESTS: Final = "tests"
SECURITY: Final = "security"
MANIFESTS: Final = ("package.json", "pyproject.toml")
"""The files whose contents ``detect`` wants to see when they are in the root of the tree."""

_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing"})
_MAX_SCANNED_FOLDERS: Final = 50
_MAX_MANIFEST: Final = 262_144
_NPM_PLACEHOLDER: Final = "no test specified"


@dataclass(frozen=True, slots=True)
class ProposedStage:
    """A stage as it would stand in the configuration. ``reason`` says what in the tree led to it."""

    name: str
    command: str
    reason: str
    junit: str | None = None
    sarif: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The stages for a tree, and one note for each kind of test that was looked at and left out."""

    stages: tuple[ProposedStage, ...]
    notes: tuple[str, ...] = ()


def detect(paths: Collection[str], manifests: Mapping[str, str]) -> Proposal:
    """Proposes stages for a tree.

    ``paths`` are the files of the commit, relative and with ``/``; ``manifests`` the contents of those of
    ``MANIFESTS`` that exist in its root. Of several kinds of tests the first is proposed, in the order
    pytest, npm, cargo, go; the others are named in the notes.
    """
    files = {PurePosixPath(path) for path in paths}
    found = [
        stage
        for stage in (_pytest(files, manifests), _npm(manifests), _cargo(files), _go(files))
        if stage is not None
    ]
    scan = _bandit(files)
    notes = [f"{stage.command}: also possible, because {stage.reason}" for stage in found[1:]]
    if not found:
        notes.append("No tests were recognised (pytest, npm test, cargo test, go test).")
    if scan is None:
        notes.append("No scanner is known for this tree (Bandit scans Python).")
    return Proposal((*found[:1], *((scan,) if scan else ())), tuple(notes))


def _pytest(files: set[PurePosixPath], manifests: Mapping[str, str]) -> ProposedStage | None:
    tests = sum(_is_python_test(path) for path in files)
    configured = "[tool.pytest" in manifests.get("pyproject.toml", "") or PurePosixPath("pytest.ini") in files
    if not tests and not configured:
        return None
    return ProposedStage(
        TESTS,
        f"{_source_prefix(files)}python -m pytest -q --junitxml=reports/junit.xml",
        f"the tree has {_counted(tests, 'pytest file')}" if tests else "pytest is configured",
        junit="reports/junit.xml",
    )


def _is_python_test(path: PurePosixPath) -> bool:
    return path.suffix == ".py" and (path.name.startswith("test_") or path.stem.endswith("_test"))


def _source_prefix(files: set[PurePosixPath]) -> str:
    """A ``src`` layout is importable only when installed, which a fresh worktree is not."""
    in_source = any(path.parts[0] == "src" and path.suffix == ".py" for path in files)
    return "PYTHONPATH=src " if in_source else ""


def _npm(manifests: Mapping[str, str]) -> ProposedStage | None:
    try:
        manifest: object = json.loads(manifests.get("package.json", "")[:_MAX_MANIFEST])
    except (ValueError, RecursionError):
        return None
    scripts = manifest.get("scripts") if isinstance(manifest, dict) else None
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or _NPM_PLACEHOLDER in script:
        return None
    return ProposedStage(TESTS, "npm test", "package.json has a test script")


def _cargo(files: set[PurePosixPath]) -> ProposedStage | None:
    if PurePosixPath("Cargo.toml") not in files:
        return None
    return ProposedStage(TESTS, "cargo test", "the tree has a Cargo.toml")


def _go(files: set[PurePosixPath]) -> ProposedStage | None:
    if PurePosixPath("go.mod") not in files:
        return None
    return ProposedStage(TESTS, "go test ./...", "the tree has a go.mod")


def _bandit(files: set[PurePosixPath]) -> ProposedStage | None:
    """Bandit exits 0 for a folder that is not there, so only what exists is named."""
    scanned = {path for path in files if path.suffix == ".py" and not _is_for_tests(path)}
    if not scanned:
        return None
    roots = sorted({path.parts[0] for path in scanned})
    targets = "." if len(roots) > _MAX_SCANNED_FOLDERS else " ".join(map(_argument, roots))
    nested = any(_TEST_FOLDERS.intersection(path.parts[:-1]) for path in files if path.suffix == ".py")
    without_tests = " -x " + shlex.quote(",".join(f"*/{name}/*" for name in sorted(_TEST_FOLDERS)))
    return ProposedStage(
        SECURITY,
        f"mkdir -p reports && bandit -q -r {targets}{without_tests if nested else ''} "
        "--exit-zero -f sarif -o reports/bandit.sarif",
        f"the tree has {_counted(len(scanned), 'Python file')} outside of tests",
        sarif="reports/bandit.sarif",
    )


def _is_for_tests(path: PurePosixPath) -> bool:
    in_folder = bool(_TEST_FOLDERS.intersection(path.parts[:-1]))
    return in_folder or _is_python_test(path) or path.name == "conftest.py"


def _argument(root: str) -> str:
    return shlex.quote(f"./{root}" if root.startswith("-") else root)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
