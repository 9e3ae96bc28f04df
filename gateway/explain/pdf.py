"""Explanations as PDF: typst sets the text with the fonts it carries, from data alone.

The template is ours and the data reach it as JSON, never as markup, so what is stored cannot become
commands of the typesetter. No font of the machine, no package and no network is used, and the
date is the line's, so the same explanation gives the same bytes.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import typst

from drivers.reading import from_ms
from gateway.explain import qr
from gateway.explain.told import Explained, document
from gateway.web.texts import Words

_TEMPLATE = Path(__file__).with_name("line.typ")
_CREATOR = "plomba"


def of_line(told: Explained) -> bytes:
    """One line on one or two pages."""
    return _set([told], f"{told.title}. {told.number}")


def of_account(told: Sequence[Explained], title: str) -> bytes:
    """All lines of a bill, each beginning a page."""
    return _set(told, title)


def _set(told: Sequence[Explained], title: str) -> bytes:
    words = Words("en" if told[0].language == "en" else "ru")
    at = from_ms(max(one.closed_at_ms for one in told))
    data = {
        "title": title,
        "language": words.language,
        "tagline": words("tagline"),
        "page": words("proof_page", "{page}", "{pages}"),
        "creator": _CREATOR,
        "date": [at.year, at.month, at.day, at.hour, at.minute, at.second],
        "lines": [document(one) | {"qr": qr.svg(one.proof.url).decode()} for one in told],
    }
    compiled: bytes = typst.compile(
        str(_TEMPLATE),
        root=str(_TEMPLATE.parent),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=int(at.timestamp()),
        pdf_standards=["ua-1"],
    )
    return compiled
