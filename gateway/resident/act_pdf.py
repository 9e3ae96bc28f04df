"""An act as PDF (cloud_sync/typeset.py), with its date.

The sealed bytes are attached, so the paper's file holds its own proof.
"""

from pathlib import Path

from cloud_sync.typeset import pdf
from gateway.explain import qr
from gateway.explain.told import document
from gateway.resident.act_telling import ActTold
from gateway.web.texts import Words

_TEMPLATE = Path(__file__).with_name("act.typ")


def of_act(told: ActTold, sealed: bytes) -> bytes:
    """The act on A4, tagged; `sealed` is attached as act.cose."""
    words = Words("en" if told.language == "en" else "ru")
    data = {
        "title": told.subtitle,
        "language": told.language,
        "tagline": words("tagline"),
        "page": words("act_page", "{page}", "{pages}"),
        "act": document(told),
        "qr": qr.svg(told.proof.url).decode(),
        "sealed": list(sealed),
    }
    return pdf(_TEMPLATE, data, told.issued_at_ms)
