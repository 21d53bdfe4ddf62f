"""Readers of what tools report: JUnit for tests, SARIF for findings. Bounded, and nothing is ever fetched.

A reader returns what the report says or a ``Refusal``; it raises for nothing that a report can contain.
"""

from dataclasses import dataclass

from gate_app.domain.evidence import StageReason


@dataclass(frozen=True, slots=True)
class Refusal:
    """A report that decides nothing: why (a reason code), and one sentence for people."""

    reason: StageReason
    detail: str
