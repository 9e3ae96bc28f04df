"""Whether the ledger holds what the fleet was told it holds, by plain SQL and its own books.

Every device knows through which batch it was receipted, and that batch's hash. In the ledger its
batches must be numbered from 1 without gap or repeat, each naming the one before, and the hash at
that number must be the device's own; and as many readings must stand there as the batches say.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from cloud_sync.batch import GENESIS
from gateway.sql.engine import Connection
from simulators.fleet.history import Standing
from simulators.fleet.meters import Plan

_BATCHES = """
SELECT d.name, b.sequence, b.hash, b.previous FROM batch b JOIN device d USING (device_no)
WHERE d.name >= ? AND d.name <= ? ORDER BY d.name, b.sequence, b.batch_no
"""
_TOLD = """
SELECT count(*), sum(b.reading_count) FROM batch b JOIN device d USING (device_no)
WHERE d.name >= ? AND d.name <= ?
"""
_STORED = """
SELECT count(*) FROM reading r JOIN batch b USING (batch_no) JOIN device d USING (device_no)
WHERE d.name >= ? AND d.name <= ?
"""

Link = tuple[int, bytes, bytes]


class Verdict(NamedTuple):
    """What is wrong with a device's batches; nothing where all are 0."""

    lost: int = 0
    doubled: int = 0
    broken: int = 0


def check(sql: Connection, plan: Plan, standings: Sequence[Standing]) -> dict[str, Any]:
    """The verdict over a whole fleet."""
    ends = (plan.device(0), plan.device(len(standings) - 1))
    known = {plan.device(number): standing for number, standing in enumerate(standings)}
    found = {name: Verdict(lost=standing.through) for name, standing in known.items()}
    for name, links in _by_device(sql.execute(_BATCHES, ends)):
        found[name] = judge(known[name], links)
    batches, readings = sql.execute(_TOLD, ends).fetchone()
    (stored,) = sql.execute(_STORED, ends).fetchone()
    return {
        "devices": len(standings),
        "receipted": sum(standing.through for standing in standings),
        "batches": batches,
        "readings": stored,
        "lost": sum(one.lost for one in found.values()),
        "doubled": sum(one.doubled for one in found.values()),
        "broken": sum(one.broken for one in found.values()),
        "readings_missing": int(readings or 0) - stored,
    }


def _by_device(rows: Iterable[Any]) -> Iterator[tuple[str, list[Link]]]:
    for name, of_device in groupby(rows, itemgetter(0)):
        yield name, [(row[1], bytes(row[2]), bytes(row[3])) for row in of_device]


def judge(standing: Standing, links: Sequence[Link]) -> Verdict:
    """One device: `links` are number, hash and previous hash of what is stored, in order."""
    numbers = {number for number, _, _ in links}
    lost = sum(number not in numbers for number in range(1, standing.through + 1))
    broken = 0
    before = {0: GENESIS} | {number: hash_ for number, hash_, _ in links}
    for number, _, previous in links:
        broken += before.get(number - 1, previous) != previous
    if standing.through and before.get(standing.through) not in {None, standing.through_hash}:
        broken += 1
    return Verdict(lost, len(links) - len(numbers), broken)
