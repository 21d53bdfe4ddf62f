"""What stages leave behind is bounded, and what is still needed is never taken away."""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import stages

from gate_app.stages import pruning, releases
from gate_app.stages.places import Places, slug
from gate_app.stages.pruning import prune
from gate_app.stages.releases import KEPT, STAMP, Stamp
from gate_app.stages.removal import remove
from gate_app.stages.workspace import Workspace

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path / "state", stages.SEARCH_PATH)


def aged(path: Path, age: timedelta) -> Path:
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))
    return path


# --- releases ----------------------------------------------------------------------------------


def released(folder: Path, number: int, sha: str | None = None) -> Path:
    """The release of minute ``number``, made current."""
    sha = sha or f"{number:040x}"
    release = folder / f"{sha[:12]}-job-{number}"
    release.mkdir(parents=True)
    (release / "app.py").write_text("x")
    releases.write_stamp(release, Stamp("staging", sha, f"job-{number}", NOW + timedelta(minutes=number)))
    releases.make_current(folder, release)
    return release


def test_the_newest_releases_stay_and_older_ones_go(tmp_path):
    made = [released(tmp_path, number) for number in range(KEPT + 3)]
    releases.forget_old(tmp_path, NOW)
    assert [release.exists() for release in made] == [False] * 3 + [True] * KEPT


def test_the_commits_before_stay_however_often_the_last_one_was_deployed(tmp_path):
    before = [released(tmp_path, number) for number in range(KEPT - 1)]
    for number in range(100, 120):
        released(tmp_path, number, sha="f" * 40)
    releases.forget_old(tmp_path, NOW)
    assert all((release / STAMP).exists() for release in before)
    assert len([path for path in tmp_path.iterdir() if not path.is_symlink()]) == 2 * KEPT - 1


def test_what_runs_stays_although_it_is_old(tmp_path):
    """Somebody switched back by hand."""
    made = [released(tmp_path, number) for number in range(KEPT + 3)]
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to(made[0].name)
    releases.forget_old(tmp_path, NOW)
    assert (tmp_path / "current" / "app.py").exists()
    assert not made[1].exists()


def test_a_deployment_at_work_stays_and_one_that_broke_off_goes(tmp_path):
    at_work, broken_off = tmp_path / "aaa-job", tmp_path / "bbb-job"
    for folder in (at_work, broken_off):
        folder.mkdir()
    aged(at_work, DAY)
    aged(broken_off, 3 * DAY)
    releases.forget_old(tmp_path, NOW)
    assert (at_work.exists(), broken_off.exists()) == (True, False)


def test_the_commits_of_all_environments_are_known(tmp_path):
    released(tmp_path / "staging", 1)
    released(tmp_path / "production", 2)
    (tmp_path / "staging" / "half").mkdir()
    assert releases.commits(tmp_path) == {f"{1:040x}", f"{2:040x}"}
    assert releases.commits(tmp_path / "not there") == frozenset()


# --- caches ------------------------------------------------------------------------------------


def test_a_cache_keeps_what_was_used_last_and_what_is_named(tmp_path):
    repository = stages.new_repository(tmp_path / "repository")
    workspace = Workspace(tmp_path / "caches", stages.SEARCH_PATH, allowed_protocols=("file",), max_commits=4)
    shas = [repository.commit({"a.bin": f"{number}" * 200_000}) for number in range(5)]
    for number, sha in enumerate(shas[:4]):
        kept = workspace.fetch(repository.url, sha) / "refs" / "gate" / sha
        aged(kept, timedelta(hours=9 - number))
    cache = workspace.fetch(repository.url, shas[1])  # used again
    with workspace.worktree(repository.url, shas[2], tmp_path / "checkout") as checkout:
        workspace.fetch(repository.url, shas[4], keep={shas[0]})
        assert {path.name for path in (cache / "refs" / "gate").iterdir()} == {shas[0], shas[1], shas[4]}
        assert stages.git(checkout.folder, "status", "--porcelain") == ""
    assert stages.git(cache, "fsck", "--connectivity-only") == ""
    gone = subprocess.run(
        ("git", "-C", str(cache), "cat-file", "-e", shas[3]), check=False, capture_output=True
    )
    assert gone.returncode != 0
    workspace.fetch(repository.url, shas[3])


