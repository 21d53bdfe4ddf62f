"""A command is the whole first line of a comment, in a plain paragraph, shown as typed; all else is silence."""

from __future__ import annotations

import random
import sys
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_app.domain.commands import Command, Malformed, parse
from gate_app.github.markdown import MAX_BODY_CHARS, MAX_LINE_CHARS, command_line

ENVIRONMENTS = ("staging", "production")
COMMANDS = (
    "/approve",
    "/approve production",
    "/approve staging 0123456789ab",
    "/approve production -- looks good to me",
    "/deny production because of the migration",
    "/gate approve production",
    "/status",
    "/why production",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "after",
    [
        "",
        "\n",
        "\r\n",
        "\n\nThanks!",
        "\nThanks!",
        "\r\n\r\n> quoted later",
        "\n\n```\ncode\n```",
        "\n<!-- x -->",
        "  \nmore",
    ],
    ids=repr,
)
def test_a_command_is_its_whole_raw_line(command: str, after: str) -> None:
    assert command_line(command + after) == command + ("  " if after.startswith("  ") else "")


CONTAINERS = {
    "a quote": "> {}",
    "a nested quote": "> > {}",
    "a quote without a blank": ">{}",
    "a bullet": "- {}",
    "a star bullet": "* {}",
    "a plus bullet": "+ {}",
    "a number": "1. {}",
    "a task": "- [ ] {}",
    "indented code": "    {}",
    "indented by a tab": "\t{}",
    "indented by one blank": " {}",
    "indented by three blanks": "   {}",
    "a fence": "```\n{}\n```",
    "a fence with a language": "```sh\n{}\n```",
    "a tilde fence": "~~~\n{}\n~~~",
    "an open fence": "```\n{}",
    "a code span": "`{}`",
    "a code span of two ticks": "`` {} ``",
    "an HTML comment": "<!-- {} -->",
    "an HTML comment over lines": "<!--\n{}\n-->",
    "details": "<details><summary>x</summary>\n\n{}\n\n</details>",
    "pre": "<pre>\n{}\n</pre>",
    "div": "<div>{}</div>",
    "script": "<script>\n{}\n</script>",
    "a heading": "# {}",
    "a deep heading": "###### {}",
    "a setext heading": "{}\n===",
    "a setext subheading": "{}\n---",
    "a setext heading of a whole paragraph": "{}\nmore\nand more\n===",
    "a table head": "{} | x\n---|---\n1 | 2",
    "a table head with bars": "| {} |\n|---|\n| 1 |",
    "a table cell": "| x |\n|---|\n| {} |",
    "a link text": "[{}](https://example.com)",
    "a link title": "[x](https://example.com '{}')",
    "an image text": "![{}](https://example.com/x.png)",
    "a reference": "[{}][x]\n\n[x]: https://example.com",
    "a link definition": "[x]: https://example.com '{}'",
    "a footnote": "[^1]: {}",
    "emphasis": "*{}*",
    "strong": "**{}**",
    "strikethrough": "~~{}~~",
    "an autolink": "<https://example.com{}>",
    "after a blank line": "\n{}",
    "after two line ends of Windows": "\r\n\r\n{}",
    "on the second line": "please\n{}",
    "after an invisible blank": "\u200b{}",
    "after a byte order mark": "\ufeff{}",
    "after a mention": "@bot {}",
    "a mail reply": "{}\n\nOn Fri, Nov 20, 2026 at 11:59 AM Mo <mo@example.com> wrote:\n> x",
    "a mail reply by a client": "{}\n\n-----Original Message-----\nFrom: Mo <mo@example.com>",
    "a mail reply with GitHub's foot": "{}\n\n—\nReply to this email directly, view it on GitHub",
}
"""Everything GFM can put a line into, each around a command."""


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("command", COMMANDS)
def test_case_38_a_command_inside_something_is_no_command(name: str, command: str) -> None:
    assert command_line(CONTAINERS[name].replace("{}", command)) is None


