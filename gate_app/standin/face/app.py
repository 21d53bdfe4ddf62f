"""The Flask application: its routes, and what every request and answer has in common.

Around every route: a fault may strike, the API version is checked, refusals become GitHub's answers, the
rate is counted, an unchanged answer is a 304, and the call is recorded.
"""

from __future__ import annotations

import json
import socket
import uuid

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from gate_app.standin import faults, requests
from gate_app.standin.dispatcher import Dispatcher
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.face import (
    activity_routes,
    app_routes,
    artifact_routes,
    check_routes,
    comment_routes,
    deployment_routes,
    git_routes,
    graphql_routes,
    history_routes,
    issue_routes,
    issuer_routes,
    manifest_routes,
    people_routes,
    pull_routes,
    repository_routes,
    runner_routes,
    setup_routes,
    status_routes,
    suite_routes,
    watch_routes,
    workflow_routes,
)
from gate_app.standin.face.access import state
from gate_app.standin.faults import Fault
from gate_app.standin.page import routes as page_routes
from gate_app.standin.state import State

API_VERSION = "2022-11-28"
MAX_BODY = 16 * 1024 * 1024
CONTROL = "/_standin/"
_NOT_MODIFIED_FOR = ("GET", "HEAD")


def create_app(standin: State, dispatcher: Dispatcher, control_token: str) -> Flask:
    """The whole surface over one state."""
    app = Flask("standin", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it, the base class not
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["standin"] = standin
    app.extensions["standin.dispatcher"] = dispatcher
    app.extensions["standin.control_token"] = control_token
    for module in (
        activity_routes,
        app_routes,
        artifact_routes,
        check_routes,
        comment_routes,
        deployment_routes,
        git_routes,
        graphql_routes,
        history_routes,
        issue_routes,
        issuer_routes,
        manifest_routes,
        page_routes,
        people_routes,
        pull_routes,
        repository_routes,
        runner_routes,
        setup_routes,
        status_routes,
        suite_routes,
        watch_routes,
        workflow_routes,
    ):
        app.register_blueprint(module.routes)
    app.register_blueprint(manifest_routes.exchange)
    app.before_request(_before)
    app.after_request(_after)
    app.register_error_handler(GitHubError, _refused)
    app.register_error_handler(HTTPException, _unroutable)
    app.register_error_handler(OverflowError, _out_of_range)
    return app


def _before() -> None:
    g.identity, g.permissions, g.usage, g.link, g.fault = "anonymous", {}, "anonymous", "", None
    g.free = False
    if not _is_api():
        return
    with state().transaction() as tx:
        g.fault = faults.take(tx, request.method, request.path)
        now, url = tx.instant.timestamp(), f"{tx.url}{request.full_path.rstrip('?')}"
    if g.fault:
        _strike(g.fault, now, url)
    version = request.headers.get("X-GitHub-Api-Version", API_VERSION)
    if version != API_VERSION:
        raise GitHubError(400, f"API version {version} is not supported; supported: {API_VERSION}.")


def _is_api() -> bool:
    """Whether this is a call that GitHub's API would get: neither the control API nor a page nor the issuer."""
    return not request.path.startswith(CONTROL) and request.blueprint not in (
        page_routes.NAME,
        issuer_routes.NAME,
        manifest_routes.NAME,
    )


def _strike(fault: Fault, now: float, url: str) -> None:
    if fault.kind == "lost_request":
        _hang_up()
        raise GitHubError(502, "Nobody reads this")
    faults.strike_before(fault, now, url)


def _refused(refusal: GitHubError) -> Response:
    answer = Response(
        json.dumps(refusal.body()), refusal.status, content_type="application/json; charset=utf-8"
    )
    answer.headers.update(refusal.headers)
    return answer


def _unroutable(problem: HTTPException) -> Response:
    status = 404 if problem.code in (404, 405) else problem.code or 500
    return _refused(GitHubError(status, "Not Found" if status == 404 else problem.name))


def _out_of_range(problem: OverflowError) -> Response:
    """An id above all that can be kept is an id of nothing."""
    return _refused(not_found())


def _after(answer: Response) -> Response:
    if not _is_api():
        return answer
    answer = _hidden(answer) if g.fault else answer
    if answer.status_code == 200 and request.method in _NOT_MODIFIED_FOR and not answer.is_streamed:
        answer.add_etag(weak=True)
        answer.make_conditional(request)
    _record(answer)
    if g.fault and g.fault.kind == "lost_answer":
        _hang_up()
    answer.headers["X-GitHub-Request-Id"] = uuid.uuid4().hex[:20].upper()
    answer.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    answer.headers["X-GitHub-Api-Version-Selected"] = API_VERSION
    if g.link:
        answer.headers["Link"] = g.link
    return answer


def _hidden(answer: Response) -> Response:
    if g.fault.kind != "502_after":
        return answer
    return _refused(GitHubError(502, "Server Error"))


def _record(answer: Response) -> None:
    with state().transaction() as tx:
        costs = not g.free and answer.status_code != 304
        usage = requests.count(tx, g.usage) if costs else requests.current(tx, g.usage)
        for name, value in requests.rate_headers(tx, usage).items():
            answer.headers.setdefault(name, value)
        tx.insert(
            requests.ApiRequest,
            at=tx.now,
            method=request.method,
            path=request.path,
            query=request.query_string.decode(errors="replace"),
            identity=g.identity,
            permissions=g.permissions,
            api_version=request.headers.get("X-GitHub-Api-Version"),
            status=answer.status_code,
            fault=g.fault.kind if g.fault else None,
        )


def _hang_up() -> None:
    """Close the connection without an answer; the work is done."""
    connection = request.environ.get("werkzeug.socket")
    if connection is None:
        raise RuntimeError("a lost answer needs a real connection")
    connection.shutdown(socket.SHUT_RDWR)
