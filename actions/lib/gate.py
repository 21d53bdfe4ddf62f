"""The steps `gate`, `request`, `redeem` and `report`: what they ask the app, how long they wait, how they end.

Rules of the file: standard library, Python 3.8, nothing of the app is imported. A step that ends with 0 and the
decision `approved` is the only one after which anything may be deployed; whatever is not understood, does not come or
takes too long ends with 1. Inputs come by the environment, never by text of a script (case 157).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from typing import Any, Dict, Optional

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out

import outputs
from client import SCHEMA_VERSION, Client, Refused, Unavailable, is_grant

SOONEST, LATEST = 1.0, 20.0
"""Seconds between two looks; each wait is half as long again as the one before."""
RENEWED = 600.0
"""Seconds after which a job that waits calls anew: tickets are good for 15 minutes."""
NEWS_SECONDS = 120.0
"""How long the app may take to hear of the push that started this workflow, before no gate is none."""
FIRST_SECONDS = 20.0
"""How long the first answer may take where nobody waits for the decision."""
REDEEM_SECONDS = 120.0
"""The same for a grant, once it is known that there is one, and for a report."""
WITHDRAW_SECONDS = 6.0
MARKS = {"approved": "\u2705", "waiting": "\u23f3", "noted": "\U0001f4dd", "withdrawn": "\u21a9\ufe0f"}


class Cancelled(BaseException):
    """The runner wants the step to end."""


class Step:
    """One step, with its inputs."""

    def __init__(self, client: Client, environment: str, gate: str, wait_seconds: float) -> None:
        self.client = client
        self.environment = environment
        self.asked: Dict[str, str] = {"environment": environment}
        if gate:
            self.asked["gate"] = gate
        self.waits = wait_seconds > 0
        self.until = time.monotonic() + (wait_seconds or FIRST_SECONDS)
        self.news_until = time.monotonic() + min(wait_seconds, NEWS_SECONDS)
        self.key = secrets.token_urlsafe(32)
        self.said = ""
        self.last: Dict[str, Any] = nothing("unavailable", "The app did not answer.", environment, gate)

    def request(self) -> Dict[str, Any]:
        """Asks, and waits until it is decided or the time is over."""
        return self._ask("requests", {}, lambda answer: answer["final"] or not self.waits, self._may_come)

    def redeem(self) -> Dict[str, Any]:
        """Exchanges the approval for the grant. A lost answer is asked for again with the same key."""
        return self._ask("redemptions", {"key": self.key}, lambda answer: bool(answer["final"]))

    def request_and_redeem(self) -> Dict[str, Any]:
        """Both; where something else came in between, once more."""
        pause = SOONEST
        while True:
            requested = self.request()
            if requested["decision"] != "approved":
                return requested
            end, self.until = self.until, time.monotonic() + REDEEM_SECONDS
            redeemed = self._ask("redemptions", {"key": self.key}, lambda answer: not _passes(answer))
            self.until = end
            if redeemed["final"]:
                return redeemed
            pause = self._rest(pause)

    def report(self, outcome: str) -> Dict[str, Any]:
        """Says how the deployment ended."""
        self.until = time.monotonic() + REDEEM_SECONDS
        return self._ask("reports", {"outcome": outcome}, lambda answer: bool(answer["final"]))

    def withdraw(self) -> None:
        """Nobody waits any more."""
        self.until = time.monotonic() + WITHDRAW_SECONDS
        try:
            self.client.call("withdrawals", self.asked)
            outputs.say("the request was withdrawn")
        except (Refused, Unavailable) as fault:
            outputs.say("the request could not be withdrawn: %s" % fault)

    def _may_come(self, answer: Dict[str, Any]) -> bool:
        """Whether the gate that is not there may be there in a moment."""
        return bool(answer["reason_code"] == "gate_unknown" and time.monotonic() < self.news_until)

    def _ask(self, what: str, more: Dict[str, str], settled: Any, again: Any = None) -> Dict[str, Any]:
        """Calls, then looks at the answer until it is settled; calls anew when that takes long or nothing comes, or
        where the answer is one after which to ask `again`.
        """
        pause = SOONEST
        while True:
            try:
                ticket = self.client.call(what, {**self.asked, **more})
                renewed = time.monotonic() + RENEWED
                while time.monotonic() < renewed:
                    answer = self.client.answer(ticket)
                    if answer is not None and self._is_ours(answer):
                        self._tell(answer)
                        if again is not None and again(answer):
                            break
                        if settled(answer):
                            return answer
                        if what == "redemptions" and not _passes(answer):
                            break
                    pause = self._rest(pause)
                pause = self._rest(pause)
            except Refused as refused:  # the first push of a repository, of which the app has not heard yet
                if refused.code != "repository_unknown" or time.monotonic() >= self.news_until:
                    raise
                pause = self._rest(pause)
            except Unavailable as fault:
                outputs.say("%s; trying again" % fault)
                pause = self._rest(pause)

    def _is_ours(self, answer: Dict[str, Any]) -> bool:
        return bool(answer["environment"] == self.environment)

    def _tell(self, answer: Dict[str, Any]) -> None:
        self.last = answer
        said = "%s: %s (%s)" % (answer["decision"], answer["message"], answer["reason_code"])
        if said != self.said:
            outputs.say(said)
        self.said = said

    def _rest(self, pause: float) -> float:
        """Sleeps, or ends the step when its time is over."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        time.sleep(min(pause, left))
        return min(pause * 1.5, LATEST)


