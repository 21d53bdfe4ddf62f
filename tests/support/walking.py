"""`make walk`: people do anything in any order, for as many transitions as are asked for, on every core.

A transition is one decision of the domain. Walks go on from one seed to the next, so a run is repeated by its first
seed, and a walk by its own; the first release that was not in order ends the run with 1 and the whole story.
"""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from typing import Final, NamedTuple

from support.walker import Walk

STEPS: Final = 60
"""Things that people do in one walk, at most: it ends with its gate."""
BATCH: Final = 200
"""Walks that one core takes at a time."""
USUAL: Final = 20_000_000
TOLD_EVERY: Final = 30.0


class Walked(NamedTuple):
    """What some walks came to."""

    transitions: int = 0
    walks: int = 0
    released: int = 0

    def with_more(self, other: Walked) -> Walked:
        return Walked(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def walked(first: int, walks: int = BATCH) -> Walked:
    """Walks from a seed on. Raises AssertionError with the story of a walk that went wrong."""
    found = Walked()
    for seed in range(first, first + walks):
        walk = Walk(seed)
        try:
            walk.walk(STEPS)
        except Exception as fault:
            raise AssertionError(f"seed {seed}: {fault!r} after\n" + "\n".join(walk.steps)) from fault
        found = found.with_more(Walked(walk.transitions, 1, bool(walk.world.releases("staging"))))
    gc.collect()
    return found


def on_all_cores(transitions: int, seed: int, cores: int) -> Iterator[Walked]:
    """What was walked so far, after every batch, until it is enough."""
    seeds, so_far = count(seed, BATCH), Walked()
    size = min(BATCH, max(1, transitions // (20 * cores)))
    with ProcessPoolExecutor(cores, initializer=gc.disable) as pool:
        waiting: set[Future[Walked]] = set()
        while so_far.transitions < transitions:
            waiting |= {pool.submit(walked, next(seeds), size) for _ in range(2 * cores - len(waiting))}
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for each in done:
                so_far = so_far.with_more(each.result())
            yield so_far
        for each in waiting:
            each.cancel()


def main() -> int:
    """Walks, and says how far and how fast."""
    asked = argparse.ArgumentParser(description=main.__doc__)
    asked.add_argument("--transitions", type=int, default=USUAL)
    asked.add_argument("--seed", type=int, default=secrets.randbelow(10**12))
    asked.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    given = asked.parse_args()
    began = told = time.monotonic()
    so_far = Walked()
    try:
        for so_far in on_all_cores(given.transitions, given.seed, given.cores):
            if time.monotonic() >= told + TOLD_EVERY:
                told = time.monotonic()
                print(_said(so_far, told - began, given.seed), flush=True)
    except AssertionError as fault:
        print(f"Not in order, {fault}", file=sys.stderr)
        return 1
    print(_said(so_far, time.monotonic() - began, given.seed), f"on {given.cores} cores")
    return 0


def _said(so_far: Walked, seconds: float, seed: int) -> str:
    return (
        f"{so_far.transitions:,} transitions in {so_far.walks:,} walks from seed {seed}, {so_far.released:,} of which "
        f"released: {so_far.transitions / seconds:,.0f} a second"
    )


if __name__ == "__main__":
    sys.exit(main())
