"""What we ask GitHub: the head, the policy, who wrote it, what a person may, what a comment says now.

Rules of the file: everything is live, but for what a SHA names, which cannot change; identities are
compared by number (invariant 5); a doubtful answer is a fault, never a weaker fact (invariant 4).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from gate_app.domain.conditions import Standing
from gate_app.domain.model import (
    Authorship,
    Change,
    Content,
    MergeShown,
    Origin,
    Person,
    PersonKind,
    Repository,
    Subject,
)
from gate_app.domain.policy import Permission, reaches
from gate_app.engine.ports import Comparison, LiveChange, PolicyAbsent, PolicyFile, PolicyRefused
from gate_app.errors import HubRefused, HubUnavailable
from gate_app.github import answers
from gate_app.github.api import Api
from gate_app.github.authorship import authorship_of, merge_shown
from gate_app.github.fields import MAX_TITLE, person_or_ghost
from gate_app.github.origin import Path, at_root, in_repository
from gate_app.github.permissions import (
    FETCH_CONTENT,
    READ_CHANGE,
    READ_COMMENT,
    READ_POLICY,
    READ_STANDING,
    READ_STANDING_AND_TEAMS,
)

POLICY_PATH: Final = (".github", "gate.yml")
OWNERS_PATHS: Final = ((".github", "CODEOWNERS"), ("CODEOWNERS",), ("docs", "CODEOWNERS"))
FLOOR_REPOSITORY: Final = ".github"
FLOOR_PATH: Final = (".github", "gate-floor.yml")
MAX_POLICY_BYTES: Final = 64 * 1024
MAX_LISTED_COMMITS: Final = 250
"""Where GitHub's list of a pull request's commits ends, without saying so (docs: list commits)."""
MAX_COMPARED_FILES: Final = 300
"""Where GitHub's list of compared files ends (docs: compare two commits)."""
MAX_REMEMBERED_TREES: Final = 10_000
NOBODY: Final = Person(0, "")
BRANCH_PREFIX: Final = "refs/heads/"


