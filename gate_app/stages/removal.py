"""Folders taken away as a whole, whatever a command did to their rights: tool chains write-protect their caches.

Rules of this file: links are removed and never followed; what cannot be removed stays for the next time, because
clearing away must not make a stage fail.
"""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path


def remove(folder: Path) -> None:
    """Removes ``folder`` and everything below it. Nobody else may be working in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir() or folder.is_symlink():
        return
    _make_writable(folder)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            _make_writable(Path(parent, name))
    shutil.rmtree(folder, ignore_errors=True)


def _make_writable(folder: Path) -> None:
    with suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
