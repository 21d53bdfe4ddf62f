"""One browser for all tests of a test process, and one pull request that nobody changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.pages import chromium, furnish
from support.standin import Github, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    """A stand-in whose pull request 1 holds everything there is, and harm in every text."""
    home: Path = tmp_path_factory.mktemp("shown")
    with serving(home) as github:
        furnish(github)
        yield github


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    """A stand-in in which each test opens a pull request of its own (`new_pull`)."""
    home: Path = tmp_path_factory.mktemp("github")
    with serving(home) as found:
        yield found
