"""The page in a real browser: readable everywhere, harmless, alive, and kind to whoever is typing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.pages import HOSTILE, PATH, Tab, button, new_pull, tab
from support.standin import REPOSITORY, Github

pytestmark = pytest.mark.timeout(120)
SMALL = {"width": 360, "height": 740}
LARGE = {"width": 1280, "height": 860}


@pytest.fixture
def opened(browser: Any) -> Iterator[Tab]:
    with tab(browser, viewport=LARGE) as found:
        yield found
        assert found.complaints == []


# --- readable everywhere and harmless --------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{PATH}?as=reviewer", "/"], ids=["pull request", "list"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [SMALL, LARGE], ids=["phone", "desk"])
def test_everybody_can_read_it_and_nothing_sticks_out_or_runs(
    browser: Any, shown: Github, path: str, scheme: str, viewport: dict[str, int]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with tab(browser, viewport=viewport, color_scheme=scheme, reduced_motion="reduce") as found:
        found.page.goto(shown.url + path)
        found.page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert found.fits()
        problems = axe.run(found.page).response["violations"]
        assert [(problem["id"], problem["nodes"][0]["html"]) for problem in problems] == []
        assert found.page.evaluate("window.pwned") is None
        assert found.page.locator("img, iframe, script:not([src])").count() == 0
        assert found.complaints == []


def test_harm_is_shown_as_the_text_it_is(opened: Tab, shown: Github) -> None:
    opened.page.goto(shown.url + PATH)
    assert HOSTILE in opened.page.get_by_role("heading", level=1).inner_text()
    assert HOSTILE in opened.page.title()


# --- alive -----------------------------------------------------------------------------------------------


def at(github: Github, number: int, login: str = "reviewer") -> str:
    return f"{github.url}/{REPOSITORY}/pull/{number}?as={login}"


def test_what_happens_appears_and_nothing_that_a_person_does_is_lost(opened: Tab, github: Github) -> None:
    page, (number, sha) = opened.page, new_pull(github)
    run = {"name": "tests", "head_sha": sha, "status": "completed", "conclusion": "success"}
    github.control.create_check_run(REPOSITORY, {**run, "output": {"title": "Fine", "summary": "All of it."}})
    page.goto(at(github, number))
    page.get_by_text("tests", exact=True).click()
    page.get_by_label("Comment as reviewer").fill("half a though")
    page.keyboard.press("End")
    github.control.comment(REPOSITORY, number, "author", "Look here.")
    page.get_by_text("Look here.").wait_for()
    page.keyboard.type("t")
    assert page.get_by_label("Comment as reviewer").input_value() == "half a thought"
    assert page.get_by_text("All of it.").is_visible()
    page.get_by_role("status").filter(has_text="author commented").wait_for()
    github.control.merge(REPOSITORY, number, "maintainer")
    page.get_by_role("heading", name="Merged").wait_for()
    assert page.get_by_label("Comment as reviewer").input_value() == "half a thought"


def test_each_tab_is_somebody_else(browser: Any, github: Github) -> None:
    number, _ = new_pull(github)
    logins = ("author", "reviewer", "maintainer", "reader")
    tabs = [tab(browser, viewport=LARGE) for _ in logins]
    pages = [each.__enter__().page for each in tabs]
    for page, login in zip(pages, logins, strict=True):
        page.goto(at(github, number, login))
        page.get_by_label(f"Comment as {login}").fill(f"I am {login}.")
        page.keyboard.press("Control+Enter")
    for page in pages:
        for login in logins:
            page.get_by_label(re.compile(f"^{login}, ")).get_by_text(f"I am {login}.").wait_for()
    for each in tabs:
        each.__exit__(None, None, None)
    found = (one for one in github.control.state()["comments"] if one["number"] == number)
    said = {comment["login"]: comment["body"] for comment in found}
    assert said == {login: f"I am {login}." for login in logins}


def test_who_acts_can_be_changed_in_the_middle_of_a_sentence(opened: Tab, github: Github) -> None:
    number, _ = new_pull(github)
    opened.page.goto(at(github, number))
    opened.page.get_by_label("Comment as reviewer").fill("Me again.")
    opened.page.get_by_label("Act as").select_option("maintainer")
    opened.page.get_by_role("button", name="Comment").click()
    opened.page.get_by_label(re.compile("^maintainer, ")).get_by_text("Me again.").wait_for()
    assert opened.page.url.endswith("?as=maintainer")


def test_pressing_a_button_of_a_check_reaches_its_app_once(opened: Tab, github: Github) -> None:
    number, sha = new_pull(github)
    run = {"name": "gate / staging", "head_sha": sha, "status": "completed", "conclusion": "action_required"}
    actions = [{"label": "Approve", "description": "Yes to staging", "identifier": "yes"}]
    asked = {**run, "output": {"title": "Deploy?", "summary": "Really?"}, "actions": actions}
    made = github.call("POST", f"/repos/{REPOSITORY}/check-runs", asked, token=github.mint()).body
    page = opened.page
    page.goto(at(github, number))
    button(page, "Approve", "gate / staging").dblclick()
    page.get_by_role("status").filter(has_text="Gate App was told").wait_for()
    github.control.quiesce()
    assert github.receiver.names().count("check_run.requested_action") == 1
    done = {"status": "completed", "conclusion": "success", "actions": []}
    github.call("PATCH", f"/repos/{REPOSITORY}/check-runs/{made['id']}", done, token=github.mint())
    button(page, "Approve", "gate / staging").wait_for(state="detached")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_stand_in_that_ended_is_told(browser: Any, github: Github) -> None:
    number, _ = new_pull(github)
    with tab(browser, viewport=SMALL) as found:
        found.page.goto(at(github, number))
        found.page.route("**/*", lambda route: route.abort())
        found.page.get_by_text("The stand-in does not answer").wait_for()
        found.page.unroute("**/*")
        found.page.get_by_text("The stand-in does not answer").wait_for(state="hidden")


def test_without_scripts_everything_works_by_loading_pages(browser: Any, github: Github) -> None:
    number, _ = new_pull(github)
    with tab(browser, viewport=SMALL, java_script_enabled=False) as found:
        found.page.goto(at(github, number))
        found.page.get_by_label("Act as").select_option("maintainer")
        found.page.get_by_role("button", name="Switch").click()
        found.page.get_by_label("Comment as maintainer").fill("Without scripts.")
        found.page.get_by_role("button", name="Comment", exact=True).click()
        found.page.get_by_text("Without scripts.").wait_for()
        found.page.get_by_role("button", name="Merge", exact=True).click()
        found.page.get_by_role("heading", name="Merged").wait_for()
        assert found.fits()
