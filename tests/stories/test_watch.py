"""What was released is watched, and a breach leads back to what was healthy, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.story import Place, Story, tell

WATCHED = """\
version: 1
stages:
  tests:
    command: sh ./check.sh
    junit: "reports/junit.xml"
environments:
  production:
    from: pull_request
    approval: {approvers: [{permission: write, count: 1}]}
    deploy: {command: echo "$GATE_SHA"}
    monitor: {for: 4s, probes: [{http: "ADDRESS", every: 1s}]}
"""


class Service(ThreadingHTTPServer):
    """What was released: healthy until it is told otherwise."""

    healthy = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/healthz"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Service)
        self.send_response(200 if self.server.healthy else 503)
        self.end_headers()

    def log_request(self, *_: object) -> None:
        """Silence: the story looks at what the app does."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def rollback_question(story: Story) -> str | None:
    return next((c["body"] for c in story.ours() if c["body"].startswith("### Roll back `production`")), None)


def released(place: Place, service: Service, on_breach: str = "propose_rollback") -> Story:
    """Production runs the first head, healthily."""
    watched = WATCHED.replace("every: 1s}]", f"every: 1s}}], on_breach: {on_breach}")
    story = tell(place, gate_file=watched.replace("ADDRESS", service.address))
    story.asks("production")
    story.says("reviewer", "/approve production")
    story.shows("gate / production", "success")
    story.rests()
    return story


def test_a_breach_is_asked_about_and_approve_really_takes_it_back(place: Place, service: Service) -> None:
    story = released(place, service)
    healthy = story.pull["head_sha"]
    assert [s["state"] for s in story.deployments()[0]["statuses"]] == [
        "in_progress",
        "in_progress",
        "success",
    ]
    broken = story.pushes({"app.py": "print('broken')\n"})
    story.asks("production")
    service.healthy = False
    story.says("reviewer", "/approve production")
    asked = story.sees(lambda: rollback_question(story), "a rollback is asked about")
    assert f"`{healthy[:12]}`" in asked
    assert "answered 503" in asked
    assert "1 commit **out**" in asked
    story.shows("gate / production", "failure")
    service.healthy = True
    assert story.replies_to(story.says("maintainer", "/approve production")) == "+1"
    story.shows("rollback / production", "success")
    story.rests()
    assert [(d["sha"], d["statuses"][-1]["state"]) for d in story.deployments()] == [
        (healthy, "success"),
        (broken, "failure"),
        (healthy, "success"),
    ]
    assert (story.release("production") / "app.py").read_text() == "print('bonjour')\n"


@pytest.mark.processes
def test_deny_leaves_what_runs_as_it_is(place: Place, service: Service) -> None:
    story = released(place, service)
    story.pushes({"app.py": "print('broken')\n"})
    story.asks("production")
    service.healthy = False
    story.says("reviewer", "/approve production")
    story.sees(lambda: rollback_question(story), "a rollback is asked about")
    story.says("reviewer", "/deny production we are mending it")
    story.shows("rollback / production", "failure")
    story.rests()
    assert len(story.deployments()) == 2


@pytest.mark.processes
def test_by_rule_it_goes_back_once_and_says_so(place: Place, service: Service) -> None:
    story = released(place, service, "rollback")
    healthy = story.pull["head_sha"]
    broken = story.pushes({"app.py": "print('broken')\n"})
    story.asks("production")
    service.healthy = False
    story.says("reviewer", "/approve production")
    story.shows("rollback / production", "success")
    story.rests()
    assert rollback_question(story) is None
    assert [c for c in story.ours() if f"By rule it goes back to `{healthy[:12]}`" in c["body"]]
    assert [d["sha"] for d in story.deployments()] == [healthy, broken, healthy]
