"""Who changed a content, as far as its commits say; and whether a merge added anything of its own.

Rules of the file: commit identities are free text; here they only ever make somebody a contributor, who may
then not approve, and never grant anything (cases 55, 56). Whoever cannot be attributed is said so. Who merged
is left out only where GitHub shows that the merge added nothing (cases 26, 54); doubt counts them in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gate_app.domain.model import Authorship, MergeShown, Person
from gate_app.github.answers import Commit, PullOfCommit, Signature

WEB_FLOW_ID: Final = 19864447
"""GitHub's own account that commits what is done on its pages; not a person."""
WEB_FLOW_EMAIL: Final = "noreply@github.com"
MAX_SHOWN_EMAIL: Final = 100
MAX_TRAILER_LINE: Final = 1_000

_TRAILER: Final = re.compile(r"co-authored-by:[^<]*<([^<>]*)>\s*", re.ASCII | re.IGNORECASE)
_NOREPLY: Final = re.compile(
    r"([1-9][0-9]{0,18})\+[A-Za-z0-9_-]+(?:\[bot\])?@users\.noreply\.github\.com", re.ASCII
)


def authorship_of(author: Person, commits: Iterable[Commit], merge: Commit | None = None) -> Authorship:
    """The author of the change and everybody its commits name: authors, committers, co-authors.

    `merge` is the commit that merged them and is shown to add nothing: who made it is not among them.
    """
    contributors: dict[int, None] = {author.id: None} if author.id else {}
    unattributed: dict[str, None] = {}
    named = [found for commit in commits for found in _named_by(commit)]
    for found in (*named, *(_named_by_merge(merge) if merge else ())):
        if isinstance(found, int):
            contributors[found] = None
        else:
            unattributed[_shown(found)] = None
    return Authorship(tuple(contributors), tuple(unattributed))


def merge_shown(head: Commit, pull: PullOfCommit, tree_of_pull: str) -> MergeShown:
    """Whether the head of a branch adds nothing to the pull request that was merged there, and how that shows.

    A verified signature with GitHub's own account as committer is GitHub's. With two parents such a commit is
    a clean merge; with one it is a squash, or was written on a page, and then its author is who wrote it.
    """
    if head.commit.tree.sha == tree_of_pull:
        return MergeShown.SAME_CONTENT
    committer, verification = head.committer_account, head.commit.verification
    signed = verification is not None and verification.verified
    if not signed or committer is None or committer.id != WEB_FLOW_ID or pull.merge_commit_sha != head.sha:
        return MergeShown.NO
    others = [parent.sha for parent in head.parents[1:]]
    made = len(head.parents) == 1 or others == [pull.head.sha]
    return MergeShown.MADE_BY_GITHUB if made else MergeShown.NO


def _named_by(commit: Commit) -> Iterator[int | str]:
    yield _author_of(commit)
    yield from _committer_of(commit)
    yield from _co_authors(commit.commit.message)


def _named_by_merge(merge: Commit) -> Iterator[int | str]:
    """All but who made it: the author of a merge of two, the committer of a squash or a rebase."""
    if len(merge.parents) < 2:
        yield _author_of(merge)
    yield from _co_authors(merge.commit.message)


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
