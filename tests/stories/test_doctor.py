"""The operator asks the doctor about a running app."""

from __future__ import annotations

import json
import subprocess
import sys

from support.story import Place, tell


def doctor(place: Place, *options: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gate_app.cli", "doctor", *options],
        env={**place.app.environment, **changed},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_running_app_is_looked_at_without_changing_anything(place: Place) -> None:
    story = tell(place)
    story.asks("staging")
    story.rests()
    asked_before = len(place.control.requests())
    told = doctor(place, "--json")
    document = json.loads(told.stdout)
    assert told.returncode == document["exit_code"]
    texts = [each["text"] for each in document["findings"]]
    assert f"{story.repository}: valid; gates: staging, production" in texts
    assert any(text.startswith("goes to http://127.0.0.1") for text in texts)
    assert any("is believed" in text for text in texts)
    assert any(text.startswith(f"tokens of {place.standin.url}") for text in texts)
    made = [
        request
        for request in place.control.requests()[asked_before:]
        if "access_tokens" not in request["path"] and _may_be_the_doctors(request["path"], story.repository)
    ]
    assert {request["method"] for request in made} == {"GET"}


def _may_be_the_doctors(path: str, repository: str) -> bool:
    """Repositories of other stories are still worked for meanwhile."""
    return "/repos/" not in path or f"/repos/{repository}" in path


def test_without_settings_every_problem_is_told_and_nothing_is_asked(place: Place) -> None:
    told = doctor(place, GATE_APP_ID="", GATE_BIND="somewhere")
    assert told.returncode == 2
    assert "wrong settings      GATE_APP_ID is missing" in told.stdout
    assert "GATE_BIND is no place to listen at" in told.stdout
    assert told.stderr == ""


def test_the_key_of_another_app_is_told(place: Place) -> None:
    told = doctor(place, GATE_APP_ID="999999")
    assert told.returncode == 2
    assert "GitHub refuses the App's word (401)" in told.stdout
    assert place.app.environment["GATE_WEBHOOK_SECRET"] not in told.stdout
