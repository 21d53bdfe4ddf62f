"""Pull requests: their rows and the bodies that show them. What happens to them is in `lifecycle`.

A pull request is also an issue: comments carry it in the issue's shape. What it contains is always what its
head has and its base had not when it was opened, pushed to or retargeted; GitHub shows it that way too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gate_app.standin import labels, people, repositories
from gate_app.standin.errors import not_found
from gate_app.standin.git import FileChange, GitCommit
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id

MAX_COMMITS = 250
MAX_FILES = 3000


@dataclass(frozen=True)
class Pull:
    """A pull request as it is kept."""

    TABLE: ClassVar[str] = "pulls"
    id: int
    repository_id: int
    number: int
    state: str
    title: str
    body: str | None
    author_id: int
    head_repository_id: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    merged: bool
    merged_by_id: int | None
    merge_commit_sha: str | None
    created_at: str
    updated_at: str
    closed_at: str | None
    merged_at: str | None


@dataclass(frozen=True)
class PullCommit:
    """A commit that a pull request contains, or became by its merge."""

    TABLE: ClassVar[str] = "pull_commits"
    id: int
    pull_id: int
    sha: str


@dataclass(frozen=True)
class Comment:
    """A comment on a pull request; `app_id` is set if an App wrote it. Its rules are in `comments`."""

    TABLE: ClassVar[str] = "comments"
    id: int
    repository_id: int
    number: int
    author_id: int
    app_id: int | None
    body: str
    created_at: str
    updated_at: str


def require(tx: Transaction, repository: Repository, number: int) -> Pull:
    """The pull request with this number. 404 if there is none."""
    found = tx.get(Pull, repository_id=repository.id, number=number)
    if found is None:
        raise not_found()
    return found


def with_head(tx: Transaction, repository: Repository, sha: str) -> list[Pull]:
    """The open pull requests of the repository's own branches with this head; forks stay unnamed."""
    wanted = {"head_repository_id": repository.id, "head_sha": sha, "state": "open"}
    return tx.every(Pull, repository_id=repository.id, **wanted)


def with_commit(tx: Transaction, repository: Repository, sha: str) -> list[Pull]:
    """The pull requests that contain a commit or brought it in, as "pulls of a commit" lists them."""
    found = [
        tx.get(Pull, id=row.pull_id, repository_id=repository.id) for row in tx.every(PullCommit, sha=sha)
    ]
    return [pull for pull in found if pull is not None]


def note_commits(tx: Transaction, pull: Pull, *ranges: tuple[GitCommit, ...]) -> None:
    """Note what the pull request contains now, instead of what it contained before."""
    tx.delete(PullCommit, pull_id=pull.id)
    for sha in dict.fromkeys(commit.sha for commits in ranges for commit in commits):
        tx.insert(PullCommit, pull_id=pull.id, sha=sha)


def commits(tx: Transaction, pull: Pull) -> tuple[GitCommit, ...]:
    """The commits of a pull request, oldest first, at most 250."""
    git = repositories.git(tx, repositories.by_id(tx, pull.repository_id))
    return git.commits(pull.base_sha, pull.head_sha, MAX_COMMITS)


def files(tx: Transaction, pull: Pull) -> tuple[FileChange, ...]:
    """The files a pull request changes against the common ancestor, at most 3000."""
    git = repositories.git(tx, repositories.by_id(tx, pull.repository_id))
    fork = git.merge_base(pull.base_sha, pull.head_sha)
    return git.file_changes(fork, pull.head_sha)[:MAX_FILES] if fork else ()


def render(tx: Transaction, pull: Pull) -> JsonObject:
    """A pull request as lists show it."""
    repository = repositories.by_id(tx, pull.repository_id)
    author = people.by_id(tx, pull.author_id)
    return {
        **_addresses(tx, repository, pull),
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "active_lock_reason": None,
        "title": pull.title,
        "user": people.render(tx, author),
        "body": pull.body,
        "labels": [labels.render(tx, repository, label) for label in labels.worn(tx, pull.id)],
        "milestone": None,
        "draft": False,
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _side(tx, repositories.by_id(tx, pull.head_repository_id), pull.head_ref, pull.head_sha),
        "base": _side(tx, repository, pull.base_ref, pull.base_sha),
        "author_association": people.association(tx, repository.id, repository.owner_id, author),
        "auto_merge": None,
    }


