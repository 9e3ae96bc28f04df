"""Billing that picks up files: a CSV file of lines per house and period, in a directory.

Corrections of earlier lines, withdrawals and charges for interference have other columns, and so
files of their own beside it.

A cell that a spreadsheet would take for a formula gets an apostrophe before it. Only a text that a
person entered (a name, a reason) can be such a cell, and people do open these files, so the
apostrophe in an odd name is the smaller harm; JSON and XML carry names as they are. Numbers stay
numbers, with their sign.

A file appears whole or not at all (written beside, synced, renamed), under a name that depends
only on what it holds. A second delivery after a crash replaces it with the same bytes. UTF-8,
comma, one header line, decimal point; times are UTC.
"""

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cloud_sync.private_file import sync
from gateway.handoff.event import data_of
from gateway.handoff.target import ACKNOWLEDGED, Answer, DueEvent, failed

_NOT_FOR_FILES = re.compile(r"[^\w.-]+")
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# A file's name has 255 bytes; a letter may take four of them.
_HOUSE_CHARS_MAX = 40


class CsvTarget:
    """Writes the lines of each closed period into `directory`."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self._directory = directory

    async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
        """All lines of a period share a file, and so a fate; so do all corrections."""
        rows = [data_of(event.payload) for event in events]
        files: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            files.setdefault(_columns(row), []).append(row)
        answers = {columns: self._written(of_file) for columns, of_file in files.items()}
        return [answers[_columns(row)] for row in rows]

    def _written(self, rows: Sequence[Mapping[str, str]]) -> Answer:
        try:
            write_whole(self._directory / file_name(rows[0]), table(rows))
        except OSError as error:
            return failed(f"cannot write to {self._directory}: {error.strerror}")
        return ACKNOWLEDGED


def file_name(row: Mapping[str, str]) -> str:
    """The file of a row: its house, and the line or correction it begins with."""
    house = _NOT_FOR_FILES.sub("-", row["house"])[:_HOUSE_CHARS_MAX].strip("-.")
    if "correction_id" in row:
        return f"{row['corrected_in']}-corrections-{row['correction_id']}-{house}.csv"
    if "withdrawal_id" in row:
        return f"{row['period']}-withdrawn-{row['withdraws']}-{house}.csv"
    if "charge_id" in row:
        return f"{row['charged_in']}-charges-{row['charge_id']}-{house}.csv"
    return f"{row['line_id']}-{house}.csv"


def _columns(row: Mapping[str, str]) -> str:
    return ",".join(row)


def table(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as CSV; the first one's keys are the header, no rows is an empty file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow(harmless(cell) for cell in row.values())
    return text.getvalue().encode()


def write_whole(path: Path, content: bytes) -> None:
    """Make `path` hold `content`, whole and on the disk, or leave it as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync(path.parent)


def harmless(cell: str) -> str:
    """A name that a spreadsheet would run as a formula gets an apostrophe; numbers stay."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell
