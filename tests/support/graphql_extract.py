"""Make `github.graphql`, the part of GitHub's published GraphQL schema that our queries touch.

    npm pack @octokit/graphql-schema && tar xzf octokit-graphql-schema-*.tgz
    PYTHONPATH=tests python -m support.graphql_extract package/schema.graphql

The whole schema has 1.2 MB. Kept are the fields that a query selects, with all their arguments, and the types that
these lead to; every word of an enumeration stays, descriptions go.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Set
from pathlib import Path

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    is_specified_scalar_type,
    parse,
    validate,
    visit,
)

from gate_app.github.graphql_answers import SIGHT
from gate_app.standin.graphql import EXTRACT

QUERIES = (SIGHT,)


def extract(published: str) -> str:
    """The schema that validates our queries as the published one does."""
    # The published text has a field twice and is at odds with itself over what is deprecated.
    schema = build_schema(published, assume_valid=True, assume_valid_sdl=True)
    kept: dict[str, set[str]] = defaultdict(set)
    for text in QUERIES:
        document = parse(text)
        problems = validate(schema, document)
        if problems:
            raise ValueError(f"the published schema refuses a query: {problems}")
        _note(schema, document, kept)
    return "\n".join(_printed(schema.type_map[name], kept) for name in _reached(schema, kept))


class _Selected(Visitor):
    """Notes the fields that a query selects, and the types that it names."""

    def __init__(self, types: TypeInfo, kept: dict[str, set[str]]) -> None:
        super().__init__()
        self._types = types
        self._kept = kept

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self._types.get_parent_type()
        if parent is not None and not node.name.value.startswith("__"):
            self._kept[parent.name].add(node.name.value)


def _note(schema: GraphQLSchema, document: DocumentNode, kept: dict[str, set[str]]) -> None:
    types = TypeInfo(schema)
    visit(document, TypeInfoVisitor(types, _Selected(types, kept)))


def _reached(schema: GraphQLSchema, kept: dict[str, set[str]]) -> list[str]:
    """The names of all types that are needed, in order; a selected field of an interface is one of its objects too."""
    for name in list(kept):
        interface = schema.type_map[name]
        if isinstance(interface, GraphQLInterfaceType):
            for each in schema.get_possible_types(interface):
                if each.name in kept:
                    kept[each.name] |= kept[name]
    found, waiting = set[str](), list(kept)
    while waiting:
        name = waiting.pop()
        if name in found or is_specified_scalar_type(schema.type_map[name]):
            continue
        found.add(name)
        waiting += _leads_to(schema.type_map[name], kept)
    return sorted(found)


def _leads_to(kind: GraphQLNamedType, kept: Mapping[str, Set[str]]) -> list[str]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        fields = [kind.fields[name] for name in kept.get(kind.name, ())]
        arguments = [argument for field in fields for argument in field.args.values()]
        return [get_named_type(each.type).name for each in (*fields, *arguments)]
    if isinstance(kind, GraphQLInputObjectType):
        return [get_named_type(field.type).name for field in kind.fields.values()]
    return []


def _printed(kind: GraphQLNamedType, kept: Mapping[str, Set[str]]) -> str:
    if isinstance(kind, GraphQLEnumType):
        return _block("enum", kind.name, sorted(kind.values))
    if isinstance(kind, GraphQLScalarType):
        return f"scalar {kind.name}\n"
    if isinstance(kind, GraphQLUnionType):
        members = [member.name for member in kind.types if member.name in kept]
        return f"union {kind.name} = {' | '.join(members)}\n"
    if isinstance(kind, GraphQLInputObjectType):
        return _block("input", kind.name, [f"{name}: {field.type}" for name, field in kind.fields.items()])
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        word = "interface" if isinstance(kind, GraphQLInterfaceType) else "type"
        inherited = [each.name for each in kind.interfaces if each.name in kept]
        name = f"{kind.name} implements {' & '.join(inherited)}" if inherited else kind.name
        return _block(word, name, [_field(kind, each) for each in sorted(kept[kind.name])])
    raise TypeError(kind)


def _field(kind: GraphQLObjectType | GraphQLInterfaceType, name: str) -> str:
    field = kind.fields[name]
    arguments = ", ".join(f"{each}: {argument.type}" for each, argument in field.args.items())
    return f"{name}({arguments}): {field.type}" if arguments else f"{name}: {field.type}"


def _block(word: str, name: str, lines: list[str]) -> str:
    return "\n".join([f"{word} {name} {{", *(f"  {line}" for line in lines), "}", ""])


if __name__ == "__main__":
    EXTRACT.write_text(extract(Path(sys.argv[1]).read_text()))
