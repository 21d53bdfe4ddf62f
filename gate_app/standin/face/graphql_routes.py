"""GraphQL, which is counted apart from the rest and refuses with 200."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, g

from gate_app.standin import requests
from gate_app.standin.bodies import Query
from gate_app.standin.face import access
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.tokens import Caller

routes = Blueprint("graphql", __name__)


@routes.post("/graphql")
def ask() -> Response:
    """Carry out a query for an installation."""
    with access.state().transaction() as tx:
        caller = access.caller(tx, free=True)
        g.free, g.usage = False, f"graphql:{caller.installation.id}"
        body = _body(tx, caller, access.body(Query))
    answer = Response(json.dumps(body), content_type="application/json; charset=utf-8")
    answer.headers["X-RateLimit-Resource"] = "graphql"
    return answer


def _body(tx: Transaction, caller: Caller, asked: Query) -> JsonObject:
    # Imported when it is first asked: reading GraphQL's library takes longer than all of the rest.
    from gate_app.standin import graphql

    if requests.current(tx, g.usage).used >= requests.limit(tx):
        said = f"API rate limit exceeded for installation ID {caller.installation.id}."
        return graphql.refused("RATE_LIMITED", said)
    variables: dict[str, Any] | None = asked.variables
    return graphql.answer(tx, caller, asked.query, variables)
