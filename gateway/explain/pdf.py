"""Explanations as PDF (cloud_sync/typeset.py), dated by the line they explain."""

from collections.abc import Sequence
from pathlib import Path

from cloud_sync.typeset import pdf
from gateway.explain import qr
from gateway.explain.told import Explained, document
from gateway.web.texts import Words

_TEMPLATE = Path(__file__).with_name("line.typ")


def of_line(told: Explained) -> bytes:
    """One line on one or two pages."""
    return _set([told], f"{told.title}. {told.number}")


def of_account(told: Sequence[Explained], title: str) -> bytes:
    """All lines of a bill, each beginning a page."""
    return _set(told, title)


def _set(told: Sequence[Explained], title: str) -> bytes:
    words = Words("en" if told[0].language == "en" else "ru")
    at_ms = max(one.closed_at_ms for one in told)
    data = {
        "title": title,
        "language": words.language,
        "tagline": words("tagline"),
        "page": words("proof_page", "{page}", "{pages}"),
        "lines": [document(one) | {"qr": qr.svg(one.proof.url).decode()} for one in told],
    }
    return pdf(_TEMPLATE, data, at_ms)
