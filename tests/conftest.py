"""What tests of several rooms share and starts once per test process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy import URL


WAITING = {"stories", "faults", "pages"}
"""The folders whose tests mostly wait for processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests wait are spread among those that compute: else the last minutes are all waiting."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    placed: list[tuple[float, list[pytest.Item]]] = []
    for kind in (True, False):
        some = [tests for tests in files if WAITING.isdisjoint(tests[0].path.parts) is kind]
        total, before = sum(map(len, some)), 0
        for tests in some:
            placed.append((before / total, tests))
            before += len(tests)
    items[:] = [item for _, tests in sorted(placed, key=lambda each: each[0]) for item in tests]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The address of a PostgreSQL server; `support.postgres.own_database` makes databases on it."""
    from support import postgres  # most tests need no database driver

    with postgres.server() as url:
        yield url
