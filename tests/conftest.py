"""What tests of several rooms share and starts once per test process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy import URL


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The address of a PostgreSQL server; `support.postgres.own_database` makes databases on it."""
    from support import postgres  # most tests need no database driver

    with postgres.server() as url:
        yield url
