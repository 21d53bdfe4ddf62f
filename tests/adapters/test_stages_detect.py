"""What is proposed for a repository without a configuration, and which virtual environment is used."""

import json
import sys
from pathlib import Path

import pytest
from support import stages

from gate_app.domain.evidence import Severity, StageReason, StageVerdict
from gate_app.stages.detect import SECURITY, TESTS, detect
from gate_app.stages.virtualenv import find_venv

NPM = json.dumps({"scripts": {"test": "jest"}})
PLACEHOLDER = json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})


def commands(paths, manifests=None):
    return {stage.name: stage.command for stage in detect(paths, manifests or {}).stages}


PYTEST = "python -m pytest -q --junitxml=reports/junit.xml"


@pytest.mark.parametrize(
    ("paths", "manifests", "command"),
    [
        pytest.param(["tests/test_a.py"], {}, PYTEST, id="a pytest file"),
        pytest.param(["app/a_test.py"], {}, PYTEST, id="the other name of a pytest file"),
        pytest.param(
            ["pyproject.toml"], {"pyproject.toml": "[tool.pytest.ini_options]"}, PYTEST, id="configured"
        ),
        pytest.param(["src/app/a.py", "tests/test_a.py"], {}, f"PYTHONPATH=src {PYTEST}", id="a src layout"),
        pytest.param(["package.json"], {"package.json": NPM}, "npm test", id="npm"),
        pytest.param(["Cargo.toml", "src/lib.rs"], {}, "cargo test", id="cargo"),
        pytest.param(["go.mod", "main.go"], {}, "go test ./...", id="go"),
        pytest.param(
            ["package.json"], {"package.json": PLACEHOLDER}, None, id="npm's placeholder is no test"
        ),
        pytest.param(["package.json"], {"package.json": "{"}, None, id="a broken manifest"),
        pytest.param(["package.json"], {"package.json": '{"scripts": ["test"]}'}, None, id="an odd manifest"),
        pytest.param(["package.json"], {"package.json": "[" * 100_000}, None, id="a deep manifest"),
        pytest.param(["readme.md"], {}, None, id="nothing"),
        pytest.param(["vendor/go.mod", "x/Cargo.toml"], {}, None, id="manifests below the root"),
    ],
)
def test_the_tests_that_are_proposed(paths, manifests, command):
    assert commands(paths, manifests).get(TESTS) == command


def test_each_proposal_says_why_in_good_english():
    reasons = [stage.reason for stage in detect(["a.py", "b.py", "test_a.py"], {}).stages]
    assert reasons == ["the tree has 1 pytest file", "the tree has 2 Python files outside of tests"]


def test_of_several_kinds_the_first_is_proposed_and_the_others_are_named():
    proposal = detect(["tests/test_a.py", "go.mod", "package.json"], {"package.json": NPM})
    assert [stage.name for stage in proposal.stages] == [TESTS]
    assert [note.partition(":")[0] for note in proposal.notes[:2]] == ["npm test", "go test ./..."]


def test_when_nothing_is_recognised_it_says_so():
    proposal = detect(["readme.md"], {})
    assert proposal.stages == ()
    assert "No tests were recognised" in proposal.notes[0]


@pytest.mark.parametrize(
    ("paths", "targets"),
    [
        pytest.param(["app/a.py", "tests/test_a.py"], "app -x", id="folders that exist, without tests"),
        pytest.param(
            ["app/a.py", "manage.py", "conftest.py"], "app manage.py --exit", id="files of the root"
        ),
        pytest.param(["my app/a.py"], "'my app' --exit", id="a blank in a name"),
        pytest.param(["-r/a.py"], "./-r --exit", id="a name like an option"),
        pytest.param(["$(id)/a.py"], "'$(id)' --exit", id="case 157: a name like a command"),
        pytest.param([f"p{n}/a.py" for n in range(51)], "-r . --exit", id="very many folders"),
    ],
)
def test_the_scan_names_what_exists(paths, targets):
    assert targets in commands(paths)[SECURITY]


def test_there_is_no_scan_without_code_to_scan():
    assert SECURITY not in commands(["tests/test_a.py", "readme.md"])


