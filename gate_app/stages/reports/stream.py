"""XML as a stream of elements, from a file that nobody trusts.

Rules of this file (case 170): a document type declaration, and with it every entity, is refused; nothing is fetched;
a tag that goes on for a million bytes is found before anything is parsed.
"""

import io
import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DTDForbidden, EntitiesForbidden
from defusedxml.ElementTree import iterparse

FORBIDDEN: Final = (DTDForbidden, EntitiesForbidden)
"""What a document type or an entity raises."""
BROKEN: Final = (ParseError, ValueError, LookupError)
"""What a document raises that is cut short, no XML, or in an encoding that is none."""
_LONG_TAG: Final = re.compile(rb"<(?!!\[CDATA\[)[^<>]{1000000}")


def overlong(content: bytes) -> bool:
    """Whether one tag is longer than a million bytes."""
    return _LONG_TAG.search(content) is not None


def elements(content: bytes) -> Iterator[tuple[str, Element]]:
    """Each `start` and `end` of an element; raises one of ``FORBIDDEN`` or ``BROKEN``."""
    yield from iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True)


def tag(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
