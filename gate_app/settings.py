"""The operator's settings: environment variables → frozen values, every problem reported at once.

Rules of the file: the only reader of `os.environ`; a problem names the variable, the reason and the fix, never
the value; nothing has a default that opens anything. Each process reads only what it needs: the one that the
internet talks to has no private key, the engine no webhook secret.
"""

from __future__ import annotations

import logging
import os
import pwd
import re
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from gate_app import stored
from gate_app.errors import ConfigurationFault
from gate_app.github.origin import GITHUB_API, GITHUB_ISSUER, Origin, git_url_of, issuer_of
from gate_app.intake.logs import UnknownDatabaseError, database_files, sqlite_path
from gate_app.trust.signature import WeakSecretError, accept_secrets

INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""What a process of ours passes on to another one of ours; nothing secret is among it."""

WEB_ONLY: Final = frozenset(
    {"GATE_WEBHOOK_SECRET", "GATE_BIND", "GATE_WEB_PROCESSES", "GATE_OIDC_ISSUER", "GATE_OIDC_AUDIENCE"}
)
"""What the engine process has no use for."""
SHARED: Final = frozenset({"GATE_LOG_LEVEL", "GATE_BASE_URL", "GATE_GITHUB_API_URL"})
"""What a web process needs besides those and its database."""
APP: Final = "gate-app"
NOWHERE: Final = "/nonexistent"
"""Stands for a folder in settings that are refused anyway."""
MAX_DIGITS: Final = 18

_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", re.ASCII)
_MAX_PORT: Final = 65_535
_CHANNEL: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


class Intake(StrEnum):
    """How deliveries come in: GitHub sends them to us, or we read them there (`--poll`)."""

    WEBHOOKS = "webhooks"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an engine process needs. The key is left out of `repr`, and so is the database's address.

    `reconcile_seconds` is how often GitHub's state is compared with ours, `settle_seconds` how long GitHub may take
    to list a workflow run that it has accepted. `stage_venv` is put before the PATH of command stages. `probe_hosts`
    are globs over hosts that a watch may ask on private addresses, `prometheus_url` is the server that its metrics
    come from, empty without one, `prometheus_queries` what it may be asked, empty for everything. `base_url` is where
    people and GitHub reach the app, empty if the operator did not say. `guarded` are files and folders that no command
    of a repository may see: the home of this user, the private key, the database, the addresses of channels.
    `channels` are addresses of Apprise by the name that gate files use.
    """

    app_id: int
    issuer: str
    private_key: str = field(repr=False)
    api_url: str
    git_url: str
    base_url: str
    database_url: str = field(repr=False)
    home: Path
    reconcile_seconds: float
    settle_seconds: float
    log_level: str
    bot_id: int | None = None
    stage_venv: Path | None = None
    probe_hosts: tuple[str, ...] = ()
    prometheus_url: str = ""
    prometheus_queries: tuple[str, ...] = ()
    guarded: tuple[Path, ...] = ()
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Everything a web process needs; `webhook_secrets` are newest first (two during a rotation).

    `oidc_issuer` gives tokens to jobs, `oidc_audience` is whom they have to be for: empty where nobody may call.
    """

    webhook_secrets: tuple[bytes, ...] = field(repr=False)
    database_url: str = field(repr=False)
    bind: str
    web_processes: int
    log_level: str
    oidc_issuer: str = GITHUB_ISSUER
    oidc_audience: str = ""


@dataclass(frozen=True, slots=True)
class Serving:
    """What `serve` needs: the settings of both kinds of process, and the variables each of them gets."""

    engine: Settings
    web: WebSettings
    engine_variables: Mapping[str, str] = field(repr=False)
    web_variables: Mapping[str, str] = field(repr=False)


def inherited(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The allow-listed variables of this process, for starting another one of ours."""
    source = os.environ if environment is None else environment
    return {name: source[name] for name in INHERITED if name in source}


def has_display(environment: Mapping[str, str] | None = None) -> bool:
    """Whether a window of ours would open in front of whoever started this process."""
    source = os.environ if environment is None else environment
    if source.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(source.get("DISPLAY") or source.get("WAYLAND_DISPLAY"))


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """The engine's settings. Raises ConfigurationFault with every problem and its fix, one a line."""
    reading = _Reading(_with_stored(os.environ if environment is None else environment))
    settings = _engine(reading)
    reading.refuse_if_any()
    return settings


