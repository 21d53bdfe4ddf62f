"""Repositories: their rows, their bare git directories and the one body that shows them.

Rules of this file:

* A repository is its numeric id; its git directory is named after it, so that renames move nothing.
* It may borrow the objects of a local checkout, which is only ever read.
* Who wrote a commit is decided by the repository's identities: an exact e-mail first, GitHub's own
  no-reply addresses next, then the rule for `*`; nobody otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from gate_app.standin import people
from gate_app.standin.errors import invalid
from gate_app.standin.git import Git, GitError, Signature
from gate_app.standin.people import Person
from gate_app.standin.state import JsonObject, Transaction, node_id

_NOREPLY = re.compile(r"(\d{1,18})\+[^@]+@users\.noreply\.github\.com")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


@dataclass(frozen=True)
class Repository:
    """A repository; `fork_of` names the repository whose git directory a fork shares."""

    TABLE: ClassVar[str] = "repositories"
    id: int
    owner_id: int
    name: str
    private: bool
    archived: bool
    fork_of: int | None
    default_branch: str
    created_at: str
    pushed_at: str


@dataclass(frozen=True)
class Identity:
    """Whom commits with an e-mail belong to; `*` stands for every e-mail, no login for nobody."""

    TABLE: ClassVar[str] = "identities"
    id: int
    repository_id: int
    email: str
    login: str | None


@dataclass(frozen=True)
class Redirect:
    """A name that a repository had before."""

    TABLE: ClassVar[str] = "redirects"
    id: int
    owner_id: int
    name: str
    repository_id: int


@dataclass(frozen=True)
class NewRepository:
    """What a repository is made of: `base` of a `checkout` plus one commit with `files`, if any."""

    owner: str
    name: str
    checkout: Path | None = None
    base: str | None = None
    default_branch: str = "main"
    private: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    identities: Mapping[str, str | None] = field(default_factory=dict)


def create(tx: Transaction, wanted: NewRepository) -> Repository:
    """A new repository. 422 if the name is taken or bad, the checkout unreadable or the base unknown."""
    owner = people.account(tx, wanted.owner)
    if not _NAME.fullmatch(wanted.name):
        raise invalid("Repository", "name", f"{wanted.name!r} is no name of a repository")
    if tx.get(Repository, owner_id=owner.id, name=wanted.name):
        raise invalid("Repository", "name", "name already exists on this account", code="already_exists")
    row = tx.insert(
        Repository,
        owner_id=owner.id,
        name=wanted.name,
        private=wanted.private,
        default_branch=wanted.default_branch,
        created_at=tx.now,
        pushed_at=tx.now,
    )
    for email, login in wanted.identities.items():
        tx.insert(Identity, repository_id=row.id, email=email, login=login)
    _fill(tx, row, wanted)
    tx.announce("repository.created", id=row.id, full_name=full_name(tx, row))
    return row


def _fill(tx: Transaction, row: Repository, wanted: NewRepository) -> None:
    if wanted.checkout and not wanted.base:
        raise invalid("Repository", "base", "name the commit of the checkout to start from")
    try:
        git = Git.create(directory(tx, row), wanted.checkout, wanted.default_branch)
        tip = _first_tip(tx, git, wanted)
        git.set_ref(f"refs/heads/{wanted.default_branch}", tip)
    except GitError as problem:
        raise invalid("Repository", "checkout", str(problem)) from problem


def _first_tip(tx: Transaction, git: Git, wanted: NewRepository) -> str:
    base = git.resolve(wanted.base) if wanted.base else None
    if wanted.base and base is None:
        raise invalid("Repository", "base", f"{wanted.base} is not the full SHA of a commit of the checkout")
    if base and not wanted.files:
        return base
    author = signature(people.web_flow(tx), tx.instant)
    return git.commit_files(base, wanted.files, "Configuration of the repository\n", author)


def fork(tx: Transaction, parent: Repository, owner: Person) -> Repository:
    """The fork of a repository on an account, made if there is none; it shares the git directory."""
    found = tx.get(Repository, owner_id=owner.id, fork_of=parent.id)
    return found or tx.insert(
        Repository,
        owner_id=owner.id,
        name=parent.name,
        private=parent.private,
        fork_of=parent.id,
        default_branch=parent.default_branch,
        created_at=tx.now,
        pushed_at=tx.now,
    )


def move(tx: Transaction, repository: Repository, owner: Person, name: str) -> Repository:
    """Rename or transfer; the old name redirects, as GitHub's does, until somebody takes it."""
    tx.insert(Redirect, owner_id=repository.owner_id, name=repository.name, repository_id=repository.id)
    moved = tx.update(repository, owner_id=owner.id, name=name)
    tx.announce("repository.moved", id=moved.id, full_name=full_name(tx, moved))
    return moved


