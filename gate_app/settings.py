"""The operator's settings: environment variables → one frozen value, every problem reported at once.

Rules of the file: the only reader of `os.environ`; a problem names the variable, the reason and the fix, never
the value; nothing has a default that opens anything.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gate_app.errors import ConfigurationFault

INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""What a process of ours passes on to another one of ours; nothing secret is among it."""

_GITHUB_API: Final = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process needs. Secrets are left out of `repr`.

    `webhook_secrets` are newest first (two during a rotation). `reconcile_seconds` is how often GitHub's
    state is compared with ours. `stage_venv` is put before the PATH of command stages.
    """

    app_id: int
    issuer: str
    private_key: str = field(repr=False)
    webhook_secrets: tuple[bytes, ...] = field(repr=False)
    api_url: str
    git_url: str
    base_url: str
    database_url: str = field(repr=False)
    bind: str
    home: Path
    web_processes: int
    reconcile_seconds: float
    log_level: str
    bot_id: int | None = None
    stage_venv: Path | None = None


def inherited(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The allow-listed variables of this process, for starting another one of ours."""
    source = os.environ if environment is None else environment
    return {name: source[name] for name in INHERITED if name in source}


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads all settings. Raises ConfigurationFault with every problem and its fix, one a line."""
    reading = _Reading(os.environ if environment is None else environment)
    api_url = reading.text("GATE_GITHUB_API_URL", _GITHUB_API)
    settings = Settings(
        app_id=reading.number("GATE_APP_ID", None, 1),
        issuer=reading.text("GATE_CLIENT_ID", reading.text("GATE_APP_ID", "")),
        private_key=reading.private_key(),
        webhook_secrets=reading.secrets("GATE_WEBHOOK_SECRET"),
        api_url=api_url,
        git_url=reading.text("GATE_GITHUB_GIT_URL", git_url_of(api_url)),
        base_url=reading.text("GATE_BASE_URL", ""),
        database_url=reading.required("GATE_DATABASE_URL", "for example sqlite:////var/lib/gate-app/gate.db"),
        bind=reading.text("GATE_BIND", "127.0.0.1:8000"),
        home=reading.folder("GATE_HOME"),
        web_processes=reading.number("GATE_WEB_PROCESSES", 2, 1),
        reconcile_seconds=float(reading.number("GATE_RECONCILE_SECONDS", 300, 1)),
        log_level=reading.level("GATE_LOG_LEVEL"),
        bot_id=reading.number("GATE_BOT_ID", 0, 0) or None,
        stage_venv=reading.optional_folder("GATE_STAGE_VENV"),
    )
    reading.refuse_if_any()
    return settings


def git_url_of(api_url: str) -> str:
    """Where git fetches from, for an API address of github.com, of a GHES host or of the stand-in."""
    if api_url.rstrip("/") == _GITHUB_API:
        return "https://github.com"
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc}"


class _Reading:
    """Reads one variable after the other and remembers every problem."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def refuse_if_any(self) -> None:
        if self._problems:
            raise ConfigurationFault("\n".join(self._problems))

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def required(self, name: str, example: str) -> str:
        value = self.text(name, "")
        if not value:
            self._problem(name, "is missing", example)
        return value

    def number(self, name: str, default: int | None, minimum: int) -> int:
        value = self.text(name, "" if default is None else str(default))
        if value.isascii() and value.isdigit() and int(value) >= minimum:
            return int(value)
        self._problem(name, "is not a whole number" if value else "is missing", f"a number from {minimum} on")
        return minimum

    def secrets(self, name: str) -> tuple[bytes, ...]:
        """One secret, or two separated by a space while they are being rotated."""
        value = self.required(name, "the webhook secret of the App, at least 16 characters")
        return tuple(part.encode() for part in value.split())

    def private_key(self) -> str:
        """The PEM text itself or a file of mode 0600 that holds it (case 149)."""
        inline = self.text("GATE_PRIVATE_KEY", "")
        if inline:
            return inline.replace("\\n", "\n")
        name = "GATE_PRIVATE_KEY_FILE"
        path = Path(self.required(name, "the path of the App's private key"))
        try:
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                self._problem(name, "is readable by others", "chmod 600 it")
                return ""
            return path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            self._problem(name, "cannot be read", "a PEM file that this user may read")
            return ""

    def folder(self, name: str) -> Path:
        value = self.required(name, "a folder for the git cache, stages and releases")
        path = Path(value or "/nonexistent")
        if value and not path.is_absolute():
            self._problem(name, "is not an absolute path", "for example /var/lib/gate-app")
        return path

    def optional_folder(self, name: str) -> Path | None:
        value = self.text(name, "")
        return Path(value) if value else None

    def level(self, name: str) -> str:
        value = self.text(name, "INFO").upper()
        if value not in logging.getLevelNamesMapping():
            self._problem(name, "is not a log level", "DEBUG, INFO, WARNING or ERROR")
        return value

    def _problem(self, name: str, reason: str, fix: str) -> None:
        self._problems.append(f"{name} {reason}: {fix}")
