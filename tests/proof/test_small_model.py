"""Everything that can happen in a small world, all of it: two people, two heads, two tries to release, and crashes.

The author and a reviewer each say what they may say at most a few times, GitHub's head moves unseen and is seen
later, tests pass or fail, a release happens or turns out not to have happened, time runs out, and after each event
the process may crash, which decides the same event a second time. From every state every move is made, until no
state is new; at each release an oracle that knows only what people did says whether it was in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from support.runs import AUTHOR, HEAD, REVIEWER, World, failed, policy, proposed

from gate_app.domain.conditions import Head
from gate_app.domain.events import DeploymentCreated, Event, HeadMoved, ReleaseReturned, StageEnded
from gate_app.domain.model import Person
from gate_app.domain.run import RunState, StageStatus

OTHER = "d" * 40
TRIES = 2


@dataclass
class State:
    """A world, what people have said in it so far, and the last event, which a crash decides again."""

    world: World
    stance: dict[int, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    returned: int = 0
    expired: bool = False
    tests: str = "running"
    last: Event | None = None
    path: tuple[str, ...] = ()

    def copy(self) -> State:
        world = replace(
            self.world,
            comments=dict(self.world.comments),
            environments=dict(self.world.environments),
            effects=list(self.world.effects),
            decisions=[],
            shown=set(self.world.shown),
        )
        return replace(self, world=world, stance=dict(self.stance))

    def key(self) -> tuple[object, ...]:
        """What can make a difference from here on; moments and numbers of comments cannot."""
        run, gate = self.world.run, self.world.gate("staging")
        answers = tuple((each.person.id, each.kind, each.voided, each.question) for each in gate.answers)
        release = gate.release and (gate.release.status, gate.release.deployment_id is not None)
        question = gate.question and gate.question.number
        closing = gate.closing and gate.closing.code
        again = self.last and (self.last.kind, getattr(self.last, "line", ""))
        stance = tuple(sorted(self.stance.items()))
        mine = (tuple(sorted(self.said)), stance, self.returned, self.expired, self.tests, again)
        head = self.world.head.sha if isinstance(self.world.head, Head) else ""
        back = gate.returned is not None
        return (run.state, answers, release, question, closing, gate.occasions, back, head, mine)


Move = Callable[[State], bool]
"""Makes a move in a state of its own; False when there is no such move in it."""


def _says(person: Person, line: str, stance: str | None, times: int) -> Move:
    """A stance is what the person wants after it; whoever takes back says nothing any more."""

    def move(state: State) -> bool:
        name = f"{person.login} {line}"
        if state.said.count(name) >= times:
            return False
        state.said = (*state.said, name)
        asked = state.world.gate("staging").question is not None
        if stance is None:
            state.stance.pop(person.id, None)
        elif asked:
            state.stance[person.id] = stance
        state.last = None
        state.world.says(person, line)
        return True

    return move


def _happens(state: State, event: Event) -> bool:
    state.last = event
    state.world.happens(event)
    return True


def _tests(state: State, verdict: str) -> bool:
    stage = state.world.run.stages["tests"]
    if stage.status is not StageStatus.RUNNING:
        return False
    state.tests = verdict
    outcome = failed() if verdict == "failed" else None
    state.world.stage_ends("tests", outcome)
    ended = state.world.run.stages["tests"]
    assert ended.outcome is not None
    state.last = StageEnded(state.world.now, "tests", ended.attempt, ended.outcome)
    return True


def _head_moves_unseen(state: State) -> bool:
    if not isinstance(state.world.head, Head) or state.world.head.sha == OTHER:
        return False
    state.world.head = Head(OTHER, "main", True)
    state.world.tick()
    return True


def _head_is_seen(state: State) -> bool:
    moved = isinstance(state.world.head, Head) and state.world.head.sha == OTHER
    return moved and _happens(state, HeadMoved(state.world.now, OTHER, "main"))


def _in_flight(state: State) -> bool:
    release = state.world.gate("staging").release
    return release is not None and release.deployment_id is None


def _release_happened(state: State) -> bool:
    if not _in_flight(state):
        return False
    occasion = state.world.gate("staging").occasions
    return _happens(state, DeploymentCreated(state.world.now, "staging", 77, occasion=occasion))


def _release_did_not_happen(state: State) -> bool:
    if not _in_flight(state) or state.returned >= TRIES - 1:
        return False
    state.returned += 1
    now, occasion = state.world.now, state.world.gate("staging").occasions
    return _happens(state, ReleaseReturned(now, "staging", now, "refused", occasion=occasion))


def _time_runs_out(state: State) -> bool:
    if state.expired:
        return False
    state.expired = state.world.gate("staging").question is not None
    state.world.passes(49 * 3600).tick()
    return True


def _crash(state: State) -> bool:
    """The process died after the decision: its event comes again, and with it a look at everything."""
    if state.last is None:
        return False
    event, state.last = state.last, None
    state.world.happens(event)
    state.world.tick()
    return True


MOVES: dict[str, Move] = {
    "the author approves": _says(AUTHOR, "/approve staging", "approve", 1),
    "the author denies": _says(AUTHOR, "/deny staging not yet", "deny", 1),
    "the reviewer approves": _says(REVIEWER, "/approve staging", "approve", 2),
    "the reviewer denies": _says(REVIEWER, "/deny staging no", "deny", 1),
    "the reviewer withdraws": _says(REVIEWER, "/withdraw", None, 1),
    "the tests pass": lambda state: _tests(state, "passed"),
    "the tests fail": lambda state: _tests(state, "failed"),
    "the head moves unseen": _head_moves_unseen,
    "the head is seen": _head_is_seen,
    "the release happened": _release_happened,
    "the release did not happen": _release_did_not_happen,
    "time runs out": _time_runs_out,
    "a crash": _crash,
}


def judge(before: State, after: State) -> bool:
    """Whether something was released by this move; fails when it was not in order."""
    told = " → ".join(after.path)
    released = after.world.releases("staging")
    begun = len(released) - len(before.world.releases("staging"))
    assert begun in (0, 1), f"one decision begins one release: {told}"
    assert len(released) - after.returned <= 1, f"one effective release: {told}"
    if begun:
        head = after.world.head
        assert isinstance(head, Head), told
        assert released[-1].sha == head.sha == HEAD.sha, f"what was approved is still the head: {told}"
        assert after.tests == "passed", told
        assert after.stance.get(REVIEWER.id) == "approve", (
            f"somebody who may approves, and still does: {told}"
        )
        assert "deny" not in after.stance.values(), f"a denial dominates: {told}"
        assert not after.expired, f"time had run out: {told}"
        assert after.world.run.state is RunState.OPEN, told
    return bool(begun)


def following(state: State) -> Iterator[State]:
    for name, move in MOVES.items():
        after = state.copy()
        after.path = (*state.path, name)
        if move(after):
            yield after


def search(bound: int) -> tuple[int, int, bool]:
    """States seen, releases among their moves, and whether the search ended because nothing was new."""
    file = policy()
    start = State(proposed(replace(file, environments=file.environments[:1])))
    seen, waiting, releases = {start.key()}, deque([start]), 0
    while waiting and len(seen) < bound:
        state = waiting.popleft()
        for after in following(state):
            releases += judge(state, after)
            if after.key() not in seen:
                seen.add(after.key())
                waiting.append(after)
    return len(seen), releases, not waiting


def test_every_state_of_a_small_world_is_in_order() -> None:
    states, releases, _ = search(600)
    assert states >= 600
    assert releases > 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_states_of_a_small_world_are_in_order() -> None:
    _, _, all_seen = search(10**9)
    assert all_seen
