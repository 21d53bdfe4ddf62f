"""The tables of the stand-in (`schema.sql`) and the ids they start at.

Ids grow from large numbers of GitHub's size, most of them above 2^31, so that nobody gets away with a
32-bit column.
"""

from __future__ import annotations

from importlib.resources import files

SCHEMA = files(__package__).joinpath("schema.sql").read_text()

FIRST_IDS = {
    "apps": 912_340,
    "installations": 58_214_630,
    "people": 102_345_670,
    "teams": 9_876_540,
    "repositories": 764_532_180,
    "pulls": 2_154_678_900,
    "comments": 2_410_987_650,
    "issue_events": 17_654_321_980,
    "pushes": 21_345_678_900,
    "reactions": 301_245_670,
    "check_suites": 31_245_678_900,
    "check_runs": 34_567_891_230,
    "workflows": 187_654_320,
    "workflow_runs": 19_876_543_210,
    "artifacts": 4_123_456_780,
    "statuses": 35_678_912_340,
    "environments": 1_876_543_210,
    "deployments": 2_345_678_910,
    "deployment_statuses": 6_012_345_670,
    "deliveries": 142_345_678_900,
}
