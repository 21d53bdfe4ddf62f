"""The three ways GitHub merges a pull request, done with git objects alone: no work tree, no ref moves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from gate_app.standin.errors import GitHubError
from gate_app.standin.git import Git, GitCommit, Signature


@dataclass(frozen=True)
class Merge:
    """What is merged into what, in whose name, with which title and text."""

    base: str
    head: str
    title: str
    text: str
    author: Signature
    committer: Signature


def merge_commit(git: Git, merge: Merge) -> str:
    """A merge commit with two parents. 405 on a conflict."""
    return _commit(git, merge, [merge.base, merge.head])


def squash(git: Git, merge: Merge) -> str:
    """One commit on the base with all of the head's content. 405 on a conflict."""
    return _commit(git, merge, [merge.base])


def rebase(git: Git, merge: Merge) -> str:
    """The head's commits, merges left out, copied one by one onto the base. 405 on a conflict."""
    tip = merge.base
    for commit in git.commits(merge.base, merge.head):
        if len(commit.parents) == 1:
            tip = _copy(git, commit, tip, merge.committer)
    return tip


def _commit(git: Git, merge: Merge, parents: list[str]) -> str:
    message = f"{merge.title}\n\n{merge.text}".strip() + "\n"
    return git.commit_tree(
        _tree(git, merge.base, merge.head), parents, message, merge.author, merge.committer
    )


def _copy(git: Git, commit: GitCommit, onto: str, committer: Signature) -> str:
    # A commit with the target's tree and the copied commit's parent makes git take that parent as the merge
    # base, which `merge-tree` can be told directly only from git 2.40 on.
    ours = git.commit_tree(f"{onto}^{{tree}}", commit.parents, "", _still(committer), _still(committer))
    tree = _tree(git, ours, commit.sha)
    return git.commit_tree(tree, [onto], f"{commit.message}\n", commit.author, committer)


def _still(signature: Signature) -> Signature:
    return replace(signature, at=datetime.fromtimestamp(0, signature.at.tzinfo))


def _tree(git: Git, ours: str, theirs: str) -> str:
    tree = git.merged_tree(ours, theirs)
    if tree is None:
        raise GitHubError(405, "Pull Request is not mergeable")
    return tree
