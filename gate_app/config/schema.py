"""The JSON Schema of `.github/gate.yml`, for editors; generated from the models, never written by hand.

Rules of the file: the schema says what a value may look like; what values mean together is `rules` alone, so
the schema accepts everything that `read` accepts, and more.
"""

from __future__ import annotations

import json

from pydantic import JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from gate_app.config.models import FileModel


class _AsWritten(GenerateJsonSchema):
    """Absent keys are None inside, but nobody may write `null` into the file."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if not isinstance(described.get("default"), str | int):
            described.pop("default", None)
        return described

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        described = super().dict_schema(schema)
        if "patternProperties" in described:
            described["additionalProperties"] = False
        return described

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schema() -> dict[str, JsonValue]:
    """The JSON Schema (draft 2020-12) that a valid configuration meets."""
    generated = FileModel.model_json_schema(schema_generator=_AsWritten)
    return {"$schema": GenerateJsonSchema.schema_dialect, **generated}


def json_schema_text() -> str:
    """The schema as the file that is shipped, `gate_app/config/gate.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
