"""The App that `gate-app setup` registered: its credentials in the state folder, as settings.

Rules of the file: what is secret is readable by this user alone and written whole or not at all, the file of settings
last; it says nothing where the environment names an App, so that two are never mixed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gate_app.errors import ConfigurationFault

FILE: Final = "app.env"
OWN: Final = ("GATE_APP_ID", "GATE_PRIVATE_KEY", "GATE_PRIVATE_KEY_FILE", "GATE_WEBHOOK_SECRET")
"""Settings that say which App this is."""
MAX_BYTES: Final = 16_384
_API: Final = "GATE_GITHUB_API_URL"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_LINE: Final = re.compile(r"(GATE_[A-Z_]+)=([^\x00-\x1f\x7f]*)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where `gate-app setup` listens (`bind`), is reached, asks (`api_url`, `web_url`) and keeps what it learns."""

    bind: str
    base_url: str
    api_url: str
    web_url: str
    home: Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """An App as GitHub gave it, at the API that gave it."""

    app_id: int
    client_id: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_url: str = ""


def names_an_app(environment: Mapping[str, str]) -> bool:
    """Whether the environment itself says which App this is."""
    return any(environment.get(name, "").strip() for name in OWN)


def variables(home: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The settings of the App that is kept there; none where there is none or the environment names one.

    Raises ConfigurationFault when the file cannot be used, or is about another GitHub than the environment.
    """
    text = None if names_an_app(environment) else _text(home / FILE)
    if text is None:
        return _NOTHING
    lines = (_LINE.fullmatch(row) for row in text.split("\n"))
    found = {line[1]: line[2] for line in lines if line}
    asked = environment.get(_API, "").strip().rstrip("/")
    if asked and asked != found.get(_API):
        raise ConfigurationFault(
            f"{_API} is not where the App in {home / FILE} was registered: unset it, or set GATE_APP_ID, "
            "GATE_PRIVATE_KEY_FILE and GATE_WEBHOOK_SECRET"
        )
    return found


def completed(environment: Mapping[str, str], home: Path) -> Mapping[str, str]:
    """The environment, with the settings of the App that is kept there; an empty variable is not set.

    Raises ConfigurationFault.
    """
    kept = variables(home, environment)
    return {
        **kept,
        **{name: value for name, value in environment.items() if value.strip() or name not in kept},
    }


def keep(home: Path, app: Credentials) -> None:
    """Writes the key and, once it is there, the settings that name it. Raises OSError; then nothing names it."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = home / f"app-{app.app_id}.pem"
    _write(key, app.private_key)
    settings = {
        "GATE_APP_ID": str(app.app_id),
        "GATE_CLIENT_ID": app.client_id,
        "GATE_PRIVATE_KEY_FILE": str(key),
        "GATE_WEBHOOK_SECRET": app.webhook_secret,
        _API: app.api_url,
    }
    _write(home / FILE, "".join(f"{name}={value}\n" for name, value in settings.items()))


def _text(path: Path) -> str | None:
    try:
        with os.fdopen(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb"
        ) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                raise ConfigurationFault(f"{path} is readable by others, or no file: chmod 600 it")
            return file.read(MAX_BYTES).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise ConfigurationFault(f"{path} cannot be read: {os.strerror(fault.errno or 0)}") from None


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb"
        ) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # so that the name survives a power cut, too
    finally:
        os.close(folder)
