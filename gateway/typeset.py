"""Papers as PDF: typst sets them with the fonts it carries, from data alone.

A template is ours and the data reach it as JSON, never as markup, so what is stored cannot become
commands of the typesetter. No font of the machine, no package and no network is used, and the
date is the paper's, so the same data give the same bytes.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import typst

from drivers.reading import from_ms

_CREATOR = "plomba"


def pdf(template: Path, data: Mapping[str, object], at_ms: int) -> bytes:
    """A tagged PDF (PDF/UA-1) of the template beside which its parts stand, dated `at_ms`.

    The template finds in `data` also `creator`, and `date`: year, month, day, hour, minute, second.
    """
    at = from_ms(at_ms)
    date = [at.year, at.month, at.day, at.hour, at.minute, at.second]
    compiled: bytes = typst.compile(
        str(template),
        root=str(template.parent),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={
            "data": json.dumps({**data, "creator": _CREATOR, "date": date}, ensure_ascii=False)
        },
        timestamp=at_ms // 1000,
        pdf_standards=["ua-1"],
    )
    return compiled
