"""The sample service with a real git history, made in a moment and the same every time.

Rules of the file: identities and dates are fixed, so that the SHAs are; git is configured by argument, never
by the machine's own configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gate_app.trial import sample_files as files
from gate_app.trial.git import Git

FEATURE_BRANCH: Final = "languages"


@dataclass(frozen=True, slots=True)
class SampleRepository:
    """A checkout at `path`; the commits from `base` to `head` are the change. Both are 40 hex digits."""

    path: Path
    base: str
    head: str


@dataclass(frozen=True, slots=True)
class _Commit:
    subject: str
    identity: str
    date: str
    files: Mapping[str, str]


_BEFORE: Final = (
    _Commit(
        "Greet people by name",
        "author",
        "2026-01-12T09:10:00+00:00",
        {
            "README.md": files.README,
            ".gitignore": files.IGNORED,
            "pytest.ini": files.PYTEST,
            "greeter/__init__.py": files.PACKAGE,
            "greeter/greetings.py": files.GREETINGS,
            "tests/test_greetings.py": files.TEST_GREETINGS,
        },
    ),
    _Commit(
        "Serve greetings over HTTP",
        "reviewer",
        "2026-01-13T14:25:00+00:00",
        {
            "greeter/server.py": files.SERVER,
            "greeter/__main__.py": files.MAIN,
            "tests/test_server.py": files.TEST_SERVER,
        },
    ),
    _Commit(
        "Look at a release before it is trusted",
        "author",
        "2026-01-14T10:40:00+00:00",
        {"integration/test_release.py": files.INTEGRATION},
    ),
    _Commit(
        "Ask a person before staging and production",
        "maintainer",
        "2026-01-15T16:05:00+00:00",
        {".github/gate.yml": files.GATE},
    ),
)

_FEATURE: Final = (
    _Commit(
        "Know more than one language",
        "author",
        "2026-01-19T09:30:00+00:00",
        {
            "greeter/greetings.py": files.GREETINGS_BY_LANGUAGE,
            "tests/test_languages.py": files.TEST_LANGUAGES,
        },
    ),
    _Commit(
        "Greet people in their language",
        "author",
        "2026-01-19T11:00:00+00:00",
        {"greeter/server.py": files.SERVER_BY_LANGUAGE, "README.md": files.README_BY_LANGUAGE},
    ),
)


def create(folder: Path) -> SampleRepository:
    """Makes the repository in the new folder `folder`. Raises `GitRefused` when git cannot."""
    folder.mkdir(parents=True)
    git = Git(folder)
    git.run("init", "--quiet", "--initial-branch=main")
    for commit in _BEFORE:
        _commit(git, commit)
    base = git.run("rev-parse", "HEAD")
    git.run("checkout", "--quiet", "-b", FEATURE_BRANCH)
    for commit in _FEATURE:
        _commit(git, commit)
    return SampleRepository(folder, base, git.run("rev-parse", "HEAD"))


def _commit(git: Git, commit: _Commit) -> None:
    for name, text in commit.files.items():
        path = git.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git.run("add", "--all")
    email = f"{commit.identity}@greeter.example"
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", commit.identity), ("EMAIL", email), ("DATE", commit.date))
    }
    git.run("commit", "--quiet", "--no-gpg-sign", "-m", commit.subject, variables=identity)
