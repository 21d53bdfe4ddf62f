"""Files that use YAML against its reader."""

from __future__ import annotations

import pytest
from support.config import MINIMAL, accepted, paths, refused, with_environment, with_stage

from gate_app.config.text import MAX_BYTES
from gate_app.domain.policy import ChecksWork

_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True)
)

HOSTILE: dict[str, str | bytes] = {
    "case 91: a key twice": MINIMAL + "version: 1\n",
    "case 91: an environment twice": MINIMAL + "  production: {approval: {mode: never}}\n",
    "case 91: a key twice, once in quotes": with_environment('{deploy: grant, "deploy": deployment}'),
    "case 91: a key twice, once as an escape": with_environment('{deploy: grant, "deplo\\x79": deployment}'),
    "case 92: an alias bomb": _BOMB + MINIMAL,
    "case 92: an alias to itself": "version: 1\nenvironments: &a {production: *a}\n",
    "case 92: an alias without an anchor": "version: 1\nenvironments: *nowhere\n",
    "case 92: an anchor that nobody uses": "version: 1\nenvironments: &a {production: {}}\n",
    "case 92: an anchor on a key": "version: 1\n&a environments: {production: {}}\n",
    "case 92: an alias as a key": "version: &v 1\n*v : 1\nenvironments: {a: {}}\n",
    "case 92: a Python object": with_environment("!!python/object/apply:os.system [id]"),
    "case 92: a Python name": with_environment("{deploy: !!python/name:os.system }"),
    "case 92: a tag of YAML's own": "version: !!int 1\nenvironments: {production: {}}\n",
    "case 92: a tag on a key": "!!str version: 1\nenvironments: {production: {}}\n",
    "case 92: a tag without a name": "version: ! 1\nenvironments: {production: {}}\n",
    "case 92: a set": "version: 1\nenvironments: !!set {production}\n",
    "case 92: binary": 'version: 1\nenvironments: {a: {deploy: !!binary "Z3JhbnQ="}}\n',
    "case 92: a merge key": MINIMAL + "  <<: {approval: {mode: never}}\n",
    "case 92: a merge key of a list": with_environment("{<<: [{approval: {mode: never}}]}"),
    "case 92: a YAML 1.1 directive": "%YAML 1.1\n---\n" + MINIMAL,
    "case 92: a tag directive": "%TAG ! tag:example.org,2000:\n---\n" + MINIMAL,
    "case 92: 21 levels": with_environment("[" * 21 + "]" * 21),
    "case 92: 3,000 lists": "[" * 3_000,
    "case 92: 60,000 mappings": "{" * 60_000,
    "case 92: 60,000 keys of keys": "? " * 30_000,
    "case 92: 6,000 values": with_environment(f"{{needs: [{'tests, ' * 6_000}tests]}}"),
    "case 92: one byte too many": MINIMAL + "#" * (MAX_BYTES + 1 - len(MINIMAL)),
    "case 92: a mapping as a key": "version: 1\n? {environments: {}}\n: {production: {}}\n",
    "case 92: a list as a key": "version: 1\n? [environments]\n: {production: {}}\n",
    "case 92: an escape beyond Unicode": 'version: 1\nenvironments: {"\\UFFFFFFFF": {}}\n',
    "case 92: an escape of half a character": 'version: 1\nenvironments: {"\\uD800": {}}\n',
    "case 92: an endless quote": "version: 1\nenvironments: {'" + "a" * 60_000,
    "case 96: what a link contains": "../other/gate.yml",
    "case 96: a Git LFS pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
    "case 96: UTF-16": MINIMAL.encode("utf-16"),
    "case 96: UTF-16 without a mark": MINIMAL.encode("utf-16-le"),
    "case 96: UTF-32": MINIMAL.encode("utf-32"),
    "case 96: Latin-1": MINIMAL.encode() + "# für\n".encode("latin-1"),
    "case 96: overlong UTF-8": MINIMAL.encode() + b"# \xc0\xaf\n",
    "case 96: half a character": MINIMAL + "# \ud800\n",
    "case 96: a byte order mark": b"\xef\xbb\xbf" + MINIMAL.encode(),
    "case 96: NUL": MINIMAL + "# \0\n",
    "case 96: 5 MB": "a" * 5_000_000,
    "case 96: nothing": b"",
    "case 96: blanks": "  \n\n",
    "case 96: a comment": "# version: 1\n",
    "case 96: a list": "- version: 1\n",
    "case 96: a second document": MINIMAL + "---\n" + MINIMAL,
    "case 96: a second document that is empty": MINIMAL + "---\n",
    "a comment that reads backwards": MINIMAL + "# \u202e}{ :never\n",
    "a lone carriage return": "version: 1 # \renvironments: {production: {}}\n",
    "a line break that editors do not show": MINIMAL + "# \u2028  production: {}\n",
    "an escape sequence of a terminal": MINIMAL + "# \x1b[2J\n",
    "tabs for indentation": "version: 1\nenvironments:\n\tproduction: {}\n",
    "two colons": "version: 1: 2\n",
    "an open bracket": "version: 1\nenvironments: {production: {}\n",
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_yaml_is_refused_quickly(text: str | bytes) -> None:
    refused(text)


def test_a_file_of_exactly_64_kib_and_20_levels_is_read() -> None:
    accepted(MINIMAL + "#" * (MAX_BYTES - len(MINIMAL)))
    deep = with_environment("[" * 18 + "]" * 18)
    assert not any("levels deep" in problem.reason for problem in refused(deep))


def test_case_092_the_depth_is_judged_before_anything_is_built() -> None:
    (problem,) = refused("[" * 3_000)
    assert "20 levels" in problem.reason


def test_windows_line_ends_and_a_document_start_are_plain_yaml() -> None:
    assert accepted("---\r\n" + MINIMAL.replace("\n", "\r\n")) == accepted(MINIMAL)


@pytest.mark.parametrize(
    "word", ["no", "on", "yes", "off", "y", "22:30", "0123", "1e3", "0x1F", "1_000", "2026-11-23"]
)
def test_case_091_plain_words_stay_text(word: str) -> None:
    """`no` is a stage called no; YAML 1.1 would have made it false."""
    text = f"version: 1\nstages: {{{word}: {{checks: [{word}]}}}}\nenvironments: {{a: {{needs: [{word}]}}}}\n"
    if ":" in word:
        text = with_stage(f"{{checks: [{word}]}}")
        assert accepted(text).stage("work").work == ChecksWork((word,))
        return
    policy = accepted(text)
    assert policy.environments[0].needs == (word,)
    assert policy.stage(word).work == ChecksWork((word,))


@pytest.mark.parametrize("word", ["12", "true", "False", "-3"])
def test_numbers_and_truths_are_no_names_until_they_are_quoted(word: str) -> None:
    assert paths(refused(with_stage(f"{{checks: [{word}]}}"))) == {"stages.work.checks[0]"}
    assert accepted(with_stage(f'{{checks: ["{word}"]}}')).stage("work").work == ChecksWork((word,))


def test_case_091_of_a_repeated_key_both_places_are_known() -> None:
    (problem,) = refused("version: 1\nenvironments:\n  a: {}\n  b: {}\n  a: {approval: {mode: never}}\n")
    assert (problem.path, problem.line, problem.column) == ("environments.a", 5, 3)
    assert problem.reason == "`a` is given twice"


REASONS: dict[str, tuple[str | bytes, str]] = {
    "case 92: too many values": (with_environment(f"{{x: [{'a, ' * 6_000}a]}}"), "more than 5,000 values"),
    "case 92: too many bytes": ("a" * 5_000_000, "5,000,000 bytes, more than 65,536"),
    "case 92: an alias": (HOSTILE["case 92: an alias without an anchor"], "aliases (`*name`) are refused"),
    "case 96: UTF-16": (MINIMAL.encode("utf-16"), "begins with a byte order mark"),
    "case 96: a byte order mark": (b"\xef\xbb\xbf" + MINIMAL.encode(), "begins with a byte order mark"),
    "case 96: Latin-1": (HOSTILE["case 96: Latin-1"], "not UTF-8 here"),
    "case 96: a Git LFS pointer": (HOSTILE["case 96: a Git LFS pointer"], "Git LFS pointer"),
    "case 96: a link": ("../other/gate.yml", "must be a mapping of keys, not the text"),
    "case 96: a second document": (MINIMAL + "---\n", "a second document begins here"),
    "case 96: nothing": (b"", "the file is empty"),
    "a comment that reads backwards": (MINIMAL + "# \u202e\n", "invisible character U+202E"),
}


@pytest.mark.parametrize(("text", "reason"), REASONS.values(), ids=REASONS.keys())
def test_the_first_reason_is_the_real_one(text: str | bytes, reason: str) -> None:
    assert reason in refused(text)[0].reason


def _many(count: int, entry: str) -> str:
    return ", ".join(f"n{number}{entry}" for number in range(count))


TOO_MANY = {
    "stages": f"version: 1\nstages: {{{_many(51, ': {checks: all}')}}}\nenvironments: {{a: {{}}}}\n",
    "environments": f"version: 1\nenvironments: {{{_many(51, ': {}')}}}\n",
    "needs": with_environment(f"{{needs: [{_many(101, '')}]}}"),
    "checks": with_stage(f"{{checks: [{_many(101, '')}]}}"),
    "users": with_environment(f"{{approval: {{approvers: [{{users: [{_many(101, '')}]}}]}}}}"),
    "approvers": with_environment(f"{{approval: {{approvers: [{'{permission: write}, ' * 11}]}}}}"),
}


@pytest.mark.parametrize("text", TOO_MANY.values(), ids=TOO_MANY.keys())
def test_every_list_has_a_bound(text: str) -> None:
    assert any("has more than" in problem.reason for problem in refused(text))


@pytest.mark.parametrize("body", ['{command: " \\n "}', '{checks: [" "]}', '{command: "a\\u200bb"}'])
def test_text_that_nobody_can_see_is_refused(body: str) -> None:
    (problem,) = refused(with_stage(body))
    assert problem.reason == "must have visible characters and no invisible ones"
