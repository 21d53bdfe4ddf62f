"""What confines commands, in the users' words: what they cannot see, and what happens where nothing confines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import stages
from support.story import GATE_FILE, Place, Story, open_place, tell, until

from gate_app.domain.evidence import StageOutcome
from gate_app.stages.isolation import Grade

NO_BUBBLEWRAP = "#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n"


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """An App as an operator runs it: commands are confined or do not run."""
    fake = getattr(request, "param", None)
    if fake is not None:
        stages.program(tmp_path / "bin" / "bwrap", fake)
    opened = open_place(tmp_path / "place", isolation="required", first_on_path=tmp_path / "bin")
    yield opened
    opened.end()


def outcome(story: Story, stage: str) -> StageOutcome:
    """How a stage of the newest run ended; waits for it."""

    def found() -> StageOutcome | None:
        runs = story.runs()
        ended = runs[-1].stages.get(stage) if runs else None
        return ended.outcome if ended else None

    return until(found, f"{stage} ends\n{story.told()}")


@pytest.mark.skipif(stages.STRONGEST is Grade.PROCESS, reason="bubblewrap does not work here")
def test_a_command_of_a_pull_request_sees_neither_key_nor_database_nor_home(place: Place) -> None:
    state = place.app.home
    script = f"cat {state}/key.pem {state}/gate.db*; ls -a {state} {state.parent}; echo looked\n"
    gate_file = GATE_FILE.replace("staging", "eu/staging").replace(
        "sh ./check.sh", "sh ./look.sh; sh ./check.sh"
    )
    story = tell(place, {"look.sh": script}, gate_file)
    story.asks("eu/staging")
    tests = outcome(story, "tests").evidence
    assert tests.isolation.startswith("namespaces")
    assert "looked" in tests.log_tail
    for canary in ("PRIVATE KEY", "SQLite format", "key.pem\n", "gate.db\n", "standin"):
        assert canary not in tests.log_tail
    story.says("reviewer", "/approve eu/staging")
    deployed = outcome(story, "deploy@eu/staging").evidence
    slug = next((place.app.home / "releases" / str(story.repository_id)).iterdir()).name
    assert slug.startswith("eu-staging-")
    assert f"{slug} runs " in deployed.log_tail


@pytest.mark.processes
@pytest.mark.parametrize("place", [NO_BUBBLEWRAP], indirect=True, ids=["namespaces are forbidden"])
def test_where_nothing_confines_a_command_does_not_run_and_its_gate_waits(place: Place) -> None:
    story = tell(place)
    check = story.shows("stage / tests", "failure")
    assert "No permissions to create new namespace" in (check["summary"] or "")
    story.rests()
    assert story.deployments() == []
    assert not (place.app.home / "git").exists()
    assert {
        str(run.stages["tests"].outcome.reason) for run in story.runs() if run.stages["tests"].outcome
    } == {"isolation_missing"}
    assert "install bubblewrap" in story.replies_to(story.says("reviewer", "/why staging")).lower()
