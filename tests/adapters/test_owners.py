"""CODEOWNERS by the rules of GitHub: whose the changed files are, and what cannot be told."""

from __future__ import annotations

import time

import pytest

from gate_app.domain.model import Unknown
from gate_app.domain.ownership import Owners
from gate_app.owners import MAX_BYTES, ownership

FILE = b"""\
# who owns what
*              @acme/sre
/docs/         @writer @acme/docs   # and nobody else: @stranger
*.sql          @acme/db dba@example.com
/generated/
apps/          @Octocat
/docs/api/*.md @writer
"""


@pytest.mark.parametrize(
    ("files", "owners"),
    [
        pytest.param(["app.py"], [Owners(teams=("acme/sre",), file="app.py")], id="everybody's"),
        pytest.param(
            ["docs/a/b.md"],
            [Owners(("writer",), ("acme/docs",), file="docs/a/b.md")],
            id="a folder, without the comment beside it",
        ),
        pytest.param(
            ["docs/x.sql"],
            [Owners(teams=("acme/db",), others=("dba@example.com",), file="docs/x.sql")],
            id="the last line that matches",
        ),
        pytest.param(["generated/x.py"], [Owners(file="generated/x.py", anybody=True)], id="nobody's"),
        pytest.param(
            ["generated/x.py", "app.py", "lib.py"],
            [Owners(teams=("acme/sre",), file="app.py")],
            id="whoever owns may write, so answers for what is nobody's",
        ),
        pytest.param(
            ["docs/a.md", "docs/api/v1.md"],
            [Owners(("writer",), file="docs/api/v1.md")],
            id="whoever answers for a part of the owners answers for all",
        ),
        pytest.param(
            ["src/apps/x.js", "app.py"],
            [Owners(("Octocat",), file="src/apps/x.js"), Owners(teams=("acme/sre",), file="app.py")],
            id="two sets",
        ),
    ],
)
def test_who_owns_what_changes(files: list[str], owners: list[Owners]) -> None:
    assert ownership(FILE, files) == tuple(owners)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        pytest.param("* @dev\n/infra/*.tf @sre\n", "infra/a b.tf", id="a space"),
        pytest.param("* @dev\n/infra/* @sre\n", "infra/a b.tf", id="a space, any file of a folder"),
        pytest.param("/infra/ @sre\ndocs/ @dev\n", "infra/a docs/evil.tf", id="a folder after a space"),
        pytest.param("/infra/ @sre\n*.md\n", "infra/x.md y.tf", id="an ending before a space"),
        pytest.param("* @dev\n/infra/a?b.tf @sre\n", "infra/a b.tf", id="a space for one character"),
        pytest.param("* @dev\n/infra/** @sre\n", "infra/a\nb.tf", id="a line feed"),
        pytest.param("* @dev\ninfra/**/x.tf @sre\n", "infra/a\nb/x.tf", id="a line feed between folders"),
        pytest.param(
            "* @dev\n/infra/**/*.tf @sre\n", "infra/a\t\r\v\f\x01\x02\x85\u2028b/c\n.tf", id="others"
        ),
        pytest.param("* @dev\n/infra/*.tf @sre\n", "infra/a\\ b\\.tf", id="a backslash"),
        pytest.param("* @dev\n/infra/*.tf @sre\n", "infra/ a\u00a0.tf", id="a space that does not break"),
        pytest.param("/infra/*.tf @sre\n/infra/x.tf @dev\n", "infra/x.tf\n.tf", id="the end of a line"),
    ],
)
def test_whoever_names_a_file_does_not_choose_its_owners(text: str, file: str) -> None:
    assert ownership(text.encode(), [file]) == (Owners(("sre",), file=file),)


def test_where_the_files_are_not_known_everybody_who_owns_anything_is_asked() -> None:
    found = ownership(FILE, None)
    assert not isinstance(found, Unknown)
    assert [each.names for each in found] == [
        ("acme/sre",),
        ("acme/db", "dba@example.com"),
        ("Octocat",),
        ("writer",),
    ]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(b"* @a\n[docs] @b\n", "line 2", id="case 99: a section of another product"),
        pytest.param(b"* @a\n!docs @b\n", "line 2", id="case 99: an exclusion"),
        pytest.param(b"* @a bob\n", "line 1", id="case 99: an owner that is none"),
        pytest.param(b"* @acme/team/sub\n", "line 1", id="case 99: a team that is none"),
        pytest.param(b"\n\n/ @a\n", "line 3", id="a pattern that names nothing"),
        pytest.param(b"* @a\n/a\\ b/ @b\n", "line 2", id="an escaped space"),
        pytest.param("\ufeff* @a\n".encode(), "line 1", id="case 96: a byte order mark"),
        pytest.param("* @a\nx\u2028* @evil\n".encode(), "line 2", id="case 39: a hidden line"),
        pytest.param(b"*a*a*a*a @a\n", "line 1", id="case 53: a pattern that is dear"),
        pytest.param(b"\xff\xfe*", "UTF-8", id="case 96: another encoding"),
        pytest.param(b"*" * (MAX_BYTES + 1), "bytes", id="case 96: too large"),
        pytest.param(b"#\n" * 1_001, "lines", id="too long"),
        pytest.param(
            "".join(f"/f{number} @u{number}\n" for number in range(21)).encode(),
            "21 different",
            id="too many",
        ),
    ],
)
def test_what_cannot_be_told_is_unknown_and_says_where(raw: bytes, said: str) -> None:
    found = ownership(raw, [f"f{number}" for number in range(21)])
    assert isinstance(found, Unknown)
    assert said in found.detail


def test_a_change_without_files_and_a_file_without_lines() -> None:
    assert isinstance(ownership(FILE, []), Unknown)
    assert ownership(b"", ["x"]) == (Owners(file="x", anybody=True),)
    assert ownership(b"", None) == (Owners(anybody=True),)


def test_case_053_paths_made_to_be_slow_are_not() -> None:
    began = time.perf_counter()
    ownership(b"**/*a*b @x\n*a*b @y\n", ["a" * 900] * 100)
    assert time.perf_counter() - began < 10
