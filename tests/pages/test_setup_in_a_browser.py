"""`/setup` in a real browser: from the printed link to an App that is registered and installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.pages import tab
from support.setting_up import setting_up
from support.standin import Github
from support.story import free_port

from gate_app import settings

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]
SMALL = {"width": 360, "height": 740}
LARGE = {"width": 1280, "height": 860}
SHOTS = os.environ.get("SETUP_SHOTS", "")


def environment(home: Path, github: Github) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "GATE_HOME": str(home),
        "GATE_BIND": f"127.0.0.1:{free_port()}",
        "GATE_GITHUB_API_URL": github.url,
    }


def look(found: Any, name: str) -> None:
    if SHOTS:
        found.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("scheme", "viewport", "organisation"),
    [("light", LARGE, "acme"), ("dark", SMALL, "acme"), ("dark", LARGE, ""), ("light", SMALL, "")],
    ids=["light desk", "dark phone", "dark desk, own account", "light phone, own account"],
)
def test_the_app_is_registered_with_a_click_and_installed_with_another(
    browser: Any, github: Github, tmp_path: Path, scheme: str, viewport: dict[str, int], organisation: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    variables = environment(tmp_path / "home", github)
    name = f"{scheme}-{viewport['width']}"
    before = len(github.control.state()["installations"])
    with (
        setting_up(variables) as setup,
        tab(browser, viewport=viewport, color_scheme=scheme, reduced_motion="reduce") as found,
    ):
        page = found.page

        def readable() -> None:
            assert found.fits()
            problems = axe.run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in problems] == []

        page.goto(setup.link)
        assert "token" not in page.url
        page.get_by_text("What it will be allowed to do").click()
        look(found, f"{name}-begin")
        readable()
        if organisation:
            page.get_by_label("Organisation").fill(organisation)
            page.get_by_role("button", name="Choose").click()
            page.get_by_text("will belong to acme").wait_for()
        page.get_by_role("button", name=f"Create the App at {urlsplit(github.url).netloc}").click()
        page.get_by_role("heading", name="The App is there").wait_for()
        look(found, f"{name}-done")
        readable()
        secret = settings.for_web(variables).webhook_secrets[0].decode()
        assert secret not in page.content()
        assert "PRIVATE KEY" not in page.content()
        page.get_by_role("link", name="Choose the repositories").click()
        page.get_by_role("button", name="Install on acme").click()
        page.wait_for_url(github.url + "/")
        code, said = setup.ends()
        assert (code, secret in said) == (0, False)
        assert len(github.control.state()["installations"]) == before + 1
        assert found.complaints == []


def test_somebody_else_at_the_same_door_is_told_to_use_the_link(
    browser: Any, github: Github, tmp_path: Path
) -> None:
    with setting_up(environment(tmp_path / "home", github)) as setup, tab(browser, viewport=LARGE) as owner:
        owner.page.goto(setup.link)
        with tab(browser, viewport=SMALL) as other:
            other.page.goto(setup.link)
            assert "This link is wrong or was used" in other.page.get_by_role("alert").inner_text()
            look(other, "refused")
            assert other.fits()
