"""The formats by name, and writing what they make.

Plain CSV has the columns of the CSV hand-off. The same lines give the same bytes, so two exports
can be compared. Every file appears whole; an export of several numbers them: FILE-1.xml, …
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from gateway.export.cim import as_cim
from gateway.export.closed import Closed, Documents, Exporter, ExportError, LeftOut
from gateway.export.columns import as_columns, load
from gateway.export.gis_zhkh import as_gis_zhkh
from gateway.handoff.csv import table, write_whole
from gateway.model import GisDevice

FORMATS = ("cim", "csv", "gis-zhkh")
# A person needs the commonest reasons; the whole list is in the summary of what was exported.
REASONS_SAID_MAX = 5


def as_csv(lines: Iterable[Closed]) -> Documents:
    """UTF-8, comma, one header line: the columns of the CSV hand-off."""
    rows = [one.line.as_text() for one in lines]
    return Documents((table(rows),), len(rows))


def exporter(name: str, columns: str | None, devices: Mapping[str, GisDevice]) -> Exporter:
    """The format `name`. `columns` is the profile of a CSV file, `devices` are ГИС ЖКХ's names.

    ExportError for a profile that cannot be used, or for a format without columns to choose.
    """
    if columns is not None and name != "csv":
        raise ExportError(f"only csv has columns to choose, {name} has a form of its own")
    if columns is not None:
        return partial(as_columns, profile=load(columns))
    formats: dict[str, Exporter] = {
        "cim": as_cim,
        "csv": as_csv,
        "gis-zhkh": partial(as_gis_zhkh, devices=devices),
    }
    return formats[name]


def paths(documents: Documents, out: Path) -> list[Path]:
    """Where the files go; ExportError where no line could be exported."""
    if not documents.lines:
        raise ExportError(f"nothing to export: {_said(documents.left_out)}")
    return _paths(out, len(documents.files))


def write(documents: Documents, out: Path) -> list[Path]:
    """Write the files at `out`; ExportError where no line could be exported."""
    found = paths(documents, out)
    for path, content in zip(found, documents.files, strict=True):
        try:
            write_whole(path, content)
        except OSError as error:
            raise ExportError(f"cannot write {path}: {error.strerror}") from error
    return found


def _paths(out: Path, count: int) -> list[Path]:
    if count == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, count + 1)]


def _said(left_out: Sequence[LeftOut]) -> str:
    """Every reason once, with how many lines it kept out, the most frequent first."""
    counts: dict[str, int] = {}
    for one in left_out:
        counts[one.reason] = counts.get(one.reason, 0) + 1
    reasons = sorted(counts.items(), key=lambda item: -item[1])
    said = [f"{reason} ({count} lines)" for reason, count in reasons[:REASONS_SAID_MAX]]
    return "; ".join([*said, *["and other reasons"] * (len(reasons) > REASONS_SAID_MAX)])