def by_name(tx: Transaction, owner: str, name: str) -> Repository | None:
    """The repository that has this name now."""
    account = people.by_login(tx, owner)
    return tx.get(Repository, owner_id=account.id, name=name) if account else None


def redirected(tx: Transaction, owner: str, name: str) -> Repository | None:
    """The repository that had this name before."""
    account = people.by_login(tx, owner)
    found = tx.get(Redirect, owner_id=account.id, name=name) if account else None
    return tx.get(Repository, id=found.repository_id) if found else None


def by_id(tx: Transaction, identifier: int) -> Repository:
    """The repository with this id."""
    found = tx.get(Repository, id=identifier)
    if found is None:
        raise LookupError(f"no repository {identifier}")
    return found


def directory(tx: Transaction, repository: Repository) -> Path:
    """Where the bare repository lies."""
    return tx.state.repositories / f"{repository.fork_of or repository.id}.git"


def git(tx: Transaction, repository: Repository) -> Git:
    """The repository's git."""
    return Git(directory(tx, repository))


def full_name(tx: Transaction, repository: Repository) -> str:
    """`owner/name` as of now."""
    return f"{people.by_id(tx, repository.owner_id).login}/{repository.name}"


def api_url(tx: Transaction, repository: Repository) -> str:
    """The address of the repository in the REST API."""
    return f"{tx.url}/repos/{full_name(tx, repository)}"


def html_url(tx: Transaction, repository: Repository) -> str:
    """The address of the repository's page."""
    return f"{tx.url}/{full_name(tx, repository)}"


def everybodys_role(repository: Repository) -> str:
    """The role of a person who was given none."""
    return "none" if repository.private else "read"


def signature(person: Person, at: datetime) -> Signature:
    """A commit identity that maps back to this person."""
    noreply = f"{person.id}+{person.login}@users.noreply.github.com"
    return Signature(person.name or person.login, person.email or noreply, at)


def author_of(tx: Transaction, repository: Repository, email: str) -> Person | None:
    """The account that commits with this e-mail belong to, if any."""
    exact = tx.get(Identity, repository_id=repository.id, email=email)
    if exact:
        return people.by_login(tx, exact.login) if exact.login else None
    noreply = _NOREPLY.fullmatch(email)
    named = tx.get(Person, id=int(noreply.group(1))) if noreply else None
    known = named or tx.get(Person, email=email, deleted=0)
    anyone = tx.get(Identity, repository_id=repository.id, email="*")
    return known or (people.by_login(tx, anyone.login) if anyone and anyone.login else None)


def render_minimal(tx: Transaction, repository: Repository) -> JsonObject:
    """The repository where only what names it is shown, as in a workflow run."""
    api = api_url(tx, repository)
    return {
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": full_name(tx, repository),
        "owner": people.render(tx, people.by_id(tx, repository.owner_id)),
        "private": repository.private,
        "html_url": html_url(tx, repository),
        "description": None,
        "fork": repository.fork_of is not None,
        "url": api,
        **{name: api + path for name, path in _LINKS.items()},
    }


def render(tx: Transaction, repository: Repository) -> JsonObject:
    """The repository of every body."""
    html = html_url(tx, repository)
    zeros = ("forks_count", "stargazers_count", "watchers_count", "forks", "watchers", "open_issues")
    return {
        **render_minimal(tx, repository),
        "visibility": "private" if repository.private else "public",
        "git_url": f"{html}.git".replace("http://", "git://"),
        "ssh_url": f"git@localhost:{full_name(tx, repository)}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        **dict.fromkeys(zeros, 0),
        "open_issues_count": 0,
        "size": 1,
        "default_branch": repository.default_branch,
        "topics": [],
        "is_template": False,
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "has_downloads": True,
        "archived": repository.archived,
        "disabled": False,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "pushed_at": repository.pushed_at,
        "created_at": repository.created_at,
        "updated_at": repository.pushed_at,
    }


def render_full(tx: Transaction, repository: Repository) -> JsonObject:
    """The longer body of `GET /repos/{owner}/{repo}`."""
    return {**render(tx, repository), "subscribers_count": 0, "network_count": 0}
