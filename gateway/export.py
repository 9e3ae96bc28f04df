"""Closing lines of a period as a file, for whoever is not served by the hand-off.

A format is a function from lines to bytes; the file appears whole or not at all. The same lines
give the same bytes, so two exports can be compared.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.closing import ClosingLine
from gateway.handoff.csv import table, write_whole

Format = Callable[[Iterable[ClosingLine]], bytes]


def as_csv(lines: Iterable[ClosingLine]) -> bytes:
    """UTF-8, comma, one header line: the columns of the CSV hand-off."""
    return table(line.as_text() for line in lines)


FORMATS: dict[str, Format] = {"csv": as_csv}


def export(lines: Iterable[ClosingLine], name: str, path: Path) -> None:
    """Write `lines` to `path` in the format `name`; KeyError for a format there is not."""
    write_whole(path, FORMATS[name](lines))
