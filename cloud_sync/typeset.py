"""Papers as PDF: typst sets them with the fonts it carries, from data alone. Its one home.

A template is ours and the data reach it as JSON, never as markup, so what is stored cannot become
commands of the typesetter. No font of the machine, no package and no network is used, and the
date is the paper's, so the same data give the same bytes.

The gateway prints with it, and so does a device at the end of a visit.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from drivers.reading import from_ms

_CREATOR = "plomba"


class PaperError(Exception):
    """A paper that cannot be set: a picture in it is none."""


def pdf(template: Path, data: Mapping[str, object], at_ms: int) -> bytes:
    """A tagged PDF (PDF/UA-1) of the template beside which its parts stand, dated `at_ms`.

    The template finds in `data` also `creator`, and `date`: year, month, day, hour, minute, second.
    """
    import typst  # noqa: PLC0415 - large, and an extra: loaded by who sets a paper

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


def pdf_with(
    template: Path, data: Mapping[str, object], at_ms: int, pictures: Mapping[str, bytes]
) -> bytes:
    """The same of a template that shows pictures, by the names of files beside it; PaperError.

    The typesetter reads pictures from files only; they are gone when this returns.
    """
    with TemporaryDirectory(prefix="plomba-paper-") as folder:
        here = Path(folder)
        shutil.copyfile(template, here / template.name)
        for name, picture in pictures.items():
            (here / name).write_bytes(picture)
        try:
            return pdf(here / template.name, data, at_ms)
        except RuntimeError as error:
            raise PaperError(f"{template.name} cannot be set: {error}") from error