def test_case_38_no_container_of_a_container_lets_a_command_through() -> None:
    tried = 0
    for outer, inner, command in product(CONTAINERS.values(), CONTAINERS.values(), COMMANDS[:2]):
        wrapped = "\n".join(outer.replace("{}", line) for line in inner.replace("{}", command).split("\n"))
        accepted = command_line(wrapped)
        assert accepted is None or _obeyed(accepted) is None, wrapped
        tried += 1
    assert tried >= 2_000


def _obeyed(line: str) -> Command | None:
    found = parse(line, ENVIRONMENTS)
    return found if isinstance(found, Command) else None


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("/approve `production`", id="a code span"),
        pytest.param("/approve **production**", id="strong"),
        pytest.param("/approve *production*", id="emphasis"),
        pytest.param("/approve ~~staging~~ production", id="struck through"),
        pytest.param("/approve [production](https://x.example)", id="a link"),
        pytest.param("/approve ![production](https://x.example)", id="an image"),
        pytest.param("/approve <b>production</b>", id="HTML"),
        pytest.param("/approve production<!-- -->", id="an HTML comment"),
        pytest.param("/approve <!-- staging --> production", id="a hidden word"),
        pytest.param("/approve prod&#117;ction", id="an entity"),
        pytest.param("/approve production&nbsp;", id="a blank as an entity"),
        pytest.param("/approve prod\\_uction", id="an escape"),
        pytest.param("/approve production\\\nmore", id="a hard break"),
        pytest.param("/approve `production\nstaging`", id="a code span over two lines"),
        pytest.param("/approve <a\nhref='x'>production</a>", id="HTML over two lines"),
        pytest.param(
            "/approve [production]\n\n[production]: https://x.example", id="a reference defined later"
        ),
        pytest.param("/approve <https://x.example>", id="an autolink"),
    ],
)
def test_case_38_a_line_that_does_not_show_as_typed_is_no_command(line: str) -> None:
    assert command_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "/deny production it breaks a*b and c_d_e, 100%, #1, @mo, (see: x) [todo]",
        "/deny production see https://example.com/a?b=c",
        "/approve production -- 2 < 3 & 4 > 3",
    ],
)
def test_a_reason_may_have_signs_that_are_no_markup(line: str) -> None:
    assert command_line(line) == line


@pytest.mark.parametrize(
    "line",
    [
        "/deny **no**",
        "/deny production it `drops` the *table*, see [the log](https://x.example)",
        "/deny production <!-- quietly --> &amp; \\*",
        "/gate deny production ![x](https://x.example/x.png)",
        "/approve production -- **looks** good",
    ],
)
def test_a_reason_may_be_marked_up(line: str) -> None:
    """It decides nothing and is shown inert; a denial must not be lost because of how it says why."""
    assert command_line(line) == line
    assert command_line(f"{line}\n\nmore") == line


@pytest.mark.parametrize(
    "line",
    [
        "/deny",
        "/de**ny** production no",
        "/deny&nbsp;production no",
        "/approve **production** -- good",
        "/approve <!-- staging --> production -- good",
        "/approve `production -- good`",
        "/approve production **-- good**",
        "/deploy **production** -- now",
        "[/deny production no](https://x.example)",
    ],
)
def test_case_38_what_decides_is_shown_as_typed(line: str) -> None:
    assert command_line(line) in (None, "/deny")


@pytest.mark.parametrize(
    "separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"], ids=repr
)
def test_case_39_a_line_hidden_behind_another_separator_is_no_command(separator: str) -> None:
    assert command_line(f"thanks{separator}/approve production") is None
    shown = command_line(f"/approve production{separator}staging")
    assert shown is None or _obeyed(shown) is None


