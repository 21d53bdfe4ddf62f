"""action.yml, the code of its steps and docs/action.md say the same; the steps leave nothing to a hostile value."""

from __future__ import annotations

import ast
import html
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.action import Runner, read_outputs

ROOT = Path(__file__).parents[2]
LIB = ROOT / "actions/lib"
sys.path.insert(0, str(LIB))

import client as action_client  # noqa: E402 - as the steps import it
import gate as action_gate  # noqa: E402
import outputs as action_outputs  # noqa: E402

ACTIONS = {
    "gate": ROOT / "action.yml",
    **{name: ROOT / f"actions/{name}/action.yml" for name in ("request", "redeem", "report")},
}
PAGE = (ROOT / "docs/action.md").read_text()


def loaded(step: str) -> Any:
    return YAML(typ="safe", pure=True).load(ACTIONS[step].read_text())


@pytest.mark.parametrize("step", sorted(ACTIONS))
def test_every_input_reaches_the_code_by_the_environment(step: str) -> None:
    action, code = loaded(step), (LIB / "gate.py").read_text()
    (run,) = action["runs"]["steps"]
    assert run["env"] == {f"INPUT_{name.upper()}": "${{ inputs." + name + " }}" for name in action["inputs"]}
    for variable in run["env"]:
        assert f'"{variable}"' in code
    assert run["run"].endswith(f'lib/step" {step}')
    assert (ACTIONS[step].parent / run["run"].split("/", 1)[1].split('"')[0]).exists()


@pytest.mark.parametrize("step", sorted(ACTIONS))
def test_every_output_is_one_that_the_code_writes(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    action_gate.finish(action_gate.nothing("timed_out", "", "staging"), deployable=False)
    written = set(read_outputs((tmp_path / "output").read_text()))
    for name, output in loaded(step)["outputs"].items():
        assert output["value"] == "${{ steps.gate.outputs." + name + " }}"
        assert name in written
        assert f"| `{name}` |" in PAGE


def test_every_input_default_and_own_reason_is_documented() -> None:
    for step in ACTIONS:
        for name in loaded(step)["inputs"]:
            assert f"| `{name}` |" in PAGE, name
    waits = [loaded(step)["inputs"]["wait"]["default"] for step in ("gate", "request", "redeem")]
    assert f"| `wait` | action, request, redeem | {', '.join(waits)} |" in PAGE
    for path in LIB.glob("*.py"):
        for code in re.findall(r'(?:Refused|nothing)\(\s*"([a-z_]+)"', path.read_text()):
            assert f"`{code}`" in PAGE, code


def test_the_steps_need_the_standard_library_of_python_3_8_alone() -> None:
    known = set(sys.stdlib_module_names) | {path.stem for path in LIB.glob("*.py")}
    for path in LIB.glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert {name.split(".")[0] for name in names} <= known, path
            assert not isinstance(node, ast.Attribute) or node.attr not in ("removeprefix", "removesuffix"), (
                path
            )


def test_a_step_starts_within_a_second(tmp_path: Path) -> None:
    """It ends at once where its input is wrong."""
    began = time.monotonic()
    ended = Runner(tmp_path, "ftp://gate.example").does("redeem", environment="staging")
    assert (ended.code, *ended.said) == (1, "denied", "url_invalid")
    assert time.monotonic() - began < 1.0


# --- what is written -------------------------------------------------------------------------------------

NASTY = ("\n", "\r\n", "\r", "=", "<<", "EOF", "gate_", "::set-output name=decision::approved", "##[", "\x00")
NASTY += (
    "%0A",
    "`",
    "|",
    "</code>",
    "\u2028",
    "\u202e",
    "\ud800",
    "decision=approved",
    "decision<<X",
    "${{ x }}",
)


def values(count: int) -> Iterator[str]:
    chance = random.Random(20_260_302)  # noqa: S311 - repeatable, no secret
    for _ in range(count):
        parts = chance.choices(NASTY, k=chance.randrange(6)) + [
            chr(chance.randrange(0x20, 0x2FF)) for _ in range(3)
        ]
        chance.shuffle(parts)
        yield "".join(parts)


def test_a_hundred_thousand_values_come_out_as_they_went_in_and_forge_nothing() -> None:
    """Case 156: as the runner reads it, each value is one output and no other."""
    for value in values(100_000):
        text = action_outputs.entry("parameters", value) + action_outputs.entry("decision", "denied")
        assert read_outputs(text) == {"parameters": value, "decision": "denied"}


def test_no_value_is_a_command_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Case 163."""
    for value in values(2_000):
        action_outputs.say(value)
        action_outputs.complain(value)
    for line in capsys.readouterr().out.split("\n")[:-1]:
        said = line.removeprefix("::error title=Gate::")
        assert "##[" not in said
        assert "::" not in said
        assert not {"\r", "\x1b", "\u202e"} & set(said)


def test_no_value_is_markup_in_the_summary() -> None:
    """Case 167."""
    assert html.unescape(action_outputs.code("a_b#1 & <b>|`")) == "<code>a_b#1 & <b>|`</code>"
    for value in values(2_000):
        result = {**action_gate.nothing("denied", value, value, value), "approved_by": [value]}
        result["parameters"] = {value: value}
        lines = action_gate.summary(result).split("\n")
        assert [line.count("|") for line in lines if line.startswith("|")] == [3] * sum(
            line.startswith("|") for line in lines
        )
        assert not re.search(r"<(?!/?code>)", "".join(lines))


def test_what_a_person_wrote_is_no_link_and_no_image_in_the_summary() -> None:
    """Case 179: the message holds the reason of a denial, as somebody wrote it."""
    said = "Denied by x: ![x](https://evil.example/p.png) [here](https://evil.example) @acme/sre *b*"
    shown = action_gate.summary(action_gate.nothing("denied", said, "staging"))
    assert not re.search(r"\]\(|https://|@acme|\*b\*", shown)
    assert said in html.unescape(shown)


# --- fails closed ----------------------------------------------------------------------------------------

GRANTED = {
    "schema_version": 1,
    "decision": "approved",
    "reason_code": "grant_given",
    "message": "Approved.",
    "environment": "staging",
    "gate": "71#1:1:staging",
    "final": True,
    "approved_by": ["reviewer"],
    "sha": "a" * 40,
    "grant_id": "71#1:1:staging/1",
    "parameters": {},
}


def test_the_whole_grant_is_a_grant() -> None:
    assert action_client.is_grant(action_client.checked(dict(GRANTED)), "staging")


@pytest.mark.parametrize("name", sorted(GRANTED))
@pytest.mark.parametrize("value", [None, "", 7, [], {}, True, "x", {"a": 1}, 2, "approved\n", "production"])
def test_an_answer_with_one_thing_that_differs_lets_nothing_through(name: str, value: Any) -> None:
    """Case 140."""
    harmless = {("gate", str), ("message", str), ("approved_by", list), ("parameters", dict)}
    answer = {**GRANTED, name: value}
    try:
        granted = action_client.is_grant(action_client.checked(answer), "staging")
    except action_client.Unavailable:
        return
    same = answer == GRANTED or (name, type(value)) in harmless or (name == "final" and value is True)
    assert granted is (same or (name == "grant_id" and value in ("x", "production")))


@contextmanager
def answering(status: int, body: bytes, location: str = "") -> Iterator[str]:
    """A server that answers everything so, but gives tokens."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.path.startswith("/token")
            self.send_response(200 if token else status)
            if location and not token:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(b'{"value": "t"}' if token else body)

        do_GET = do_POST = _answer  # noqa: N815 - the names of the library

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>welcome, approved</html>"),
        (200, b'{"decision": "approved"}'),
        (200, b'{"ticket": "' + b"t" * 43 + b'", "decision": "approved", "schema_version": 1}'),
        (500, b'{"code": "internal"}'),
        (302, b""),
    ],
)
def test_whatever_a_proxy_says_it_fails_closed(tmp_path: Path, status: int, body: bytes) -> None:
    """Case 140."""
    with answering(status, body, location="https://evil.example/") as url:
        job = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "c",
        }
        ended = Runner(tmp_path, url, job).does("redeem", environment="staging", wait="0.02")
    assert ended.code == 1
    assert ended.said == ("waiting", "timed_out")
    assert (ended.outputs["sha"], ended.outputs["grant-id"]) == ("", "")


