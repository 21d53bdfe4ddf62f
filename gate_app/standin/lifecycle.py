"""What happens to a pull request: opened, pushed to, retargeted, labelled, closed, reopened, merged.

Each of them changes the rows, moves the refs and queues the webhooks in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gate_app.standin import (
    issue_events,
    issues,
    labels,
    merging,
    people,
    pulls,
    pushes,
    repositories,
    webhooks,
)
from gate_app.standin.errors import GitHubError, invalid
from gate_app.standin.git import Git
from gate_app.standin.labels import PullLabel
from gate_app.standin.merging import Merge
from gate_app.standin.people import Person
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction

_WAYS: dict[str, Callable[[Git, Merge], str]] = {
    "merge": merging.merge_commit,
    "squash": merging.squash,
    "rebase": merging.rebase,
}


@dataclass(frozen=True)
class Proposal:
    """What is needed to open a pull request."""

    head_sha: str
    head_branch: str
    title: str
    body: str | None
    author: str
    base_branch: str | None = None
    fork_owner: str | None = None


def open_pull(tx: Transaction, repository: Repository, proposal: Proposal) -> Pull:
    """Push the branch (to a fork, if one is named) and open a pull request for it."""
    git = repositories.git(tx, repository)
    author = people.require(tx, proposal.author)
    base_ref = proposal.base_branch or repository.default_branch
    base_sha, head_sha = git.branch(base_ref), pushes.known_commit(git, proposal.head_sha)
    if base_sha is None:
        raise invalid("PullRequest", "base", f"there is no branch {base_ref}")
    head_repository = _head_repository(tx, repository, proposal)
    if head_repository == repository:
        pushes.push(tx, repository, proposal.head_branch, head_sha, author)
    number = issues.next_number(tx, repository)
    git.set_ref(f"refs/pull/{number}/head", head_sha)
    pull = tx.insert(
        Pull,
        repository_id=repository.id,
        number=number,
        state="open",
        title=proposal.title,
        body=proposal.body,
        author_id=author.id,
        head_repository_id=head_repository.id,
        head_ref=proposal.head_branch,
        head_sha=head_sha,
        base_ref=base_ref,
        base_sha=base_sha,
        created_at=tx.now,
        updated_at=tx.now,
    )
    pulls.note_commits(tx, pull, git.commits(base_sha, head_sha))
    _tell(tx, pull, "opened", author)
    return pull


def _head_repository(tx: Transaction, repository: Repository, proposal: Proposal) -> Repository:
    if proposal.fork_owner is None:
        return repository
    return repositories.fork(tx, repository, people.require(tx, proposal.fork_owner))


def set_head(tx: Transaction, pull: Pull, sha: str, pusher: Person) -> Pull:
    """Push another commit to the pull request's branch."""
    repository = repositories.by_id(tx, pull.repository_id)
    found = pushes.known_commit(repositories.git(tx, repository), sha)
    _require_open(pull)
    if pull.head_repository_id == pull.repository_id:
        pushes.push(tx, repository, pull.head_ref, found, pusher)
    elif found != pull.head_sha:
        pushes.synchronize(tx, pull, found, pusher)
    return pulls.require(tx, repository, pull.number)


def retarget(tx: Transaction, pull: Pull, base_ref: str, sender: Person) -> Pull:
    """Give the pull request another base branch (`edited` with the old base)."""
    repository = repositories.by_id(tx, pull.repository_id)
    base_sha = repositories.git(tx, repository).branch(base_ref)
    if base_sha is None:
        raise invalid("PullRequest", "base", f"there is no branch {base_ref}")
    changed = tx.update(pull, base_ref=base_ref, base_sha=base_sha, updated_at=tx.now)
    issue_events.note(tx, repository.id, pull.number, "base_ref_changed", sender)
    was = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
    _tell(tx, changed, "edited", sender, changes={"base": was})
    return changed


def edit(tx: Transaction, pull: Pull, title: str, sender: Person) -> Pull:
    """Give the pull request another title (`edited` with the old one)."""
    changed = tx.update(pull, title=title, updated_at=tx.now)
    _tell(tx, changed, "edited", sender, changes={"title": {"from": pull.title}})
    return changed