class Reads:
    """The reading half of the `Hub`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._trees: dict[tuple[int, str], str] = {}

    def live_change(self, repository: Repository, subject: Subject) -> LiveChange:
        """The subject's head and state at this moment. HubRefused(404) when there is no such subject."""
        if subject.number is not None:
            return self._live_pull(repository, subject, subject.number)
        return self._live_branch(repository, subject)

    def policy_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """`.github/gate.yml` of the default branch: the one read when no ref is named (docs: contents)."""
        return self._file(repository, POLICY_PATH)

    def proposed_file(self, repository: Repository, sha: str) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """`.github/gate.yml` at a head; a base repository shows the commits of its forks' pull requests too."""
        return self._file(repository, POLICY_PATH, sha)

    def owners_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """CODEOWNERS of the default branch, the first there is (docs: about code owners, location)."""
        found = (self._file(repository, path) for path in OWNERS_PATHS)
        return next((file for file in found if not isinstance(file, PolicyAbsent)), PolicyAbsent())

    def floor_file(self, repository: Repository) -> PolicyFile | PolicyAbsent | PolicyRefused:
        """`.github/gate-floor.yml` of the default branch of the `.github` repository beside this one."""
        home = self._api.named(repository.installation_id, FLOOR_REPOSITORY)
        return self._file(home, FLOOR_PATH) if home is not None else PolicyAbsent()

    def _file(
        self, repository: Repository, where: Sequence[str], ref: str = ""
    ) -> PolicyFile | PolicyAbsent | PolicyRefused:
        query = {"ref": ref} if ref else None
        try:
            path = in_repository("contents", *where)
            found = self._api.read(answers.CONTENT, repository, READ_POLICY, path, query)
        except HubRefused as refused:
            if refused.status != 404:
                raise
            self._require_readable(repository)
            return PolicyAbsent()
        if isinstance(found, list):
            return PolicyRefused("a directory lies there")
        return _plain_file(found, where)

    def authorship(self, change: Change) -> Authorship:
        """Everybody who made this content (cases 54 to 57). HubUnavailable when the list may not be whole."""
        commits = self._commits_of_pull(change)
        if change.subject.number is None:
            path = in_repository("commits", change.head.sha)
            head = self._api.read(answers.COMMIT, change.repository, READ_CHANGE, path)
            if change.bare_merge:
                return authorship_of(change.author, commits, merge=head)
            commits += (head,)
        elif change.head.sha not in {commit.sha for commit in commits}:
            raise HubUnavailable("the pull request's commits do not contain the head: it moved")
        return authorship_of(change.author, commits)

    def compare(self, repository: Repository, base: str, head: str) -> Comparison:
        """What lies between two commits (docs: compare two commits; 250 commits and 300 files are listed).

        HubRefused(404) when one of them is gone or they have nothing in common.
        """
        path = in_repository("compare", f"{base}...{head}")
        found = self._api.read(answers.COMPARISON, repository, FETCH_CONTENT, path)
        whole = len(found.files) < MAX_COMPARED_FILES
        before = [commit for commit in found.commits if commit.sha != head]
        files = [name for file in found.files for name in (file.filename, file.previous_filename) if name]
        return Comparison(
            found.ahead_by,
            found.behind_by,
            tuple(commit.commit.message for commit in found.commits),
            tuple(files) if whole else None,
            sum(file.changes for file in found.files) if whole else None,
            authorship_of(NOBODY, before) if len(found.commits) == found.ahead_by else None,
        )

    def standing(
        self, repository: Repository, person: Person, teams: Sequence[str], organisations: Sequence[str] = ()
    ) -> Standing:
        """What a person may here, and which of the asked teams and organisations they are active in (60, 61, 65).

        Raises HubRefused(409) when the login belongs to another account now (case 59).
        """
        if person.account is not PersonKind.USER:
            return Standing(person, Permission.NONE)  # GitHub answers "is not a user" (case 66)
        role = self._role(repository, person)
        permission = Permission.of_role(role)
        if not reaches(permission, role):
            return Standing(person, permission)
        active = tuple(team for team in teams if self._is_active_in(repository, team, person))
        within = tuple(name for name in organisations if self._is_member_of(repository, name, person))
        return Standing(person, permission, active, organisations=within, role=role)

    def team_id(self, repository: Repository, team: str) -> int | None:
        """The id of the team that has this name now (case 62)."""
        organisation, _, slug = team.partition("/")
        if not slug or organisation.casefold() != repository.owner.casefold():
            return None
        path = at_root("orgs", organisation, "teams", slug)
        try:
            return self._api.read(answers.CREATED, repository, READ_STANDING_AND_TEAMS, path).id
        except HubRefused as refused:
            if refused.status == 404:
                return None
            raise

    def identity(self, repository: Repository, login: str) -> int | None:
        """The id of the person who has this login now; None when nobody has, or no person."""
        try:
            account = self._api.read(answers.ACCOUNT, repository, READ_STANDING, at_root("users", login))
        except HubRefused as refused:
            if refused.status == 404:
                return None
            raise
        return account.id if account.person.account is PersonKind.USER else None

    def comment_fingerprint(self, repository: Repository, comment_id: int) -> str:
        """SHA-256 (hex) of the comment's text; `deleted` or `edited` when it is not as it was (35, 37)."""
        path = in_repository("issues", "comments", comment_id)
        try:
            comment = self._api.read(answers.COMMENT, repository, READ_COMMENT, path)
        except HubRefused as refused:
            if refused.status in (404, 410):
                return "deleted"
            raise
        if comment.id != comment_id:
            raise HubUnavailable(f"GET {path}: GitHub answered with another comment")
        if comment.updated_at != comment.created_at:
            return "edited"
        return hashlib.sha256((comment.body or "").encode()).hexdigest()

    # --- the head ---

    def _live_pull(self, repository: Repository, subject: Subject, number: int) -> LiveChange:
        path = in_repository("pulls", number)
        pull = self._api.read(answers.PULL, repository, READ_CHANGE, path)
        if pull.number != number or pull.base.repo is None or pull.base.repo.id != repository.id:
            raise HubUnavailable(f"GET {path}: GitHub answered with another pull request")
        change = Change(
            repository=repository,
            subject=subject,
            origin=Origin.PULL_REQUEST,
            head=Content(pull.head.sha, self._tree(repository, pull.head.sha)),
            base_ref=pull.base.ref,
            base_sha=pull.base.sha,
            title=pull.title[:MAX_TITLE],
            author=person_or_ghost(pull.user),
            conversation=number,
            head_branch=pull.head.ref if pull.head.repo and pull.head.repo.id == repository.id else "",
            default_branch=pull.base.repo.default_branch,
        )
        labels, touched = tuple(label.name for label in pull.labels), pull.updated_at
        return LiveChange(change, pull.state == "open", pull.merged, labels=labels, touched_at=touched)

    def _live_branch(self, repository: Repository, subject: Subject) -> LiveChange:
        name = (subject.ref or "").removeprefix(BRANCH_PREFIX)
        if f"{BRANCH_PREFIX}{name}" != subject.ref:
            raise HubRefused("only branches are followed, not tags or other refs", 422)
        head = self._api.read(answers.BRANCH, repository, READ_CHANGE, in_repository("branches", name)).commit
        listed = self._pulls_of(repository, head.sha)
        merged = merged_pull(listed, repository, head.sha, name)
        itself = self._repository_of(listed, repository)
        first_line = head.commit.message.split("\n", 1)[0]
        change = Change(
            repository=repository,
            subject=subject,
            origin=Origin.DEFAULT_BRANCH,
            head=Content(head.sha, head.commit.tree.sha),
            base_ref=name,
            base_sha=head.parents[0].sha if head.parents else head.sha,
            title=(merged.title if merged else first_line)[:MAX_TITLE],
            author=person_or_ghost(merged.user if merged else head.author_account),
            conversation=merged.number if merged else None,
            head_branch=name,
            default_branch=itself.default_branch,
        )
        shown = self._merge_shown(repository, head, merged) if merged else MergeShown.NO
        labels = tuple(label.name for label in merged.labels) if merged else None
        return LiveChange(
            change, open=True, merged=False, adds_nothing=shown, labels=labels, touched_at=itself.pushed_at
        )

    def _merge_shown(
        self, repository: Repository, head: answers.Commit, pull: answers.PullOfCommit
    ) -> MergeShown:
        try:
            tree = self._tree(repository, pull.head.sha)
        except HubRefused:
            tree = ""  # its fork is gone: nothing to compare with
        return merge_shown(head, pull, tree)

    def _pulls_of(self, repository: Repository, sha: str) -> tuple[answers.PullOfCommit, ...]:
        path = in_repository("commits", sha, "pulls")
        return self._api.read_all(answers.PULLS_OF_COMMIT, list, repository, READ_CHANGE, path)

    def _repository_of(
        self, listed: Sequence[answers.PullOfCommit], repository: Repository
    ) -> answers.BaseRepository:
        """The repository as it is now: every pull request tells of it, so it is asked for only without one."""
        told = (pull.base.repo for pull in listed if pull.base.repo and pull.base.repo.id == repository.id)
        found = next(told, None)
        if found is None:
            found = self._api.read(answers.DEFAULT_BRANCH, repository, READ_CHANGE, in_repository())
        if found.id != repository.id:
            raise HubUnavailable("the repository's name belongs to another one now")
        return found

    def _tree(self, repository: Repository, sha: str) -> str:
        """The tree of a commit: content behind a SHA never changes, so it is asked for once."""
        key = (repository.id, sha)
        if (known := self._trees.get(key)) is not None:
            return known
        path = in_repository("git", "commits", sha)
        commit = self._api.read(answers.GIT_COMMIT, repository, READ_CHANGE, path)
        if commit.sha != sha:
            raise HubUnavailable(f"GET {path}: GitHub answered with another commit")
        if len(self._trees) >= MAX_REMEMBERED_TREES:
            self._trees.clear()
        self._trees[key] = commit.tree.sha
        return commit.tree.sha

    # --- who wrote it ---

    def _commits_of_pull(self, change: Change) -> tuple[answers.Commit, ...]:
        if change.conversation is None:
            return ()
        path = in_repository("pulls", change.conversation, "commits")
        commits = self._api.read_all(answers.COMMITS, list, change.repository, READ_CHANGE, path)
        if len(commits) >= MAX_LISTED_COMMITS:
            raise HubUnavailable(
                f"the pull request has {MAX_LISTED_COMMITS} commits or more and GitHub lists no further ones:"
                " who wrote the rest is unknown; split it"
            )
        return commits

    # --- what a person may ---

    def _role(self, repository: Repository, person: Person) -> str:
        """The name of their role, the highest of those they have; empty for none."""
        path = in_repository("collaborators", person.login, "permission")
        try:
            role = self._api.read(answers.ROLE, repository, READ_STANDING, path)
        except HubRefused as refused:
            if refused.status == 404:
                return ""
            raise
        if role.user is None:
            return ""
        if role.user.id != person.id:
            raise HubRefused(f"the login {person.login} belongs to another account now", 409)
        return role.role_name

    def _is_active_in(self, repository: Repository, team: str, person: Person) -> bool:
        organisation, _, slug = team.partition("/")
        if not slug or organisation.casefold() != repository.owner.casefold():
            return False  # a team of another organisation never counts (case 62)
        return self._is_active(
            repository, at_root("orgs", organisation, "teams", slug, "memberships", person.login)
        )

    def _is_member_of(self, repository: Repository, organisation: str, person: Person) -> bool:
        """Of the one that owns the repository; no other can be asked, so none counts (cases 62, 150)."""
        if organisation.casefold() != repository.owner.casefold():
            return False
        return self._is_active(repository, at_root("orgs", organisation, "memberships", person.login))

    def _is_active(self, repository: Repository, path: Path) -> bool:
        """Whether a membership is there and accepted (case 61)."""
        try:
            membership = self._api.read(answers.MEMBERSHIP, repository, READ_STANDING_AND_TEAMS, path)
        except HubRefused as refused:
            if refused.status == 404:
                return False
            raise
        return membership.state == "active"

    def _require_readable(self, repository: Repository) -> None:
        """A 404 may mean "no such file" or "not for you": only a readable repository makes it the first."""
        try:
            seen = self._api.read(answers.REPOSITORY, repository, READ_POLICY, in_repository())
        except HubRefused as refused:
            raise HubUnavailable(f"the repository cannot be read ({refused.status})") from None
        if seen.id != repository.id:
            raise HubUnavailable("the repository's name belongs to another one now")


