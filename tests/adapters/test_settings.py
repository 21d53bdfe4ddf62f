"""The operator's settings: few are needed, all problems are told at once, and no value is ever repeated."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.github import private_key

from gate_app.errors import ConfigurationFault
from gate_app.settings import database_url, for_serve, for_web, from_environment, has_display

SECRET = "8bf1e2c1d9a04c3d81c7e4a5b6f70123"
CANARY = "canary-0123456789"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    path.write_text(private_key())
    return path


@pytest.fixture
def needed(key_file: Path, tmp_path: Path) -> dict[str, str]:
    """The fewest variables that `serve` runs with."""
    return {
        "HOME": str(tmp_path),
        "GATE_APP_ID": "4711",
        "GATE_PRIVATE_KEY_FILE": str(key_file),
        "GATE_WEBHOOK_SECRET": SECRET,
    }


def problems(environment: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigurationFault) as fault:
        for_serve(environment)
    return str(fault.value).splitlines()


def test_three_variables_are_enough_and_the_rest_has_safe_defaults(
    needed: dict[str, str], tmp_path: Path
) -> None:
    serving = for_serve(needed)
    home = tmp_path / ".local/state/gate-app"
    assert serving.engine.home == home
    assert serving.engine.database_url == serving.web.database_url == f"sqlite:///{home}/gate.db"
    assert serving.engine.api_url == "https://api.github.com"
    assert serving.engine.git_url == "https://github.com"
    assert (serving.web.bind, serving.web.web_processes) == ("127.0.0.1:8000", 2)
    assert serving.engine.bot_id is None


@pytest.mark.parametrize(
    ("environment", "opens"),
    [
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({}, sys.platform == "darwin"),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}, False),
    ],
    ids=["X", "Wayland", "none", "somewhere else"],
)
def test_a_browser_opens_only_in_front_of_whoever_called(environment: dict[str, str], opens: bool) -> None:
    assert has_display(environment) is opens


def test_every_problem_is_told_at_once_with_its_fix_and_without_its_value(tmp_path: Path) -> None:
    told = problems(
        {
            "GATE_APP_ID": CANARY,
            "GATE_PRIVATE_KEY": CANARY,
            "GATE_WEBHOOK_SECRET": "changeme-changeme",
            "GATE_GITHUB_API_URL": f"http://{CANARY}.example",
            "GATE_BASE_URL": CANARY,
            "GATE_DATABASE_URL": f"sqlite:///{CANARY}.db",
            "GATE_BIND": f"{CANARY}:eighty",
            "GATE_WEB_PROCESSES": "0",
            "GATE_RECONCILE_SECONDS": "soon",
            "GATE_LOG_LEVEL": CANARY,
        }
    )
    assert sorted(line.split(" ")[0].rstrip(":") for line in told) == [
        "GATE_APP_ID",
        "GATE_BASE_URL",
        "GATE_BIND",
        "GATE_DATABASE_URL",
        "GATE_GITHUB_API_URL",
        "GATE_LOG_LEVEL",
        "GATE_PRIVATE_KEY",
        "GATE_RECONCILE_SECONDS",
        "GATE_WEBHOOK_SECRET",
        "GATE_WEB_PROCESSES",
    ]
    assert all(": " in line for line in told)
    assert CANARY not in "\n".join(told)


def test_with_nothing_set_the_four_that_have_no_default_are_named() -> None:
    assert [line.split(" ")[0] for line in problems({})] == [
        "GATE_HOME",
        "GATE_APP_ID",
        "GATE_PRIVATE_KEY_FILE",
        "GATE_WEBHOOK_SECRET",
    ]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_case_149_a_key_file_that_others_may_read_is_refused(
    needed: dict[str, str], key_file: Path, mode: int
) -> None:
    key_file.chmod(mode)
    assert problems(needed) == ["GATE_PRIVATE_KEY_FILE is readable by others: chmod 600 it"]


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nnonsense\n", "PEM"])
def test_a_key_file_without_a_key_is_told_before_anything_is_started(
    needed: dict[str, str], key_file: Path, content: str
) -> None:
    key_file.write_text(content)
    (problem,) = problems(needed)
    assert problem.startswith("GATE_PRIVATE_KEY_FILE is no usable key: ")


def test_a_key_that_is_given_twice_is_refused(needed: dict[str, str]) -> None:
    (problem,) = problems({**needed, "GATE_PRIVATE_KEY": private_key()})
    assert "are both set" in problem


def test_a_key_may_be_one_line_with_written_line_breaks(needed: dict[str, str]) -> None:
    del needed["GATE_PRIVATE_KEY_FILE"]
    written = private_key().replace("\n", "\\n")
    assert from_environment({**needed, "GATE_PRIVATE_KEY": written}).private_key.strip() == (
        private_key().strip()
    )


def test_case_007_the_new_and_the_old_webhook_secret_are_accepted_while_rotating(
    needed: dict[str, str],
) -> None:
    settings = for_web({**needed, "GATE_WEBHOOK_SECRET": f"{SECRET} {SECRET[::-1]}"})
    assert settings.webhook_secrets == (SECRET.encode(), SECRET[::-1].encode())


def test_a_secret_may_be_a_sentence(needed: dict[str, str]) -> None:
    settings = for_web({**needed, "GATE_WEBHOOK_SECRET": "It's a Secret to Everybody"})
    assert settings.webhook_secrets == (b"It's a Secret to Everybody",)


def test_case_006_a_weak_secret_is_never_accepted_beside_a_strong_one(needed: dict[str, str]) -> None:
    settings = for_web({**needed, "GATE_WEBHOOK_SECRET": f"{SECRET} weak"})
    assert settings.webhook_secrets == (f"{SECRET} weak".encode(), SECRET.encode())


def test_the_state_folder_is_the_one_that_systemd_made(needed: dict[str, str]) -> None:
    settings = from_environment({**needed, "STATE_DIRECTORY": "/var/lib/gate-app:/var/lib/other"})
    assert settings.home == Path("/var/lib/gate-app")


def test_whoever_looks_at_the_database_finds_the_one_of_serve(needed: dict[str, str]) -> None:
    assert database_url(needed) == for_serve(needed).engine.database_url
    with pytest.raises(ConfigurationFault):
        database_url({})


def test_two_databases_never_share_stages_and_releases(needed: dict[str, str]) -> None:
    settings = from_environment({**needed, "GATE_DATABASE_URL": "sqlite:////data/gate.db"})
    assert settings.home == Path("/data/gate.db.files")


def test_a_ghes_address_keeps_its_path_and_git_goes_to_its_host(needed: dict[str, str]) -> None:
    settings = from_environment({**needed, "GATE_GITHUB_API_URL": "https://ghe.acme.example/api/v3/"})
    assert settings.api_url == "https://ghe.acme.example/api/v3"
    assert settings.git_url == "https://ghe.acme.example"


def test_a_web_process_gets_no_key_and_the_engine_no_webhook_secret(needed: dict[str, str]) -> None:
    serving = for_serve({**needed, "PATH": "/bin", "AWS_SECRET_ACCESS_KEY": CANARY, "GATE_HOME": "/data"})
    assert set(serving.web_variables) == {
        "PATH",
        "HOME",
        "GATE_HOME",
        "GATE_DATABASE_URL",
        "GATE_WEBHOOK_SECRET",
    }
    assert set(serving.engine_variables) == {
        "PATH",
        "HOME",
        "GATE_HOME",
        "GATE_DATABASE_URL",
        "GATE_APP_ID",
        "GATE_PRIVATE_KEY_FILE",
    }
    assert for_web(serving.web_variables) == serving.web
    assert from_environment(serving.engine_variables) == serving.engine


def test_no_secret_shows_in_the_settings_as_text(needed: dict[str, str]) -> None:
    serving = for_serve({**needed, "GATE_DATABASE_URL": f"postgresql://gate:{CANARY}@db.example/gate"})
    shown = repr(serving)
    assert CANARY not in shown
    assert SECRET not in shown
    assert "PRIVATE KEY" not in shown


def channels_file(needed: dict[str, str], tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path = tmp_path / "channels"
    path.write_text(text)
    path.chmod(mode)
    return {**needed, "GATE_NOTIFY_FILE": str(path)}


def test_channels_are_read_from_a_file(needed: dict[str, str], tmp_path: Path) -> None:
    text = f"# ours\nops = json://{CANARY}@chat.example/\n\nops=mailto://a:b@mail.example\npager = json://p.example/?a=b\n"
    serving = for_serve(channels_file(needed, tmp_path, text))
    assert serving.engine.channels == {
        "ops": (f"json://{CANARY}@chat.example/", "mailto://a:b@mail.example"),
        "pager": ("json://p.example/?a=b",),
    }
    assert CANARY not in repr(serving)
    assert tmp_path / "channels" in serving.engine.guarded
    assert "GATE_NOTIFY_FILE" not in serving.web_variables


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        (f"ops = json://{CANARY}/", 0o640, "GATE_NOTIFY_FILE is readable by others: chmod 600 it"),
        (
            f"\nops {CANARY}",
            0o600,
            "GATE_NOTIFY_FILE has a line that cannot be used (line 2): ops = slack://…",
        ),
        (
            f"Ops! = json://{CANARY}/",
            0o600,
            "GATE_NOTIFY_FILE has a line that cannot be used (line 1): ops = slack://…",
        ),
    ],
    ids=["others may read it", "no address", "no name"],
)
def test_a_file_of_channels_that_cannot_be_used_is_told_without_its_contents(
    needed: dict[str, str], tmp_path: Path, text: str, mode: int, problem: str
) -> None:
    assert problems(channels_file(needed, tmp_path, text, mode)) == [problem]