def test_case_40_only_a_slash_and_ascii_letters_begin_a_command() -> None:
    for point in range(sys.maxunicode + 1):
        sign = chr(point)
        if sign != "/" and not 0xD800 <= point < 0xE000:
            assert command_line(f"{sign}approve production") is None, hex(point)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("／ａｐｐｒｏｖｅ　ｐｒｏｄｕｃｔｉｏｎ", id="case 40: full width"),
        pytest.param("\u2215approve production", id="case 40: a division slash"),
        pytest.param("/\u0430pprove production", id="case 40: a Cyrillic a"),
        pytest.param("/\u202eevorppa production", id="case 41: right to left"),
        pytest.param("/ approve production", id="case 42: a blank after the slash"),
        pytest.param("//approve production", id="case 42: two slashes"),
        pytest.param("/1approve production", id="case 42: a digit"),
        pytest.param("pls don't /approve production", id="case 42: in prose"),
        pytest.param("approve production", id="case 42: no slash"),
        pytest.param("\\/approve production", id="case 42: escaped"),
        pytest.param("", id="nothing"),
        pytest.param("/", id="a slash"),
    ],
)
def test_what_only_looks_like_a_command_is_none(body: str) -> None:
    assert command_line(body) is None


@pytest.mark.parametrize(
    "sign",
    ["\u200b", "\u200d", "\u00ad", "\u202e", "\u2066", "\ufeff", "\u0300", "\u0131", "\u017f", "\u0663"],
    ids=ascii,
)
@pytest.mark.parametrize("line", ["/appro{}ve production", "/approve prod{}uction", "/approve production{}"])
def test_case_41_foreign_characters_are_passed_on_raw_so_that_the_grammar_refuses_them(
    line: str, sign: str
) -> None:
    body = line.replace("{}", sign)
    shown = command_line(body)
    assert shown in (None, body)
    assert _obeyed(body) is None


def test_a_comment_or_a_line_beyond_its_bound_is_no_command() -> None:
    assert command_line("/approve " + "x" * (MAX_LINE_CHARS - 9)) is not None
    assert command_line("/approve " + "x" * (MAX_LINE_CHARS - 8)) is None
    assert command_line("/approve production\n" + "x" * MAX_BODY_CHARS) is None


HEAVY = (
    "[",
    "![",
    "[a](",
    "*a **b ",
    "a**b",
    "`" * 7 + " ",
    "<a ",
    "&a",
    "~~a",
    "[a]: b\n",
    "a\n",
    "|\n",
    "> ",
    "- ",
    "\\",
)


LOOK_ALIKES = {
    "a": "\u0430",
    "p": "\u0440",
    "o": "\u043e",
    "e": "\u0435",
    "c": "\u0441",
    "i": "\u0456",
    "/": "\u2215",
    " ": "\u00a0",
}
HIDDEN = "\u200b\u200d\u2060\u00ad\u202e\u2066\ufeff\u0300\x0b\x0c\x1c\x85\u2028\u2029\r\x00"


def _damaged(command: str, chance: random.Random) -> str:
    """The command with something in it that nobody typed who meant it."""
    place = chance.randrange(len(command))
    match chance.randrange(4):
        case 0:
            return command[:place] + chance.choice(HIDDEN) + command[place:]
        case 1:
            signs = [at for at, sign in enumerate(command) if sign in LOOK_ALIKES]
            place = chance.choice(signs)
            return command[:place] + LOOK_ALIKES[command[place]] + command[place + 1 :]
        case 2:
            return command[:place] + chance.choice(["**", "`", "<b>", "&#47;", "\\_", "~~"]) + command[place:]
        case _:
            return chance.choice([" ", "\t", "/", "@bot ", "- ", "> ", "\n", "\ufeff"]) + command


def test_of_ten_thousand_generated_comments_none_is_obeyed() -> None:
    """Damaged, or within up to three containers, or both; what stays as it was typed is obeyed."""
    chance = random.Random(38)  # noqa: S311  # the same comments every time
    commands = ("/approve production", "/approve staging 0123456789ab", "/gate approve production")
    for number in range(10_000):
        command = chance.choice(commands)
        assert _obeyed(command_line(f"{command}\n\nmore") or "") is not None
        body = _damaged(command, chance) if number % 2 else command
        for _ in range(chance.randint(0, 2) if number % 2 else chance.randint(1, 3)):
            around = chance.choice(list(CONTAINERS.values()))
            body = "\n".join(around.replace("{}", line) for line in body.split("\n"))
        accepted = command_line(body)
        assert accepted is None or _obeyed(accepted) is None, ascii(body)


