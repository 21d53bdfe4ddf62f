"""GitHub's published schemas, for holding requests, answers and webhooks against them.

The models come from `githubkit-schemas-2022-11-28`. They ignore unknown properties and accept null for
every optional one; so `assert_valid` compares the properties itself, and null is left to the stand-in's own
request bodies. What the published description lacks although GitHub sends or asks for it is listed in
`UNPUBLISHED`, each with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from githubkit_schemas.v2022_11_28 import models
from pydantic import BaseModel, TypeAdapter, ValidationError

OWNER_REPO = r"/repos/[^/]+/[^/]+"
ACTIONS = rf"{OWNER_REPO}/actions"
ANSWERS: tuple[tuple[str, str, int, str], ...] = (
    ("GET", r"/app", 200, "Integration"),
    ("POST", r"/app-manifests/[^/]+/conversions", 201, "AppManifestsCodeConversionsPostResponse201"),
    ("GET", r"/app/installations", 200, "[Installation]"),
    ("GET", r"/app/installations/\d+", 200, "Installation"),
    ("GET", rf"{OWNER_REPO}/installation", 200, "Installation"),
    ("GET", r"/(orgs|users)/[^/]+/installation", 200, "Installation"),
    ("POST", r"/app/installations/\d+/access_tokens", 201, "InstallationToken"),
    ("GET", r"/installation/repositories", 200, "InstallationRepositoriesGetResponse200"),
    ("GET", r"/app/hook/config", 200, "WebhookConfig"),
    ("PATCH", r"/app/hook/config", 200, "WebhookConfig"),
    ("GET", r"/app/hook/deliveries", 200, "[HookDeliveryItem]"),
    ("GET", r"/app/hook/deliveries/\d+", 200, "HookDelivery"),
    ("POST", r"/app/hook/deliveries/\d+/attempts", 202, "AppHookDeliveriesDeliveryIdAttemptsPostResponse202"),
    ("GET", r"/rate_limit", 200, "RateLimitOverview"),
    ("GET", OWNER_REPO, 200, "FullRepository"),
    ("GET", r"/repositories/\d+", 200, "FullRepository"),
    ("GET", rf"{OWNER_REPO}/contents/.*", 200, "ContentFile"),
    ("GET", rf"{OWNER_REPO}/commits", 200, "[Commit]"),
    ("GET", rf"{OWNER_REPO}/tags", 200, "[Tag]"),
    ("GET", rf"{OWNER_REPO}/git/trees/.+", 200, "GitTree"),
    ("GET", rf"{OWNER_REPO}/git/matching-refs/.+", 200, "[GitRef]"),
    ("GET", rf"{OWNER_REPO}/commits/[^/]+", 200, "Commit"),
    ("GET", rf"{OWNER_REPO}/commits/[^/]+/pulls", 200, "[PullRequestSimple]"),
    ("GET", rf"{OWNER_REPO}/git/commits/[^/]+", 200, "GitCommit"),
    ("GET", rf"{OWNER_REPO}/git/ref/.+", 200, "GitRef"),
    ("GET", rf"{OWNER_REPO}/branches/.+", 200, "BranchWithProtection"),
    ("GET", rf"{OWNER_REPO}/compare/.+", 200, "CommitComparison"),
    ("GET", rf"{OWNER_REPO}/pulls", 200, "[PullRequestSimple]"),
    ("GET", rf"{OWNER_REPO}/pulls/\d+", 200, "PullRequest"),
    ("GET", rf"{OWNER_REPO}/pulls/\d+/commits", 200, "[Commit]"),
    ("GET", rf"{OWNER_REPO}/pulls/\d+/files", 200, "[DiffEntry]"),
    ("GET", rf"{OWNER_REPO}/issues/\d+/comments", 200, "[IssueComment]"),
    ("POST", rf"{OWNER_REPO}/issues/\d+/comments", 201, "IssueComment"),
    ("GET", rf"{OWNER_REPO}/issues/comments/\d+", 200, "IssueComment"),
    ("PATCH", rf"{OWNER_REPO}/issues/comments/\d+", 200, "IssueComment"),
    ("GET", rf"{OWNER_REPO}/issues/comments/\d+/reactions", 200, "[Reaction]"),
    ("POST", rf"{OWNER_REPO}/issues/comments/\d+/reactions", 200, "Reaction"),
    ("POST", rf"{OWNER_REPO}/issues/comments/\d+/reactions", 201, "Reaction"),
    ("POST", rf"{OWNER_REPO}/check-runs", 201, "CheckRun"),
    ("GET", rf"{OWNER_REPO}/check-runs/\d+", 200, "CheckRun"),
    ("PATCH", rf"{OWNER_REPO}/check-runs/\d+", 200, "CheckRun"),
    ("GET", rf"{OWNER_REPO}/check-runs/\d+/annotations", 200, "[CheckAnnotation]"),
    ("POST", rf"{OWNER_REPO}/check-runs/\d+/rerequest", 201, "EmptyObject"),
    (
        "GET",
        rf"{OWNER_REPO}/commits/[^/]+/check-runs",
        200,
        "ReposOwnerRepoCommitsRefCheckRunsGetResponse200",
    ),
    ("POST", rf"{OWNER_REPO}/statuses/[^/]+", 201, "Status"),
    ("GET", rf"{OWNER_REPO}/commits/[^/]+/statuses", 200, "[Status]"),
    ("GET", rf"{OWNER_REPO}/commits/[^/]+/status", 200, "CombinedCommitStatus"),
    ("POST", rf"{OWNER_REPO}/check-suites", 200, "CheckSuite"),
    ("POST", rf"{OWNER_REPO}/check-suites", 201, "CheckSuite"),
    ("GET", rf"{OWNER_REPO}/check-suites/\d+", 200, "CheckSuite"),
    ("POST", rf"{OWNER_REPO}/check-suites/\d+/rerequest", 201, "EmptyObject"),
    (
        "GET",
        rf"{OWNER_REPO}/check-suites/\d+/check-runs",
        200,
        "ReposOwnerRepoCheckSuitesCheckSuiteIdCheckRunsGetResponse200",
    ),
    (
        "GET",
        rf"{OWNER_REPO}/commits/[^/]+/check-suites",
        200,
        "ReposOwnerRepoCommitsRefCheckSuitesGetResponse200",
    ),
    ("GET", rf"{OWNER_REPO}/branches", 200, "[ShortBranch]"),
    ("GET", rf"{OWNER_REPO}/branches/.+/protection/required_status_checks", 200, "StatusCheckPolicy"),
    ("GET", rf"{OWNER_REPO}/rules/branches/.+", 200, "[RepositoryRuleDetailedOneof8]"),
    ("GET", rf"{ACTIONS}/workflows", 200, "ReposOwnerRepoActionsWorkflowsGetResponse200"),
    ("GET", rf"{ACTIONS}/workflows/[^/]+", 200, "Workflow"),
    ("POST", rf"{ACTIONS}/workflows/[^/]+/dispatches", 200, "WorkflowDispatchResponse"),
    (
        "GET",
        rf"{ACTIONS}/workflows/[^/]+/runs",
        200,
        "ReposOwnerRepoActionsWorkflowsWorkflowIdRunsGetResponse200",
    ),
    ("GET", rf"{ACTIONS}/runs", 200, "ReposOwnerRepoActionsRunsGetResponse200"),
    ("GET", rf"{ACTIONS}/runs/\d+", 200, "WorkflowRun"),
    ("GET", rf"{ACTIONS}/runs/\d+/attempts/\d+", 200, "WorkflowRun"),
    ("POST", rf"{ACTIONS}/runs/\d+/(rerun|rerun-failed-jobs)", 201, "EmptyObject"),
    ("POST", rf"{ACTIONS}/runs/\d+/(cancel|force-cancel)", 202, "EmptyObject"),
    ("GET", rf"{ACTIONS}/runs/\d+/jobs", 200, "ReposOwnerRepoActionsRunsRunIdJobsGetResponse200"),
    (
        "GET",
        rf"{ACTIONS}/runs/\d+/attempts/\d+/jobs",
        200,
        "ReposOwnerRepoActionsRunsRunIdAttemptsAttemptNumberJobsGetResponse200",
    ),
    ("GET", rf"{ACTIONS}/jobs/\d+", 200, "Job"),
    ("GET", rf"{ACTIONS}/artifacts", 200, "ReposOwnerRepoActionsArtifactsGetResponse200"),
    ("GET", rf"{ACTIONS}/runs/\d+/artifacts", 200, "ReposOwnerRepoActionsRunsRunIdArtifactsGetResponse200"),
    ("GET", rf"{ACTIONS}/artifacts/\d+", 200, "Artifact"),
    ("GET", rf"{OWNER_REPO}/deployments", 200, "[Deployment]"),
    ("POST", rf"{OWNER_REPO}/deployments", 201, "Deployment"),
    ("POST", rf"{OWNER_REPO}/deployments", 202, "ReposOwnerRepoDeploymentsPostResponse202"),
    ("GET", rf"{OWNER_REPO}/environments", 200, "ReposOwnerRepoEnvironmentsGetResponse200"),
    (
        "GET",
        rf"{OWNER_REPO}/environments/.+/deployment_protection_rules",
        200,
        "ReposOwnerRepoEnvironmentsEnvironmentNameDeploymentProtectionRulesGetResponse200",
    ),
    ("GET", rf"{OWNER_REPO}/environments/.+", 200, "Environment"),
    ("GET", rf"{ACTIONS}/runs/\d+/pending_deployments", 200, "[PendingDeployment]"),
    ("GET", rf"{OWNER_REPO}/deployments/\d+", 200, "Deployment"),
    ("GET", rf"{OWNER_REPO}/deployments/\d+/statuses", 200, "[DeploymentStatus]"),
    ("POST", rf"{OWNER_REPO}/deployments/\d+/statuses", 201, "DeploymentStatus"),
    ("GET", rf"{OWNER_REPO}/deployments/\d+/statuses/\d+", 200, "DeploymentStatus"),
    ("GET", rf"{OWNER_REPO}/collaborators/[^/]+/permission", 200, "RepositoryCollaboratorPermission"),
    ("GET", rf"{OWNER_REPO}/collaborators", 200, "[Collaborator]"),
    ("GET", r"/orgs/[^/]+/repos", 200, "[MinimalRepository]"),
    ("GET", r"/orgs/[^/]+/memberships/[^/]+", 200, "OrgMembership"),
    ("GET", r"/orgs/[^/]+/teams/[^/]+/members", 200, "[SimpleUser]"),
    ("GET", r"/users/[^/]+", 200, "PublicUser"),
    ("GET", r"/user/\d+", 200, "PublicUser"),
    ("GET", r"/orgs/[^/]+/teams/[^/]+", 200, "TeamFull"),
    ("GET", r"/orgs/[^/]+/teams/[^/]+/memberships/[^/]+", 200, "TeamMembership"),
)
_CHECK_RUN, _CHECK_RUN_PATCH = "ReposOwnerRepoCheckRunsPostBody", "ReposOwnerRepoCheckRunsCheckRunIdPatchBody"
REQUESTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "POST",
        r"/app/installations/\d+/access_tokens",
        ("AppInstallationsInstallationIdAccessTokensPostBody",),
    ),
    ("PATCH", r"/app/hook/config", ("AppHookConfigPatchBody",)),
    ("POST", rf"{OWNER_REPO}/issues/\d+/comments", ("ReposOwnerRepoIssuesIssueNumberCommentsPostBody",)),
    ("PATCH", rf"{OWNER_REPO}/issues/comments/\d+", ("ReposOwnerRepoIssuesCommentsCommentIdPatchBody",)),
    (
        "POST",
        rf"{OWNER_REPO}/issues/comments/\d+/reactions",
        ("ReposOwnerRepoIssuesCommentsCommentIdReactionsPostBody",),
    ),
    ("POST", rf"{OWNER_REPO}/check-runs", (f"{_CHECK_RUN}Oneof0", f"{_CHECK_RUN}Oneof1")),
    (
        "PATCH",
        rf"{OWNER_REPO}/check-runs/\d+",
        (f"{_CHECK_RUN_PATCH}Anyof0", f"{_CHECK_RUN_PATCH}Anyof1"),
    ),
    ("POST", rf"{OWNER_REPO}/statuses/[^/]+", ("ReposOwnerRepoStatusesShaPostBody",)),
    ("POST", rf"{OWNER_REPO}/check-suites", ("ReposOwnerRepoCheckSuitesPostBody",)),
    (
        "POST",
        rf"{ACTIONS}/workflows/[^/]+/dispatches",
        ("ReposOwnerRepoActionsWorkflowsWorkflowIdDispatchesPostBody",),
    ),
    ("POST", rf"{ACTIONS}/runs/\d+/rerun", ("ReposOwnerRepoActionsRunsRunIdRerunPostBody",)),
    (
        "POST",
        rf"{ACTIONS}/runs/\d+/deployment_protection_rule",
        ("ReviewCustomGatesStateRequired", "ReviewCustomGatesCommentRequired"),
    ),
    ("POST", rf"{OWNER_REPO}/deployments", ("ReposOwnerRepoDeploymentsPostBody",)),
    (
        "POST",
        rf"{OWNER_REPO}/deployments/\d+/statuses",
        ("ReposOwnerRepoDeploymentsDeploymentIdStatusesPostBody",),
    ),
)
_APP_OF = "PropPerformedViaGithubApp"
UNPUBLISHED: Mapping[str, frozenset[str]] = {
    # An App has a client id everywhere else; these three copies of its schema are older.
    f"WebhookDeploymentCreatedPropDeployment{_APP_OF}": frozenset({"client_id"}),
    f"WebhookDeploymentStatusCreatedPropDeployment{_APP_OF}": frozenset({"client_id"}),
    f"WebhookDeploymentStatusCreatedPropDeploymentStatus{_APP_OF}": frozenset({"client_id"}),
    # Sent with every workflow run; published for the other two of its events.
    "WebhookWorkflowRunInProgressPropWorkflowRun": frozenset({"display_title"}),
}


def assert_valid(model: str, body: object) -> None:
    """The body fits the published model (`IssueComment`, or `[IssueComment]` for a list) and has no other
    properties."""
    many = model.startswith("[")
    kind = getattr(models, model.strip("[]"))
    parsed = TypeAdapter(list[kind] if many else kind).validate_python(body)
    pairs = zip(parsed, body, strict=True) if many and isinstance(body, list) else [(parsed, body)]
    unknown = sorted({path for one, raw in pairs for path in _unknown(one, raw, kind.__name__)})
    assert not unknown, f"properties that GitHub does not publish: {unknown}"


def assert_answer_valid(method: str, path: str, status: int, body: object) -> None:
    """The answer to a REST call fits what GitHub publishes for it; every refusal fits `BasicError`."""
    if status >= 300:
        assert_valid(
            "ValidationError" if status == 422 and "errors" in _dict(body) else "BasicError", _error(body)
        )
        return
    if status == 204:
        assert body is None
        return
    found = [
        m
        for verb, pattern, code, m in ANSWERS
        if (verb, code) == (method, status) and re.fullmatch(pattern, path)
    ]
    assert found, f"no published schema is known for {method} {path} -> {status}"
    assert_valid(_contents_model(body) if "/contents/" in path else found[-1], body)


def assert_request_valid(method: str, path: str, body: object) -> None:
    """The body of a REST call fits what GitHub publishes for it."""
    found = next((m for verb, pattern, m in REQUESTS if verb == method and re.fullmatch(pattern, path)), None)
    assert found, f"no published schema is known for {method} {path}"
    problems = []
    for model in found:
        try:
            assert_valid(model, body)
        except (AssertionError, ValidationError) as problem:
            problems.append(str(problem))
        else:
            return
    raise AssertionError("\n".join(problems))


def assert_webhook_valid(event: str, raw: bytes) -> dict[str, Any]:
    """The webhook's body fits the published schema of its event and action; the parsed body."""
    body: dict[str, Any] = json.loads(raw)
    words = (*event.split("_"), *str(body.get("action", "")).split("_"))
    assert_valid("Webhook" + "".join(word.capitalize() for word in words), body)
    return body


