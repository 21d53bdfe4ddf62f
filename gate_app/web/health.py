"""`/livez` and `/readyz`: whether the process lives, and whether it could store a delivery.

Rules of this file: plain JSON without secrets, paths or versions, since anybody may ask. Readiness is
remembered for a second, so that asking often costs the store nothing.
"""

import threading
from collections.abc import Callable
from typing import Final, Protocol

from flask import Blueprint
from flask.typing import ResponseReturnValue

REMEMBER_SECONDS: Final = 1.0


class StoreHealth(Protocol):
    """Asked for what stands in the way of storing a delivery."""

    def problems(self) -> tuple[str, ...]:
        """Stable codes without secrets; empty means ready. Must not take longer than a few seconds."""
        ...


class _Remembered:
    """The last answer of a `StoreHealth`, asked again when it is older than `REMEMBER_SECONDS`."""

    def __init__(self, health: StoreHealth, monotonic: Callable[[], float]) -> None:
        self._health = health
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answer: tuple[str, ...] = ()
        self._until = float("-inf")

    def problems(self) -> tuple[str, ...]:
        with self._lock:
            if self._monotonic() >= self._until:
                self._answer = self._health.problems()
                self._until = self._monotonic() + REMEMBER_SECONDS
            return self._answer


def health(store: StoreHealth, monotonic: Callable[[], float]) -> Blueprint:
    """The two routes as a blueprint; `monotonic` gives seconds."""
    routes = Blueprint("health", __name__)
    remembered = _Remembered(store, monotonic)

    @routes.get("/livez")
    def livez() -> ResponseReturnValue:
        return {"status": "alive"}

    @routes.get("/readyz")
    def readyz() -> ResponseReturnValue:
        problems = remembered.problems()
        if problems:
            return {"status": "not_ready", "problems": list(problems)}, 503
        return {"status": "ready"}

    return routes
