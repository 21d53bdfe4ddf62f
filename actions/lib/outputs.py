"""What a step leaves behind: outputs, log lines and the summary, written so that no value can forge another one.

Rules of the file: standard library, Python 3.8; an output has a random delimiter that its value does not hold
(CVE-2022-35954); nothing that somebody else wrote begins a line of the log or has the marks of a workflow command
(CVE-2020-15228).
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from typing import Mapping

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

_ENTITIES = {ord(mark): "&#%d;" % ord(mark) for mark in "&<>|`*_[]~@#\\:/"}
"""What Markdown, HTML and GitHub's own links are made of."""


def plain(text: object, limit: int = 300) -> str:
    """One line of text without control characters and without marks of commands."""
    line = _CONTROLS.sub(" ", str(text)).encode("utf-8", "replace").decode("utf-8")
    return line.replace("##[", "## [").replace("::", ": :")[:limit]


def say(text: object) -> None:
    """A line of the log."""
    print("gate | " + plain(text, 1000), flush=True)


def complain(text: object) -> None:
    """A line that the page of the workflow run shows as an error."""
    said = plain(text, 1000).replace("%", "%25")
    print("::error title=Gate::" + said, flush=True)


def entry(name: str, value: str) -> str:
    """The text that sets one output, whatever the value (case 156)."""
    delimiter = "gate_" + secrets.token_hex(16)
    while delimiter in value:
        delimiter = "gate_" + secrets.token_hex(16)
    return name + "<<" + delimiter + "\n" + value + "\n" + delimiter + "\n"


def write(outputs: Mapping[str, str]) -> None:
    """Sets the outputs of the step, all at once; without a runner nothing is set."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        _append(path, "".join(entry(name, value) for name, value in outputs.items()))


def summarize(markdown: str) -> None:
    """Adds to the summary of the job."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        _append(path, markdown)


def _append(path: str, text: str) -> None:
    with open(path, "ab") as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def code(text: object, limit: int = 120) -> str:
    """Text from outside as code in a table of the summary: shown as it is, and nothing else."""
    shown = inert(text, limit)
    return "<code>" + shown + "</code>" if shown else ""


def inert(text: object, limit: int = 300) -> str:
    """Text from outside in a table of the summary: neither markup nor a link, an image or a mention."""
    return plain(text, limit).translate(_ENTITIES)


def utf8() -> None:
    """Lets the log be UTF-8 on Windows too."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
