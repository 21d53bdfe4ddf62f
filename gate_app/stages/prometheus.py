"""Asking Prometheus whether a metric is as it has to be.

Rules of this file: the server is the operator's and never the repository's; one GET of `/api/v1/query` (HTTP API of
Prometheus: instant queries) without credentials or redirects, bounded in time and size. Every series has to hold. No
answer, no data and no number (NaN) are unclear: neither health nor a breach, because the application may be well.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import urllib3

from gate_app.domain.thresholds import Threshold
from gate_app.stages.probes import Refused, Unclear, pool_of

MAX_BYTES: Final = 1_048_576
_BAD_QUERY: Final = 400


@dataclass(frozen=True, slots=True)
class PrometheusLook:
    """Asks the server at `url`, empty where the operator named none, for what `allowed` lets be asked.

    `allowed` are whole queries in which `*` stands for a part of a name; none of them: every query.
    """

    url: str
    allowed: tuple[str, ...] = ()

    def __call__(self, wanted: str) -> str | None:
        """None when every number holds, else what was wrong. Raises Refused and Unclear."""
        threshold = Threshold.parse(wanted)
        if not self.url:
            raise Refused("a Prometheus probe needs the operator to name the server with GATE_PROMETHEUS_URL")
        if threshold is None:
            raise Refused(f"{wanted} does not end with a comparison with a number")
        if not is_allowed(threshold.expression, self.allowed):
            raise Refused(
                f"the operator's GATE_PROMETHEUS_QUERIES do not let {threshold.expression} be asked"
            )
        numbers = _numbers(self._answer(threshold.expression))
        wrong = [number for number in numbers if not threshold.holds(number)]
        return f"it is {wrong[0]:g}" if wrong else None

    def _answer(self, expression: str) -> bytes:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        path = f"{parts.path.rstrip('/')}/api/v1/query?{urlencode({'query': expression})}"
        headers = {"User-Agent": "gate-app-probe", "Accept-Encoding": "identity"}
        try:
            with pool_of(parts.scheme, host, host, port) as pool:
                answer = pool.urlopen(
                    "GET", path, headers=headers, redirect=False, retries=False, preload_content=False
                )
                status, body = int(answer.status), answer.read(MAX_BYTES + 1)
                answer.release_conn()
        except urllib3.exceptions.HTTPError as fault:
            raise Unclear(f"Prometheus did not answer ({type(fault).__name__})") from None
        if status == _BAD_QUERY:
            raise Refused(f"Prometheus cannot make sense of {expression}")
        if status != 200 or len(body) > MAX_BYTES:
            raise Unclear(f"Prometheus answered {status}")
        return bytes(body)


def is_allowed(expression: str, allowed: Sequence[str]) -> bool:
    """Whether a query may be asked: `*` never stands for an operator, a bracket or a space, so for no other metric."""
    asked = " ".join(expression.split())
    return not allowed or any(_pattern(each).fullmatch(asked) for each in allowed)


def _pattern(allowed: str) -> re.Pattern[str]:
    parts = re.split(r"\*+", " ".join(allowed.split()))
    return re.compile("[A-Za-z0-9_:]*".join(map(re.escape, parts)), re.ASCII)


def _numbers(body: bytes) -> Sequence[float]:
    """The numbers of a scalar or an instant vector, at least one. Raises Unclear."""
    try:
        data = json.loads(body)["data"]
        samples = {"scalar": lambda: [data["result"]], "vector": lambda: [s["value"] for s in data["result"]]}
        numbers = [float(value) for _, value in samples[data["resultType"]]()]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unclear("Prometheus answered something that is no number") from None
    if not numbers or any(math.isnan(number) for number in numbers):
        raise Unclear("Prometheus has no number for it")
    return numbers
