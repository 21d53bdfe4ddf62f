"""Commits, branches, refs and comparisons as the REST API shows them. Read only."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from gate_app.standin import people, protection, repositories
from gate_app.standin.errors import GitHubError, not_found
from gate_app.standin.git import SHA, FileChange, GitCommit, GitError, Signature
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction, node_id, timestamp

MAX_FILES = 300
MAX_TREE = 100_000
MAX_COMPARED_COMMITS = 250


def resolve(tx: Transaction, repository: Repository, name: str) -> str:
    """The commit that a branch, tag or SHA names. 422 if there is none."""
    sha = repositories.git(tx, repository).resolve(name)
    if sha is None:
        raise GitHubError(422, f"No commit found for SHA: {name}")
    return sha


def render_commit(tx: Transaction, repository: Repository, commit: GitCommit) -> JsonObject:
    """A commit as the commits API lists it; the author is null if nobody is known by the e-mail."""
    api, html = repositories.api_url(tx, repository), repositories.html_url(tx, repository)
    author, committer = (
        repositories.author_of(tx, repository, signature.email)
        for signature in (commit.author, commit.committer)
    )
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "commit": {
            "author": _signature(commit.author),
            "committer": _signature(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
            "url": f"{api}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": _verification(tx, repository, commit),
        },
        "url": f"{api}/commits/{commit.sha}",
        "html_url": f"{html}/commit/{commit.sha}",
        "comments_url": f"{api}/commits/{commit.sha}/comments",
        "author": people.render(tx, author) if author else None,
        "committer": people.render(tx, committer) if committer else None,
        "parents": [
            {"sha": sha, "url": f"{api}/commits/{sha}", "html_url": f"{html}/commit/{sha}"}
            for sha in commit.parents
        ],
    }


def render_commit_with_files(tx: Transaction, repository: Repository, sha: str) -> JsonObject:
    """The longer body of `GET /repos/{owner}/{repo}/commits/{ref}`."""
    git = repositories.git(tx, repository)
    commit = git.commit(sha)
    parent = commit.parents[0] if commit.parents else None
    changes = git.file_changes(parent, sha) if parent else ()
    additions, deletions = (sum(getattr(c, n) for c in changes) for n in ("additions", "deletions"))
    return {
        **render_commit(tx, repository, commit),
        "stats": {"additions": additions, "deletions": deletions, "total": additions + deletions},
        "files": render_files(tx, repository, sha, changes[:MAX_FILES]),
    }


def render_git_commit(tx: Transaction, repository: Repository, sha: str) -> JsonObject:
    """The body of `GET /repos/{owner}/{repo}/git/commits/{sha}`. 404 if there is no such commit."""
    api, html = repositories.api_url(tx, repository), repositories.html_url(tx, repository)
    try:
        commit = repositories.git(tx, repository).commit(sha)
    except GitError:
        raise not_found() from None
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": f"{api}/git/commits/{commit.sha}",
        "html_url": f"{html}/commit/{commit.sha}",
        "author": _signature(commit.author),
        "committer": _signature(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
        "parents": [
            {"sha": sha, "url": f"{api}/git/commits/{sha}", "html_url": f"{html}/commit/{sha}"}
            for sha in commit.parents
        ],
        "verification": _verification(tx, repository, commit),
    }


def render_simple_commit(commit: GitCommit) -> JsonObject:
    """A commit as check suites and workflow runs name it."""
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": timestamp(commit.committer.at),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def render_files(
    tx: Transaction, repository: Repository, head: str, changes: Sequence[FileChange]
) -> list[JsonObject]:
    """Changed files as pulls, commits and comparisons list them, without patches."""
    api, html = repositories.api_url(tx, repository), repositories.html_url(tx, repository)
    return [
        {
            "sha": change.sha,
            "filename": change.filename,
            "status": change.status,
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "blob_url": f"{html}/blob/{head}/{quote(change.filename)}",
            "raw_url": f"{html}/raw/{head}/{quote(change.filename)}",
            "contents_url": f"{api}/contents/{quote(change.filename)}?ref={head}",
            **({"previous_filename": change.previous_filename} if change.previous_filename else {}),
        }
        for change in changes
    ]


def render_comparison(tx: Transaction, repository: Repository, base: str, head: str) -> JsonObject:
    """The body of `GET /repos/{owner}/{repo}/compare/{base}...{head}`. 404 without a common ancestor."""
    git = repositories.git(tx, repository)
    fork = git.merge_base(base, head)
    if fork is None:
        raise GitHubError(404, f"No common ancestor between {base} and {head}.")
    ahead, behind = git.commits(base, head), git.commits(head, base)
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    api = f"{repositories.api_url(tx, repository)}/compare/{base}...{head}"
    html = f"{repositories.html_url(tx, repository)}/compare/{base}...{head}"
    return {
        "url": api,
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": render_commit(tx, repository, git.commit(base)),
        "merge_base_commit": render_commit(tx, repository, git.commit(fork)),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [render_commit(tx, repository, commit) for commit in ahead[-MAX_COMPARED_COMMITS:]],
        "files": render_files(tx, repository, head, git.file_changes(fork, head)[:MAX_FILES]),
    }


def render_branch(tx: Transaction, repository: Repository, name: str) -> JsonObject:
    """The body of `GET /repos/{owner}/{repo}/branches/{branch}`."""
    git = repositories.git(tx, repository)
    sha = git.branch(name)
    if sha is None:
        raise GitHubError(404, "Branch not found")
    api = f"{repositories.api_url(tx, repository)}/branches/{quote(name)}"
    html = f"{repositories.html_url(tx, repository)}/tree/{quote(name)}"
    return {
        "name": name,
        "commit": render_commit(tx, repository, git.commit(sha)),
        "_links": {"html": html, "self": api},
        "protected": protection.is_protected(tx, repository, name),
        "protection": protection.render(tx, repository, name),
        "protection_url": f"{api}/protection",
    }


def render_short_branch(tx: Transaction, repository: Repository, name: str) -> JsonObject:
    """A branch as lists show it."""
    sha = repositories.git(tx, repository).branch(name)
    url = f"{repositories.api_url(tx, repository)}/commits/{sha}"
    protected = protection.is_protected(tx, repository, name)
    return {"name": name, "commit": {"sha": sha, "url": url}, "protected": protected}


def render_tree(tx: Transaction, repository: Repository, name: str, *, recursive: bool) -> JsonObject:
    """The body of `GET /repos/{owner}/{repo}/git/trees/{sha}` for a tree, commit, branch or tag. 404 if there
    is none."""
    git, api = repositories.git(tx, repository), repositories.api_url(tx, repository)
    sha = name if SHA.fullmatch(name) else git.resolve(name)
    try:
        found = git.listing(sha, recursive=recursive) if sha else None
    except GitError:
        found = None
    if sha is None or found is None:
        raise not_found()
    tree = git.text("rev-parse", f"{sha}^{{tree}}")
    folder = {"blob": "blobs", "tree": "trees", "commit": "commits"}
    entries = [
        {
            "path": path,
            "mode": entry.mode,
            "type": entry.kind,
            "sha": entry.sha,
            **({"size": entry.size} if entry.kind == "blob" else {}),
            "url": f"{api}/git/{folder[entry.kind]}/{entry.sha}",
        }
        for path, entry in found
    ]
    kept = entries[:MAX_TREE]
    return {
        "sha": tree,
        "url": f"{api}/git/trees/{tree}",
        "tree": kept,
        "truncated": len(kept) < len(entries),
    }


def render_tag(tx: Transaction, repository: Repository, name: str, sha: str) -> JsonObject:
    """A tag as lists show it."""
    api = repositories.api_url(tx, repository)
    return {
        "name": name,
        "zipball_url": f"{api}/zipball/refs/tags/{quote(name)}",
        "tarball_url": f"{api}/tarball/refs/tags/{quote(name)}",
        "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
        "node_id": node_id("Ref", f"tags/{name}"),
    }


def render_ref(tx: Transaction, repository: Repository, ref: str) -> JsonObject:
    """The body of `GET /repos/{owner}/{repo}/git/ref/{ref}` for `heads/x` and `tags/x`."""
    known = ref.startswith(("heads/", "tags/", "pull/"))
    sha = repositories.git(tx, repository).resolve(f"refs/{ref}") if known else None
    if sha is None:
        raise not_found()
    api = repositories.api_url(tx, repository)
    target = {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"}
    return {
        "ref": f"refs/{ref}",
        "node_id": node_id("Ref", ref),
        "url": f"{api}/git/refs/{ref}",
        "object": target,
    }


def _signature(signature: Signature) -> JsonObject:
    return {"name": signature.name, "email": signature.email, "date": timestamp(signature.at)}


def _verification(tx: Transaction, repository: Repository, commit: GitCommit) -> JsonObject:
    """GitHub signs what its merge button makes, but not what it rebases."""
    merged = tx.get(Pull, repository_id=repository.id, merge_commit_sha=commit.sha)
    if merged is not None and commit.committer.email == people.WEB_FLOW_EMAIL:
        return {
            "verified": True,
            "reason": "valid",
            "signature": "-----BEGIN PGP SIGNATURE-----\n\nstand-in\n-----END PGP SIGNATURE-----\n",
            "payload": f"tree {commit.tree}\n",
            "verified_at": merged.merged_at,
        }
    return {
        "verified": False,
        "reason": "unsigned",
        "signature": None,
        "payload": None,
        "verified_at": None,
    }
