"""The story of a trial from the opened pull request to its end: look, show, say, merge.

Rules of the file: the App is only ever spoken to as people speak to it on GitHub; from here one thing is said
at a time, and only when a gate asks; what people say on the page counts the same and is told here; everything is
bounded by the deadline.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, assert_never

from gate_app.domain.verdict import Judged
from gate_app.standin.control import Control, ControlError
from gate_app.trial.answers import Heard, Reception, Saying, Utterance, is_command, reception, typed
from gate_app.trial.page import Page
from gate_app.trial.people import AUTHOR
from gate_app.trial.picture import Picture
from gate_app.trial.progress import Progress
from gate_app.trial.prompt import Prompt, Unsaid
from gate_app.trial.rows import Cast, rows
from gate_app.trial.scene import Scene
from gate_app.trial.standing import Outcome, Standing, assess, is_shown_to_the_end, stage_is_running

LOOK_SECONDS: Final = 0.2
LINGER_SECONDS: Final = 10.0
"""How long the end waits until GitHub shows it: check runs, deployments and comments come after the decision."""
LAST_LOOK_SECONDS: Final = 1.5
"""How long the page can still be looked at where a person sits, so that an open tab shows the end."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The trial's own clock in seconds, how it waits, and when its time is over."""

    now: Callable[[], float]
    wait: Callable[[float], None]
    deadline: float


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the story looks around: `look` takes a picture, `check` raises when a process is gone."""

    look: Callable[[], Picture]
    check: Callable[[], None]


@dataclass(slots=True)
class Memory:
    """What has been seen and said; the report is made from it, whatever way the story ends."""

    unsaid: tuple[Saying, ...] = ()
    picture: Picture | None = None
    receptions: list[Reception] = field(default_factory=list)
    judged: dict[str, Judged] = field(default_factory=dict)

    def keep(self, picture: Picture) -> None:
        """Remembers a look; how an answer was judged is only seen while its gate is open."""
        self.picture = picture
        for verdicts in picture.overview.verdicts.values():
            for verdict in verdicts.values():
                self.judged.update({judged.answer: judged for judged in verdict.answers})


@dataclass(slots=True)
class Story:
    """Tells one trial. `tell` returns how it ended; `memory` holds what remains of it.

    `prompt` is None where no person sits in front; then it ends when nothing is left to say.
    """

    cast: Cast
    scene: Scene
    control: Control
    eyes: Eyes
    progress: Progress
    timing: Timing
    memory: Memory
    sayings: deque[Saying]
    prompt: Prompt | None = None
    _page: Page = field(default_factory=Page)
    _spoken: Utterance | None = None
    _overheard: dict[int, Utterance] = field(default_factory=dict)
    _known: set[int] = field(default_factory=set)

    def tell(self) -> Outcome:
        """Goes on until the end. Raises `ProcessLost`, `ControlError` and `KeyboardInterrupt`."""
        ended = self._tell()
        if self.prompt is not None:
            self.prompt.leave()
        return ended

    def _tell(self) -> Outcome:
        while self.timing.now() < self.timing.deadline:
            picture, standing = self._look()
            ended = standing.outcome or self._go_on(picture, standing)
            if ended is not None:
                self._linger()
                return ended
        return Outcome.TIMED_OUT

    def _look(self) -> tuple[Picture, Standing]:
        self.eyes.check()
        picture = self.eyes.look()
        self.memory.keep(picture)
        standing = assess(self.cast.policy, picture)
        self._show(picture, standing)
        self._listen_to_the_page(picture)
        return picture, standing

    def _linger(self) -> None:
        """Lets the App show the end and take in what was said last; bounded."""
        give_up = min(self.timing.now() + LINGER_SECONDS, self.timing.deadline)
        while self.timing.now() < give_up:
            picture, _ = self._look()
            self._listen_to_the_answer(picture)
            if self._spoken is None and not self._overheard and is_shown_to_the_end(picture):
                break
            self.timing.wait(LOOK_SECONDS)
        if self.prompt is not None:
            self.timing.wait(LAST_LOOK_SECONDS)

    def _show(self, picture: Picture, standing: Standing) -> None:
        news = (*self._overhear(picture), *self._page.news(picture))
        if self.prompt is not None and self.prompt.is_open:
            if standing.asking and not news:
                return
            self.prompt.leave()
        self.progress.show(rows(self.cast, picture, standing))
        for text in news:
            self.progress.say(text)

    def _overhear(self, picture: Picture) -> tuple[str, ...]:
        """What people said on the page since the last look; commands wait for how the App takes them."""
        fresh = [remark for remark in picture.remarks if remark["id"] not in self._known]
        for remark in fresh:
            self._known.add(remark["id"])
            if is_command(remark["body"]):
                saying = Saying(remark["login"], remark["body"])
                self._overheard[remark["id"]] = Utterance(saying, remark["id"], self.timing.now())
        return tuple(f"{remark['login']}, on the page> {_lines(remark['body'])}" for remark in fresh)

    def _listen_to_the_page(self, picture: Picture) -> None:
        for overheard in tuple(self._overheard.values()):
            if self._listen(overheard, picture):
                del self._overheard[overheard.comment_id]

    def _go_on(self, picture: Picture, standing: Standing) -> Outcome | None:
        """Does the one next thing, if there is one, and waits a moment."""
        if standing.merge_due:
            self._merge()
        elif self._spoken is not None:
            self._listen_to_the_answer(picture)
        elif standing.asking:
            return self._answer(picture, standing)
        self.timing.wait(LOOK_SECONDS)
        return None

    def _merge(self) -> None:
        """In the author's name: who merges has pushed, and must not be needed as an approver."""
        number = self.scene.pull_request
        try:
            self.control.merge(self.scene.repository, number, by=AUTHOR)
        except ControlError as refused:
            if refused.status != HTTPStatus.METHOD_NOT_ALLOWED:
                raise
            return  # somebody merged or closed it on the page meanwhile, which the next look shows
        self.progress.say(
            f"The stages of pull request #{number} are green; author merges it, because the rest is deployed "
            "from the default branch."
        )

    def _answer(self, picture: Picture, standing: Standing) -> Outcome | None:
        if self.sayings:
            saying = self.sayings.popleft()
            self.progress.say(f"{saying.login}> {saying.text}")
            self._say(saying)
            return None
        if self.prompt is None:
            return self._give_up(picture, standing)
        self._ask(self.prompt)
        return None

    def _give_up(self, picture: Picture, standing: Standing) -> Outcome | None:
        """Nothing is left to say; what still runs is seen to its end."""
        if stage_is_running(picture):
            self.timing.wait(LOOK_SECONDS)
            return None
        asking = ", ".join(standing.asking)
        self.progress.say(
            f"Still waiting for an answer about {asking}, and nobody is here to give one: run it in a terminal, "
            f'or add --say "reviewer: /approve {standing.asking[0] if standing.asking else ""}".'
        )
        return Outcome.WAITING

    def _ask(self, prompt: Prompt) -> None:
        """Waits for a line at the prompt, for a moment."""
        if not prompt.is_open:
            self.progress.make_room()
            prompt.open()
        line = prompt.read(LOOK_SECONDS)
        match line:
            case Unsaid.NOTHING_YET:
                return
            case Unsaid.END:
                self.prompt = None
            case str():
                logins = tuple(person.login for person in self.cast.people)
                self._say(typed(line, logins, prompt.speaker))
            case _:
                assert_never(line)

    def _say(self, saying: Saying) -> None:
        posted = self.control.comment(
            self.scene.repository, self.scene.pull_request, saying.login, saying.text
        )
        self._spoken = Utterance(saying, posted["id"], self.timing.now())
        self._known.add(posted["id"])
        self.memory.unsaid = tuple(self.sayings)

    def _listen_to_the_answer(self, picture: Picture) -> None:
        if self._spoken is not None and self._listen(self._spoken, picture):
            self._spoken = None

    def _listen(self, spoken: Utterance, picture: Picture) -> bool:
        """Tells how the App took something, once that is known."""
        taken = reception(spoken, picture, self.timing.now())
        if taken is None:
            return False
        self.memory.receptions.append(taken)
        match taken.heard:
            case Heard.ACKNOWLEDGED:
                self.progress.say(f"          {spoken.saying.login}'s answer counts.")
            case Heard.REPLIED:
                pass  # the reply is a comment and is shown as one
            case Heard.SILENCE:
                self.progress.say(
                    f"          The App passed over what {spoken.saying.login} said in silence."
                )
            case _:
                assert_never(taken.heard)
        return True


def _lines(text: str) -> str:
    """The text with the line ends of a terminal; a form of a browser sends others."""
    return text.replace("\r\n", "\n")
