"""Several reads in one call of GraphQL, so that an answer costs no more calls where stages look at checks.

Rules of the file: it tells what the reads of their own would tell, in the same words, or raises: what could differ (a
file that is not plain, an App that is not named, a list that goes on) is left to them. Commit statuses have no number
here, and there is one of each context, so none is needed. What the classic protection of a branch requires is not
asked: whether GraphQL shows it to an App that does not administrate is written nowhere, and none of it looks like
nothing required.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from gate_app.domain.checks import Check, Required
from gate_app.domain.model import Change, Repository
from gate_app.domain.policy import Select
from gate_app.engine.ports import LiveHead, PolicyFile, Sight
from gate_app.errors import HubUnavailable
from gate_app.github import answers, check_answers
from gate_app.github import graphql_answers as seen
from gate_app.github.checks import CheckReads, pinned, status_check
from gate_app.github.fields import App
from gate_app.github.permissions import READ_SIGHT
from gate_app.github.reads import BRANCH_PREFIX, MAX_POLICY_BYTES, POLICY_PATH, blob_sha, merged_pull

PLAIN_MODES: Final = (0o100644, 0o100755)
"""How git marks a file that is neither a link nor a submodule."""
REQUIRED_CHECKS: Final = "REQUIRED_STATUS_CHECKS"


class SightReads(CheckReads):
    """The part of the `Hub` that reads checks, alone or together with what else an answer turns on."""

    def sight(self, change: Change, gated: Sequence[str], selects: Collection[Select]) -> Sight:
        """What one call tells; see `engine.ports.Hub`."""
        repository, number = change.repository, change.subject.number
        variables = {
            "sha": change.head.sha,
            "file": "/".join(POLICY_PATH),
            "ref": f"{BRANCH_PREFIX}{change.base_ref}",
            "number": number or 0,
            "pull": number is not None,
            "branch": number is None,
            "rules": "required" in selects,
        }
        asked = self._api.ask(seen.sight_answer(), repository, READ_SIGHT, seen.SIGHT, variables)
        found = asked.data.repository
        if found.database_id != repository.id:
            raise HubUnavailable("the repository's name belongs to another one now")
        if found.object.oid != change.head.sha:
            raise HubUnavailable("GitHub answered with another commit")
        return Sight(
            _policy(found.default_branch_ref.target.file),
            _pull(found, number) if number is not None else _branch(found, change),
            tuple(self._checks(repository, found.object, gated)),
            tuple(_required(found, change.base_ref)) if "required" in selects else (),
        )

    def _checks(
        self, repository: Repository, commit: seen.SeenCommit, gated: Sequence[str]
    ) -> Iterator[Check]:
        runs = [_run(suite, run) for suite in commit.check_suites.nodes for run in suite.check_runs.nodes]
        yield from self.others(repository, runs, gated)
        for status in commit.status.contexts if commit.status else ():
            yield status_check(0, status.context, status.state.lower(), status.created_at)


def _run(suite: seen.SeenSuite, run: seen.SeenCheckRun) -> check_answers.StandingCheckRun:
    """The check run as the list of them shows it: GraphQL writes the same words in capitals."""
    if suite.app is None:
        raise HubUnavailable("GitHub does not say which App made a check run")
    return check_answers.StandingCheckRun(
        id=run.database_id,
        name=run.name,
        status=run.status.lower(),
        conclusion=run.conclusion.lower() if run.conclusion is not None else None,
        started_at=run.started_at,
        check_suite=check_answers.CheckSuiteRef(id=suite.database_id),
        app=App(id=suite.app.database_id),
        deployment=check_answers.DeploymentOfJob(environment=run.deployment.environment)
        if run.deployment
        else None,
    )


def _policy(file: seen.SeenFile) -> PolicyFile:
    """The gate file, if it is one that the contents API would show alike; its SHA proves every byte."""
    if file.type != "blob" or file.mode not in PLAIN_MODES or file.object.is_truncated:
        raise HubUnavailable("the gate file is not shown whole")
    raw = (file.object.text or "").encode(errors="surrogatepass")
    if len(raw) > MAX_POLICY_BYTES or blob_sha(raw) != file.oid:
        raise HubUnavailable("the gate file is not shown as it is")
    return PolicyFile(file.oid, raw)


def _pull(found: seen.SeenRepository, number: int) -> LiveHead:
    pull = found.pull_request
    if pull is None or pull.number != number:
        raise HubUnavailable("GitHub answered without the pull request")
    return LiveHead(
        pull.head_ref_oid,
        pull.base_ref_name,
        pull.state == "OPEN",
        pull.merged,
        tuple(label.name for label in pull.labels.nodes),
        found.default_branch_ref.name,
        pull.updated_at,
    )


def _branch(found: seen.SeenRepository, change: Change) -> LiveHead:
    """The head of a branch; its labels are those of the pull request whose merge made it."""
    name = change.base_ref
    ref = _ref(found, name)
    if ref.target is None or f"{BRANCH_PREFIX}{name}" != change.subject.ref:
        raise HubUnavailable("GitHub answered without the branch")
    listed = [
        _pull_of(pull, found.default_branch_ref.name) for pull in ref.target.associated_pull_requests.nodes
    ]
    merged = merged_pull(listed, change.repository, ref.target.oid, name)
    return LiveHead(
        ref.target.oid,
        name,
        open=True,
        merged=False,
        labels=tuple(label.name for label in merged.labels) if merged else None,
        default_branch=found.default_branch_ref.name,
        touched_at=found.pushed_at,
    )


def _pull_of(pull: seen.PullOfTip, default_branch: str) -> answers.PullOfCommit:
    """The pull request as the list of a commit's shows it; who wrote it and its title are not looked at."""
    home = pull.base_repository
    base = answers.BaseRepository(id=home.database_id, default_branch=default_branch) if home else None
    return answers.PullOfCommit(
        number=pull.number,
        title="",
        user=None,
        merged_at=pull.merged_at,
        merge_commit_sha=pull.merge_commit.oid if pull.merge_commit else None,
        head=answers.Side(ref=pull.head_ref_name, sha=pull.head_ref_oid, repo=None),
        base=answers.Base(ref=pull.base_ref_name, sha=pull.base_ref_oid, repo=base),
        labels=[answers.Label(name=label.name) for label in pull.labels.nodes],
    )


def _required(found: seen.SeenRepository, branch: str) -> Iterator[Required]:
    """What the rulesets that apply to a branch require."""
    rules = _ref(found, branch).rules
    if rules is None:
        raise HubUnavailable("GitHub answered without the rules of the branch")
    for rule in rules.nodes:
        if rule.type != REQUIRED_CHECKS:
            continue
        if rule.parameters is None or rule.parameters.required_status_checks is None:
            raise HubUnavailable("GitHub does not say what a rule requires")
        for each in rule.parameters.required_status_checks:
            yield Required(each.context, pinned(each.integration_id))


def _ref(found: seen.SeenRepository, branch: str) -> seen.SeenRef:
    if found.ref is None or found.ref.name != branch:
        raise HubUnavailable("GitHub answered without the branch")
    return found.ref
