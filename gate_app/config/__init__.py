"""The repository's `.github/gate.yml`: from bytes to a domain policy, or to problems with their places.

Rules of the room: what is not understood, or not enforceable in this version, is refused, never ignored;
every problem is a value that says where, why and how to mend it; nothing here talks to GitHub or knows where
the bytes come from. The way of the data: text → document → models → rules → expand.
"""

from gate_app.config.defaults import ProposedStage, default_file
from gate_app.config.explain import explain
from gate_app.config.problems import ConfigProblem
from gate_app.config.reader import DEFAULT_FILE_NAME, read
from gate_app.config.schema import json_schema
from gate_app.config.text import blob_sha
from gate_app.config.validate import Validation, validate

__all__ = [
    "DEFAULT_FILE_NAME",
    "ConfigProblem",
    "ProposedStage",
    "Validation",
    "blob_sha",
    "default_file",
    "explain",
    "json_schema",
    "read",
    "validate",
]
