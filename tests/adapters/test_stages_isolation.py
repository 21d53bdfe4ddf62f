"""Isolation: what a confined command sees, and what a flood, a link or a hostile name cannot do."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support import stages

from gate_app.stages import command, isolation
from gate_app.stages.isolation import Bubblewrap, Confinement, Grade, Network, ProcessIsolation
from gate_app.stages.plaintext import plain, plain_line, plain_tail

BUBBLEWRAP = shutil.which("bwrap", path=stages.SEARCH_PATH)


def bubblewrap(scratch: Path) -> Bubblewrap:
    if BUBBLEWRAP is None or not isolation.works(Bubblewrap(BUBBLEWRAP), stages.SEARCH_PATH, scratch):
        pytest.skip("bubblewrap is not installed, or namespaces are not allowed here")
    return Bubblewrap(BUBBLEWRAP)


@pytest.fixture(params=["process", "namespaces"])
def confined_by(request, tmp_path):
    return ProcessIsolation() if request.param == "process" else bubblewrap(tmp_path)


@pytest.fixture
def place(tmp_path) -> Confinement:
    folders = [tmp_path / name for name in ("checkout", "home", "tmp")]
    for folder in folders:
        folder.mkdir()
    folder, home, tmp = folders
    return Confinement(folder, home, tmp, stages.SEARCH_PATH, 60, writable=(folder,))


def said(text: str, by, place: Confinement) -> list[str]:
    ending = command.run(text, by, place)
    assert ending.exit_code == 0, ending
    return ending.tail.decode().splitlines()


def test_the_environment_is_made_from_nothing(confined_by, place):
    names = {line.partition("=")[0] for line in said("env", confined_by, place)}
    allowed = {"PATH", "HOME", "TMPDIR", "LANG", "TERM", "CI", "PYTHONDONTWRITEBYTECODE"}
    assert names <= allowed | {"PWD", "OLDPWD", "SHLVL", "_"}


def test_home_and_temporary_folder_are_its_own_and_writable(confined_by, place):
    assert said('cd && touch a && pwd && touch "$TMPDIR/b"', confined_by, place) == [str(place.home)]
    assert (place.tmp / "b").exists()


def test_standard_input_is_empty_and_no_file_is_inherited(confined_by, place):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        assert said("cat; ls /proc/self/fd | wc -l", confined_by, place) in (["4"], ["5"])
    finally:
        os.close(reader)
        os.close(writer)


def test_limits_hold_for_core_files_and_processor_time(confined_by, place):
    core, processor = said("ulimit -c; ulimit -t", confined_by, place)
    assert core == "0"
    assert 60 <= int(processor) <= 60 * (os.cpu_count() or 1) + 1


def test_a_file_over_the_limit_cannot_be_written(confined_by, place):
    ending = command.run(f"truncate -s {isolation.MAX_FILE_BYTES + 1} big", confined_by, place)
    assert ending.exit_code != 0


def test_namespaces_hide_the_state_folder_but_show_what_is_named(tmp_path, place):
    by = bubblewrap(tmp_path)
    state = tmp_path / "state"
    (state / "cache").mkdir(parents=True)
    (state / "secret").write_text("canary")
    (state / "cache" / "object").write_text("visible")
    place = replace(place, hidden=(state,), readable=(state / "cache",))
    assert said(f"cat {state}/cache/object; cat {state}/secret || ls {state}", by, place)[-1:] == ["cache"]
    ending = command.run(f"touch {state}/cache/x", by, place)
    assert ending.exit_code != 0


def test_namespaces_never_show_a_whole_hidden_folder_again(tmp_path, place):
    by = bubblewrap(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    (state / "secret").write_text("canary")
    place = replace(place, hidden=(state,), readable=(state, tmp_path, Path("/tmp")))
    assert command.run(f"cat {state}/secret", by, place).exit_code != 0


def test_namespaces_have_no_network_and_no_sight_of_other_processes(tmp_path, place):
    by = bubblewrap(tmp_path)
    interfaces = said("tail -n +3 /proc/net/dev | cut -d: -f1", by, place)
    assert [name.strip() for name in interfaces] == ["lo"]
    assert said(f"kill -0 {os.getpid()} 2>/dev/null || echo unseen", by, place) == ["unseen"]


def test_namespaces_share_the_network_only_on_request(tmp_path, place):
    by = bubblewrap(tmp_path)
    shared = said("readlink /proc/self/ns/net", by, replace(place, network=Network.HOST))
    assert shared == [os.readlink("/proc/self/ns/net")]
    assert said("readlink /proc/self/ns/net", by, place) != shared


def test_namespaces_make_the_machine_read_only(tmp_path, place):
    by = bubblewrap(tmp_path)
    assert command.run("touch /usr/x", by, place).exit_code != 0
    said("touch inside", by, place)


@pytest.mark.parametrize(
    "escape", ["umount -l /tmp; cat {0}/secret", "mount -o remount,rw,bind / && touch {0}/x"]
)
def test_namespaces_cannot_be_undone_from_inside_not_even_by_root(tmp_path, place, escape):
    by = bubblewrap(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    (state / "secret").write_text("canary")
    ending = command.run(f"cd / && {escape.format(state)}", by, replace(place, hidden=(state,)))
    assert (ending.exit_code != 0, b"canary" in ending.tail) == (True, False), ending


def test_namespaces_hide_files_even_in_folders_that_are_shown(tmp_path, place):
    by = bubblewrap(tmp_path)
    state = tmp_path / "state"
    (state / "cache").mkdir(parents=True)
    for name in ("key.pem", "cache/gate.db"):
        (state / name).write_text("canary")
    hidden = (state / "key.pem", state / "cache" / "gate.db", state / "not there")
    place = replace(place, hidden=(*hidden, state), readable=(state / "cache",))
    ending = command.run(f"cat {hidden[0]} {hidden[1]}", by, place)
    assert (ending.exit_code != 0, b"canary" in ending.tail) == (True, False), ending


def test_namespaces_hide_what_a_link_leads_to(tmp_path, place):
    by = bubblewrap(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "secret").write_text("canary")
    link = tmp_path / "link"
    link.symlink_to("state")
    place = replace(place, hidden=(link,), readable=(tmp_path / "state",))
    assert said(f"ls {tmp_path}/state", by, place) == []


def test_nothing_can_be_written_where_something_is_hidden(tmp_path, place):
    by = bubblewrap(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    assert command.run(f"touch {state}/x", by, replace(place, hidden=(state,))).exit_code != 0


@pytest.mark.parametrize("by", [ProcessIsolation(), Bubblewrap("bwrap")])
def test_an_isolation_says_its_grade(by):
    assert by.grade.value == by.description.partition(":")[0]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("#!/bin/sh\nexit 1\n", id="namespaces are forbidden"),
        pytest.param("not a program", id="the program is broken"),
        pytest.param(None, id="there is none"),
    ],
)
def test_a_bubblewrap_that_does_not_work_is_replaced_by_nothing_weaker(tmp_path, script):
    if script is not None:
        stages.program(tmp_path / "bwrap", script)
    assert isolation.of_grade(Grade.NAMESPACES, str(tmp_path), tmp_path) is None
    assert isolation.of_grade(Grade.PROCESS, str(tmp_path), tmp_path).grade is Grade.PROCESS


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=f"case 158: {name}")
        for name in (
            "PATH",
            "LD_PRELOAD",
            "NODE_OPTIONS",
            "BASH_ENV",
            "GITHUB_TOKEN",
            "gate_x",
            "GATE_X\n",
            "",
        )
    ],
)
def test_only_declared_names_become_variables(place, name):
    with pytest.raises(ValueError, match="may not be set"):
        isolation.environment(replace(place, variables=((name, "x"),)))


def test_case_156_a_value_is_one_value_whatever_is_in_it(confined_by, place):
    value = "a\nGATE_B=2\n$(id) ${{ x }} `id` <<EOF"
    lines = said(
        'env | grep -c ^GATE_; printf %s "$GATE_A"',
        confined_by,
        replace(place, variables=(("GATE_A", value),)),
    )
    assert "\n".join(lines[1:]) == value
    assert isolation.environment(replace(place, variables=(("GATE_A", value),))).keys().isdisjoint({"GATE_B"})


@pytest.mark.parametrize("value", ["x" * (isolation.MAX_VARIABLE + 1), "a\0b"])
def test_a_value_has_a_bound_and_no_nul(place, value):
    with pytest.raises(ValueError, match="GATE_A"):
        isolation.environment(replace(place, variables=(("GATE_A", value),)))


# --- running -----------------------------------------------------------------------------------


def test_a_flood_of_output_is_read_to_its_end_and_kept_only_there(place):
    ending = command.run("yes flood | head -c 30000000; echo last", ProcessIsolation(), place)
    assert ending.exit_code == 0
    assert len(ending.tail) == command.TAIL_BYTES
    assert ending.tail.endswith(b"last\n")
    assert ending.dropped == 30_000_000 + 5 - command.TAIL_BYTES


def test_a_command_that_closes_its_output_is_still_waited_for(place):
    began = time.process_time()
    ending = command.run("exec >&- 2>&-; sleep 1; exit 7", ProcessIsolation(), place)
    assert ending.exit_code == 7
    assert time.process_time() - began < 0.35, "it was waited for in a busy loop"


def test_an_endless_flood_ends_with_its_time(place):
    ending = command.run("yes", ProcessIsolation(), replace(place, seconds=1))
    assert ending.timed_out
    assert ending.duration_ms < 20_000


def test_a_background_process_that_holds_the_output_does_not_hold_the_stage(place):
    ending = command.run("sleep 5 & echo done", ProcessIsolation(), replace(place, seconds=60))
    assert (ending.exit_code, ending.tail) == (0, b"done\n")
    assert ending.duration_ms < 4_000


# --- plain text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="case 178: colours go"),
        pytest.param("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link", id="case 178: OSC 8 links go"),
        pytest.param("\x1b]0;title\x1b\\a", "a", id="case 178: window titles go"),
        pytest.param("ok\rEVIL", "ok\\x0dEVIL", id="case 178: a carriage return shows"),
        pytest.param("a\r\nb", "a\nb", id="line ends of another system"),
        pytest.param("a\x08b", "a\\x08b", id="case 178: a backspace shows"),
        pytest.param("\u202egnp.exe", "\\u202egnp.exe", id="case 178: right-to-left override shows"),
        pytest.param("a\u200bb\ufeff", "a\\u200bb\\ufeff", id="case 178: invisible characters show"),
        pytest.param("a\u2028b", "a\\u2028b", id="a line separator shows"),
        pytest.param("\x9b31m", "\\x9b31m", id="case 178: C1 control sequences show"),
        pytest.param("\x1b[", "\\x1b[", id="half a sequence shows"),
        pytest.param("naïve ✓ 試験\t.", "naïve ✓ 試験\t.", id="other scripts stay"),
    ],
)
def test_text_is_made_plain(text, shown):
    assert plain(text, 100) == shown


def test_text_is_cut_where_it_says():
    assert plain("x" * 50, 10) == "x" * 9 + "…"
    assert plain_line("a\n\n b\tc", 10) == "a b c"
    assert plain_tail(b"x" * 20 + b"end", 10) == "…xxxxxxend"
    assert plain_tail(b"\xff\xfe", 10) == "\ufffd\ufffd"