def test_the_proposed_stages_really_run(tmp_path):
    repository = stages.new_repository(tmp_path / "repository")
    files = {
        "src/app/__init__.py": "",
        "src/app/main.py": "import subprocess\n\n\ndef run(x):\n    subprocess.call(f'ls {x}', shell=True)\n",
        "src/app/tests/test_inner.py": "def test_inner(): assert True\n",
        "tests/test_main.py": "from app.main import run\n\n\ndef test_main(): assert run\n",
    }
    sha = repository.commit(dict(files))
    tests, security = detect(files, {}).stages
    job = stages.new_job(tmp_path / "state", repository, sha, tests.command, junit=tests.junit)
    outcome = stages.run_to_end(job)
    assert (outcome.verdict, outcome.evidence.tests.passed) == (StageVerdict.PASSED, 2), outcome
    job = stages.new_job(tmp_path / "state", repository, sha, security.command, sarif=security.sarif)
    outcome = stages.run_to_end(job)
    assert outcome.reason is StageReason.FINDINGS_REPORTED, outcome
    assert {found.path for found in outcome.evidence.findings} == {"src/app/main.py"}
    assert outcome.evidence.findings[0].severity is Severity.HIGH


# --- virtual environments ----------------------------------------------------------------------


def new_venv(checkout: Path, name: str = ".venv", *packages: str) -> Path:
    site = checkout / name / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (checkout / name / "pyvenv.cfg").touch()
    (checkout / name / "bin").mkdir()
    (checkout / name / "bin" / "python").symlink_to(sys.executable)
    for package in packages:
        (site / package).mkdir()
        (site / package / "__init__.py").touch()
    return site


@pytest.mark.parametrize("name", [".venv", "venv", "env"])
def test_a_virtual_environment_of_the_checkout_is_used(tmp_path, name):
    new_venv(tmp_path, name, "pytest")
    found = find_venv(tmp_path)
    assert (found.folder, found.reason) == (tmp_path / name, f"Using the checkout's own {name}.")


def test_an_environment_without_pytest_is_used_and_says_so(tmp_path):
    new_venv(tmp_path)
    found = find_venv(tmp_path)
    assert found.folder is not None
    assert "no pytest" in found.reason


def test_no_environment_is_said():
    assert find_venv(Path("/nonexistent")).folder is None


EDITABLE = '{{"url": "file://{0}", "dir_info": {{"editable": true}}}}'


@pytest.mark.parametrize(
    ("name", "text", "used"),
    [
        pytest.param("__editable__.app-1.pth", "{0}/src", False, id="a path file of an editable install"),
        pytest.param("app.pth", "{0}", False, id="any path file into the checkout"),
        pytest.param("app.pth", "../../../../src", False, id="a relative path file into the checkout"),
        pytest.param("app.egg-link", "{0}\n.", False, id="an egg link"),
        pytest.param("__editable___app_finder.py", "MAPPING = {{'app': '{0}/app'}}", False, id="a finder"),
        pytest.param("app-1.dist-info/direct_url.json", EDITABLE, False, id="PEP 610"),
        pytest.param(
            "app-1.dist-info/direct_url.json", EDITABLE.replace("true", "false"), True, id="not editable"
        ),
        pytest.param("app-1.dist-info/direct_url.json", "{{", True, id="a broken PEP 610 file"),
        pytest.param("other.pth", "/opt/other", True, id="a path file elsewhere"),
        pytest.param("other.pth", "import os; os.sep\n# {0}", True, id="a path file that imports"),
        pytest.param("inner.pth", "{0}/.venv/lib/extra", True, id="a path file into the environment itself"),
        pytest.param("sibling.pth", "{0}-other", True, id="a folder whose name begins the same"),
    ],
)
def test_an_environment_that_would_test_the_checkout_is_not_used(tmp_path, name, text, used):
    checkout = tmp_path / "checkout"
    path = new_venv(checkout, ".venv", "pytest") / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format(checkout))
    found = find_venv(checkout)
    assert (found.folder is not None) is used, found
    assert ("editable" in found.reason) is not used


def test_the_next_environment_is_looked_at_when_one_is_refused(tmp_path):
    (new_venv(tmp_path, ".venv") / "app.pth").write_text(str(tmp_path))
    new_venv(tmp_path, "venv", "pytest")
    assert find_venv(tmp_path).folder == tmp_path / "venv"


def test_an_environment_without_a_python_is_not_used(tmp_path):
    new_venv(tmp_path)
    (tmp_path / ".venv" / "bin" / "python").unlink()
    assert "no bin/python" in find_venv(tmp_path).reason
