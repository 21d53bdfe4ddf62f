"""The whole story in the browser, on the running App: by mouse, and again with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.pages import button, tab
from support.story import Place, Story, open_place, tell

pytestmark = pytest.mark.timeout(150)
MAX_TABS = 120


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home: Path = tmp_path_factory.mktemp("place")
    opened = open_place(home)
    yield opened
    opened.end()


@pytest.fixture
def story(place: Place) -> Story:
    return tell(place)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with tab(browser, viewport={"width": 1280, "height": 860}) as found:
        yield found.page
        assert found.complaints == []


def stands(page: Any, environment: str, state: str) -> None:
    """Waits until an environment is shown in this state."""
    row = page.locator("#deployments summary").filter(has_text=environment)
    row.get_by_text(state, exact=True).wait_for()


def test_by_mouse(page: Any, place: Place, story: Story) -> None:
    page.goto(place.standin.url)
    page.get_by_label(story.repository).get_by_role("link", name="Greet in French").click()
    page.get_by_label("Act as").select_option("author")
    button(page, "Approve", "gate / staging").click()
    page.get_by_text("self_approval").first.wait_for()
    page.get_by_label("Act as").select_option("reader")
    page.get_by_text("are for people with write access").wait_for()
    page.get_by_label("Act as").select_option("reviewer")
    button(page, "Approve", "gate / staging").click()
    stands(page, "staging", "Active")
    page.get_by_label("Act as").select_option("maintainer")
    page.get_by_label("Comment as maintainer").fill("/approve production -- looks fine")
    page.get_by_role("button", name="Comment", exact=True).click()
    stands(page, "production", "Active")
    page.locator("#checks").get_by_text("All checks have passed").wait_for()
    page.get_by_title("gate-app", exact=True).wait_for()


@pytest.mark.processes
def test_with_the_keyboard_alone(page: Any, place: Place, story: Story) -> None:
    page.goto(place.standin.url)
    reach(page, page.get_by_label(story.repository).get_by_role("link", name="Greet in French"))
    page.keyboard.press("Enter")
    button(page, "Approve", "gate / staging").wait_for()
    reach(page, page.get_by_label("Act as"))
    page.keyboard.type("maint")
    page.get_by_label("Comment as maintainer").wait_for()
    reach(page, button(page, "Approve", "gate / staging"))
    page.keyboard.press("Space")
    stands(page, "staging", "Active")
    button(page, "Deny", "gate / production").wait_for()
    reach(page, page.get_by_role("link", name="Comment", exact=True))
    page.keyboard.press("Enter")
    page.keyboard.type("/deny production not on a Friday")
    page.keyboard.press("Control+Enter")
    page.locator("#checks").get_by_text("Some checks were not successful").wait_for()
    page.get_by_text("not on a Friday").first.wait_for()
    assert page.evaluate("document.activeElement.id") == "body"


def reach(page: Any, wanted: Any) -> None:
    """Presses Tab until this is focused, and sees that the focus is visible."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate_all("(found) => found.includes(document.activeElement)"):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab does not lead to {wanted}")
