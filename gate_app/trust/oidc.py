"""The token of a job: the only door through which a workflow run that calls us becomes believable.

Rules of this file:
* `verify` makes `VerifiedClaims` of a token that the configured issuer signed, and of nothing else.
* One algorithm, RS256, which the token does not choose; a key is looked up in the given set by the token's `kid` alone,
  and what a header may hold is listed (cases 120, 121, 127).
* Issuer and audience are equal or they are not: nothing is parsed, prefixed or normalised (cases 122, 123).
* Every claim is accounted for: read strictly, read for display alone, or ignored by name. What decides are numeric
  ids; `sub` and logins decide nothing (cases 134 to 137).
* Neither a token nor a claim reaches a message, a log or a `repr` (case 138).

Pure: keys and the time come by argument. What the claims must say about the gate is judged by `domain.redeeming`.
Source: GitHub docs, "OpenID Connect reference".
"""

import json
import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWS
from jwt.exceptions import InvalidTokenError

from gate_app.trust.bounds import MAX_CLAIM_CHARS, MAX_JOB_TOKEN_CHARS, MAX_TOKEN_SECONDS
from gate_app.trust.signature import Refusal

ALGORITHM: Final = "RS256"
LEEWAY: Final = timedelta(seconds=30)
"""How far the issuer's clock and ours may be apart (case 124)."""

_SEAL: Final = object()
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_HEADER: Final = frozenset({"alg", "kid", "typ", "x5t"})
"""What GitHub puts into the header of a token. Anything else could be an instruction to whoever verifies it."""
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    "jti": re.compile(r"[!-~]{1,128}", re.ASCII),
    "sub": re.compile(r".{1,1024}"),
    "repository": re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", re.ASCII),
    "repository_owner": re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII),
    "event_name": re.compile(r"[a-z_]{1,64}", re.ASCII),
    "ref": re.compile(r"refs/[!-~]{1,250}", re.ASCII),
    "ref_type": re.compile(r"branch|tag", re.ASCII),
    "sha": re.compile(r"[0-9a-f]{40}", re.ASCII),
    "runner_environment": re.compile(r"github-hosted|self-hosted", re.ASCII),
}
_NUMBERS: Final = ("repository_id", "repository_owner_id", "run_id", "run_attempt")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_FILES: Final = ("workflow_ref", "job_workflow_ref")
_FILE: Final = re.compile(
    r"(?P<repository>[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)/\.github/workflows/"
    r"(?P<file>[A-Za-z0-9_.-]{1,100}\.ya?ml)@(?P<ref>refs/[!-~]{1,250})",
    re.ASCII,
)
_ENVIRONMENT: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")
_TIMES: Final = ("exp", "nbf", "iat")
DISPLAYED: Final = frozenset(
    {
        "actor",
        "actor_id",
        "base_ref",
        "check_run_id",
        "enterprise",
        "enterprise_id",
        "environment_node_id",
        "head_ref",
        "job_workflow_sha",
        "ref_protected",
        "repository_visibility",
        "run_number",
        "workflow",
        "workflow_sha",
    }
)
"""Claims that GitHub gives and that decide nothing here, on purpose."""
ACCOUNTED: Final = frozenset({"iss", "aud", "environment", *_TIMES, *_TEXTS, *_NUMBERS, *_FILES, *DISPLAYED})


TOKEN_MISSING: Final = Refusal("token_missing", "send the job's OIDC token: Authorization: Bearer …")
TOKEN_MALFORMED: Final = Refusal("token_malformed", "send the job's OIDC token as GitHub gave it")
TOKEN_TOO_LONG: Final = Refusal("token_too_long", f"a token has at most {MAX_JOB_TOKEN_CHARS} characters")
TOKEN_ALGORITHM: Final = Refusal("token_algorithm", "only tokens that are signed by RS256 count")
TOKEN_KEY_UNKNOWN: Final = Refusal("token_key_unknown", "the issuer does not publish the key of this token")
TOKEN_SIGNATURE: Final = Refusal("token_signature", "the issuer did not sign this token")
TOKEN_ISSUER: Final = Refusal("token_issuer", "the token is of another issuer than GATE_OIDC_ISSUER")
TOKEN_AUDIENCE: Final = Refusal("token_audience", "ask GitHub for a token with the audience of this app")
TOKEN_EXPIRED: Final = Refusal("token_expired", "ask GitHub for a new token")
TOKEN_TIMES: Final = Refusal("token_times", "the times of the token are not those of a fresh one")
TOKEN_CLAIMS: Final = Refusal("token_claims", "the token lacks what GitHub says of a job")
TOKEN_FOREIGN_WORKFLOW: Final = Refusal(
    "token_foreign_workflow", "the job has to be written in a workflow file of its own repository"
)
REFUSALS: Final = (
    TOKEN_MISSING,
    TOKEN_MALFORMED,
    TOKEN_TOO_LONG,
    TOKEN_ALGORITHM,
    TOKEN_KEY_UNKNOWN,
    TOKEN_SIGNATURE,
    TOKEN_ISSUER,
    TOKEN_AUDIENCE,
    TOKEN_EXPIRED,
    TOKEN_TIMES,
    TOKEN_CLAIMS,
    TOKEN_FOREIGN_WORKFLOW,
)


