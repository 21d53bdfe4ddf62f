"""The plan of a deployment, changed in the conversation and delivered on every route, over HTTP."""

from __future__ import annotations

import json

from support.routes import DEPLOY_YML, WORKFLOWS, Route
from support.story import GATE_FILE, Place, tell

WHO = "approval: {approvers: [{permission: write, count: 1}]}"
PARAMETERS = """\
approval:
      approvers: [{permission: write, count: 1}]
      parameters:
        percent: {type: integer, minimum: 1, maximum: 100, default: 100}
        strategy: {type: choice, options: [rolling, canary], default: rolling}"""
TELLING = 'deploy: {command: echo "$GATE_PARAMETER_PERCENT of $GATE_PARAMETERS" > told}'


def test_a_deployment_command_is_told_what_people_agreed_on(place: Place) -> None:
    file = GATE_FILE.replace(WHO, PARAMETERS, 1)
    file = file.replace('deploy: {command: echo "$GATE_ENVIRONMENT runs $GATE_SHA"}', TELLING, 1)
    story = tell(place, gate_file=file)
    asked = story.asks("staging")
    assert "`percent`: `100`" in asked["body"]
    assert story.replies_to(story.says("author", "/modify staging percent=10")) == "+1"
    story.sees(
        lambda: [
            c
            for c in story.ours()
            if c["id"] > asked["id"] and "`percent`: `10` (usually `100`)" in c["body"]
        ],
        "the new plan is asked about",
    )
    assert "self_approval" in story.replies_to(story.says("author", "/approve staging"))
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
    number, _, all_of_them = (story.release("staging") / "told").read_text().partition(" of ")
    assert number == "10"
    assert json.loads(all_of_them) == {"percent": "10", "strategy": "rolling"}


def test_a_deploying_workflow_gets_them_as_inputs(place: Place) -> None:
    told = DEPLOY_YML.replace("gate: {required: true}", "gate: {required: true}, percent: {}, strategy: {}")
    workflows = {**WORKFLOWS, ".github/workflows/deploy.yml": told}
    file = GATE_FILE.replace(WHO, PARAMETERS, 1)
    story = Route("workflow", place).tell(gate_file=file, workflows=workflows)
    asked = story.asks("staging")
    story.says("author", "/modify staging strategy=canary")
    story.sees(
        lambda: [c for c in story.ours() if c["id"] > asked["id"] and "`canary` (usually" in c["body"]],
        "asked anew",
    )
    story.says("reviewer", "/approve staging")
    story.shows("gate / staging", "success")
    (run,) = [each for each in story.workflow_runs() if each["file_name"] == "deploy.yml"]
    assert (run["inputs"]["percent"], run["inputs"]["strategy"]) == ("100", "canary")


def test_a_plan_block_changes_the_plan_and_an_edited_one_does_not(place: Place) -> None:
    story = tell(place, gate_file=GATE_FILE.replace(WHO, PARAMETERS, 1))
    asked = story.asks("staging")
    block = "```gate-plan\nenvironment: staging\npercent=10\nnotes: support knows\n```"
    edited = story.says("maintainer", "What about ten?")
    place.control.edit_comment(story.repository, edited["id"], "maintainer", block)
    assert story.replies_to(story.says("author", f"{block}\n\nAs agreed.")) == "+1"
    shown = story.sees(
        lambda: [
            c for c in story.ours() if c["id"] > asked["id"] and "- notes: `support knows`" in c["body"]
        ],
        "the new plan is asked about",
    )
    assert "version 2, changed by `author`" in shown[0]["body"]
    assert story.replies_to(story.says("reviewer", "/approve staging")) == "+1"
    story.shows("gate / staging", "success")
