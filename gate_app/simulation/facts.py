"""The shape of a file of facts: a change, what its stages found, who may what, what was said.

Rules of the file: as strict as the gate file (no unknown keys, nothing coerced, every list bounded); the text under a
key is its documentation; what a key means to the judgement is `world`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from gate_app.config.durations import DURATION_PATTERN
from gate_app.config.fields import (
    MAX_ENVIRONMENTS,
    MAX_NAMES,
    MAX_STAGES,
    SAID_PATTERN,
    Name,
    Organisation,
    Role,
    Team,
    exactly,
    visible,
)
from gate_app.config.models import ANY
from gate_app.config.shape import Strict
from gate_app.simulation.moments import moment

MAX_FILES: Final = 3_000
"""GitHub lists no more changed files of a comparison than that."""
MAX_PEOPLE: Final = 200
MAX_SAID: Final = 100

Text = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(visible)]
Comment = Annotated[Text, Field(pattern=SAID_PATTERN)]
Span = Annotated[str, Field(pattern=DURATION_PATTERN)]
Moment = Annotated[str, AfterValidator(moment)]
Count = Annotated[int, Field(ge=0, le=999_999)]
Percentage = Annotated[str, Field(pattern=r"^(100|[1-9]?[0-9](\.[0-9]{1,3})?)$")]
Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}(\[bot\])?$")]
CodeOwners = Annotated[tuple[Account | Team, ...], Field(min_length=1, max_length=MAX_NAMES)]
Severity = Literal["critical", "high", "medium", "low"]
Verdict = Literal["passed", "failed", "unknown", "running"]


def _form(value: object) -> str:
    return "word" if isinstance(value, str) else "long"


class ChangeFacts(Strict):
    """The commit under decision."""

    title: Text = "A change"
    """The title of its pull request."""

    author: Account = "author"
    """Who opened it; `name[bot]` is an App."""

    contributors: Annotated[tuple[Account, ...], Field(max_length=MAX_NAMES)] = ()
    """Who else wrote, committed or pushed some of it."""

    unattributed: Annotated[tuple[Text, ...], Field(max_length=MAX_NAMES)] = ()
    """E-mail addresses in its commits that belong to no account."""

    branch: Text = "change"
    """The branch it is on."""

    base: Text = "main"
    """The branch it goes to, which is the default branch."""

    fork: bool = False
    """Whether its branch is one of a fork."""

    pull_request: bool = True
    """Whether there is a pull request to talk in; a push to the default branch has none."""

    labels: Annotated[tuple[Text, ...], Field(max_length=MAX_NAMES)] = ()
    """The labels of its pull request."""

    owners: Annotated[tuple[CodeOwners, ...], Field(max_length=20)] | None = None
    """Who owns the files it changes, by CODEOWNERS: a list for each set of owners. Without it: it cannot be told."""

    files: Annotated[tuple[Text, ...], Field(max_length=MAX_FILES)] | None = None
    """The files it changes. Without it: which they are cannot be told."""

    lines: Count | None = None
    """Added and removed lines together. Without it: they cannot be counted."""


class TestFacts(Strict):
    """What a test report counted."""

    __test__ = False  # the name starts with "Test", which pytest would collect

    passed: Count = 0
    """Tests that passed."""

    failed: Count = 0
    """Tests that failed."""

    skipped: Count = 0
    """Tests that did not run."""

    flaky: Count = 0
    """Tests that both failed and passed."""


class FindingFacts(Strict):
    """What a scan found."""

    severity: Severity
    """How bad it is."""

    rule: Text = "finding"
    """The rule that found it."""

    known: bool = False
    """Whether what runs in the environments has it too."""


class StageFacts(Strict):
    """How one stage ended."""

    verdict: Verdict
    """`passed`, `failed`, `unknown`, or `running` while it has not ended."""

    tests: TestFacts | None = None
    """Of its JUnit report."""

    findings: Annotated[tuple[FindingFacts, ...], Field(max_length=MAX_NAMES)] = ()
    """Of its SARIF report."""

    coverage: Percentage | None = None
    """Of its coverage report, in percent: `"84.5"`."""


class PersonFacts(Strict):
    """What one account may."""

    permission: Literal["none", "read", "triage", "write", "maintain", "admin"] = "none"
    """Their role in the repository."""

    teams: Annotated[tuple[Team, ...], Field(max_length=MAX_NAMES)] = ()
    """Teams that they are in, as `organisation/slug`."""

    role: Role | None = None
    """The name of their role, where it is a custom one."""

    organisations: Annotated[tuple[Organisation, ...], Field(max_length=MAX_NAMES)] = ()
    """Organisations that they are members of."""

    emails: Annotated[tuple[Text, ...], Field(max_length=MAX_NAMES)] = ()
    """E-mail addresses of their commits; only needed with `--repo`."""


class EnvironmentFacts(Strict):
    """What is known of one environment."""

    runs: bool = True
    """Whether what the change was made on runs there; `false`: nothing of ours was released there yet."""

    healthy_for: Span | None = None
    """For how long the same content has been healthy there. Without it: it has not passed there."""

    busy: bool = False
    """Whether another release is under way there."""

    coverage: Percentage | None = None
    """What the stages covered when what runs there was released, in percent. Without it: nobody measured."""


class Facts(Strict):
    """Facts about a change and what happened to it."""

    at: Moment | None = None
    """When it is judged, as `2026-03-02T09:00:00+01:00`. Without it: now."""

    waited: Span | None = None
    """How long after everything was said it is judged once more."""

    change: ChangeFacts = ChangeFacts()
    """The commit under decision."""

    stages: Annotated[
        Annotated[Verdict, Tag("word")]
        | Annotated[
            dict[
                Name,
                Annotated[
                    Annotated[Verdict, Tag("word")] | Annotated[StageFacts, Tag("long")], Discriminator(_form)
                ],
            ],
            Tag("long"),
            Field(max_length=MAX_STAGES),
        ],
        Discriminator(_form),
    ] = "running"
    """How stages ended, by name, or one word for all of them. What is not named is running."""

    people: Annotated[dict[Account, PersonFacts], Field(max_length=MAX_PEOPLE)] = Field(default_factory=dict)
    """Who there is, by login, and what they may. Nobody else has any permission."""

    environments: Annotated[dict[Name, EnvironmentFacts], Field(max_length=MAX_ENVIRONMENTS)] = Field(
        default_factory=dict
    )
    """What is known of environments, by name."""

    said: Annotated[tuple[Comment, ...], Field(max_length=MAX_SAID)] = ()
    """What people commented, in that order: `login: /approve production`."""


class FactsFile(Facts):
    """Facts about a change, for `gate-app simulate`."""

    version: Annotated[Literal[1], exactly(int, "write `version: 1`")]
    """The version of this format: 1."""


FACTS_PLACES: Final[Mapping[tuple[str, ...], type[Strict]]] = MappingProxyType(
    {
        (): FactsFile,
        ("change",): ChangeFacts,
        ("stages", ANY): StageFacts,
        ("stages", ANY, "tests"): TestFacts,
        ("stages", ANY, "findings", ANY): FindingFacts,
        ("people", ANY): PersonFacts,
        ("environments", ANY): EnvironmentFacts,
    }
)
"""Which model describes the keys at a path of the file."""
