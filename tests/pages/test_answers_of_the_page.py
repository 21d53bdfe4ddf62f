"""What the page answers, seen without a browser: who is let in, what is harmless, what costs nothing."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import pytest
from support.pages import HOSTILE, PATH, new_pull
from support.standin import REPOSITORY, Github

from gate_app.standin.page.markdown import to_html
from gate_app.standin.page.times import ago

MAX_PAGE_BYTES = 100_000


class Exchange:
    """One HTTP exchange as a browser, or something else, would make it."""

    def __init__(
        self,
        github: Github,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        connection = http.client.HTTPConnection(urlsplit(github.url).netloc, timeout=20)
        own = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        body = None if form is None else urlencode(form)
        method = "GET" if form is None else "POST"
        connection.request(method, path, body, dict(own if headers is None else headers))
        answer = connection.getresponse()
        self.status, self.headers, self.text = answer.status, answer.headers, answer.read().decode()
        connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def said(github: Github, number: int) -> list[str]:
    return [one["body"] for one in github.control.state()["comments"] if one["number"] == number]


# --- who is let in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "{url}"}, 303),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 403),
    ],
    ids=[
        "own form",
        "own origin",
        "nothing said",
        "other site",
        "other port",
        "typed",
        "null",
        "evil",
        "mixed",
    ],
)
def test_only_the_pages_own_forms_are_obeyed(github: Github, headers: dict[str, str], status: int) -> None:
    number, _ = new_pull(github)
    given = {name: value.format(url=github.url) for name, value in headers.items()}
    form = {"as": "reviewer", "body": "Hello."}
    answer = Exchange(github, f"/{REPOSITORY}/pull/{number}/comments", form, {**FORM, **given})
    assert answer.status == status
    assert said(github, number) == (["Hello."] if status == 303 else [])


@pytest.mark.parametrize("path", ["/", PATH, "/_page/page.js"])
def test_another_name_for_the_loopback_address_is_refused(shown: Github, path: str) -> None:
    assert Exchange(shown, path, headers={"Host": "evil.example"}).status == 403
    port = urlsplit(shown.url).port
    assert Exchange(shown, path, headers={"Host": f"localhost:{port}"}).status == 200
    assert Exchange(shown, path, headers={"Host": "localhost:1"}).status == 403


def test_every_answer_forbids_what_the_page_does_not_need(shown: Github) -> None:
    for path in ("/", PATH, f"/{REPOSITORY}/pull/77", "/_page/page.css"):
        headers = Exchange(shown, path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    ("login", "path", "form"),
    [
        ("reader", "/merge", {"method": "merge"}),
        ("reader", "/state", {}),
        ("reader", "/checks/{check}", {"button": "approve"}),
        ("stranger", "/comments", {"body": "Hello."}),
        ("gate-app[bot]", "/comments", {"body": "Hello."}),
        ("", "/comments", {"body": "Hello."}),
    ],
    ids=["merging", "closing", "pressing", "stranger", "bot", "nobody"],
)
def test_nobody_does_on_the_page_what_github_would_not_let_them(
    shown: Github, login: str, path: str, form: dict[str, str]
) -> None:
    before = shown.control.state()
    check = next(run["id"] for run in before["check_runs"] if run["actions"])
    answer = Exchange(shown, PATH + path.format(check=check), {"as": login, **form})
    assert answer.status in (403, 404)
    after = shown.control.state()
    assert (after["pulls"], after["comments"]) == (before["pulls"], before["comments"])


def test_a_refusal_is_told_on_the_page_and_what_was_typed_stays(github: Github) -> None:
    number, _ = new_pull(github)
    path = f"/{REPOSITORY}/pull/{number}"
    blank = Exchange(github, f"{path}/comments", {"as": "reviewer", "body": " "})
    assert (blank.status, "body can&#39;t be blank" in blank.text) == (422, True)
    gone = Exchange(github, f"{path}/merge", {"as": "reviewer", "method": "merge"})
    assert gone.status == 303
    again = Exchange(github, f"{path}/merge", {"as": "reviewer", "method": "merge", "body": "<draft>"})
    assert (again.status, "is not open" in again.text, "&lt;draft&gt;" in again.text) == (405, True, True)


def test_what_is_not_there_is_a_page_too(shown: Github) -> None:
    for path in (f"/{REPOSITORY}/pull/77", "/acme/nothing/pull/1", f"{PATH}?as=nobody"):
        answer = Exchange(shown, path)
        assert (answer.status, "This did not work" in answer.text) == (404, True), path


# --- what it costs ---------------------------------------------------------------------------------------


def test_a_page_is_small_and_asks_for_nothing_from_elsewhere(shown: Github) -> None:
    page = Exchange(shown, PATH).text
    assets = re.findall(r'(?:src|href)="(/_page/[^"]+)"', page)
    assert len(assets) == 3
    total = len(page.encode()) + sum(len(Exchange(shown, path).text.encode()) for path in assets)
    assert total < MAX_PAGE_BYTES, total
    assert "style=" not in page


def test_looking_at_what_has_not_changed_costs_nothing(github: Github) -> None:
    number, _ = new_pull(github)
    path = f"/{REPOSITORY}/pull/{number}?as=reviewer"
    github.control.quiesce()
    tag = Exchange(github, path).headers["ETag"]
    unchanged = Exchange(github, path, headers={"If-None-Match": tag})
    assert (unchanged.status, unchanged.text) == (304, "")
    github.control.comment(REPOSITORY, number, "reviewer", "News.")
    changed = Exchange(github, path, headers={"If-None-Match": tag})
    assert (changed.status, "News." in changed.text) == (200, True)


def test_the_page_is_no_part_of_the_api(github: Github) -> None:
    """It is neither recorded as a call of the App, nor struck by the faults meant for one."""
    number, _ = new_pull(github)
    github.control.set_faults({"path_regex": ".*", "times": 5, "kind": "502_before"})
    before = len(github.control.requests())
    assert Exchange(github, f"/{REPOSITORY}/pull/{number}").status == 200
    assert Exchange(github, "/").status == 200
    assert len(github.control.requests()) == before


def test_the_address_of_a_check_run_leads_to_it(shown: Github) -> None:
    run = shown.control.state()["check_runs"][0]
    answer = Exchange(shown, f"/{REPOSITORY}/runs/{run['id']}")
    assert (answer.status, answer.headers["Location"]) == (303, f"{PATH}#check-{run['id']}")


# --- what it says ----------------------------------------------------------------------------------------


def test_the_conversation_tells_what_was_done_in_its_order(github: Github) -> None:
    control, (number, first) = github.control, new_pull(github)
    title = f"Change {number}"
    control.comment(REPOSITORY, number, "reviewer", "First words.")
    second = control.commit(REPOSITORY, {"more.py": ""}, parent=first, message="More of it", login="author")
    control.set_head(REPOSITORY, number, second["sha"])
    other = control.commit(REPOSITORY, {"other.py": ""}, message="Another way", login="author")
    control.set_head(REPOSITORY, number, other["sha"])
    control.change_pull(REPOSITORY, number, title=title)
    control.close(REPOSITORY, number, by="maintainer")
    control.reopen(REPOSITORY, number)
    merged = control.merge(REPOSITORY, number, by="reviewer", method="squash")
    told = words(Exchange(github, f"/{REPOSITORY}/pull/{number}").text)
    order = [
        f"{title} #{number}",
        "author added 1 commit",
        "First words.",
        "author added 1 commit",
        "More of it",
        f"author force-pushed over {second['sha'][:7]} with 1 commit",
        "Another way",
        "author changed the title from",
        "maintainer closed this",
        "author reopened this",
        f"reviewer merged this as {(merged['merge_commit_sha'] or '')[:12]}",
    ]
    found = re.search(".*?".join(map(re.escape, order)), told)
    assert found, told


def words(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_whoever_can_see_the_repository_can_be_acted_as(github: Github) -> None:
    number, _ = new_pull(github)
    github.control.create_person("newcomer")
    path = f"/{REPOSITORY}/pull/{number}"
    assert "newcomer (" not in Exchange(github, path).text
    github.control.set_role(REPOSITORY, "newcomer", "triage")
    assert "newcomer (triage)" in Exchange(github, path).text


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("**Yes** <sub>now</sub>", "<p><strong>Yes</strong> <sub>now</sub></p>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        ("ask @reviewer or @acme/sre", "<p>ask <strong>@reviewer</strong> or <strong>@acme/sre</strong></p>"),
        ("`@reviewer` a@b.example", "<p><code>@reviewer</code> a@b.example</p>"),
        ("x <!-- gate-app:1 -->", "<p>x </p>"),
        (
            "![p](https://x.example/p.png)",
            "<p>!<a {rel}>p</a></p>".format(rel='href="https://x.example/p.png" {rel}'),
        ),
        (None, ""),
        ("  ", ""),
    ],
)
def test_markdown_reads_as_on_github(text: str | None, shows: str) -> None:
    rel = 'rel="noopener noreferrer nofollow"'
    assert to_html(text).strip() == shows.replace("{rel}", rel)


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "<style>*{display:none}</style>",
        "<p style='position:fixed' class='banner' id='main' onclick=alert(1)>x</p>",
        "<iframe src='//x.example'></iframe><object data=x></object><embed src=x>",
        "<svg><script>alert(1)</script></svg><math href=javascript:alert(1)>x</math>",
        "<form action=/x><input name=as value=maintainer><button>Approve</button></form>",
        "<a href='data:text/html,<script>1</script>'>x</a> <a href=' java\nscript:alert(1)'>x</a>",
        "</div></article></main><header>Not ours</header><time datetime=x>now</time>",
        "<base href='//x.example'><meta http-equiv=refresh content=0><link rel=stylesheet href=//x.example>",
    ],
)
def test_harm_in_markdown_is_inert(text: str) -> None:
    tags = set(re.findall(r"<(/?[a-z0-9]+)", to_html(text)))
    assert tags <= {"p", "/p", "a", "/a", "br", "math", "/math"} - {"math", "/math"}
    assert not re.findall(r"<[^>]*(?:javascript|data:|style|class|id=|on[a-z]+=)", to_html(text))


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-03-02T09:00:00Z", "just now"),
        ("2026-03-02T09:00:30Z", "just now"),
        ("2026-03-02T08:59:00Z", "1 minute ago"),
        ("2026-03-02T07:00:00Z", "2 hours ago"),
        ("2026-02-27T09:00:00Z", "3 days ago"),
        ("2026-01-02T09:00:00Z", "on 2026-01-02"),
    ],
)
def test_times_read_as_how_long_ago(at: str, words: str) -> None:
    assert ago(at, "2026-03-02T09:00:00Z") == words