def _passes(answer: Dict[str, Any]) -> bool:
    """Whether a redemption that is not granted yet will be in a moment, without anybody asking again."""
    return bool(answer["reason_code"] == "grant_prepared")


def nothing(code: str, message: str, environment: str, gate: str = "") -> Dict[str, Any]:
    """What a step says that has no answer of the app."""
    return {
        "schema_version": SCHEMA_VERSION,
        "decision": "waiting" if code in ("timed_out", "unavailable") else "denied",
        "reason_code": code,
        "message": message,
        "environment": environment,
        "gate": gate,
        "final": True,
        "approved_by": [],
        "sha": "",
        "grant_id": "",
        "parameters": {},
    }


def finish(result: Dict[str, Any], deployable: bool) -> None:
    """Writes the outputs and the summary; what may not be deployed has neither commit nor grant."""
    granted = result if deployable else {**result, "grant_id": "", "parameters": {}}
    outputs.write(
        {
            "decision": granted["decision"],
            "reason_code": granted["reason_code"],
            "result": json.dumps(granted, sort_keys=True),
            "parameters": json.dumps(granted["parameters"], sort_keys=True),
            "grant-id": granted["grant_id"],
            "gate": outputs.plain(granted["gate"], 512),
            "sha": granted["sha"] if deployable else "",
        }
    )
    outputs.summarize(summary(granted))


def summary(result: Dict[str, Any]) -> str:
    """The decision as a small table."""
    decision = result["decision"]
    title = "%s Gate of %s: %s" % (
        MARKS.get(decision, "\u274c"),
        outputs.code(result["environment"]),
        decision,
    )
    rows = [
        ("Why", outputs.inert(result["message"])),
        ("Reason code", outputs.code(result["reason_code"])),
        ("Commit", outputs.code(result["sha"][:12])),
        ("Approved by", " ".join(outputs.code(login) for login in result["approved_by"][:20])),
        ("Grant", outputs.code(result["grant_id"])),
        *(
            ("Parameter %s" % outputs.code(name), outputs.code(value))
            for name, value in sorted(result["parameters"].items())
        ),
    ]
    lines = ["| %s | %s |" % row for row in rows if row[1]]
    return "\n".join(["### " + title, "", "| | |", "|---|---|", *lines, "", ""])


def run(name: str) -> int:
    """One step to its end; returns the exit code."""
    environment = os.environ.get("INPUT_ENVIRONMENT", "").strip()
    gate = os.environ.get("INPUT_GATE", "").strip()
    step: Optional[Step] = None
    try:
        client = Client(os.environ.get("INPUT_URL", ""), os.environ.get("INPUT_AUDIENCE", "").strip())
        step = Step(client, environment, gate, _minutes(os.environ.get("INPUT_WAIT", "")) * 60)
        result = _do(step, name)
    except Refused as refused:
        result = nothing(refused.code, str(refused), environment, gate)
    except TimeoutError:
        last = step.last if step is not None else {}
        why = "Still waiting when the time of this step was over. %s" % last.get("message", "")
        result = nothing("timed_out", why, environment, gate)
        if name == "gate" and step is not None:
            step.withdraw()
    except Cancelled:
        if step is not None and name in ("gate", "request"):
            step.withdraw()
        finish(nothing("job_cancelled", "The job was cancelled.", environment, gate), False)
        return 130
    return _end(name, result, environment)


def _do(step: Step, name: str) -> Dict[str, Any]:
    if name == "report":
        return step.report(_outcome(os.environ.get("INPUT_OUTCOME", "")))
    if name == "redeem":
        return step.redeem()
    if name == "gate":
        return step.request_and_redeem()
    try:
        return step.request()
    except TimeoutError:
        if step.said:  # it is asked; whoever waits for the answer is not this job
            return step.last
        raise


def _end(name: str, result: Dict[str, Any], environment: str) -> int:
    """The exit code: 0 where the step did what it is for, and nothing else."""
    deployable = name in ("gate", "redeem") and is_grant(result, environment)
    if name in ("gate", "redeem"):
        good = deployable
    elif name == "request":
        good = result["decision"] in ("approved", "waiting") and result["reason_code"] not in _OURS
    else:
        good = result["decision"] == "noted"
    if name in ("gate", "redeem") and result["decision"] == "approved" and not deployable:
        result = nothing("answer_incomplete", "The answer of the app lacks what a grant has.", environment)
    finish(result, deployable)
    if not good:
        outputs.complain("%s (%s)" % (result["message"], result["reason_code"]))
    return 0 if good else 1


_OURS = ("timed_out", "unavailable")


def _minutes(text: str) -> float:
    """The input `wait`: whole or broken minutes, at most the six hours that a job may take."""
    try:
        found = float(text or "0")
    except ValueError:
        found = -1.0
    if not 0 <= found <= 360:
        raise Refused("wait_invalid", "The input `wait` is a number of minutes from 0 to 360.")
    return found


def _outcome(text: str) -> str:
    """The status of the job: what is neither success nor failure was broken off."""
    return text if text in ("success", "failure") else "cancelled"


def _cancel(*_: Any) -> None:
    raise Cancelled


def main() -> int:
    """`gate.py gate|request|redeem|report`."""
    outputs.utf8()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _cancel)
    return run(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