def merged_pull(
    listed: Sequence[answers.PullOfCommit], repository: Repository, sha: str, branch: str
) -> answers.PullOfCommit | None:
    """The pull request whose merge made this head; None when there is none, or more than one may be."""
    here = [pull for pull in listed if _went_into(pull, repository, branch)]
    made_it = [pull for pull in here if sha in (pull.merge_commit_sha, pull.head.sha)]
    newest = max((pull.merged_at for pull in made_it if pull.merged_at), default=None)
    candidates = [pull for pull in made_it if pull.merged_at == newest]
    return candidates[0] if len(candidates) == 1 else None


def _went_into(pull: answers.PullOfCommit, repository: Repository, branch: str) -> bool:
    if pull.merged_at is None or pull.base.repo is None:
        return False
    return pull.base.ref == branch and pull.base.repo.id == repository.id


def _plain_file(found: answers.ContentFile, where: Sequence[str]) -> PolicyFile | PolicyRefused:
    """The file's bytes, if it is one: its blob SHA is recomputed, so half a file is never half a policy."""
    if found.type != "file" or found.path != "/".join(where):
        return PolicyRefused("what lies there is not a plain file (a symlink or a submodule)")
    if found.size > MAX_POLICY_BYTES:
        return PolicyRefused(f"the file is larger than {MAX_POLICY_BYTES // 1024} KiB")
    if found.encoding != "base64" or found.content is None:
        return PolicyRefused("GitHub does not show the file's content")
    try:
        raw = base64.b64decode(found.content.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise HubUnavailable(f"GitHub's answer for {found.path} is garbled") from None
    if blob_sha(raw) != found.sha:
        raise HubUnavailable(f"{found.path} did not arrive whole")
    return PolicyFile(found.sha, raw)


def blob_sha(raw: bytes) -> str:
    """The name that git gives to a file's content."""
    header = f"blob {len(raw)}\0".encode()
    return hashlib.sha1(header + raw, usedforsecurity=False).hexdigest()
