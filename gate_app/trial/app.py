"""Brings up the App under trial against the stand-in, until the pull request is open.

Rules of the file: the App gets its settings as in production, through the environment and nothing else; only
the address of GitHub differs.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from gate_app.standin.control import Control
from gate_app.standin.shapes import Registered
from gate_app.trial.configuration import Configuration
from gate_app.trial.home import TrialHome
from gate_app.trial.people import Resident
from gate_app.trial.processes import HOST, Processes, free_port
from gate_app.trial.repository import CommitRange
from gate_app.trial.scene import Scene, furnish, open_pull_request, owner_of

_WEBHOOKS: Final = "/webhooks/github"


def raise_curtain(
    processes: Processes,
    home: TrialHome,
    commits: CommitRange,
    configuration: Configuration,
    people: tuple[Resident, ...],
    venv: Path | None,
    deadline: float,
) -> tuple[Control, Scene]:
    """Starts everything and opens the pull request. Raises `ProcessLost`, `TimeIsOver` and `ControlError`."""
    standin = processes.start_standin()
    registered = standin.control.register_app(account=owner_of(configuration))
    home.keep_private_key(registered["private_key_pem"] or "")
    secret, port = secrets.token_urlsafe(32), free_port()
    variables = _variables(home, registered, standin.url, secret, port)
    if venv is not None:
        variables["GATE_STAGE_VENV"] = str(venv)
    processes.start("web", variables)
    processes.start("worker", variables, "--isolation", "best")
    name = furnish(standin.control, commits, configuration, people)
    processes.await_ready(port, deadline)
    standin.control.change_hook(f"http://{HOST}:{port}{_WEBHOOKS}", secret)
    return standin.control, open_pull_request(standin.control, name, commits)


def _variables(
    home: TrialHome, registered: Registered, github: str, secret: str, port: int
) -> dict[str, str]:
    return {
        "GATE_APP_ID": str(registered["app_id"]),
        "GATE_PRIVATE_KEY_FILE": str(home.private_key),
        "GATE_WEBHOOK_SECRET": secret,
        "GATE_GITHUB_API_URL": github,
        "GATE_BASE_URL": f"http://{HOST}:{port}",
        "GATE_BIND": f"{HOST}:{port}",
        "GATE_WEB_PROCESSES": "1",
        "GATE_DATABASE_URL": home.database_url,
        "GATE_HOME": str(home.app),
        "GATE_RECONCILE_SECONDS": "30",
        "GATE_LOG_LEVEL": "INFO",
    }
