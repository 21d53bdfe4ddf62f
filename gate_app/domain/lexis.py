"""The smallest parts that commands and plan blocks are made of.

Rules of the file: ASCII only, never normalised (cases 40, 41); what cannot be seen is found, not stripped.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

SHA: Final = re.compile(r"[0-9a-f]{12,40}", re.ASCII)
PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*=\S*", re.ASCII)
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def has_hidden(text: str) -> bool:
    """Whether a text has a character that does not show; a tab does."""
    return any(character != "\t" and category(character) in _HIDDEN for character in text)
