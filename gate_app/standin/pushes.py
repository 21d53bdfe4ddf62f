"""Pushes: a branch moves, and everything that follows from it on GitHub.

The push event comes first, then the check suites of the new commit, then `synchronize` of the pull requests
whose head it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from gate_app.standin import issue_events, people, pulls, repositories, suites, webhooks
from gate_app.standin.errors import invalid
from gate_app.standin.git import NO_COMMIT, Git, GitCommit
from gate_app.standin.people import Person
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id, timestamp

MAX_COMMITS = 20


@dataclass(frozen=True)
class Push:
    """One movement of a branch, as the activity of a repository lists it."""

    TABLE: ClassVar[str] = "pushes"
    id: int
    repository_id: int
    ref: str
    before: str
    after: str
    kind: str
    actor_id: int
    at: str


def push(tx: Transaction, repository: Repository, branch: str, sha: str, pusher: Person) -> None:
    """Point a branch at a commit that the repository has. Nothing happens if it is there already."""
    git = repositories.git(tx, repository)
    before = git.branch(branch)
    if before == sha:
        return
    git.set_ref(f"refs/heads/{branch}", sha)
    tx.update(repository, pushed_at=tx.now)
    _note(tx, repository, branch, before, sha, pusher)
    tx.announce("push", repository=repositories.full_name(tx, repository), branch=branch, sha=sha)
    payload = _payload(tx, repository, branch, before, sha, pusher)
    webhooks.emit(tx, repository, pusher, "push", payload)
    suites.request(tx, repository, sha, branch, before, pusher)
    for pull in tx.every(Pull, head_repository_id=repository.id, head_ref=branch, state="open"):
        synchronize(tx, pull, sha, pusher)


def _note(
    tx: Transaction, repository: Repository, branch: str, before: str | None, after: str, pusher: Person
) -> None:
    forced = before is not None and not repositories.git(tx, repository).contains(after, before)
    kind = "branch_creation" if before is None else "force_push" if forced else "push"
    told = {"ref": f"refs/heads/{branch}", "before": before or NO_COMMIT, "after": after, "kind": kind}
    tx.insert(Push, repository_id=repository.id, actor_id=pusher.id, at=tx.now, **told)


def render(tx: Transaction, push: Push) -> JsonObject:
    """A push as the activity of a repository lists it."""
    return {
        "id": push.id,
        "node_id": node_id("Push", push.id),
        "before": push.before,
        "after": push.after,
        "ref": push.ref,
        "timestamp": push.at,
        "activity_type": push.kind,
        "actor": people.render(tx, people.by_id(tx, push.actor_id)),
    }


def synchronize(tx: Transaction, pull: Pull, sha: str, sender: Person) -> Pull:
    """The pull request after its head moved to `sha`."""
    repository = repositories.by_id(tx, pull.repository_id)
    git = repositories.git(tx, repository)
    base_sha = git.branch(pull.base_ref) or pull.base_sha
    git.set_ref(f"refs/pull/{pull.number}/head", sha)
    moved = tx.update(pull, head_sha=sha, base_sha=base_sha, updated_at=tx.now)
    pulls.note_commits(tx, moved, git.commits(base_sha, sha))
    if not git.contains(sha, pull.head_sha):
        issue_events.note(tx, repository.id, pull.number, "head_ref_force_pushed", sender)
    facts = {"head_sha": sha, "before": pull.head_sha, "by": sender.login}
    tx.announce("pull.synchronized", repository_id=repository.id, number=pull.number, **facts)
    payload: JsonObject = {
        "action": "synchronize",
        "number": pull.number,
        "before": pull.head_sha,
        "after": sha,
        "pull_request": pulls.render_whole(tx, moved),
    }
    webhooks.emit(tx, repository, sender, "pull_request", payload)
    return moved


def known_commit(git: Git, sha: str) -> str:
    """The full SHA of a commit that the repository has. 422 otherwise."""
    found = git.resolve(sha)
    if found is None:
        raise invalid("Commit", "sha", f"{sha} is not a commit of this repository or its checkout")
    return found


def _payload(
    tx: Transaction, repository: Repository, branch: str, before: str | None, after: str, pusher: Person
) -> JsonObject:
    git = repositories.git(tx, repository)
    html = repositories.html_url(tx, repository)
    base = before or git.branch(repository.default_branch)
    found = git.commits(base, after, MAX_COMMITS)
    compared = f"{before[:12]}...{after[:12]}" if before else after[:12]
    return {
        "ref": f"refs/heads/{branch}",
        "before": before or NO_COMMIT,
        "after": after,
        "base_ref": None,
        "created": before is None,
        "deleted": False,
        "forced": before is not None and not git.contains(after, before),
        "compare": f"{html}/compare/{compared}",
        "commits": [_commit(tx, repository, commit) for commit in found],
        "head_commit": _commit(tx, repository, git.commit(after)),
        "pusher": {"name": pusher.login, "email": repositories.signature(pusher, tx.instant).email},
        "repository": _repository(tx, repository),
    }


def _commit(tx: Transaction, repository: Repository, commit: GitCommit) -> JsonObject:
    git = repositories.git(tx, repository)
    changes = git.file_changes(commit.parents[0], commit.sha) if commit.parents else ()
    people_of = {}
    for role, signature in (("author", commit.author), ("committer", commit.committer)):
        person = repositories.author_of(tx, repository, signature.email)
        username = {"username": person.login} if person else {}
        people_of[role] = {"name": signature.name, "email": signature.email, **username}
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": timestamp(commit.committer.at),
        "url": f"{repositories.html_url(tx, repository)}/commit/{commit.sha}",
        **people_of,
        "added": [change.filename for change in changes if change.status == "added"],
        "removed": [change.filename for change in changes if change.status == "removed"],
        "modified": [change.filename for change in changes if change.status not in ("added", "removed")],
    }


def _repository(tx: Transaction, repository: Repository) -> JsonObject:
    """Push events alone carry seconds since 1970 and the owner's name and e-mail."""
    owner = people.by_id(tx, repository.owner_id)
    created, pushed = map(_seconds, (repository.created_at, repository.pushed_at))
    return {
        **repositories.render(tx, repository),
        "owner": {**people.render(tx, owner), "name": owner.login, "email": owner.email},
        "created_at": created,
        "pushed_at": pushed,
        "master_branch": repository.default_branch,
        "stargazers": 0,
    }


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
