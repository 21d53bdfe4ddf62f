"""`gate-app setup`: who gets in, what comes back from GitHub, and what is kept of it."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from support.github_schema import assert_answer_valid
from support.standin import Github, key_pair, send, serving

from gate_app import registering, settings, stored
from gate_app.errors import ConfigurationFault
from gate_app.github.manifest import Github as At
from gate_app.github.manifest import manifest
from gate_app.github.origin import Origin
from gate_app.github.payloads import subscribed_events
from gate_app.github.permissions import needed
from gate_app.stored import Credentials, Place
from gate_app.web.setup import Claim, Ports, SetupRefused, create_setup

ADDRESS = "http://127.0.0.1:8000"
TOKEN = "t" * 43
LINK = f"/setup?token={TOKEN}"
INSTALL = "https://github.com/apps/gate/installations/new"


def new_app(name: str) -> str | None:
    return None if "/" in name else f"https://github.com/{name or 'me'}/new"


PORTS = Ports(
    ADDRESS,
    "https://github.com",
    "{}",
    (("checks", "write"),),
    ("push",),
    True,
    new_app,
    lambda code: INSTALL,
)


class Browser:
    """A browser on the page."""

    def __init__(self, app: Any) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, base_url=options.pop("base_url", ADDRESS), **options)

    def post(self, path: str, **form: str) -> Any:
        return self.client.post(path, base_url=ADDRESS, data=form)

    def state(self) -> str:
        found = re.search(r'action="[^"]*[?]state=([^"&]+)"', self.get("/setup").text)
        assert found
        return found[1]


@pytest.fixture
def claim() -> Claim:
    return Claim(TOKEN)


@pytest.fixture
def app(claim: Claim) -> Any:
    return create_setup(PORTS, claim)


@pytest.fixture
def operator(app: Any) -> Browser:
    found = Browser(app)
    assert found.get(LINK).status_code == 303
    return found


def test_without_the_link_there_is_nothing(app: Any) -> None:
    stranger = Browser(app)
    for path in (
        "/setup",
        "/setup?token=",
        "/setup?token=wrong",
        "/setup?token=%C3%A9",
        "/setup/created?code=a&state=b",
    ):
        answer = stranger.get(path)
        assert (answer.status_code, "manifest" in answer.text) == (403, False), path
    assert stranger.post("/setup/organisation", organisation="acme").status_code == 403


def test_the_link_is_for_one_browser(app: Any, operator: Browser) -> None:
    assert Browser(app).get(LINK).status_code == 403
    assert operator.get(LINK).status_code == 303
    assert operator.get("/setup").status_code == 200


def test_the_cookie_is_bound_to_the_page(app: Any, claim: Claim) -> None:
    cookie = Browser(app).get(LINK).headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/setup"):
        assert part in cookie
    assert "Secure" not in cookie
    over_tls = create_setup(replace(PORTS, address="https://gate.example"), Claim(TOKEN))
    assert "Secure" in Browser(over_tls).get(LINK, base_url="https://gate.example").headers["Set-Cookie"]


def test_a_forged_session_is_nobodys(app: Any, operator: Browser) -> None:
    other = create_setup(PORTS, Claim(TOKEN))  # another start: another key
    intruder = Browser(other)
    intruder.get(LINK)
    cookie = intruder.client.get_cookie("gate_setup", path="/setup", domain="127.0.0.1")
    assert cookie
    stolen = Browser(app)
    stolen.client.set_cookie("gate_setup", cookie.value, path="/setup", domain="127.0.0.1")
    assert stolen.get("/setup").status_code == 403


def test_another_name_for_this_address_leads_nowhere(app: Any) -> None:
    assert Browser(app).get(LINK, base_url="http://evil.example:8000").status_code == 400


@pytest.mark.parametrize("query", ["", "?code=abc", "?code=abc&state=wrong", "?code=abc&state="])
def test_a_code_that_did_not_begin_here_counts_nothing(operator: Browser, claim: Claim, query: str) -> None:
    operator.state()
    assert operator.get(f"/setup/created{query}").status_code == 403
    assert not claim.done


def test_a_state_counts_once_and_only_in_its_browser(app: Any, operator: Browser, claim: Claim) -> None:
    state = operator.state()
    assert operator.state() == state  # in every tab
    assert Browser(app).get(f"/setup/created?code=abc&state={state}").status_code == 403
    assert operator.get("/setup/created?code=abc&state=wrong").status_code == 403
    assert claim.spend(state)
    assert not claim.spend(state)
    assert operator.get(f"/setup/created?code=abc&state={state}").status_code == 403


def test_afterwards_everything_is_closed(app: Any, operator: Browser, claim: Claim) -> None:
    answer = operator.get(f"/setup/created?code=abc&state={operator.state()}")
    assert answer.status_code == 200
    assert INSTALL in answer.text
    answer.close()
    assert claim.finished.is_set()
    for path in (LINK, "/setup", "/setup/created?code=abc&state=x"):
        assert operator.get(path).status_code in (303, 403)
    assert operator.get("/setup").status_code == 403


def test_an_organisation_is_chosen_on_the_page_alone(operator: Browser) -> None:
    form = re.search(r'name="browser" value="([^"]+)"', operator.get("/setup").text)
    assert form
    assert operator.post("/setup/organisation", organisation="acme").status_code == 403
    assert operator.post("/setup/organisation", organisation="acme", browser=form[1]).status_code == 303
    assert 'action="https://github.com/acme/new?state=' in operator.get("/setup").text
    assert operator.post("/setup/organisation", organisation="a/b", browser=form[1]).status_code == 422


def test_what_github_refuses_is_told_and_can_be_begun_again(claim: Claim) -> None:
    def refuses(code: str) -> str:
        raise SetupRefused("Not today <b>.")

    operator = Browser(create_setup(replace(PORTS, accept=refuses), claim))
    operator.get(LINK)
    answer = operator.get(f"/setup/created?code=abc&state={operator.state()}")
    assert (answer.status_code, "Not today &lt;b&gt;." in answer.text, claim.done) == (502, True, False)
    assert operator.get("/setup").status_code == 200


def test_no_answer_lets_anything_in_or_out(operator: Browser) -> None:
    answer = operator.get("/setup")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://github.com;" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


# --- the manifest and the code -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "organisation", "place"),
    [
        ("https://api.github.com", "", "https://github.com/settings/apps/new"),
        ("https://api.github.com", "acme", "https://github.com/organizations/acme/settings/apps/new"),
        ("https://ghe.example/api/v3", "acme", "https://ghe.example/organizations/acme/settings/apps/new"),
    ],
)
def test_each_kind_of_owner_has_its_place(api: str, organisation: str, place: str) -> None:
    found = settings.for_setup({"HOME": "/home/x", "GATE_GITHUB_API_URL": api})
    at = At(Origin.parse(found.api_url, "api"), Origin.parse(found.web_url, "web"))
    assert at.new_app(organisation) == place


def test_the_manifest_asks_for_what_the_calls_need_and_nothing_else() -> None:
    said = json.loads(
        manifest("Gate", "https://gate.example", f"{ADDRESS}/setup/created", "https://github.com")
    )
    assert said["default_permissions"] == needed()
    assert set(said["default_events"]) == subscribed_events()
    assert said["hook_attributes"] == {"url": "https://gate.example/webhooks/github", "active": True}
    assert said["public"] is False


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Github]:
    with serving(tmp_path_factory.mktemp("github")) as found:
        yield found


def code_from(github: Github) -> str:
    state = "s"
    body = f"manifest={manifest('Gate 1', 'https://gate.example', ADDRESS + '/setup/created', ADDRESS)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ADDRESS}
    answer = send(
        f"{github.url}/organizations/acme/settings/apps/new?state={state}", "POST", body.encode(), headers
    )
    assert answer.status == 302, answer
    brought = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert brought["state"] == [state]
    return brought["code"][0]


def at(github: Github) -> At:
    origin = Origin.parse(github.url, "test")
    return At(origin, origin)


def test_a_code_gives_the_app_once(github: Github, tmp_path: Path) -> None:
    code = code_from(github)
    place = Place("127.0.0.1:8000", "", github.url, github.url, tmp_path / "home")
    link = registering._accepted(at(github), place, code)
    assert link == f"{github.url}/apps/gate-1/installations/new"
    found = settings.from_environment({"GATE_HOME": str(place.home)})
    web = settings.for_web({"GATE_HOME": str(place.home)})
    assert (found.api_url, found.base_url) == (github.url, "")
    assert found.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert len(web.webhook_secrets[0]) == 40
    assert {path.stat().st_mode & 0o777 for path in place.home.iterdir()} == {0o600}
    assert place.home / stored.FILE in found.guarded
    with pytest.raises(SetupRefused, match="no more"):
        registering._accepted(at(github), place, code)
    with pytest.raises(SetupRefused, match="no code"):
        registering._accepted(at(github), place, "../app")


def test_the_answer_to_the_code_is_as_published(tmp_path: Path) -> None:
    with serving(tmp_path) as github:
        answer = send(f"{github.url}/app-manifests/{code_from(github)}/conversions", "POST")
        assert_answer_valid("POST", "/app-manifests/x/conversions", answer.status, answer.body)
        assert send(f"{github.url}/app-manifests/0/conversions", "POST").status == 404


@pytest.mark.parametrize("kind", ["502_before", "lost_answer", "307_elsewhere", "429"])
def test_trouble_at_github_is_a_sentence_without_a_secret(github: Github, tmp_path: Path, kind: str) -> None:
    github.control.set_faults({"method": "POST", "path_regex": "/conversions$", "kind": kind})
    place = Place("127.0.0.1:8000", "", github.url, github.url, tmp_path / "home")
    with pytest.raises(SetupRefused) as told:
        registering._accepted(at(github), place, "abc")
    assert "abc" not in str(told.value)
    assert not place.home.exists()


# --- what is kept ------------------------------------------------------------------------------------------


def credentials() -> Credentials:
    return Credentials(7, "Iv1", key_pair()[0], "s3cret-of-forty-characters", "https://api.github.com")


def test_nothing_secret_is_in_a_repr() -> None:
    assert "s3cret" not in repr(credentials())
    assert "PRIVATE" not in repr(credentials())


def test_an_app_of_the_environment_is_never_mixed_with_the_stored_one(tmp_path: Path) -> None:
    stored.keep(tmp_path, credentials())
    home = {"GATE_HOME": str(tmp_path)}
    assert settings.from_environment(home).app_id == 7
    with pytest.raises(ConfigurationFault, match="GATE_PRIVATE_KEY_FILE is missing"):
        settings.from_environment({**home, "GATE_APP_ID": "8"})
    with pytest.raises(ConfigurationFault, match="not where the App"):
        settings.from_environment({**home, "GATE_GITHUB_API_URL": "https://other.example/api/v3"})


@pytest.mark.parametrize("name", ["with spaces", "zust\u00e4nde", "#x=y"])
def test_whatever_the_state_folder_is_called_the_app_is_found(tmp_path: Path, name: str) -> None:
    stored.keep(tmp_path / name, credentials())
    assert settings.from_environment({"GATE_HOME": str(tmp_path / name)}).app_id == 7


def test_an_empty_variable_is_none_so_that_the_key_goes_where_it_belongs(tmp_path: Path) -> None:
    stored.keep(tmp_path, replace(credentials(), api_url="https://ghe.example/api/v3"))
    empty = dict.fromkeys((*stored.OWN, "GATE_GITHUB_API_URL", "GATE_CLIENT_ID"), "")
    found = settings.for_serve({**empty, "GATE_HOME": str(tmp_path)})
    assert (found.engine.api_url, found.engine.issuer) == ("https://ghe.example/api/v3", "Iv1")
    assert found.web_variables["GATE_GITHUB_API_URL"] == "https://ghe.example/api/v3"


def test_a_stored_app_that_others_may_read_is_refused(tmp_path: Path) -> None:
    stored.keep(tmp_path, credentials())
    (tmp_path / stored.FILE).chmod(0o640)
    with pytest.raises(ConfigurationFault, match="chmod 600"):
        settings.from_environment({"GATE_HOME": str(tmp_path)})


def test_web_processes_get_no_key(tmp_path: Path) -> None:
    stored.keep(tmp_path, credentials())
    found = settings.for_serve({"GATE_HOME": str(tmp_path)})
    assert "GATE_PRIVATE_KEY_FILE" in found.engine_variables
    assert not [name for name in found.web_variables if "PRIVATE" in name]
    assert "GATE_WEBHOOK_SECRET" not in found.engine_variables


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"GATE_APP_ID": "7"}, "there is an App already"),
        ({"GATE_BIND": "nowhere"}, "GATE_BIND"),
    ],
)
def test_settings_that_cannot_be_used_start_nothing(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationFault, match=said):
        settings.for_setup({"HOME": "/home/x", **environment})


@pytest.mark.parametrize(
    ("change", "organisation", "said"),
    [
        ({"bind": "unix:/run/x.sock"}, "", "socket"),
        ({}, "a--b", "no organisation"),
        ({"bind": "203.0.113.1:1"}, "", "GATE_BIND"),
    ],
)
def test_a_place_that_cannot_be_used_starts_nothing(
    tmp_path: Path, change: dict[str, str], organisation: str, said: str
) -> None:
    place = replace(
        Place("127.0.0.1:0", "", "https://api.github.com", "https://github.com", tmp_path), **change
    )
    with pytest.raises(ConfigurationFault, match=said):
        registering.register(place, organisation, print)


def test_a_second_app_is_not_registered_over_the_first(tmp_path: Path) -> None:
    stored.keep(tmp_path, credentials())
    place = Place("127.0.0.1:0", "", "https://api.github.com", "https://github.com", tmp_path)
    with pytest.raises(ConfigurationFault, match="already"):
        registering.register(place, "", print)


def test_a_stranger_who_says_nothing_is_not_waited_for(app: Any) -> None:
    """Each connection to the short-lived server holds a thread."""

    class Hasty(registering._QuietHandler):
        timeout = registering._QuietHandler.timeout / 100

    theirs, ours = socket.socketpair()
    with theirs, ours:
        server: Any = SimpleNamespace(app=app, multithread=True)
        waiting = threading.Thread(target=Hasty, args=(ours, ("127.0.0.1", 1), server), daemon=True)
        waiting.start()
        waiting.join(10)
        assert not waiting.is_alive()


def test_two_browsers_at_once_are_one(claim: Claim) -> None:
    taken: list[str | None] = []
    threads = [threading.Thread(target=lambda: taken.append(claim.take(TOKEN))) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len([each for each in taken if each]) == 1
