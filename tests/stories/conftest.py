"""One stand-in and one App for all stories of a test process; each story has its own repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.routes import Route
from support.story import Place, open_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home: Path = tmp_path_factory.mktemp("place")
    opened = open_place(home)
    yield opened
    opened.end()


@pytest.fixture(scope="session")
def route(request: pytest.FixtureRequest, place: Place) -> Route:
    """The way that a story is told on; `support.routes.on_routes` names the ways."""
    return Route(request.param, place)
