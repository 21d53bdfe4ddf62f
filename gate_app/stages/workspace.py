"""The commits that stages work on: a bare cache per repository, worktrees of one commit, release folders.

Rules of this file:

* git gets its whole environment and configuration from here: no system or user configuration, no hooks, no
  prompts, no helpers, no redirects, only the allowed protocols. The configuration and attributes of a cache
  are written anew before each use, so that nothing left in a cache can run or hide anything.
* A credential travels in the environment of one ``git fetch``, bound to the origin it is for; it is never
  an argument, never in a cache, never in a message.
* A commit is asked for by all 40 digits, kept under a reference of its own (so its presence proves that the
  fetch was complete), and what was checked out is compared with what was asked for.
* A cache keeps the commits that were used last, and those that somebody names; a commit that was forgotten is
  fetched again when it is needed.
* A fetch that met a passing trouble is tried again, a few times: a stage that ends unknown needs a person.
* Not fetched: history, tags, submodules and LFS contents. A stage that needs them fetches them itself.
"""

import base64
import fcntl
import hashlib
import os
import re
import resource
import subprocess
import tarfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gate_app.stages import process_tree
from gate_app.stages.plaintext import plain_line
from gate_app.stages.removal import remove

FETCH_SECONDS: Final = 300
WAITS: Final = (1.0, 4.0, 16.0)
"""Seconds before the next tries of a fetch that met a passing trouble."""
LOCAL_SECONDS: Final = 120
MAX_EXPORT_FILES: Final = 200_000
MAX_EXPORT_BYTES: Final = 4 * 1024**3
MAX_PACK_BYTES: Final = 4 * 1024**3
MAX_COMMITS: Final = 100
"""Commits in one cache: with one more, the older half of them is forgotten."""
_PASSING: Final = re.compile(
    r"returned error: (?:307|403|408|429|5\d\d)|Empty reply|[Cc]ould ?n[o']t (?:resolve|connect)|Failed to connect"
    r"|[Tt]imed out|reset by peer|early EOF|RPC failed|unexpected disconnect|hung up"
)
"""What git says of a server that may answer the next time; 403 is how GitHub limits, too."""
_SHA: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CACHE_CONFIG: Final = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_CACHE_ATTRIBUTES: Final = "* -export-ignore -export-subst -filter\n"  # what was approved is what is unpacked
_REFERENCES: Final = "refs/gate"
_LEFT_BY_A_KILL: Final = ("*.lock", "refs/gate/*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*")
_SETTINGS: Final = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "fetch.unpackLimit": "1",  # always a pack: it appears whole or not at all
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "advice.detachedHead": "false",
}


class WorkspaceUnavailable(Exception):
    """The commit could not be brought here. The text is for people and holds no secret."""

    @property
    def passing(self) -> bool:
        """Whether the next try may fare better."""
        return _PASSING.search(str(self)) is not None


@dataclass(frozen=True, slots=True)
class Checkout:
    """A worktree and the commit that is checked out in it."""

    folder: Path
    sha: str