def for_web(environment: Mapping[str, str] | None = None) -> WebSettings:
    """A web process's settings. Raises ConfigurationFault with every problem and its fix, one a line."""
    reading = _Reading(_with_stored(os.environ if environment is None else environment))
    settings = _web(reading)
    reading.refuse_if_any()
    return settings


def for_serve(environment: Mapping[str, str] | None = None) -> Serving:
    """The settings of both. Raises ConfigurationFault with every problem and its fix, one a line."""
    source = _with_stored(os.environ if environment is None else environment)
    reading = _Reading(source)
    engine, web = _engine(reading), _web(reading)
    reading.refuse_if_any()
    places = {"GATE_HOME": str(engine.home), "GATE_DATABASE_URL": engine.database_url}
    return Serving(
        engine,
        web,
        engine_variables=inherited(source) | _named(source, lambda name: name not in WEB_ONLY) | places,
        web_variables=inherited(source) | _named(source, lambda name: name in WEB_ONLY | SHARED) | places,
    )


def for_setup(environment: Mapping[str, str] | None = None) -> stored.Place:
    """What `gate-app setup` needs. Raises ConfigurationFault, also where the environment names an App already."""
    source = os.environ if environment is None else environment
    reading = _Reading(source)
    if stored.names_an_app(source):
        raise ConfigurationFault(
            f"there is an App already: unset {', '.join(stored.OWN)} to register another"
        )
    api_url = reading.origin("GATE_GITHUB_API_URL", GITHUB_API)
    web_url = reading.origin("GATE_GITHUB_GIT_URL", git_url_of(api_url))
    bind, base_url = reading.bind("GATE_BIND", "127.0.0.1:8000"), reading.base_url("GATE_BASE_URL")
    home = reading.home()
    reading.refuse_if_any()
    return stored.Place(bind, base_url, api_url, web_url, home)


def _with_stored(environment: Mapping[str, str]) -> Mapping[str, str]:
    return stored.completed(environment, _Reading(environment).home())


def database_url(environment: Mapping[str, str] | None = None) -> str:
    """The database alone, for looking at it. Raises ConfigurationFault."""
    reading = _Reading(os.environ if environment is None else environment)
    found = reading.database_url(reading.home())
    reading.refuse_if_any()
    return found


def _named(environment: Mapping[str, str], wanted: Callable[[str], bool]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("GATE_") and wanted(name)}


def _engine(reading: _Reading) -> Settings:
    api_url = reading.origin("GATE_GITHUB_API_URL", GITHUB_API)
    home = reading.home()
    database_url = reading.database_url(home)
    return Settings(
        app_id=reading.number("GATE_APP_ID", None, 1, "; gate-app setup registers an App"),
        issuer=reading.text("GATE_CLIENT_ID", reading.text("GATE_APP_ID", "")),
        private_key=reading.private_key(),
        api_url=api_url,
        git_url=reading.origin("GATE_GITHUB_GIT_URL", git_url_of(api_url)),
        base_url=reading.base_url("GATE_BASE_URL"),
        database_url=database_url,
        home=home,
        reconcile_seconds=float(reading.number("GATE_RECONCILE_SECONDS", 300, 1)),
        settle_seconds=float(reading.number("GATE_SETTLE_SECONDS", 30, 1)),
        log_level=reading.level("GATE_LOG_LEVEL"),
        bot_id=reading.number("GATE_BOT_ID", 0, 0) or None,
        stage_venv=reading.optional_folder("GATE_STAGE_VENV"),
        probe_hosts=tuple(reading.text("GATE_PROBE_HOSTS", "").split()),
        prometheus_url=reading.server("GATE_PROMETHEUS_URL"),
        prometheus_queries=reading.parts("GATE_PROMETHEUS_QUERIES", ";"),
        guarded=(
            *reading.homes(),
            home / stored.FILE,
            *reading.secret_files(),
            *database_files(database_url),
        ),
        channels=reading.channels("GATE_NOTIFY_FILE"),
    )


