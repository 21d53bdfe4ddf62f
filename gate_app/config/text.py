"""From the bytes of a blob to text, or the reason why not.

Rules of the file: the size is judged before anything is read (case 92); only plain UTF-8 passes (case 96); a
character that makes a line look different from what it says is refused wherever it stands.
"""

from __future__ import annotations

import codecs
import hashlib
import re

from gate_app.config.problems import Flaw, Mark

MAX_BYTES = 64 * 1024

_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# Control characters, line breaks that not every editor shows, and marks that reorder what is shown.
_DISGUISE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)
_SAVE_AS_UTF8 = "save the file as UTF-8 without a byte order mark"


def decode(raw: bytes) -> str | Flaw:
    """The text of a configuration blob of at most 64 KiB, or the one flaw that keeps it from being read."""
    if len(raw) > MAX_BYTES:
        return Flaw((), f"the file has {len(raw):,} bytes, more than {MAX_BYTES:,}", "shorten it")
    if raw.startswith(_LFS_POINTER):
        return Flaw((), "this is a Git LFS pointer, not the file", "take the file out of Git LFS")
    if raw.startswith(_BYTE_ORDER_MARKS):
        return Flaw((), "the file begins with a byte order mark", _SAVE_AS_UTF8)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Flaw((), "the file is not UTF-8 here", _SAVE_AS_UTF8, _mark(raw, error.start))
    return _without_disguise(text)


def blob_sha(raw: bytes) -> str:
    """The id that git gives these bytes, 40 hex digits: what a policy read from a local file is pinned to."""
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


def _without_disguise(text: str) -> str | Flaw:
    found = _DISGUISE.search(text)
    if found is None:
        return text
    reason = f"the invisible character U+{ord(found[0]):04X} makes this line look different from what it says"
    return Flaw(
        (),
        reason,
        f"delete it, or {_SAVE_AS_UTF8}",
        _mark(text.encode(), len(text[: found.start()].encode())),
    )


def _mark(raw: bytes, offset: int) -> Mark:
    before = raw[:offset]
    line_start = before.rfind(b"\n") + 1
    return Mark(before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1)
