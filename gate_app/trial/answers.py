"""What people of the stand-in say to the App, and how the App takes it.

Rules of the file: an answer is an ordinary comment of a person; it is over when the App reacted to it or
replied, or has kept silent for a while; a refused one is over too, and is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gate_app.trial.picture import Picture
from gate_app.trial.refusal import Refusal, refuse

PATIENCE_SECONDS: Final = 15.0
"""How long the App's reaction is waited for: strangers and plain talk get none."""

_SAYING: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9-]{0,38})\s*:\s*(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Saying:
    """What one person says: the text of a comment."""

    login: str
    text: str

    def __str__(self) -> str:
        return f"{self.login}: {self.text}"


def parse_saying(text: str) -> Saying | Refusal:
    """Reads `login: text`."""
    found = _SAYING.fullmatch(text)
    if found is None:
        return refuse(f'--say {text!r} is not "login: text"; for example --say "reviewer: /approve staging"')
    return Saying(found.group(1), found.group(2).rstrip())


def parse_sayings(texts: tuple[str, ...], logins: tuple[str, ...]) -> tuple[Saying, ...] | Refusal:
    """Reads every `--say`, and refuses those of people who are not there."""
    read = [parse_saying(text) for text in texts]
    refused = [line for one in read if isinstance(one, Refusal) for line in one.lines]
    sayings = tuple(one for one in read if isinstance(one, Saying))
    strangers = [one for one in sayings if one.login not in logins]
    refused += [
        f"--say {str(one)!r}: there is no {one.login}; there are {', '.join(logins)}" for one in strangers
    ]
    return Refusal(tuple(refused)) if refused else sayings


def typed(line: str, logins: tuple[str, ...], otherwise: str) -> Saying:
    """What a person typed at the prompt: `login: text`, or a text of `otherwise`."""
    found = _SAYING.fullmatch(line)
    if found is not None and found.group(1) in logins:
        return Saying(found.group(1), found.group(2).rstrip())
    return Saying(otherwise, line.strip())


def is_command(text: str) -> bool:
    """Whether a comment reads as a command, to which the App reacts; plain talk gets no reaction."""
    return text.startswith("/")


class Heard(StrEnum):
    """How the App took a comment: it acknowledged it, answered it, or kept silent."""

    ACKNOWLEDGED = "acknowledged"
    REPLIED = "replied"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A saying that was posted. `posted_at` is of the trial's own clock, in seconds."""

    saying: Saying
    comment_id: int
    posted_at: float


@dataclass(frozen=True, slots=True)
class Reception:
    """How an utterance was taken; `reply` is the App's text when it gave one."""

    utterance: Utterance
    heard: Heard
    reply: str = ""


def reception(utterance: Utterance, picture: Picture, now: float) -> Reception | None:
    """How the App took it, None while that is open. `now` is in seconds of the clock of `posted_at`."""
    if is_acknowledged(picture, utterance.comment_id):
        return Reception(utterance, Heard.ACKNOWLEDGED)
    for comment in picture.app_comments:
        if comment.surface == f"reply:{utterance.comment_id}":
            return Reception(utterance, Heard.REPLIED, comment.body)
    if now - utterance.posted_at >= PATIENCE_SECONDS:
        return Reception(utterance, Heard.SILENCE)
    return None


def is_acknowledged(picture: Picture, comment_id: int) -> bool:
    """Whether the App gave this comment a thumbs up, which it does to answers that count."""
    comment = picture.comment(comment_id)
    reactions = comment["reactions"] if comment else []
    return any(one["content"] == "+1" and one["login"].endswith("[bot]") for one in reactions)
