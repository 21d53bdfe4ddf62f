"""The client of the control API: what people do on "GitHub", and what tests and `try` want to know.

Standard library only. Repositories are written `owner/name`. Refusals raise `ControlError` with the
stand-in's message. What runners do with workflows is in `control_runners`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import quote, urlencode

from gate_app.standin.channel import ControlError
from gate_app.standin.control_runners import RunnerControl
from gate_app.standin.shapes import (
    ChangeState,
    CheckRunState,
    CommentState,
    Committed,
    DeploymentState,
    IssueState,
    PersonState,
    PullState,
    Quiet,
    Registered,
    RepositoryState,
    RequestState,
    Snapshot,
)

__all__ = ["Control", "ControlError"]


class Control(RunnerControl):
    """Steers one stand-in, known by its address and control token."""

    # What there is.

    def register_app(
        self,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        *,
        public_key_pem: str | None = None,
        account: str = "acme",
        permissions: Mapping[str, str] | None = None,
        events: Sequence[str] | None = None,
    ) -> Registered:
        """Register the App on an account; without a public key the stand-in makes the pair of keys."""
        wanted = {
            "webhook_url": webhook_url,
            "webhook_secret": webhook_secret,
            "public_key_pem": public_key_pem,
            "generate": public_key_pem is None,
            "account": account,
            "permissions": permissions,
            "events": events,
        }
        return self._as(Registered, "POST", "/app", wanted)

    def change_hook(self, webhook_url: str | None = None, webhook_secret: str | None = None) -> None:
        """Send webhooks elsewhere, or sign them with another secret."""
        self._call("PATCH", "/app", {"webhook_url": webhook_url, "webhook_secret": webhook_secret})

    def change_app(
        self, permissions: Mapping[str, str] | None = None, events: Sequence[str] | None = None
    ) -> None:
        """Let the App ask for other permissions and events; installations keep theirs until they accept."""
        facts = {
            "permissions": None if permissions is None else dict(permissions),
            "events": None if events is None else list(events),
        }
        self._call("PATCH", "/app", facts)

    def install(self, account: str) -> Registered:
        """Install the App on one more account."""
        return self._as(Registered, "POST", "/installations", {"account": account})

    def uninstall(self, account: str) -> None:
        """Take the App off an account."""
        self._call("DELETE", f"/installations/{quote(account)}")

    def suspend(self, account: str, suspended: bool = True) -> None:
        """Suspend the installation on an account, or end that."""
        self._call("PATCH", f"/installations/{quote(account)}", {"suspended": suspended})

    def select_repositories(self, account: str, names: Sequence[str] | None) -> None:
        """Install the App on these repositories of the account alone, or on all."""
        wanted = "all" if names is None else list(names)
        self._call("PATCH", f"/installations/{quote(account)}", {"repositories": wanted})

    def accept_permissions(self, account: str) -> None:
        """Grant what the App asks for by now."""
        self._call("PATCH", f"/installations/{quote(account)}", {"accept_permissions": True})

    def create_person(
        self,
        login: str,
        kind: str = "User",
        *,
        email: str | None = None,
        repository: str | None = None,
        role: str | None = None,
    ) -> PersonState:
        """Create a User, Bot or Organization, with a role on a repository if both are given."""
        wanted = {"login": login, "type": kind, "email": email, "repository": repository, "role": role}
        return self._as(PersonState, "POST", "/people", wanted)

    def rename_person(self, login: str, new_login: str) -> PersonState:
        """Give somebody another login; anybody may take the old one."""
        return self._as(PersonState, "PATCH", f"/people/{quote(login)}", {"login": new_login})

    def suspend_person(self, login: str, suspended: bool = True) -> None:
        """Suspend an account, or end that."""
        self._call("PATCH", f"/people/{quote(login)}", {"suspended": suspended})

    def delete_person(self, login: str) -> None:
        """Close an account; what it wrote becomes the ghost's."""
        self._call("DELETE", f"/people/{quote(login)}")

    def set_membership(self, team: str, login: str, state: str = "active", role: str = "member") -> None:
        """Put somebody into a team, written `organization/slug`; the state is active or pending."""
        self._call("PUT", "/teams", {"team": team, "login": login, "state": state, "role": role})

    def set_member(self, organization: str, login: str, role: str = "member", state: str = "active") -> None:
        """Put somebody into an organization as admin (an owner) or member; none takes them out."""
        facts = {"role": role, "state": state}
        self._call("PUT", f"/organizations/{organization}/members/{quote(login)}", facts)

    def change_team(
        self, team: str, *, parent: str | None = None, repository: str | None = None, role: str | None = None
    ) -> None:
        """Put a team within another one (a slug), or give its members a role on a repository."""
        facts = {"parent": parent, "repository": repository, "role": role}
        self._call("PATCH", f"/teams/{team}", facts)

    def delete_membership(self, team: str, login: str) -> None:
        """Take somebody out of a team."""
        self._call("DELETE", f"/teams/{team}/{quote(login)}")

    def delete_team(self, team: str) -> None:
        """Delete a team."""
        self._call("DELETE", f"/teams/{team}")

    def set_role(self, repository: str, login: str, role: str) -> None:
        """Give a role on a repository: admin, maintain, write, triage, read, or none to take it away; a role
        of the organization's own is written `name:write`, with the role that it extends."""
        self._call("PUT", f"/repositories/{repository}/collaborators/{quote(login)}", {"role": role})

    def create_repository(
        self,
        owner: str,
        name: str,
        *,
        checkout: str | None = None,
        base: str | None = None,
        default_branch: str = "main",
        files: Mapping[str, str] | None = None,
        identities: Mapping[str, str | None] | None = None,
        private: bool = True,
    ) -> RepositoryState:
        """Create a repository: `base` of a local checkout plus one commit with `files`, or files alone.

        `identities` says whose the commits are: e-mail, or `*` for any, to login, or None for nobody's.
        """
        wanted = {
            "owner": owner,
            "name": name,
            "checkout": checkout,
            "base": base,
            "default_branch": default_branch,
            "files": dict(files or {}),
            "identities": dict(identities or {}),
            "private": private,
        }
        return self._as(RepositoryState, "POST", "/repositories", wanted)

    def change_repository(self, repository: str, **changes: str | bool) -> RepositoryState:
        """Change owner, name, private, archived or default_branch."""
        return self._as(RepositoryState, "PATCH", f"/repositories/{repository}", dict(changes))

    def commit(
        self,
        repository: str,
        files: Mapping[str, str | None],
        *,
        parent: str | None = None,
        message: str = "Change",
        login: str | None = None,
        email: str | None = None,
    ) -> Committed:
        """Write a commit on a SHA or branch (default: the default branch); no branch moves."""
        facts = {"parent": parent, "files": dict(files), "message": message, "login": login, "email": email}
        return self._as(Committed, "POST", f"/repositories/{repository}/commits", facts)

    def push(self, repository: str, branch: str, sha: str, by: str) -> RepositoryState:
        """Push a commit to a branch; pull requests with this head follow."""
        path = f"/repositories/{repository}/branches/{quote(branch)}"
        return self._as(RepositoryState, "PUT", path, {"sha": sha, "by": by})

    def require_checks(
        self, repository: str, branch: str, checks: Mapping[str, str | None], source: str = "protection"
    ) -> None:
        """Say which checks a branch requires by `protection` or a `ruleset`: names to the slug of the App
        that has to report them, or None for anybody."""
        facts = {"checks": dict(checks), "source": source}
        self._call("PUT", f"/repositories/{repository}/required-checks/{quote(branch)}", facts)

    # What people do.

    def open_pull(
        self,
        repository: str,
        *,
        head_sha: str,
        head_branch: str,
        title: str,
        author: str,
        body: str | None = None,
        base_branch: str | None = None,
        fork_owner: str | None = None,
    ) -> PullState:
        """Push a branch, to a fork if its owner is named, and open a pull request for it."""
        wanted = {
            "head_sha": head_sha,
            "head_branch": head_branch,
            "title": title,
            "body": body,
            "author": author,
            "base_branch": base_branch,
            "fork_owner": fork_owner,
        }
        return self._as(PullState, "POST", f"/repositories/{repository}/pulls", wanted)

    def set_head(self, repository: str, number: int, head_sha: str, by: str | None = None) -> PullState:
        """Push another commit to a pull request."""
        facts = {"head_sha": head_sha, "by": by}
        return self._as(PullState, "PUT", f"/repositories/{repository}/pulls/{number}/head", facts)

    def change_pull(
        self, repository: str, number: int, *, base: str | None = None, title: str | None = None
    ) -> PullState:
        """Give a pull request another base branch or title."""
        facts = {"base": base, "title": title}
        return self._as(PullState, "PATCH", f"/repositories/{repository}/pulls/{number}", facts)

    def label(self, repository: str, number: int, *labels: str, by: str | None = None) -> PullState:
        """Let a pull request wear exactly these labels."""
        facts = {"labels": list(labels), "by": by}
        return self._as(PullState, "PUT", f"/repositories/{repository}/pulls/{number}/labels", facts)

    def merge(self, repository: str, number: int, by: str, method: str = "merge") -> PullState:
        """Merge a pull request: merge, squash or rebase."""
        facts = {"by": by, "method": method}
        return self._as(PullState, "POST", f"/repositories/{repository}/pulls/{number}/merge", facts)

    def close(self, repository: str, number: int, by: str | None = None) -> PullState:
        """Close a pull request without merging it."""
        return self._as(PullState, "POST", f"/repositories/{repository}/pulls/{number}/close", {"by": by})

    def reopen(self, repository: str, number: int, by: str | None = None) -> PullState:
        """Open a closed pull request again."""
        return self._as(PullState, "POST", f"/repositories/{repository}/pulls/{number}/reopen", {"by": by})

    def comment(
        self, repository: str, number: int, login: str, body: str, *, via_app: bool = False
    ) -> CommentState:
        """Comment as a person, through the App on the person's behalf if `via_app`."""
        facts = {"login": login, "body": body, "via_app": via_app}
        return self._as(CommentState, "POST", f"/repositories/{repository}/issues/{number}/comments", facts)

    def close_issue(self, repository: str, number: int, login: str) -> IssueState:
        """Close an issue as a person."""
        path = f"/repositories/{repository}/issues/{number}/close"
        return self._as(IssueState, "POST", path, {"login": login})

    def edit_comment(self, repository: str, comment_id: int, login: str, body: str) -> CommentState:
        """Edit a comment, anybody's."""
        path = f"/repositories/{repository}/issues/comments/{comment_id}"
        return self._as(CommentState, "PATCH", path, {"login": login, "body": body})

    def delete_comment(self, repository: str, comment_id: int, login: str) -> None:
        """Delete a comment, anybody's."""
        self._call("DELETE", f"/repositories/{repository}/issues/comments/{comment_id}", {"login": login})

    def create_check_run(
        self, repository: str, check_run: Mapping[str, object], app: str = "github-actions"
    ) -> CheckRunState:
        """Create a check run of another App; `check_run` is the body of GitHub's REST call."""
        facts = {"app": app, "check_run": dict(check_run)}
        return self._as(CheckRunState, "POST", f"/repositories/{repository}/check-runs", facts)

    def update_check_run(
        self, repository: str, check_run_id: int, report: Mapping[str, object]
    ) -> CheckRunState:
        """Update another App's check run; `report` is the body of GitHub's REST call."""
        path = f"/repositories/{repository}/check-runs/{check_run_id}"
        return self._as(CheckRunState, "PATCH", path, {"report": dict(report)})

    def click(self, repository: str, check_run_id: int, login: str, identifier: str) -> None:
        """Press a button of a completed check run."""
        facts = {"login": login, "identifier": identifier}
        self._call("POST", f"/repositories/{repository}/check-runs/{check_run_id}/click", facts)

    def rerequest(self, repository: str, check_run_id: int, login: str) -> None:
        """Press "Re-run" of a check run."""
        path = f"/repositories/{repository}/check-runs/{check_run_id}/rerequest"
        self._call("POST", path, {"login": login})

    def rerequest_suite(self, repository: str, suite_id: int, login: str) -> None:
        """Press "Re-run all checks" of a check suite."""
        path = f"/repositories/{repository}/check-suites/{suite_id}/rerequest"
        self._call("POST", path, {"login": login})

    def set_status(self, repository: str, sha: str, login: str, status: Mapping[str, object]) -> None:
        """Set a commit status as a person or service; `status` is the body of GitHub's REST call."""
        facts = {"login": login, "sha": sha, "status": dict(status)}
        self._call("POST", f"/repositories/{repository}/statuses", facts)

    def deploy(
        self, repository: str, login: str | None, deployment: Mapping[str, object], *, app: str | None = None
    ) -> DeploymentState:
        """Create a deployment as a person, or else as an App; `deployment` is the body of GitHub's REST call."""
        facts = {"login": login, "app": app, "deployment": dict(deployment)}
        return self._as(DeploymentState, "POST", f"/repositories/{repository}/deployments", facts)

    def set_deployment_status(
        self,
        repository: str,
        deployment_id: int,
        login: str | None,
        status: Mapping[str, object],
        *,
        app: str | None = None,
    ) -> DeploymentState:
        """Set a deployment status as a person, or else as an App; `status` is the body of GitHub's REST call."""
        facts = {"login": login, "app": app, "status": dict(status)}
        path = f"/repositories/{repository}/deployments/{deployment_id}/statuses"
        return self._as(DeploymentState, "POST", path, facts)

    # What goes wrong.

    def trouble_webhooks(
        self,
        *,
        drop_every: int = 0,
        double_every: int = 0,
        shuffle_window: int = 0,
        seed: int = 0,
        hold: bool = False,
        delay_seconds: float = 0,
        drop_events: Sequence[str] = (),
        hold_events: Sequence[str] = (),
    ) -> None:
        """Drop or double every nth webhook, shuffle that many, hold all back, or let each take its time;
        drop or hold back some by name (`push`, `issue_comment.created`). No argument ends it, and sends what
        was held back."""
        facts = {
            "drop_every": drop_every,
            "double_every": double_every,
            "shuffle_window": shuffle_window,
            "seed": seed,
            "hold": hold,
            "delay_seconds": delay_seconds,
            "drop_events": list(drop_events),
            "hold_events": list(hold_events),
        }
        self._call("PUT", "/webhooks/faults", facts)

    def set_faults(self, *faults: Mapping[str, object]) -> None:
        """Let API calls fail: {method, path_regex, skip, times, kind, seconds}, of which `path_regex` and
        `kind` (see `faults.KINDS`) are needed; no argument ends it."""
        self._call("PUT", "/faults", {"faults": [dict(fault) for fault in faults]})

    def set_rate_limit(self, limit: int) -> None:
        """Let an installation, or an App, make so many calls an hour; GitHub's own limit is 5,000."""
        self._call("PUT", "/rate-limit", {"limit": limit})

    # What can be watched.

    def state(self, repository: str = "") -> Snapshot:
        """Everything as of now; with `repository` (OWNER/NAME), of what lies in repositories that of this one."""
        query = f"?{urlencode({'repository': repository})}" if repository else ""
        return self._as(Snapshot, "GET", f"/state{query}")

    def requests(self, after: int = 0) -> list[RequestState]:
        """The recorded API calls numbered above `after`."""
        return cast(list[RequestState], self._call("GET", f"/requests?{urlencode({'after': after})}"))

    def events(self, after: int = 0, wait: float = 25.0) -> list[ChangeState]:
        """The changes numbered above `after`; waits for the first, at most `wait` seconds (25 at most)."""
        query = urlencode({"after": after, "wait": wait})
        return cast(list[ChangeState], self._call("GET", f"/events?{query}"))

    def webhook_body(self, delivery_id: int) -> bytes:
        """The exact bytes of a webhook."""
        return self._request("GET", f"/deliveries/{delivery_id}", None)

    def quiesce(self, seconds: float = 10.0) -> Quiet:
        """Wait until every webhook is sent, at most so long."""
        return self._as(Quiet, "POST", "/quiesce", {"seconds": seconds})
