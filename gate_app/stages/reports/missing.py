"""Recognises the sentence with which a tool says that it could not find a module or package.

Such tests did not fail, they never started: the verdict is unknown and names what is missing.
The table is ordered; the first match in the text wins. Names are bounded and plain.
"""

import re
from typing import Final

_NAME: Final = r"[\w.@/\-]{1,200}"

_SENTENCES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"No module named '?({_NAME})'?",  # Python, with quotes from import and without from -m
        rf"Cannot find module '({_NAME})'",  # Node, Jest
        rf"Cannot find package '({_NAME})'",  # Node, ES modules
        rf'no required module provides package "?({_NAME}?)"?(?:[;:\s]|$)',  # Go modules
        rf'cannot find package "({_NAME})"',  # Go
        rf"can't find crate for `({_NAME})`",  # rustc
        rf"no matching package named `({_NAME})` found",  # cargo
    )
)


def missing_module(text: str) -> str | None:
    """The name of the module that ``text`` says is missing, else ``None``."""
    for sentence in _SENTENCES:
        if match := sentence.search(text):
            return match.group(1)
    return None
