"""What is shipped to run it with: the image, the compose file, the unit; as far as they can be tried without either."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
IMAGE = (ROOT / "Dockerfile").read_text()
UNIT = (ROOT / "deploy/gate-app.service").read_text()
PAGE = (ROOT / "docs/container.md").read_text()
COMPOSE: Any = YAML(typ="safe", pure=True).load((ROOT / "compose.yml").read_text())
SERVICE = COMPOSE["services"]["gate-app"]


def told(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_base_is_pinned_and_nothing_runs_as_root() -> None:
    froms = re.findall(r"^FROM (\S+)", IMAGE, re.MULTILINE)
    assert re.fullmatch(r"python:[\w.-]+@sha256:[0-9a-f]{64}", froms[0])
    assert set(froms[1:]) == {"base"}
    assert re.findall(r"^USER (.*)", IMAGE, re.MULTILINE) == ["10001:10001"]


def test_the_image_gets_what_the_package_consists_of_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(" ".join(re.findall(r"^COPY (?!--from)(.*) \S+$", IMAGE, re.MULTILINE)).split())
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_compose_file_fits_its_schema_and_takes_everything_away() -> None:
    told(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yml"))
    assert (SERVICE["read_only"], SERVICE["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in SERVICE["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    assert {volume.split(":")[1] for volume in SERVICE["volumes"]} == set(
        re.findall(r"^VOLUME (\S+)", IMAGE, re.M)
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_tells_a_live_server_from_another(status: int, code: int) -> None:
    found = re.search(r"^HEALTHCHECK .*?CMD (\[.*?\])$", IMAGE, re.MULTILINE | re.DOTALL)
    assert found
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        words = [word.replace(":8000", f":{server.server_port}") for word in json.loads(found[1])]
        done = subprocess.run([sys.executable, *words[1:]], capture_output=True, timeout=20, check=False)
        thread.join(20)
    assert (done.returncode, asked) == (code, ["/livez"])


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    unit = tmp_path / "gate-app.service"
    unit.write_text(UNIT.replace("/opt/gate-app/bin/gate-app", shutil.which("true") or ""))
    assert told("systemd-analyze", "verify", str(unit)) == ""


def test_image_unit_and_compose_file_call_commands_that_there_are() -> None:
    from gate_app.cli import main

    called = re.findall(r"gate-app/bin/gate-app (\w+)", UNIT + PAGE) + re.findall(
        r'^CMD \["(\w+)"', IMAGE, re.MULTILINE
    )
    called += [SERVICE["command"][0], *re.findall(r"gate-app (setup|doctor|serve)\b", PAGE)]
    assert set(called) == {"serve", "setup", "doctor"}
    assert set(called) <= set(main.commands)


def test_the_recipe_names_files_that_there_are() -> None:
    for name in re.findall(r"/opt/gate-app/source/(\S+)", PAGE):
        assert (ROOT / name).exists(), name
