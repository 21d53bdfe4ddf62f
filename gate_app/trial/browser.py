"""Opens an address in the user's own browser.

Rules of the file: it happens beside the trial and never holds it up or writes on its terminal, whatever the
browser does; the browser is the user's and is not ended with the trial.
"""

from __future__ import annotations

import subprocess
import sys
from threading import Thread


def show(address: str) -> None:
    """Opens the address as Python's `webbrowser` would; nothing happens where there is no browser."""
    Thread(target=_show, args=(address,), daemon=True).start()


def _show(address: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "webbrowser", address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
