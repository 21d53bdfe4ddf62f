"""Makes the pictures of the README from the running software: `make picture`.

It runs `gate-app try` on the sample service, approves staging on the page as a person would, and takes the page
at the moment when production waits for an answer, in light and in dark.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent
PICTURES = {"light": DOCS / "waiting-gate.png", "dark": DOCS / "waiting-gate-dark.png"}
SIZE = {"width": 1240, "height": 820}
PATIENCE_SECONDS = 90
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+/\S+/pull/\d+)\s")


def main() -> None:
    """Writes both pictures."""
    with tempfile.TemporaryDirectory() as home, trial(Path(home)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        approve_staging(browser, address)
        for scheme, path in PICTURES.items():
            take(browser, address, scheme, path)
        browser.close()


@contextmanager
def trial(home: Path) -> Iterator[str]:
    """A trial with a terminal before it, so that it waits for answers; the address of its page."""
    ours, theirs = pty.openpty()
    printed = home / "printed"
    command = [sys.executable, "-m", "gate_app.cli", "try", "--no-browser", "--home", str(home / "trial")]
    with printed.open("wb") as output:
        process = subprocess.Popen(command, stdin=theirs, stdout=output, start_new_session=True)
    try:
        yield printed_address(printed)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
        os.close(theirs)
        os.close(ours)


def printed_address(printed: Path) -> str:
    """The address that the trial prints. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := _ADDRESS.search(printed.read_text())):
        if time.monotonic() > end:
            raise TimeoutError(printed.read_text())
        time.sleep(0.1)
    return found.group(1)


def approve_staging(browser: Browser, address: str) -> None:
    """Answers the first question, so that the second one comes."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    page.goto(f"{address}?as=reviewer")
    page.get_by_role("button", name="Approve (gate / staging)").click()
    page.get_by_role("button", name="Approve (gate / production)").wait_for()
    page.close()


def take(browser: Browser, address: str, scheme: str, path: Path) -> None:
    """One picture of the page as it is."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme, device_scale_factor=1.5)
    page = context.new_page()
    page.goto(f"{address}?as=maintainer")
    page.get_by_role("button", name="Approve (gate / production)").wait_for()
    page.screenshot(path=path, animations="disabled")
    context.close()


if __name__ == "__main__":
    main()