def test_what_a_killed_fetch_left_in_the_cache_is_removed(tmp_path):
    repository = stages.new_repository(tmp_path / "repository")
    workspace = Workspace(tmp_path / "caches", stages.SEARCH_PATH, allowed_protocols=("file",))
    cache = workspace.fetch(repository.url, repository.commit({"a": "1"}))
    half = cache / "objects" / "pack" / "tmp_pack_Xyz123"
    half.write_bytes(b"half a pack")
    workspace.fetch(repository.url, repository.commit({"a": "2"}))
    assert not half.exists()


def cached(places: Places, repository: str, age: timedelta) -> Path:
    cache = places.caches / repository / "x.git"
    cache.mkdir(parents=True)
    (cache / "config").touch()
    aged(cache / "config", age)
    return cache


def test_caches_that_nobody_uses_go_but_not_those_of_repositories_with_releases(places):
    used, unused = cached(places, "1", DAY), cached(places, "2", 31 * DAY)
    deployed, held = cached(places, "3", 31 * DAY), cached(places, "4", 31 * DAY)
    (places.releases_of(3) / "production").mkdir(parents=True)
    with held.with_name("x.git.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prune(places, (), NOW)
    assert [cache.exists() for cache in (used, unused, deployed, held)] == [True, False, True, True]


# --- attempts ----------------------------------------------------------------------------------


def attempt(places: Places, name: str, age: timedelta) -> Path:
    folder = places.stages / name
    folder.mkdir(parents=True)
    (folder / "result.json").touch()
    return aged(folder, age)


def test_folders_of_old_attempts_go_but_not_those_whose_end_is_not_known_yet(places):
    fresh, old, unread = (
        attempt(places, name, age) for name, age in (("a", DAY), ("b", 8 * DAY), ("c", 8 * DAY))
    )
    prune(places, {unread}, NOW)
    assert [folder.exists() for folder in (fresh, old, unread)] == [True, False, True]


def test_the_number_of_attempts_that_are_kept_is_bounded(places):
    for number in range(pruning.MAX_ATTEMPTS + 5):
        attempt(places, f"attempt-{number}", timedelta(seconds=number))
    prune(places, (), NOW)
    left = {folder.name for folder in places.stages.iterdir()}
    assert left == {f"attempt-{number}" for number in range(pruning.MAX_ATTEMPTS)}


def test_nothing_to_prune_is_no_problem(places):
    prune(places, (), NOW)


# --- removing and naming -----------------------------------------------------------------------

WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.mark.skipif(
    os.getuid() == 0 and not shutil.which(WITHOUT_ROOTS_RIGHTS[0]), reason="root may remove everything anyway"
)
def test_a_write_protected_folder_is_removed_and_a_link_is_not_followed(tmp_path):
    """As `go` protects its module cache."""
    outside, folder = tmp_path / "outside", tmp_path / "work"
    outside.mkdir(mode=0o500)
    (folder / "module" / "deep").mkdir(parents=True)
    (folder / "module" / "deep" / "file.go").touch()
    (folder / "link").symlink_to(outside)
    for path in (folder / "module" / "deep", folder / "module", folder):
        path.chmod(0o500)
    program = (
        "import sys, pathlib; from gate_app.stages import removal; removal.remove(pathlib.Path(sys.argv[1]))"
    )
    demoted = WITHOUT_ROOTS_RIGHTS if os.getuid() == 0 else ()
    subprocess.run((*demoted, sys.executable, "-c", program, str(folder)), check=True, timeout=60)
    assert not folder.exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500


def test_removing_what_is_not_there_or_a_link_does_nothing(tmp_path):
    remove(tmp_path / "not there")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    remove(tmp_path / "link")
    assert (tmp_path / "real").exists()


def test_a_slug_is_the_name_where_that_is_plain_and_unique_where_it_is_not():
    assert slug("production") == "production"
    assert slug("eu/production") != slug("eu-production") == "eu-production"
    assert slug("../../etc").startswith("etc-")
    assert slug("試験").startswith("x-")
