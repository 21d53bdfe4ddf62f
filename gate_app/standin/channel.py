"""How a client of the control API speaks with the stand-in. Standard library only.

One connection for each call, so an instance may be shared between threads.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

HEADER = "X-Standin-Token"
TIMEOUT_SECONDS = 70
T = TypeVar("T")


class ControlError(Exception):
    """The stand-in refused: `status` is the HTTP status code, the text its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Channel:
    """Calls to one stand-in, known by its address and control token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._address = urlsplit(url).netloc
        self._token = token

    def _as(self, shape: type[T], method: str, path: str, body: Mapping[str, object] | None = None) -> T:
        return cast(T, self._call(method, path, body))

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        given = None if body is None else {name: value for name, value in body.items() if value is not None}
        answer = self._request(method, path, given)
        return json.loads(answer) if answer else None

    def _request(self, method: str, path: str, body: Mapping[str, object] | None) -> bytes:
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        headers = {HEADER: self._token, "Content-Type": "application/json"}
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/_standin{path}", content, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ControlError(answer.status, _message(raw))
        return raw


def _message(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return raw.decode(errors="replace")[:500]
