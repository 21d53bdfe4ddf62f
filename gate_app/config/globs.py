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
    """Whether one of the files fits the patterns.

    A folder may be named as it is, and what stands for a folder, as a submodule does, counts as being in it.
    """
    wider = [other for pattern in patterns if not pattern.startswith("!") for other in _also(pattern)]
    return bool(glob.globfilter(files, [*wider, *patterns], flags=_FLAGS))


def _also(pattern: str) -> tuple[str, ...]:
    if pattern.endswith("/**"):
        return (pattern.removesuffix("/**"),)
    return () if glob.is_magic(pattern.rpartition("/")[2], flags=_FLAGS) else (f"{pattern}/**",)