def render_whole(tx: Transaction, pull: Pull) -> JsonObject:
    """A pull request with its counts; whether it can be merged is not yet known, as in webhooks."""
    changes = files(tx, pull)
    merged_by = people.by_id(tx, pull.merged_by_id) if pull.merged_by_id else None
    return {
        **render(tx, pull),
        "merged": pull.merged,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": people.render(tx, merged_by) if merged_by else None,
        "comments": tx.count(Comment, repository_id=pull.repository_id, number=pull.number),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits(tx, pull)),
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def merges_cleanly(tx: Transaction, pull: Pull) -> bool:
    """Whether the head merges into the base branch as it is now, without a conflict."""
    git = repositories.git(tx, repositories.by_id(tx, pull.repository_id))
    return git.merged_tree(git.branch(pull.base_ref) or pull.base_sha, pull.head_sha) is not None


def render_with_mergeability(tx: Transaction, pull: Pull) -> JsonObject:
    """The body of `GET /repos/{owner}/{repo}/pulls/{number}`."""
    body = render_whole(tx, pull)
    if pull.state != "open":
        return body
    clean = merges_cleanly(tx, pull)
    return {**body, "mergeable": clean, "rebaseable": clean, "mergeable_state": "clean" if clean else "dirty"}


def render_minimal(tx: Transaction, pull: Pull) -> JsonObject:
    """A pull request as check runs and check suites name it."""
    sides = (
        ("head", pull.head_repository_id, pull.head_ref, pull.head_sha),
        ("base", pull.repository_id, pull.base_ref, pull.base_sha),
    )
    repository = repositories.by_id(tx, pull.repository_id)
    body: JsonObject = {
        "id": pull.id,
        "number": pull.number,
        "url": f"{repositories.api_url(tx, repository)}/pulls/{pull.number}",
    }
    for side, repository_id, ref, sha in sides:
        found = repositories.by_id(tx, repository_id)
        short = {"id": found.id, "url": repositories.api_url(tx, found), "name": found.name}
        body[side] = {"ref": ref, "sha": sha, "repo": short}
    return body


def render_as_issue(tx: Transaction, pull: Pull) -> JsonObject:
    """The issue that a pull request is, as `issue_comment` events carry it."""
    repository = repositories.by_id(tx, pull.repository_id)
    author = people.by_id(tx, pull.author_id)
    addresses = _addresses(tx, repository, pull)
    issue = addresses["issue_url"]
    linked = {"url": addresses["url"], "html_url": addresses["html_url"]}
    return {
        "url": issue,
        "repository_url": repositories.api_url(tx, repository),
        "labels_url": f"{issue}/labels{{/name}}",
        "comments_url": f"{issue}/comments",
        "events_url": f"{issue}/events",
        "timeline_url": f"{issue}/timeline",
        "html_url": addresses["html_url"],
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "title": pull.title,
        "user": people.render(tx, author),
        "labels": [labels.render(tx, repository, label) for label in labels.worn(tx, pull.id)],
        "state": pull.state,
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": tx.count(Comment, repository_id=pull.repository_id, number=pull.number),
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "author_association": people.association(tx, repository.id, repository.owner_id, author),
        "active_lock_reason": None,
        "draft": False,
        "pull_request": {
            **linked,
            "diff_url": addresses["diff_url"],
            "patch_url": addresses["patch_url"],
            "merged_at": pull.merged_at,
        },
        "body": pull.body,
        "reactions": no_reactions(f"{issue}/reactions"),
        "performed_via_github_app": None,
        "state_reason": None,
    }


def no_reactions(url: str) -> JsonObject:
    """The count of reactions of something nobody reacted to."""
    contents = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": url, "total_count": 0, **dict.fromkeys(contents, 0)}


def _addresses(tx: Transaction, repository: Repository, pull: Pull) -> JsonObject:
    root = repositories.api_url(tx, repository)
    api, issue = f"{root}/pulls/{pull.number}", f"{root}/issues/{pull.number}"
    html = f"{repositories.html_url(tx, repository)}/pull/{pull.number}"
    statuses = f"{root}/statuses/{pull.head_sha}"
    links = {
        "self": api,
        "html": html,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{api}/comments",
        "review_comment": f"{root}/pulls/comments{{/number}}",
        "commits": f"{api}/commits",
        "statuses": statuses,
    }
    return {
        "url": api,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": statuses,
        "_links": {name: {"href": url} for name, url in links.items()},
    }


def _side(tx: Transaction, repository: Repository, ref: str, sha: str) -> JsonObject:
    owner = people.by_id(tx, repository.owner_id)
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": people.render(tx, owner),
        "repo": repositories.render(tx, repository),
    }
