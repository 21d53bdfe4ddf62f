"""Between aware UTC datetimes and the whole milliseconds that tables hold.

Rules of the file: a moment at which something becomes due is rounded up and the present is rounded down, so
that nothing is ever found due before it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def present(moment: datetime) -> int:
    """Milliseconds since 1970 UTC, rounded down. Raises TypeError for a naive datetime."""
    return (moment - _EPOCH) // _MILLISECOND


def due(moment: datetime) -> int:
    """Milliseconds since 1970 UTC, rounded up. Raises TypeError for a naive datetime."""
    return -((_EPOCH - moment) // _MILLISECOND)


def since(milliseconds: int) -> datetime | None:
    """The moment of a column in which 0 says that there was none yet."""
    return moment(milliseconds) if milliseconds else None


def moment(milliseconds: int) -> datetime:
    """The aware UTC datetime of a stored time."""
    return _EPOCH + milliseconds * _MILLISECOND