def label(tx: Transaction, pull: Pull, names: Sequence[str], sender: Person) -> Pull:
    """Let the pull request wear exactly these labels (`labeled` and `unlabeled`, one for each)."""
    repository = repositories.by_id(tx, pull.repository_id)
    worn = {label.name: label for label in labels.worn(tx, pull.id)}
    changed = tx.update(pull, updated_at=tx.now)
    for name in [name for name in worn if name not in names]:
        tx.delete(PullLabel, id=worn[name].id)
        _tell(tx, changed, "unlabeled", sender, label=labels.render(tx, repository, worn[name]))
    for name in [name for name in dict.fromkeys(names) if name not in worn]:
        added = tx.insert(PullLabel, pull_id=pull.id, name=name)
        _tell(tx, changed, "labeled", sender, label=labels.render(tx, repository, added))
    return changed


def close(tx: Transaction, pull: Pull, sender: Person) -> Pull:
    """Close without merging."""
    _require_open(pull)
    closed = tx.update(pull, state="closed", closed_at=tx.now, updated_at=tx.now)
    issue_events.note(tx, pull.repository_id, pull.number, "closed", sender)
    _tell(tx, closed, "closed", sender)
    return closed


def reopen(tx: Transaction, pull: Pull, sender: Person) -> Pull:
    """Open a closed pull request again. 422 if it is open or merged."""
    if pull.state == "open" or pull.merged:
        raise invalid("PullRequest", "state", "only a closed, unmerged pull request can be reopened")
    opened = tx.update(pull, state="open", closed_at=None, updated_at=tx.now)
    issue_events.note(tx, pull.repository_id, pull.number, "reopened", sender)
    _tell(tx, opened, "reopened", sender)
    return opened


def merge(tx: Transaction, pull: Pull, method: str, by: Person) -> Pull:
    """Merge into the base branch. 405 if it is not open or does not merge cleanly."""
    _require_open(pull)
    if method not in _WAYS:
        raise invalid("PullRequest", "merge_method", f"{method} is not one of {', '.join(_WAYS)}")
    repository = repositories.by_id(tx, pull.repository_id)
    git = repositories.git(tx, repository)
    before = git.branch(pull.base_ref) or pull.base_sha
    after = _WAYS[method](git, _merge(tx, pull, method, before, by))
    merged = tx.update(
        pull,
        state="closed",
        merged=1,
        merged_by_id=by.id,
        merge_commit_sha=after,
        merged_at=tx.now,
        closed_at=tx.now,
        updated_at=tx.now,
    )
    pulls.note_commits(tx, merged, git.commits(pull.base_sha, pull.head_sha), git.commits(before, after))
    pushes.push(tx, repository, pull.base_ref, after, by)
    for event in ("merged", "closed"):
        issue_events.note(tx, repository.id, pull.number, event, by, pull.head_sha)
    _tell(tx, merged, "closed", by)
    return merged


def _merge(tx: Transaction, pull: Pull, method: str, base: str, by: Person) -> Merge:
    head_owner = people.by_id(tx, repositories.by_id(tx, pull.head_repository_id).owner_id)
    joined = f"Merge pull request #{pull.number} from {head_owner.login}/{pull.head_ref}"
    title, text = (joined, pull.title) if method == "merge" else (f"{pull.title} (#{pull.number})", "")
    author = by if method == "merge" else people.by_id(tx, pull.author_id)
    return Merge(
        base=base,
        head=pull.head_sha,
        title=title,
        text=text,
        author=repositories.signature(author, tx.instant),
        committer=repositories.signature(by if method == "rebase" else people.web_flow(tx), tx.instant),
    )


def _require_open(pull: Pull) -> None:
    if pull.state != "open":
        raise GitHubError(405, f"Pull Request {pull.number} is not open")


def _tell(tx: Transaction, pull: Pull, action: str, sender: Person, **more: JsonObject) -> None:
    repository = repositories.by_id(tx, pull.repository_id)
    facts = {"title": pull.title, "head_sha": pull.head_sha, "merged": pull.merged, "by": sender.login}
    tx.announce(f"pull.{action}", repository_id=pull.repository_id, number=pull.number, **facts)
    payload: JsonObject = {
        "action": action,
        "number": pull.number,
        "pull_request": pulls.render_whole(tx, pull),
    }
    webhooks.emit(tx, repository, sender, "pull_request", {**payload, **more})