class Workspace:
    """The caches below one folder.

    ``allowed_protocols`` are git's names of transports; anything but ``http`` and ``https`` is for tests.
    """

    def __init__(
        self,
        caches: Path,
        search_path: str,
        allowed_protocols: tuple[str, ...] = ("http", "https"),
        fetch_seconds: float = FETCH_SECONDS,
        max_commits: int = MAX_COMMITS,
        waits: Sequence[float] = WAITS,
    ) -> None:
        self._caches = caches
        self._search_path = search_path
        self._allowed_protocols = allowed_protocols
        self._fetch_seconds = fetch_seconds
        self._max_commits = max_commits
        self._waits = waits

    def cache(self, url: str) -> Path:
        """The folder of the cache for ``url``."""
        return self._caches / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.git"

    def fetch(
        self, url: str, sha: str, credential: str | None = None, keep: Collection[str] = frozenset()
    ) -> Path:
        """Brings commit ``sha`` of ``url`` into the cache and returns the cache. Waits for its turn.

        ``credential`` is an installation token or ``None``; the commits in ``keep`` are not forgotten.
        Raises ``WorkspaceUnavailable``.
        """
        origin = self._origin(url, credential)
        _require_sha(sha)
        cache = self.cache(url)
        secrets = _authorization(origin, credential)
        for wait in self._waits:
            try:
                return self._brought(cache, url, sha, secrets, keep)
            except WorkspaceUnavailable as trouble:
                if not trouble.passing:
                    raise
            time.sleep(wait)  # this process has nothing else to do, and a deadline
        return self._brought(cache, url, sha, secrets, keep)

    def _brought(
        self, cache: Path, url: str, sha: str, secrets: Mapping[str, str], keep: Collection[str]
    ) -> Path:
        """One try."""
        with self._prepared(cache):
            if self._has(cache, sha):
                os.utime(cache / _reference(sha))  # used last now
            else:
                self._fetch(cache, url, sha, secrets)
                self._forget_old(cache, keep)
        return cache

    @contextmanager
    def worktree(self, url: str, sha: str, folder: Path) -> Iterator[Checkout]:
        """A detached worktree of ``sha`` at ``folder``, which must not exist; removed afterwards."""
        _require_sha(sha)
        cache = self.cache(url)
        with self._prepared(cache):
            self._git(cache, "worktree", "prune", "--expire=now")
            self._git(cache, "worktree", "add", "--detach", "--force", "--", str(folder), sha)
        try:
            found = self._git(folder, "rev-parse", "--verify", "HEAD").decode().strip()
            if found != sha:
                raise WorkspaceUnavailable(f"Asked for {sha[:12]}, got {found[:12]}.")
            yield Checkout(folder, sha)
        finally:
            remove(folder)

    def export(self, url: str, sha: str, folder: Path) -> None:
        """Unpacks the files of ``sha`` into the new folder ``folder``.

        Nothing is written outside of it: absolute names, ``..``, links that lead out and special files make
        the whole export fail (case 176). Raises ``WorkspaceUnavailable``.
        """
        _require_sha(sha)
        cache = self.cache(url)
        folder.mkdir(parents=True)
        archive = folder.with_name(f".{folder.name}.tar")
        try:
            with self._prepared(cache):
                self._git(cache, "archive", "--format=tar", f"--output={archive}", sha)
            _unpack(archive, folder)
        except (tarfile.TarError, OSError) as error:
            reason = plain_line(str(error), 200)
            raise WorkspaceUnavailable(f"The commit cannot be unpacked safely: {reason}") from error
        finally:
            archive.unlink(missing_ok=True)

    # --- one cache -----------------------------------------------------------------------------

    @contextmanager
    def _prepared(self, cache: Path) -> Iterator[None]:
        """Holds the cache for this process, with its configuration as it must be."""
        self._caches.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._caches / f"{cache.name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the deadline of the process bounds the wait
            if not (cache / "HEAD").exists():
                self._git(self._caches, "init", "--bare", "--quiet", "--template=", "--", str(cache))
            (cache / "config").write_text(_CACHE_CONFIG, encoding="ascii")
            (cache / "info").mkdir(exist_ok=True)
            (cache / "info" / "attributes").write_text(_CACHE_ATTRIBUTES, encoding="ascii")
            yield

    def _has(self, cache: Path, sha: str) -> bool:
        with suppress(WorkspaceUnavailable):
            kept = self._git(cache, "rev-parse", "--verify", "--quiet", _reference(sha))
            return kept.decode().strip() == sha
        return False

    def _fetch(self, cache: Path, url: str, sha: str, secrets: Mapping[str, str]) -> None:
        refspec = f"+{sha}:{_reference(sha)}"
        options = ("--quiet", "--no-tags", "--depth=1", "--no-recurse-submodules", "--no-write-fetch-head")
        for pattern in _LEFT_BY_A_KILL:  # we hold the cache
            for leftover in cache.glob(pattern):
                leftover.unlink(missing_ok=True)
        self._git(cache, "fetch", *options, "--", url, refspec, secrets=secrets, seconds=self._fetch_seconds)

    def _forget_old(self, cache: Path, keep: Collection[str]) -> None:
        """Bounds the cache. What worktrees have checked out stays: git counts them in."""
        references = sorted(
            (cache / _REFERENCES).iterdir(), key=lambda path: path.stat().st_mtime, reverse=True
        )
        if len(references) <= self._max_commits:
            return
        for reference in references[self._max_commits // 2 :]:
            if reference.name not in keep:
                reference.unlink()
        with suppress(WorkspaceUnavailable):  # the commit that is wanted is here
            self._git(cache, "worktree", "prune", "--expire=now")
            self._git(cache, "repack", "-a", "-d", "--quiet")
            self._git(cache, "prune", "--expire=now")

    def _git(
        self,
        folder: Path,
        *arguments: str,
        secrets: Mapping[str, str] | None = None,
        seconds: float = LOCAL_SECONDS,
    ) -> bytes:
        try:
            done = subprocess.run(
                ("git", "-C", str(folder), *arguments),
                env=self._environment(secrets or {}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                preexec_fn=_before_exec(),  # this process has one thread
            )
        except subprocess.TimeoutExpired:
            raise WorkspaceUnavailable(f"git {arguments[0]} took longer than {seconds:.0f} s.") from None
        except OSError as error:
            raise WorkspaceUnavailable(f"git cannot be started: {error.strerror}.") from None
        if done.returncode != 0:
            raise WorkspaceUnavailable(_complaint(arguments[0], done.stderr, secrets or {}))
        return done.stdout

    def _environment(self, secrets: Mapping[str, str]) -> dict[str, str]:
        settings = {**_SETTINGS, **secrets}
        environment = {
            "PATH": self._search_path,
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_ALLOW_PROTOCOL": ":".join(self._allowed_protocols),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (key, value) in enumerate(settings.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment

    def _origin(self, url: str, credential: str | None) -> SplitResult:
        parts = urlsplit(url)
        if parts.scheme not in self._allowed_protocols:
            raise WorkspaceUnavailable(f"Repositories are not fetched by {parts.scheme[:20] or 'path'!r}.")
        if parts.username is not None or parts.password is not None:
            raise WorkspaceUnavailable("The address of a repository must not hold a user or password.")
        if credential is not None and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise WorkspaceUnavailable("A credential is not sent over plain HTTP to another machine.")
        return parts


def _reference(sha: str) -> str:
    return f"{_REFERENCES}/{sha}"


def _require_sha(sha: str) -> None:
    if not _SHA.fullmatch(sha):
        raise WorkspaceUnavailable("A commit is named by all 40 lower-case hexadecimal digits.")


def _authorization(origin: SplitResult, credential: str | None) -> dict[str, str]:
    """The header for one origin, as GitHub wants it for git over HTTP: user ``x-access-token``."""
    if credential is None:
        return {}
    token = base64.b64encode(f"x-access-token:{credential}".encode()).decode("ascii")
    return {f"http.{origin.scheme}://{origin.netloc}/.extraHeader": f"Authorization: Basic {token}"}


def _complaint(verb: str, stderr: bytes, secrets: Mapping[str, str]) -> str:
    said = stderr[-4_096:].decode("utf-8", errors="replace")
    for secret in secrets.values():
        said = said.replace(secret, "…").replace(secret.rpartition(" ")[2], "…")
    return f"git {verb} failed: {plain_line(said, 300) or 'no message'}"


def _before_exec() -> Callable[[], None]:
    """git dies with this process and writes no endless file."""
    die_with_parent = process_tree.die_with_parent()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = MAX_PACK_BYTES if hard == resource.RLIM_INFINITY else min(MAX_PACK_BYTES, hard)

    def before_exec() -> None:
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return before_exec


def _unpack(archive: Path, folder: Path) -> None:
    """Extracts with the "data" filter of PEP 706, which refuses whatever leads out of ``folder``."""
    files = size = 0
    with tarfile.open(archive, mode="r:") as members:
        for member in members:
            files, size = files + 1, size + member.size
            if files > MAX_EXPORT_FILES or size > MAX_EXPORT_BYTES:
                raise tarfile.TarError("too many files or bytes")
            members.extract(member, folder, filter="data")
