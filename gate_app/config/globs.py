"""Globs over repository paths, as `paths:` has them: `**` crosses folders, `*` does not, dot files count.

Rules of the file: matching is a library's job (wcmatch); one list is OR, and a pattern that begins with `!` takes
away from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from wcmatch import glob

_FLAGS: Final = glob.GLOBSTAR | glob.DOTGLOB | glob.NEGATE | glob.FORCEUNIX


def touches(patterns: Sequence[str], files: Iterable[str]) -> bool:
    """Whether one of the files fits the patterns."""
    return bool(glob.globfilter(files, list(patterns), flags=_FLAGS))
