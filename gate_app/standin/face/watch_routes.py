"""Control API: what can be watched and what shall go wrong."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gate_app.standin import dispatcher, faults, requests, settings, snapshot
from gate_app.standin.dispatcher import Troubles
from gate_app.standin.face import access
from gate_app.standin.face import control_bodies as given
from gate_app.standin.face.guard import dispatcher as the_dispatcher
from gate_app.standin.face.guard import guard
from gate_app.standin.face.setup_routes import named
from gate_app.standin.faults import NewFault
from gate_app.standin.requests import ApiRequest
from gate_app.standin.shapes import Quiet
from gate_app.standin.webhooks import Delivery

routes = Blueprint("watch", __name__, url_prefix="/_standin")
routes.before_request(guard)
MAX_WAIT_SECONDS = 25.0


@routes.get("/state")
def get_state() -> ResponseReturnValue:
    """Everything, or what belongs to `repository` (OWNER/NAME), for assertions."""
    owner, _, name = request.args.get("repository", "").partition("/")
    with access.state().transaction() as tx:
        return dict(snapshot.take(tx, named(tx, owner, name) if owner else None))


@routes.get("/requests")
def get_requests() -> ResponseReturnValue:
    """The recorded API calls numbered above `after`."""
    after = request.args.get("after", 0, type=int)
    with access.state().transaction() as tx:
        return [snapshot.of_request(call) for call in tx.every(ApiRequest) if call.id > after]


@routes.get("/deliveries/<int:identifier>")
def get_body(identifier: int) -> ResponseReturnValue:
    """The exact bytes of a webhook."""
    with access.state().transaction() as tx:
        found = tx.get(Delivery, id=identifier)
        return found.body if found else ("", 404)


@routes.get("/events")
def get_events() -> ResponseReturnValue:
    """The changes numbered above `after`; waits for the first, at most `wait` seconds."""
    after = request.args.get("after", 0, type=int)
    wait = min(request.args.get("wait", MAX_WAIT_SECONDS, type=float), MAX_WAIT_SECONDS)
    return [snapshot.of_change(change) for change in access.state().changes(after, wait)]


@routes.put("/webhooks/faults")
def set_webhook_troubles() -> ResponseReturnValue:
    """Drop, double, shuffle or hold webhooks from now on."""
    wanted = access.body(given.WebhookTroubles)
    with access.state().transaction() as tx:
        settings.write(tx, dispatcher.SETTING, Troubles(**wanted.model_dump()))
    return {}


@routes.put("/faults")
def set_faults() -> ResponseReturnValue:
    """Let API calls fail from now on."""
    wanted = access.body(given.FaultList)
    with access.state().transaction() as tx:
        faults.replace(tx, [NewFault(**fault.model_dump()) for fault in wanted.faults])
    return {}


@routes.put("/rate-limit")
def set_rate_limit() -> ResponseReturnValue:
    """Say how many calls an hour are allowed."""
    wanted = access.body(given.RateLimit)
    with access.state().transaction() as tx:
        settings.write(tx, requests.SETTING, requests.RateLimit(wanted.limit))
    return {}


@routes.post("/quiesce")
def quiesce() -> ResponseReturnValue:
    """Wait until every webhook is sent."""
    quiet = the_dispatcher().quiesce(access.body(given.Patience).seconds)
    with access.state().transaction() as tx:
        answer: Quiet = {"quiet": quiet, "pending": tx.count(Delivery, pending=1)}
        return dict(answer)
