"""Which files fit the globs of `paths:`."""

from __future__ import annotations

import pytest

from gate_app.config.globs import touches


@pytest.mark.parametrize(
    ("patterns", "file", "fits"),
    [
        pytest.param(["services/api/**"], "services/api/app.py", True, id="below a folder"),
        pytest.param(["services/api/**"], "services/api/a/b/c.py", True, id="two stars cross folders"),
        pytest.param(["services/*"], "services/api/app.py", False, id="one star does not"),
        pytest.param(
            ["services/api/**"], "services/apiary/app.py", False, id="another folder of a like name"
        ),
        pytest.param(["**/*.sql"], "db/migrations/1.sql", True, id="anywhere"),
        pytest.param(["**"], ".github/workflows/ci.yml", True, id="dot files count"),
        pytest.param(["**", "!docs/**"], "docs/index.md", False, id="taken away"),
        pytest.param(["**", "!docs/**"], "src/docs/index.md", True, id="taken away at the top only"),
        pytest.param(["Dockerfile"], "dockerfile", False, id="case matters"),
        pytest.param(["a[b]c"], "abc", True, id="a character class"),
    ],
)
def test_a_file_fits_or_does_not(patterns: list[str], file: str, fits: bool) -> None:
    assert touches(patterns, ["unrelated.txt", file] if "**" not in patterns else [file]) is fits


def test_nothing_changed_touches_nothing() -> None:
    assert not touches(["**"], [])


@pytest.mark.parametrize(
    ("patterns", "file"),
    [
        (["infra"], "infra/main.tf"),
        (["vendor/lib/**"], "vendor/lib"),
        (["infra", "!infra/README.md"], "infra/a"),
    ],
    ids=["a folder by its name", "a submodule", "a folder less a file"],
)
def test_a_folder_is_what_is_in_it_and_what_stands_for_it(patterns: list[str], file: str) -> None:
    assert touches(patterns, [file])
    assert not touches(patterns, ["infra/README.md"]) or patterns == ["infra"]
