"""The bounded vocabulary in which GitHub is read, in webhooks and in answers alike.

Rules of the file: strict types, so that `"71"` is no id and `1` is no `true`; every text has a length; what
is not named here is not read; a refused value is never repeated in the error, because it may be a secret
(case 218).
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gate_app.domain.model import Person, PersonKind

MAX_ID: Final = 2**63 - 1
MAX_TITLE: Final = 256
"""Characters of a title that we keep: GitHub's limit for pull requests; commits may have longer ones."""
SHOWN_ERRORS: Final = 5

Id = Annotated[int, Field(gt=0, le=MAX_ID)]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
OwnerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
RepositoryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$")]
RefName = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x20\x7f]+$")]
LongText = Annotated[str, StringConstraints(max_length=1_048_576)]
"""A comment, a commit message: GitHub's own limits are far below 1 MiB."""
ShortText = Annotated[str, StringConstraints(max_length=4_096)]

GHOST: Final = Person(id=0, login="ghost", account=PersonKind.OTHER)
"""Stands where GitHub says `null`: an account that is gone. Id 0 is nobody's (case 68)."""


class Reading(BaseModel):
    """The base of everything read from GitHub: strict, immutable, blind to what it does not name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class Account(Reading):
    """Whoever stands behind something. `type` is `User`, `Bot`, `Organization`, `Mannequin` …"""

    id: Id
    login: Login
    type: Annotated[str, StringConstraints(max_length=40)]

    @property
    def person(self) -> Person:
        return Person(self.id, self.login, _KINDS.get(self.type, PersonKind.OTHER))


_KINDS: Final = {"User": PersonKind.USER, "Bot": PersonKind.BOT}


class App(Reading):
    """The App through which something was done, where GitHub says so."""

    id: Id


def person_or_ghost(account: Account | None) -> Person:
    """The person behind an account; GitHub shows a deleted one as `null`."""
    return GHOST if account is None else account.person


def problems_of(error: ValidationError) -> str:
    """Where a document is not what it claims and how, without any of its values."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    told = [
        f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['type']}" for problem in found
    ]
    return ", ".join(told[:SHOWN_ERRORS]) + (" …" if len(told) > SHOWN_ERRORS else "")