@dataclass(frozen=True, slots=True)
class Expectations:
    """Who issues the tokens, and what they have to be for; both are compared whole."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A workflow file of the repository: its name below `.github/workflows` and the ref that it was read at."""

    name: str
    ref: str


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedClaims:
    """What GitHub says of the job that holds the token; made by `verify` alone.

    `jti` names the token, which is good for one call. `workflow` is the file of the run, `job_workflow` that of the
    job, another one where that is in a reusable workflow. `environment` is empty where the job names none.
    `unaccounted` are names of claims that this version does not know; they decide nothing.
    """

    jti: str
    expires_at: int
    repository_id: int
    owner_id: int
    repository: str
    run_id: int
    attempt: int
    event: str
    ref: str
    sha: str
    workflow: WorkflowFile
    job_workflow: WorkflowFile
    environment: str
    runner: str
    unaccounted: tuple[str, ...]
    seal: object = field(compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("VerifiedClaims are made by trust.oidc.verify only")

    def __reduce__(self) -> NoReturn:
        raise TypeError("VerifiedClaims cannot be copied or pickled: verify the token again")

    def __repr__(self) -> str:
        return "<VerifiedClaims of a job>"


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def verify(
    unverified_token: str | None, expectations: Expectations, keys: Mapping[str, RSAPublicKey], now: datetime
) -> VerifiedClaims | Refusal:
    """Whether the issuer gave exactly this token to a job, for us, and it is good now; what it says then.

    `keys` are those that the issuer publishes, by `kid`. `TOKEN_KEY_UNKNOWN` is the one refusal that other keys could
    change.
    """
    try:
        payload = _signed(unverified_token, keys)
        claims = _document(payload)
        _for_us(claims, expectations)
        _in_time(claims, now)
        return _read(claims)
    except _Refused as refused:
        return refused.refusal


def _signed(unverified_token: str | None, keys: Mapping[str, RSAPublicKey]) -> bytes:
    """The payload of a token that one of `keys` signed."""
    if not unverified_token:
        raise _Refused(TOKEN_MISSING)
    if len(unverified_token) > MAX_JOB_TOKEN_CHARS:
        raise _Refused(TOKEN_TOO_LONG)
    segments = unverified_token.split(".")
    if len(segments) != 3 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise _Refused(TOKEN_MALFORMED)
    header = _document(_decoded(segments[0]))
    if header.get("alg") != ALGORITHM or not _HEADER.issuperset(header):
        raise _Refused(TOKEN_ALGORITHM)
    kid = header.get("kid")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise _Refused(TOKEN_KEY_UNKNOWN)
    try:
        payload: bytes = PyJWS(algorithms=[ALGORITHM]).decode(unverified_token, key, algorithms=[ALGORITHM])
    except InvalidTokenError:
        raise _Refused(TOKEN_SIGNATURE) from None
    return payload


def _decoded(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except NotBase64:
        raise _Refused(TOKEN_MALFORMED) from None


def _document(raw: bytes) -> dict[str, object]:
    """A JSON object in which every key is there once (case 126)."""
    try:
        found: object = json.loads(raw, object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _Refused(TOKEN_MALFORMED) from None
    if not isinstance(found, dict):
        raise _Refused(TOKEN_MALFORMED)
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is there twice")
    return members


def _no_number(_name: str) -> NoReturn:
    raise ValueError("no number of JSON")


def _for_us(claims: Mapping[str, object], expectations: Expectations) -> None:
    if claims.get("iss") != expectations.issuer:
        raise _Refused(TOKEN_ISSUER)
    if claims.get("aud") != expectations.audience:  # a list that holds ours is for somebody else too
        raise _Refused(TOKEN_AUDIENCE)


def _in_time(claims: Mapping[str, object], now: datetime) -> None:
    """Whole numbers, in order, of a token that lives for minutes (case 124)."""
    times = [claims.get(name) for name in _TIMES]
    if not all(type(each) is int for each in times):
        raise _Refused(TOKEN_TIMES)
    exp, nbf, iat = (each for each in times if isinstance(each, int))
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if not 0 < exp - iat <= MAX_TOKEN_SECONDS or max(nbf, iat) > moment + leeway:
        raise _Refused(TOKEN_TIMES)
    if moment >= exp + leeway:
        raise _Refused(TOKEN_EXPIRED)


def _read(claims: Mapping[str, object]) -> VerifiedClaims:
    texts = {name: _text(claims, name, pattern) for name, pattern in _TEXTS.items()}
    numbers = {name: int(_text(claims, name, _NUMBER)) for name in _NUMBERS}
    repository = texts["repository"]
    workflow, job_workflow = (_file(claims, name, repository) for name in _FILES)
    if repository.partition("/")[0] != texts["repository_owner"]:
        raise _Refused(TOKEN_CLAIMS)
    if (texts["ref_type"] == "branch") != texts["ref"].startswith(("refs/heads/", "refs/pull/")):
        raise _Refused(TOKEN_CLAIMS)
    return VerifiedClaims(
        jti=texts["jti"],
        expires_at=int(str(claims["exp"])),
        repository_id=numbers["repository_id"],
        owner_id=numbers["repository_owner_id"],
        repository=repository,
        run_id=numbers["run_id"],
        attempt=numbers["run_attempt"],
        event=texts["event_name"],
        ref=texts["ref"],
        sha=texts["sha"],
        workflow=workflow,
        job_workflow=job_workflow,
        environment=_text(claims, "environment", _ENVIRONMENT) if "environment" in claims else "",
        runner=texts["runner_environment"],
        unaccounted=tuple(sorted(set(claims) - ACCOUNTED)),
        seal=_SEAL,
    )


def _text(claims: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or len(value) > MAX_CLAIM_CHARS or not pattern.fullmatch(value):
        raise _Refused(TOKEN_CLAIMS)
    return value


def _file(claims: Mapping[str, object], name: str, repository: str) -> WorkflowFile:
    """A workflow file of the job's own repository; a file has no `@`, so the first one begins the ref (case 132)."""
    found = _FILE.fullmatch(_text(claims, name, _TEXTS["sub"]))
    if found is None or found["repository"] != repository:
        raise _Refused(TOKEN_FOREIGN_WORKFLOW)
    return WorkflowFile(found["file"], found["ref"])
