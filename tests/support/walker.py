"""People do anything in any order, GitHub answers or does not; whatever is released, all of it was in order.

What is right is written down here a second time, from what people did and not from how it was judged: an oracle that
shares nothing with the rules but the words.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from support.runs import AUTHOR, HEAD, MAINTAINER, READER, REVIEWER, ROBOT, STANDINGS, World, policy, proposed

from gate_app.domain.conditions import Head
from gate_app.domain.effects import CreateDeployment
from gate_app.domain.events import CommentChanged
from gate_app.domain.freezes import Freeze, FreezeWindow
from gate_app.domain.model import Authorship, Person, Unknown
from gate_app.domain.parameters import Parameter
from gate_app.domain.policy import Policy
from gate_app.domain.run import RunState, StageStatus

PEOPLE = (AUTHOR, REVIEWER, MAINTAINER, READER, ROBOT)
WRITERS = {AUTHOR.id, REVIEWER.id, MAINTAINER.id}
PATIENCE = timedelta(hours=48)
AWAY = Unknown("hub_unavailable", "no answer")


def rules() -> Policy:
    """Staging: one approver, a freeze, a parameter. Nothing comes after it."""
    window = FreezeWindow("UTC", cron="0 1 * * *", duration=timedelta(hours=1))
    file = policy(parameters=(Parameter("percent", "integer", "100", minimum=1, maximum=100),))
    return replace(file, environments=(replace(file.environments[0], freeze=(window,)),))


@dataclass
class Told:
    """An approval as it was given: by whom, in which comment, under which version of the plan."""

    person: Person
    comment: int
    version: int
    at: datetime


@dataclass
class Walk:
    """A world, and beside it what people have done in it."""

    seed: int
    world: World = field(init=False)
    chance: random.Random = field(init=False)
    approvals: list[Told] = field(default_factory=list)
    version: int = 0
    percent: str = "100"
    changed_by: set[int] = field(default_factory=set)
    held: bool = False
    steps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  # a walk that can be walked again
        self.world = proposed(rules())
        self.world.freezes["staging"] = None

    @property
    def transitions(self) -> int:
        """How many decisions there were."""
        return len(self.world.decisions)

    def walk(self, steps: int) -> None:
        for _ in range(steps):
            before = len(self.world.releases("staging"))
            move = self.chance.choice(MOVES)
            move(self)
            released = self.world.releases("staging")[before:]
            if released:
                self.judge(released)
            if self.world.gate("staging").ended or self.world.run.state is not RunState.OPEN:
                return

    def says(self, person: Person, line: str) -> bool:
        """Whether the command was taken at its word: what the person may, while GitHub can be asked."""
        self.steps.append(f"{person.login}: {line}")
        self.world.says(person, line)
        return person.id in WRITERS and not isinstance(self.world.standings.get(person.id), Unknown)

    # --- the oracle -----------------------------------------------------------------------------------

    def judge(self, released: list[CreateDeployment]) -> None:
        told = "\n".join([f"seed {self.seed}", *self.steps])
        (release,) = released
        assert len(self.world.releases("staging")) == 1, told
        assert release.parameters == {"percent": self.percent}, told
        assert release.sha == HEAD.sha, told
        assert self.world.freezes["staging"] is None, told
        assert isinstance(self.world.head, Head), told
        assert not self.held, told
        tests = self.world.run.stages["tests"]
        assert tests.status is StageStatus.ENDED, told
        assert any(self.counts(each) for each in self.approvals), told

    def counts(self, approval: Told) -> bool:
        """A person who may write, did not contribute, said yes to this plan, and still says it."""
        person = approval.person
        known = person.id in (REVIEWER.id, MAINTAINER.id) and person.id not in self.changed_by
        readable = not isinstance(self.world.standings.get(person.id), Unknown)
        untouched = self.world.comments.get(approval.comment) not in ("edited", "deleted", AWAY)
        return known and readable and untouched and approval.version == self.version


def _approve(walk: Walk) -> None:
    person = walk.chance.choice(PEOPLE)
    told = Told(person, walk.world.last_comment + 1, walk.version, walk.world.now)
    walk.approvals.append(told)
    walk.says(person, "/approve staging")


def _deny(walk: Walk) -> None:
    if walk.chance.random() < 0.15:
        walk.says(walk.chance.choice(PEOPLE), "/deny staging not like this")


def _modify(walk: Walk) -> None:
    person, percent = walk.chance.choice(PEOPLE), str(walk.chance.randint(-1, 102))
    before = len(walk.world.gate("staging").modifications)
    may = walk.says(person, f"/modify staging percent={percent}")
    if len(walk.world.gate("staging").modifications) > before:
        assert may, walk.steps
        assert 1 <= int(percent) <= 100, walk.steps
        walk.version, walk.percent = walk.version + 1, percent
        walk.changed_by.add(person.id)


def _hold(walk: Walk) -> None:
    walk.says(walk.chance.choice(PEOPLE), "/hold")
    walk.held = bool(walk.world.run.holds)


def _resume(walk: Walk) -> None:
    """What is lifted is known before anything can be released by it."""
    person, holds = walk.chance.choice(PEOPLE), walk.world.run.holds
    may = person.id in WRITERS and not isinstance(walk.world.standings.get(person.id), Unknown)
    contributed = person.id == AUTHOR.id or person.id in walk.changed_by
    left = [each for each in holds if not may or (contributed and each.by.id != person.id)]
    walk.held = bool(left)
    walk.says(person, "/resume")
    walk.held = bool(walk.world.run.holds)


def _withdraw(walk: Walk) -> None:
    person = walk.chance.choice(PEOPLE)
    walk.says(person, "/withdraw")
    if not walk.world.releases("staging"):
        walk.approvals = [each for each in walk.approvals if each.person.id != person.id]


def _talk(walk: Walk) -> None:
    walk.says(
        walk.chance.choice(PEOPLE), walk.chance.choice(["/ask why?", "/answer so", "hello", "/why staging"])
    )


def _edit(walk: Walk) -> None:
    if walk.world.last_comment:
        comment = walk.chance.randint(1, walk.world.last_comment)
        walk.world.comments[comment] = "edited"
        walk.steps.append(f"comment {comment} is edited")
        if walk.chance.random() < 0.5:
            walk.world.happens(CommentChanged(walk.world.now, comment, 1, "edited"))


def _freeze(walk: Walk) -> None:
    frozen = walk.world.freezes["staging"] is None
    until = walk.world.now + timedelta(hours=walk.chance.randint(1, 90))
    walk.world.freezes["staging"] = Freeze(until, "then", "") if frozen else None
    walk.steps.append("it freezes" if frozen else "it thaws")
    walk.world.tick()


def _unreadable(walk: Walk) -> None:
    person = walk.chance.choice(PEOPLE)
    known = isinstance(walk.world.standings[person.id], Unknown)
    walk.world.standings[person.id] = STANDINGS[person.id] if known else AWAY
    walk.steps.append(f"{person.login} can {'be told again' if known else 'not be told'}")


def _head(walk: Walk) -> None:
    away = isinstance(walk.world.head, Unknown)
    walk.world.head = Head(HEAD.sha, "main", True) if away else AWAY
    walk.steps.append("the head is back" if away else "the head cannot be read")


def _authorship(walk: Walk) -> None:
    away = isinstance(walk.world.authorship, Unknown)
    walk.world.authorship = Authorship((AUTHOR.id,)) if away else AWAY


def _tested(walk: Walk) -> None:
    if walk.world.run.stages["tests"].status is StageStatus.RUNNING:
        walk.steps.append("the tests pass")
        walk.world.stage_ends()


def _time(walk: Walk) -> None:
    walk.world.passes(walk.chance.choice([1, 60, 3600, 10 * 3600]))
    walk.steps.append("time goes by")
    walk.world.tick()


MOVES: tuple[Callable[[Walk], None], ...] = (
    _approve, _approve, _deny, _modify, _hold, _resume, _resume, _withdraw, _talk, _edit, _freeze, _unreadable,
    _unreadable, _head, _head, _authorship, _tested, _tested, _time,
)  # fmt: skip
