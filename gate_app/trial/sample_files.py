"""The files of the sample service `greeter`, as they come into its history.

Rules of the file: the service needs nothing but Python's standard library; its tests take seconds; scanners
find nothing in it.
"""

from __future__ import annotations

from typing import Final

README: Final = """\
# greeter

A small HTTP service that greets people.

    python -m greeter --port 8080
    curl 'http://127.0.0.1:8080/greet?name=Ada'
"""

IGNORED: Final = """\
__pycache__/
reports/
"""

PYTEST: Final = """\
[pytest]
# The tests need none of what else may be installed.
addopts = --disable-plugin-autoload
"""

PACKAGE: Final = '''\
"""A small HTTP service that greets people."""
'''

GREETINGS: Final = '''\
"""What the service says."""

MAX_NAME = 60


def greet(name: str) -> str:
    """A greeting for a name. Raises ValueError for an empty or overlong one."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME:
        raise ValueError(f"a name has 1 to {MAX_NAME} characters")
    return f"Hello, {cleaned}!"
'''

TEST_GREETINGS: Final = """\
import pytest

from greeter.greetings import MAX_NAME, greet


def test_a_name_is_greeted():
    assert greet("Ada") == "Hello, Ada!"


def test_surplus_spaces_are_dropped():
    assert greet("  Ada   Lovelace ") == "Hello, Ada Lovelace!"


@pytest.mark.parametrize("name", ["", "   ", "x" * (MAX_NAME + 1)])
def test_a_name_out_of_bounds_is_refused(name):
    with pytest.raises(ValueError, match="characters"):
        greet(name)
"""

SERVER: Final = '''\
"""The HTTP face of the service."""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from greeter.greetings import greet

VERSION = Path(__file__).resolve().parent.parent / "VERSION"


class Handler(BaseHTTPRequestHandler):
    """Answers /greet, /healthz and /version with JSON."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match url.path:
            case "/greet":
                self._greet(query)
            case "/healthz":
                self._answer(HTTPStatus.OK, {"status": "healthy"})
            case "/version":
                self._answer(HTTPStatus.OK, {"version": _version()})
            case _:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "there is no such page"})

    def _greet(self, query: dict[str, str]) -> None:
        try:
            self._answer(HTTPStatus.OK, {"greeting": greet(query.get("name", ""))})
        except ValueError as problem:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": str(problem)})

    def _answer(self, status: HTTPStatus, content: dict[str, str]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


def _version() -> str:
    return VERSION.read_text().strip() if VERSION.exists() else "not released"


def make_server(port: int) -> ThreadingHTTPServer:
    """A server on the loopback address; port 0 takes a free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
'''

MAIN: Final = '''\
"""Starts the service: python -m greeter --port 8080"""

import argparse

from greeter.server import make_server

parser = argparse.ArgumentParser(prog="greeter")
parser.add_argument("--port", type=int, default=8080)
server = make_server(parser.parse_args().port)
print(server.server_port, flush=True)
server.serve_forever()
'''

TEST_SERVER: Final = """\
import json
import threading
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from greeter.server import make_server


@pytest.fixture
def address():
    server = make_server(0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_service_greets(address):
    with urlopen(f"{address}/greet?name=Ada", timeout=5) as answer:
        assert json.load(answer) == {"greeting": "Hello, Ada!"}


def test_the_service_says_that_it_is_healthy(address):
    with urlopen(f"{address}/healthz", timeout=5) as answer:
        assert json.load(answer) == {"status": "healthy"}


def test_a_missing_name_is_a_bad_request(address):
    with pytest.raises(HTTPError, match="400"):
        urlopen(f"{address}/greet", timeout=5)
"""

INTEGRATION: Final = '''\
"""Starts the release that is to be looked at, and calls it. GATE_RELEASE names its folder."""

import json
import os
import subprocess
import sys
from urllib.request import urlopen

import pytest


@pytest.fixture(scope="module")
def address():
    release = os.environ["GATE_RELEASE"]
    command = [sys.executable, "-m", "greeter", "--port", "0"]
    with subprocess.Popen(command, cwd=release, stdout=subprocess.PIPE, text=True) as service:
        yield f"http://127.0.0.1:{service.stdout.readline().strip()}"
        service.terminate()


def get(url):
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_the_release_is_healthy(address):
    assert get(f"{address}/healthz") == {"status": "healthy"}


def test_the_release_greets(address):
    assert get(f"{address}/greet?name=Ada")["greeting"] == "Hello, Ada!"


def test_the_release_is_the_commit_that_was_approved(address):
    wanted = f"{os.environ['GATE_ENVIRONMENT']} {os.environ['GATE_SHA']}"
    assert get(f"{address}/version") == {"version": wanted}
'''

GATE: Final = """\
version: 1

stages:                              # automated work, run on the head of the pull request
  tests:
    command: python -m pytest -q --junitxml=reports/tests.xml tests
    junit: reports/tests.xml
  security:
    command: mkdir -p reports && bandit -q -r greeter --exit-zero -f sarif -o reports/bandit.sarif
    sarif: reports/bandit.sarif
    fail_when: {new_findings: high}
  integration:                       # starts what was released and calls it
    command: python -m pytest -q --junitxml=reports/integration.xml integration
    junit: reports/integration.xml

environments:
  staging:
    from: pull_request
    needs: [tests, security]
    approval:
      approvers:
        - {permission: write, count: 1}
    deploy:
      command: python -m compileall -q greeter && echo "$GATE_ENVIRONMENT $GATE_SHA" | tee VERSION
    verify: [integration]
  production:
    from: pull_request
    needs: [tests, security]
    after: staging                   # the same content must be deployed and healthy there
    approval:
      approvers:
        - {permission: write, count: 1}
    deploy:
      command: python -m compileall -q greeter && echo "$GATE_ENVIRONMENT $GATE_SHA" | tee VERSION
    verify: [integration]
"""

GREETINGS_BY_LANGUAGE: Final = '''\
"""What the service says."""

MAX_NAME = 60
GREETINGS = {"en": "Hello", "de": "Guten Tag", "fr": "Bonjour", "sw": "Habari"}


def greet(name: str, language: str = "en") -> str:
    """A greeting for a name. Raises ValueError for an empty or overlong one, or an unknown language."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME:
        raise ValueError(f"a name has 1 to {MAX_NAME} characters")
    if language not in GREETINGS:
        raise ValueError(f"languages are {', '.join(GREETINGS)}")
    return f"{GREETINGS[language]}, {cleaned}!"
'''

TEST_LANGUAGES: Final = """\
import pytest

from greeter.greetings import greet


@pytest.mark.parametrize(
    ("language", "greeting"),
    [("en", "Hello, Ada!"), ("de", "Guten Tag, Ada!"), ("fr", "Bonjour, Ada!"), ("sw", "Habari, Ada!")],
)
def test_people_are_greeted_in_their_language(language, greeting):
    assert greet("Ada", language) == greeting


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="languages are en"):
        greet("Ada", "xx")
"""

SERVER_BY_LANGUAGE: Final = SERVER.replace(
    'greet(query.get("name", ""))', 'greet(query.get("name", ""), query.get("language", "en"))'
)

README_BY_LANGUAGE: Final = README + "    curl 'http://127.0.0.1:8080/greet?name=Ada&language=sw'\n"