def _web(reading: _Reading) -> WebSettings:
    api_url = reading.origin("GATE_GITHUB_API_URL", GITHUB_API)
    return WebSettings(
        webhook_secrets=reading.secrets("GATE_WEBHOOK_SECRET"),
        database_url=reading.database_url(reading.home()),
        bind=reading.bind("GATE_BIND", "127.0.0.1:8000"),
        web_processes=reading.number("GATE_WEB_PROCESSES", 2, 1),
        log_level=reading.level("GATE_LOG_LEVEL"),
        oidc_issuer=reading.origin("GATE_OIDC_ISSUER", issuer_of(api_url)),
        oidc_audience=reading.text("GATE_OIDC_AUDIENCE", reading.base_url("GATE_BASE_URL")),
    )


class _Reading:
    """Reads one variable after the other and remembers every problem, once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: dict[str, None] = {}

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

    def number(self, name: str, default: int | None, minimum: int, more: str = "") -> int:
        value = self.text(name, "" if default is None else str(default))
        if value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS and int(value) >= minimum:
            return int(value)
        reason = "is not a whole number" if value else "is missing"
        self._problem(name, reason, f"a number from {minimum} on{more}")
        return minimum

    def origin(self, name: str, default: str) -> str:
        """An address that credentials go to; its form is `Origin`'s business."""
        value = self.text(name, default)
        try:
            return Origin.parse(value, name).url
        except ConfigurationFault as fault:
            self._problems[str(fault)] = None
            return default

    def base_url(self, name: str) -> str:
        """Where we are reached from outside, without a closing slash; empty when it is not set."""
        value = self.text(name, "").rstrip("/")
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query):
            self._problem(name, "is no address", "for example https://gate.example")
        return value

    def server(self, name: str) -> str:
        """A server that is asked without credentials, without a closing slash; empty when it is not set."""
        value = self.text(name, "").rstrip("/")
        parts = urlsplit(value)
        plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        if value and (not plain or parts.query or parts.fragment):
            self._problem(
                name, "is no address", "for example http://prometheus.internal:9090, without a password"
            )
        return value

    def parts(self, name: str, between: str) -> tuple[str, ...]:
        """The parts of a text, without those that are empty; one that has no other is a mistake."""
        text = self.text(name, "")
        found = tuple(each.strip() for each in text.split(between) if each.strip())
        if text and not found:
            self._problem(name, "names nothing", f"write it as `one{between} another`, or leave it unset")
        return found

    def bind(self, name: str, default: str) -> str:
        """`host:port`, `[IPv6]:port` or `unix:/path`."""
        value = self.text(name, default)
        named = _HOST_AND_PORT.fullmatch(value)
        if value.startswith("unix:/") or (named and int(named[2]) <= _MAX_PORT):
            return value
        self._problem(name, "is no place to listen at", "for example 127.0.0.1:8000 or unix:/run/gate.sock")
        return default

    def secrets(self, name: str) -> tuple[bytes, ...]:
        """One secret, or two separated by a space while they are being rotated, the new one first.

        A secret may have spaces in it: where a part alone would be too weak, the whole is meant as well.
        """
        value = self.required(name, "the webhook secret of the App, at least 16 characters").encode()
        parts = tuple(value.split())
        strong = tuple(part for part in parts if _is_strong(part))
        wanted = parts if strong == parts else (value, *strong)
        try:
            return accept_secrets(wanted) if value else ()
        except WeakSecretError as weak:
            self._problem(name, "cannot be used", f"{weak}; several are separated by spaces")
            return ()

    def private_key(self) -> str:
        """The PEM text itself or a file of mode 0600 that holds it (case 149)."""
        inline, name = self.text("GATE_PRIVATE_KEY", ""), "GATE_PRIVATE_KEY_FILE"
        if inline and self.text(name, ""):
            self._problem("GATE_PRIVATE_KEY", f"and {name} are both set", "keep one of them")
            return ""
        if inline:
            return self._parsed("GATE_PRIVATE_KEY", inline.replace("\\n", "\n"))
        path = self.required(name, "the path of the App's private key (or give the key in GATE_PRIVATE_KEY)")
        pem = self._secret_file(name, Path(path), "a PEM file") if path else None
        return "" if pem is None else self._parsed(name, pem)

    def _secret_file(self, name: str, path: Path, kind: str) -> str | None:
        try:
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode):
                self._problem(name, "is not a file", f"name {kind} itself")
            elif mode & 0o077:
                self._problem(name, "is readable by others", "chmod 600 it")
            else:
                return path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            self._problem(name, "cannot be read", f"{kind} that this user may read")
        return None

    def channels(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Lines `name = address` of a file of mode 0600; a name may have several. Addresses are never told."""
        path = self.text(name, "")
        text = self._secret_file(name, Path(path), "a text file") if path else None
        found: dict[str, tuple[str, ...]] = {}
        for number, line in enumerate((text or "").splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            channel, _, address = (part.strip() for part in line.partition("="))
            if not _CHANNEL.fullmatch(channel) or not _ADDRESS.fullmatch(address):
                self._problem(name, f"has a line that cannot be used (line {number})", "ops = slack://…")
            found[channel] = (*found.get(channel, ()), address)
        return found

    def secret_files(self) -> tuple[Path, ...]:
        """The files of the private key and of the addresses of channels, where they are in one."""
        values = (self.text(name, "") for name in ("GATE_PRIVATE_KEY_FILE", "GATE_NOTIFY_FILE"))
        return tuple(Path(value).absolute() for value in values if value)

    def homes(self) -> tuple[Path, ...]:
        """The home of this user, by the environment and by the system: the two need not agree."""
        named = self.text("HOME", "")
        with suppress(KeyError):
            named += f":{pwd.getpwuid(os.getuid()).pw_dir}"
        return tuple({Path(name): None for name in named.split(":") if name.startswith("/")})

    def _parsed(self, name: str, pem: str) -> str:
        from gate_app.github.key import AppKey  # cryptography is large, and web processes need no key

        try:
            AppKey.parse(pem)
        except ConfigurationFault as fault:
            self._problem(name, "is no usable key", str(fault))
        return pem

    def home(self) -> Path:
        """Where everything lies that is not in the database.

        Beside an SQLite database that is named, so that two of them never share stages and releases; else
        where the system keeps the state of services, or of this user.
        """
        name, database = "GATE_HOME", self.text("GATE_DATABASE_URL", "")
        if value := self.text(name, ""):
            if not Path(value).is_absolute():
                self._problem(name, "is not an absolute path", "for example /var/lib/gate-app")
            return Path(value)
        if database.startswith("sqlite:"):
            try:
                path = sqlite_path(database)
            except UnknownDatabaseError:
                return Path(NOWHERE)  # reported as a problem of the address
            return path.with_name(f"{path.name}.files")
        return self._state_folder(name)

    def _state_folder(self, name: str) -> Path:
        """systemd's StateDirectory=, else the state folder of the XDG Base Directory Specification."""
        for variable, below in (
            ("STATE_DIRECTORY", ""),
            ("XDG_STATE_HOME", APP),
            ("HOME", f".local/state/{APP}"),
        ):
            folder = self.text(variable, "").split(":")[0]
            if folder.startswith("/"):
                return Path(folder) / below
        self._problem(name, "is missing", "a folder for the database, git cache, stages and releases")
        return Path(NOWHERE)

    def database_url(self, home: Path) -> str:
        """SQLite in the home folder unless another database is named."""
        name = "GATE_DATABASE_URL"
        value = self.text(name, f"sqlite:///{quote(str(home / 'gate.db'))}")
        if value.startswith(("postgresql://", "postgresql+psycopg://")):
            return value
        try:
            sqlite_path(value)
        except (UnknownDatabaseError, ValueError):
            fix = "sqlite:////absolute/path.db (four slashes) or postgresql://host/name"
            self._problem(name, "is no address of a database that can be used", fix)
        return value

    def optional_folder(self, name: str) -> Path | None:
        value = self.text(name, "")
        return Path(value) if value else None

    def level(self, name: str) -> str:
        value = self.text(name, "INFO").upper()
        if value not in logging.getLevelNamesMapping():
            self._problem(name, "is not a log level", "DEBUG, INFO, WARNING or ERROR")
        return value

    def _problem(self, name: str, reason: str, fix: str) -> None:
        self._problems[f"{name} {reason}: {fix}"] = None


def _is_strong(secret: bytes) -> bool:
    try:
        accept_secrets((secret,))
    except WeakSecretError:
        return False
    return True