def _contents_model(body: object) -> str:
    if isinstance(body, list):
        return "[ContentDirectoryItems]"
    return {"file": "ContentFile", "symlink": "ContentSymlink", "submodule": "ContentSubmodule"}[
        _dict(body)["type"]
    ]


def _error(body: object) -> object:
    # `status` is sent with every refusal, but published for BasicError alone.
    errors = _dict(body)
    return {name: value for name, value in errors.items() if name != "status" or "errors" not in errors}


def _dict(body: object) -> dict[str, Any]:
    assert isinstance(body, dict), body
    return body


def _unknown(parsed: object, raw: object, where: str) -> Iterator[str]:
    """The properties of `raw` that the model it was parsed into does not have."""
    if isinstance(parsed, BaseModel) and isinstance(raw, dict):
        yield from _unknown_of_model(parsed, raw, where)
    elif isinstance(parsed, list) and isinstance(raw, list):
        for one, item in zip(parsed, raw, strict=True):
            yield from _unknown(one, item, f"{where}[]")


def _unknown_of_model(parsed: BaseModel, raw: dict[str, Any], where: str) -> Iterator[str]:
    kind = type(parsed)
    names = {field.alias or name: name for name, field in kind.model_fields.items()}
    for key, value in raw.items():
        if key in names:
            yield from _unknown(getattr(parsed, names[key]), value, f"{where}.{key}")
        elif kind.model_config.get("extra") != "allow" and key not in UNPUBLISHED.get(kind.__name__, ()):
            yield f"{where}.{key} ({kind.__name__})"
