"""What GitHub answers when it refuses.

Raised anywhere below the face and turned into an answer there, in one place. Shapes follow "Client errors"
of GitHub's REST documentation: `message`, `documentation_url`, `status`, and `errors` for a 422.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DOCUMENTATION_URL = "https://docs.github.com/rest"


class GitHubError(Exception):
    """A refusal with GitHub's status code, message and, for a 422, its list of errors."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.errors = tuple(dict(error) for error in errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        errors = {"errors": list(self.errors)} if self.errors else {}
        return {
            "message": self.message,
            **errors,
            "documentation_url": DOCUMENTATION_URL,
            "status": str(self.status),
        }


def not_found() -> GitHubError:
    """404, also for what exists but must not be seen."""
    return GitHubError(404, "Not Found")


def forbidden() -> GitHubError:
    """403: the token lacks the permission of this call."""
    return GitHubError(403, "Resource not accessible by integration")


def invalid(resource: str, field: str, message: str, code: str = "custom") -> GitHubError:
    """422 with one error about one field."""
    error = {"resource": resource, "field": field, "code": code, "message": message}
    return GitHubError(422, f"Validation Failed: {message}", [error])
