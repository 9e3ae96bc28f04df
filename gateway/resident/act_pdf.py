"""An act as PDF: typst sets it from data alone, as it does the explanations of lines.

No font of the machine, no package and no network is used, and the date is the act's. The sealed
bytes are attached, so the paper's file holds its own proof.
"""

import json
from pathlib import Path

import typst

from drivers.reading import from_ms
from gateway.explain import qr
from gateway.explain.told import document
from gateway.resident.act_telling import ActTold
from gateway.web.texts import Words

_TEMPLATE = Path(__file__).with_name("act.typ")
_CREATOR = "plomba"


def of_act(told: ActTold, sealed: bytes) -> bytes:
    """The act on A4, tagged; `sealed` is attached as act.cose."""
    words = Words("en" if told.language == "en" else "ru")
    at = from_ms(told.issued_at_ms)
    data = {
        "title": told.subtitle,
        "language": told.language,
        "tagline": words("tagline"),
        "page": words("act_page", "{page}", "{pages}"),
        "creator": _CREATOR,
        "date": [at.year, at.month, at.day, at.hour, at.minute, at.second],
        "act": document(told),
        "qr": qr.svg(told.proof.url).decode(),
        "sealed": list(sealed),
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
