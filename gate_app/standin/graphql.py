"""The GraphQL API: queries that are validated and carried out by GitHub's published schema, as far as it is here.

Rules of this file, from the GraphQL docs:

* What a query is refused for comes with status 200, in `errors`; `data` may have the rest.
* What the token may not see is `null` and an error of type FORBIDDEN, at that place alone.
* A list names how many it wants, 1 to 100, and how many there are beside those that it shows.
* A `databaseId` is an `Int` by the schema and larger than one in fact, as GitHub's ids are.

`github.graphql` is an extract of `@octokit/graphql-schema` 15.26.1 (MIT, see `github-graphql.LICENSE`), made by
`tests/support/graphql_extract.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, build_schema, graphql_sync

from gate_app.standin import checks, job_deployments, labels, protection, pulls, repositories, statuses
from gate_app.standin.pulls import Pull
from gate_app.standin.repositories import Repository
from gate_app.standin.state import JsonObject, Transaction
from gate_app.standin.suites import CheckSuite
from gate_app.standin.tokens import Caller

EXTRACT = Path(str(files(__package__).joinpath("github.graphql")))
MAX_LISTED = 100
MAX_TEXT_BYTES = 512 * 1024
HEADS = "refs/heads/"
Resolver = Callable[..., object]


@cache
def schema() -> GraphQLSchema:
    """The types that our queries touch, as published but for the size of an id."""
    return build_schema(
        EXTRACT.read_text().replace("databaseId: Int", "databaseId: Number") + "scalar Number\n"
    )


def answer(tx: Transaction, caller: Caller, query: str, variables: Mapping[str, Any] | None) -> JsonObject:
    """The body of the answer to a query."""
    root = {"repository": lambda _info, **named: _Graph(tx, caller).repository(**named)}
    result = graphql_sync(schema(), query, root, variable_values=dict(variables or {}))
    return _body(result)


def refused(kind: str, message: str) -> JsonObject:
    """The body of an answer that has nothing but an error."""
    return {"errors": [{"type": kind, "message": message}]}


def _body(result: ExecutionResult) -> JsonObject:
    data: JsonObject = {} if result.data is None else {"data": result.data}
    if not result.errors:
        return data
    return {**data, "errors": [_error(error) for error in result.errors]}


def _error(error: GraphQLError) -> JsonObject:
    kind = (error.extensions or {}).get("type")
    told = {name: value for name, value in error.formatted.items() if name != "extensions"}
    return {"type": kind, **told} if kind else told


def _refusal(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _listed(nodes: Sequence[object], first: int | None) -> JsonObject:
    if first is None or not 1 <= first <= MAX_LISTED:
        raise _refusal("INVALID_PAGINATION", f"`first` has to be between 1 and {MAX_LISTED}.")
    return {"totalCount": len(nodes), "nodes": list(nodes[:first])}


class _Graph:
    """What one caller sees: mappings of fields, those with arguments or permissions as functions."""

    def __init__(self, tx: Transaction, caller: Caller) -> None:
        self._tx = tx
        self._caller = caller

    def repository(self, owner: str, name: str, **_: object) -> JsonObject:
        tx = self._tx
        found = repositories.by_name(tx, owner, name) or repositories.redirected(tx, owner, name)
        if found is None or not self._caller.sees(found.id, found.owner_id):
            raise _refusal("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        here = found
        return {
            "databaseId": here.id,
            "pushedAt": here.pushed_at,
            "defaultBranchRef": self._with("contents", lambda: self._ref(here, here.default_branch)),
            "pullRequest": self._with("pull_requests", lambda number: self._pull(here, number)),
            "ref": self._with("contents", lambda **named: self._qualified(here, named["qualifiedName"])),
            "object": self._with("contents", lambda oid: self._commit(here, oid)),
        }

    def _with(self, permission: str, resolve: Callable[..., object]) -> Resolver:
        """A field that the token sees with this permission."""

        def resolved(_info: object, **arguments: object) -> object:
            if not self._caller.may(f"{permission}:read"):
                raise _refusal("FORBIDDEN", "Resource not accessible by integration")
            return resolve(**arguments)

        return resolved

    def _pull(self, repository: Repository, number: object) -> JsonObject | None:
        pull = self._tx.get(Pull, repository_id=repository.id, number=number)
        if pull is None:
            raise _refusal("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
        return self._shown(pull)

    def _shown(self, pull: Pull) -> JsonObject:
        worn = [{"name": label.name} for label in labels.worn(self._tx, pull.id)]
        return {
            "number": pull.number,
            "state": "MERGED" if pull.merged else pull.state.upper(),
            "merged": pull.merged,
            "mergedAt": pull.merged_at,
            "updatedAt": pull.updated_at,
            "headRefOid": pull.head_sha,
            "headRefName": pull.head_ref,
            "baseRefOid": pull.base_sha,
            "baseRefName": pull.base_ref,
            "baseRepository": {"databaseId": pull.repository_id},
            "mergeCommit": _oid(pull.merge_commit_sha) if pull.merged else None,
            "labels": lambda _info, first=None: _listed(worn, first),
        }

    def _qualified(self, repository: Repository, name: object) -> JsonObject | None:
        full = str(name)
        return self._ref(repository, full.removeprefix(HEADS)) if full.startswith(HEADS) else None

    def _ref(self, repository: Repository, branch: str) -> JsonObject | None:
        sha = repositories.git(self._tx, repository).branch(branch)
        if sha is None:
            return None
        return {
            "name": branch,
            "target": lambda _info: self._commit(repository, sha),
            "rules": lambda _info, first=None, **_: _listed(self._rules(repository, branch), first),
        }

    def _rules(self, repository: Repository, branch: str) -> list[JsonObject]:
        found = protection.required(self._tx, repository, branch, protection.RULESET)
        required = [{"context": check.context, "integrationId": check.app_id} for check in found]
        parameters = {"__typename": "RequiredStatusChecksParameters", "requiredStatusChecks": required}
        return [{"type": "REQUIRED_STATUS_CHECKS", "parameters": parameters}] if found else []

    def _commit(self, repository: Repository, oid: object) -> JsonObject | None:
        sha = str(oid)
        if repositories.git(self._tx, repository).resolve(sha) != sha:
            return None
        suites = self._with("checks", lambda first=None: _listed(self._suites(repository, sha), first))
        belongs = self._with("pull_requests", lambda first=None, **_: self._pulls(repository, sha, first))
        return {
            "__typename": "Commit",
            "oid": sha,
            "file": lambda _info, path: self._file(repository, sha, path),
            "checkSuites": suites,
            "status": self._with("statuses", lambda: self._status(repository, sha)),
            "associatedPullRequests": belongs,
        }

    def _pulls(self, repository: Repository, sha: str, first: int | None) -> JsonObject:
        return _listed([self._shown(pull) for pull in pulls.with_commit(self._tx, repository, sha)], first)

    def _file(self, repository: Repository, sha: str, path: str) -> JsonObject | None:
        git = repositories.git(self._tx, repository)
        entry = git.entry(sha, path)
        if entry is None:
            raise _refusal("NOT_FOUND", f"Could not resolve file for path '{path}'.")
        blob = git.blob(entry.sha) if entry.kind == "blob" else b""
        shown: JsonObject = {"__typename": "Blob", "oid": entry.sha, **_text(blob)}
        return {
            "mode": int(entry.mode, 8),
            "type": entry.kind,
            "oid": entry.sha,
            "object": shown if entry.kind == "blob" else None,
        }

    def _suites(self, repository: Repository, sha: str) -> list[JsonObject]:
        found = self._tx.every(CheckSuite, repository_id=repository.id, head_sha=sha)
        return [self._suite(suite) for suite in found]

    def _suite(self, suite: CheckSuite) -> JsonObject:
        runs = [_check_run(self._tx, run) for run in self._tx.every(checks.CheckRun, suite_id=suite.id)]
        return {
            "databaseId": suite.id,
            "app": {"databaseId": suite.app_id},
            "checkRuns": lambda _info, first=None, **_: _listed(runs, first),
        }

    def _status(self, repository: Repository, sha: str) -> JsonObject | None:
        found = statuses.latest(statuses.of_commit(self._tx, repository, sha))
        shown = [
            {"context": each.context, "state": each.state.upper(), "createdAt": each.created_at}
            for each in found
        ]
        return {"contexts": shown} if shown else None


def _check_run(tx: Transaction, run: checks.CheckRun) -> JsonObject:
    made = job_deployments.of_check(tx, run)
    return {
        "databaseId": run.id,
        "name": run.name,
        "status": run.status.upper(),
        "conclusion": run.conclusion.upper() if run.conclusion else None,
        "startedAt": run.started_at,
        "deployment": {"environment": made.environment} if made else None,
    }


def _text(blob: bytes) -> JsonObject:
    try:
        text = blob.decode()
    except UnicodeDecodeError:
        return {"isTruncated": False, "text": None}
    return {"isTruncated": len(blob) > MAX_TEXT_BYTES, "text": text[:MAX_TEXT_BYTES]}


def _oid(sha: str | None) -> JsonObject | None:
    return {"oid": sha} if sha else None
