"""The page about webhooks says what the receiver does."""

import re
from pathlib import Path

from gate_app.intake import receiver, refusals
from gate_app.trust import bounds

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


def test_every_answer_of_the_receiver_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PAGE, re.MULTILINE)
    documented = {code: int(status) for status, code in rows}
    given = {code: int(status[:3]) for code, status in refusals.STATUS.items()}
    given |= {"stored": int(receiver.STORED.status[:3]), "known": int(receiver.KNOWN.status[:3])}
    assert documented == given


def test_the_bounds_on_the_page_are_those_of_the_code() -> None:
    assert f"{bounds.MAX_JSON_DEPTH} levels" in PAGE
    assert f"{bounds.MAX_JSON_MEMBERS:,} members" in PAGE
    assert f"shorter than {bounds.MIN_SECRET_BYTES} bytes" in PAGE
    assert f"up to {bounds.MAX_EVENT_CHARS}" in PAGE
    assert bounds.REQUEST_READ_SECONDS == 10
    assert bounds.MAX_BODY_BYTES == 25 * bounds.MEBIBYTE
    assert bounds.LARGE_BODY_BYTES == bounds.MEBIBYTE
