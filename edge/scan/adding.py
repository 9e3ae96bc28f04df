"""The found meters of all lines into the configuration, checked as `run` will check it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edge import config as configuration
from edge import files
from edge.scan.entries import entry_of
from edge.scan.job import Job
from edge.scan.standing import Standing
from edge.scan.writing import Entry, Unknown, WritingError, extend


class Added(NamedTuple):
    """What came into a configuration, and into which file."""

    path: Path
    entries: tuple[Entry, ...]
    unknown: tuple[Unknown, ...]
    changed: bool

    @property
    def unnamed(self) -> list[str]:
        """The serials that were made up, for want of one that the meter tells."""
        return [str(one.keys["serial"]) for one in self.entries if "serial" in one.remarks]


def add(source: Path, target: Path, jobs: Sequence[Job]) -> Added:
    """Write `source` with the new meters to `target`. ConfigError or WritingError if not.

    The file is read now: somebody may have changed it while the scan was under way.
    """
    text = configuration.read_text(source)
    config = configuration.parse(text, source)
    taken = {meter.serial for _, meter in config.meters}
    entries: list[Entry] = []
    unknown: list[Unknown] = []
    for job in jobs:
        for candidate in job.candidates(config):
            if candidate.standing is Standing.NEW:
                entries.append(entry_of(candidate.found, job.line.name, taken, config.zone))
            if candidate.standing is Standing.UNKNOWN:
                remark = candidate.remark or ""
                unknown.append(Unknown(job.line.name, candidate.found, remark))
    extended = extend(text, entries, unknown) if entries or unknown else text
    configuration.parse(extended, target)
    changed = extended != text or target != source
    try:
        if changed:
            files.replace(target, extended.encode())
    except OSError as error:
        raise WritingError(f"cannot write {target}: {error.strerror}") from error
    return Added(target, tuple(entries), tuple(unknown), changed)
