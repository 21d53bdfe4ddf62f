"""What the models of all files share, and what a key is called in a file.

Rules of the file: nothing is coerced (a number is never text), and nothing unknown is kept (case 90).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """What all models share: exact types, no unknown keys, values that never change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Nothing(Strict):
    """A route without settings: `{}`."""


def form_of(value: object) -> str:
    """Whether a value is written as one word or in its long form: the tag of a union."""
    return "word" if isinstance(value, str) else "long"


def keys_of(model: type[Strict]) -> tuple[str, ...]:
    """The keys as written in the file, in the order of the documentation."""
    return tuple(field.alias or name for name, field in model.model_fields.items())