@pytest.mark.parametrize("piece", HEAVY, ids=repr)
def test_case_53_no_comment_takes_long_to_judge(piece: str) -> None:
    body = ("/approve x\n" + piece * MAX_BODY_CHARS)[:MAX_BODY_CHARS]
    before = time.process_time()
    command_line(body)
    assert time.process_time() - before < 10


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("/aprove \n\r\t>`*_~[]()<>!#|-=+\\&;:1\u2028\u200b"), max_size=80))
def test_what_is_taken_for_a_command_is_the_first_line_as_it_stands(body: str) -> None:
    line = command_line(body)
    assert line is None or (body == line or body.startswith((f"{line}\n", f"{line}\r\n")))
    assert line is None or (line.startswith("/") and "\n" not in line)


def test_chatter_is_not_even_parsed() -> None:
    before = time.process_time()
    for _ in range(1_000):
        command_line("Nice work\n" + "word " * 1_000)
    assert time.process_time() - before < 0.5


BLOCK = "```gate-plan\npercent=10\nnotes: support knows\n```"
IN_CONTAINERS = {
    "a quote": "> ```gate-plan\n> percent=10\n> ```",
    "a list": "- ```gate-plan\n  percent=10\n  ```",
    "HTML": "<details>\n\n```gate-plan\npercent=10\n```\n\n</details>",
    "another fence": "````\n```gate-plan\npercent=10\n```\n````",
    "after a sentence": "Let us do this:\n\n```gate-plan\npercent=10\n```",
    "after a blank line": "\n```gate-plan\npercent=10\n```",
    "indented": " ```gate-plan\npercent=10\n```",
    "tildes": "~~~gate-plan\npercent=10\n~~~",
    "another word": "```gate-planner\npercent=10\n```",
    "a word more": "```gate-plan staging\npercent=10\n```",
    "case 38: a reply by e-mail": f"{BLOCK}\n\nOn Monday, somebody wrote:\n> x",
    "case 39: a lone carriage return": "```gate-plan\npercent=10\rnotes: x\n```",
}


@pytest.mark.parametrize("body", IN_CONTAINERS.values(), ids=IN_CONTAINERS)
def test_case_038_a_plan_is_a_block_at_the_very_start_and_nothing_else(body: str) -> None:
    assert command_line(body) is None


@pytest.mark.parametrize("after", ["", "\n", "\r\n", "\n\nThanks!", "\n> quoted"], ids=repr)
def test_a_plan_block_is_read_as_it_stands(after: str) -> None:
    line = command_line(BLOCK + after)
    assert line is not None
    command = parse(line, ENVIRONMENTS)
    assert command == Command("modify", values=(("percent", "10"),), notes="support knows")


@pytest.mark.parametrize(
    "body",
    [f"{BLOCK}\n\n{BLOCK}", f"/approve production\n\n{BLOCK}", f"/modify staging percent=1\n{BLOCK}"],
    ids=["two plans", "an approval and a plan", "a change and a plan"],
)
def test_case_043_two_things_in_one_comment_are_refused_whole(body: str) -> None:
    line = command_line(body)
    assert line is not None
    assert isinstance(parse(line, ENVIRONMENTS), Malformed)


def test_case_043_a_denial_counts_whatever_follows() -> None:
    assert command_line(f"/deny staging no\n\n{BLOCK}") == "/deny staging no"


def test_invariant_11_a_plan_without_end_is_refused() -> None:
    line = command_line("```gate-plan\nnotes: " + "n" * 60_000 + "\n```")
    assert line is not None
    assert len(line) < 5_000
    assert isinstance(parse(line, ENVIRONMENTS), Malformed)