def test_an_answer_drop_by_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 140: each byte is in time, the answer is not."""
    monkeypatch.setattr(action_client, "TIMEOUT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=(server,), daemon=True).start()
        client, began = action_client.Client(f"http://127.0.0.1:{server.getsockname()[1]}"), time.monotonic()
        with pytest.raises(action_client.Unavailable):
            client.answer("t" * 43)
    assert time.monotonic() - began < 4


def test_a_token_for_this_machine_goes_to_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 145: plain HTTP is for this machine alone, so nobody else may be shown what it bears."""
    with answering(200, b"{}") as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(action_client.Unavailable, match="no answer"):
            action_client.Client("http://127.0.0.1:9").answer("t" * 43)


def _drip(server: socket.socket) -> None:
    peer, _ = server.accept()
    with peer, suppress(OSError):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            peer.sendall(b" ")
            time.sleep(0.1)


def test_a_repository_that_the_app_has_not_heard_of_yet_is_asked_about_again(tmp_path: Path) -> None:
    """While it waits; a step that does not wait ends at once."""
    with answering(404, b'{"code": "repository_unknown", "fix": "install the app"}') as url:
        job = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "c"}
        waits = Runner(tmp_path, url, job).does("gate", environment="staging", wait="0.03")
        asks = Runner(tmp_path, url, job, started=5).does("request", environment="staging")
    assert (waits.code, waits.said[1], asks.code, asks.said[1]) == (
        1,
        "repository_unknown",
        1,
        "repository_unknown",
    )


def test_a_job_that_may_have_no_token_is_told_what_it_lacks(tmp_path: Path) -> None:
    """Case 131."""
    ended = Runner(tmp_path, "https://gate.example").does("redeem", environment="staging")
    assert (ended.code, *ended.said) == (1, "denied", "id_token_missing")
    assert "id-token: write" in ended.log


def test_without_a_python_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "bash").symlink_to("/bin/bash")
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    done = subprocess.run(
        [str(tmp_path / "bash"), str(LIB / "step"), "redeem"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert (done.returncode, "No Python 3.8" in done.stdout) == (1, True)
