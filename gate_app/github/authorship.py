"""Who changed a content, as far as its commits say.

Rules of the file: commit identities are free text; here they only ever make somebody a contributor, who may
then not approve, and never grant anything (cases 55, 56). Whoever cannot be attributed is said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gate_app.domain.conditions import Authorship
from gate_app.domain.model import Person
from gate_app.github.answers import Commit, Signature

WEB_FLOW_ID: Final = 19864447
"""GitHub's own account that commits what is done on its pages; not a person."""
WEB_FLOW_EMAIL: Final = "noreply@github.com"
MAX_SHOWN_EMAIL: Final = 100
MAX_TRAILER_LINE: Final = 1_000

_TRAILER: Final = re.compile(r"co-authored-by:[^<]*<([^<>]*)>\s*", re.ASCII | re.IGNORECASE)
_NOREPLY: Final = re.compile(
    r"([1-9][0-9]{0,18})\+[A-Za-z0-9_-]+(?:\[bot\])?@users\.noreply\.github\.com", re.ASCII
)


def authorship_of(author: Person, commits: Iterable[Commit]) -> Authorship:
    """The author of the change and everybody its commits name: authors, committers, co-authors."""
    contributors: dict[int, None] = {author.id: None} if author.id else {}
    unattributed: dict[str, None] = {}
    for commit in commits:
        for found in (_author_of(commit), *_committer_of(commit), *_co_authors(commit.commit.message)):
            if isinstance(found, int):
                contributors[found] = None
            else:
                unattributed[_shown(found)] = None
    return Authorship(tuple(contributors), tuple(unattributed))


def _author_of(commit: Commit) -> int | str:
    """An account id, else an e-mail that belongs to nobody; GitHub's own account wrote nothing by itself."""
    account = commit.author_account
    return account.id if account is not None and account.id != WEB_FLOW_ID else _email(commit.commit.author)


def _committer_of(commit: Commit) -> Iterator[int | str]:
    """Nobody, where GitHub itself committed what its author did on a page."""
    account, signature = commit.committer_account, commit.commit.committer
    if account is not None:
        if account.id != WEB_FLOW_ID:
            yield account.id
    elif _email(signature) != WEB_FLOW_EMAIL:
        yield _email(signature)


def _email(signature: Signature | None) -> str:
    return (signature.email if signature else None) or "no e-mail"


def _co_authors(message: str) -> Iterator[int | str]:
    """`Co-authored-by` trailers, wherever they stand; GitHub's noreply addresses carry an account's id."""
    for line in message.split("\n"):
        trailer = _TRAILER.fullmatch(line[:MAX_TRAILER_LINE].strip())
        if trailer is not None:
            email = trailer[1].strip()
            known = _NOREPLY.fullmatch(email)
            yield int(known[1]) if known else email or "no e-mail"


def _shown(email: str) -> str:
    """Bounded and printable: the address is anybody's text."""
    plain = "".join(character if character.isprintable() else "?" for character in email)
    return plain if len(plain) <= MAX_SHOWN_EMAIL else plain[: MAX_SHOWN_EMAIL - 1] + "…"
