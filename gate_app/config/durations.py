"""Spans of time as people write them in the file: `90s`, `30m`, `48h`, `2d`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

DURATION_PATTERN = r"^[1-9][0-9]{0,6}[smhd]$"

_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {
        "s": timedelta(seconds=1),
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
    }
)


def duration(text: str) -> timedelta:
    """The span that `text`, which matches `DURATION_PATTERN`, stands for."""
    return int(text[:-1]) * _UNITS[text[-1]]


def duration_text(span: timedelta) -> str:
    """The span in the largest of hours, minutes and seconds that says it exactly: 48 h stay `48h`."""
    for unit in ("h", "m"):
        if span % _UNITS[unit] == timedelta():
            return f"{span // _UNITS[unit]}{unit}"
    return f"{int(span.total_seconds())}s"
