"""Files below one folder, read and written without following any link.

Rules of the file: each part of a path is opened below the one before it (`O_NOFOLLOW`), so that no link leads out, also
not one that appears meanwhile; a file is replaced whole or not at all.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_NOFOLLOW | os.O_CLOEXEC


class Unusable(Exception):
    """What stands at a path is neither a plain file nor nothing; the text names it and what to do."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder `root`; paths are relative and with `/`."""

    root: Path

    def read(self, path: str, limit: int) -> bytes | None:
        """The bytes of a plain file, None where there is none. Raises Unusable, also for more than `limit` bytes."""
        try:
            with self._parent(path, make=False) as (parent, name):
                return _content(parent, name, path, limit)
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise Unusable(f"{path} cannot be read: {os.strerror(fault.errno or 0)}") from None

    def write(self, path: str, content: bytes, replaces: bytes | None) -> None:
        """Puts the file there, where `replaces` stands now (None: nothing). Raises Unusable."""
        limit = len(replaces or b"")
        if self.read(path, limit) != replaces:
            raise Unusable(f"{path} was changed meanwhile; run gate-app init again")
        try:
            with self._parent(path, make=True) as (parent, name):
                _put(parent, name, content, fresh=replaces is None)
        except FileExistsError:
            raise Unusable(f"{path} was made meanwhile; run gate-app init again") from None
        except OSError as fault:
            raise Unusable(f"{path} cannot be written: {os.strerror(fault.errno or 0)}") from None

    @contextmanager
    def _parent(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        *folders, name = PurePosixPath(path).parts
        here = os.open(self.root, _FOLDER)
        try:
            for index, part in enumerate(folders):
                below = _below(here, part, "/".join(folders[: index + 1]), make=make)
                os.close(here)
                here = below
            yield here, name
        finally:
            os.close(here)


def _below(parent: int, name: str, path: str, *, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except FileNotFoundError:
        raise
    except OSError:
        raise Unusable(f"{path} is not a folder of the checkout itself; put a real folder there") from None


def _content(parent: int, name: str, path: str, limit: int) -> bytes:
    seen = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISREG(seen.st_mode):
        raise Unusable(f"{path} is a link or no plain file; put the file itself there")
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | _FILE, dir_fd=parent), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Unusable(f"{path} has more than {limit:,} bytes")
    return content


def _put(parent: int, name: str, content: bytes, *, fresh: bool) -> None:
    aside = f".{name}.{secrets.token_hex(8)}"
    try:
        with os.fdopen(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o666, dir_fd=parent), "wb"
        ) as file:
            file.write(content)
        if fresh:
            os.link(aside, name, src_dir_fd=parent, dst_dir_fd=parent)  # refuses what appeared meanwhile
        else:
            os.rename(aside, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=parent)
