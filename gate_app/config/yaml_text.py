"""Writing values as YAML that `document` reads back unchanged.

Rules of the file: a value is written plain only where its text cannot mean anything else; everything else is
quoted: as YAML's single-quoted string where that avoids escapes, else as a JSON string, which is YAML
as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from gate_app.config.document import plain_scalar

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")


def text(value: str) -> str:
    """One scalar that is read back as the text `value`."""
    if _PLAIN.fullmatch(value) and isinstance(plain_scalar(value), str):
        return value
    if '"' in value and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False)


def key(value: str) -> str:
    """One mapping key that is read back as `value`."""
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def inline_list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(text, values))}]"


def inline_mapping(entries: Iterable[tuple[str, str]]) -> str:
    """A flow mapping of entries whose values are written YAML already."""
    return "{" + ", ".join(f"{key(name)}: {value}" for name, value in entries) + "}"
