"""From places in the stream to points: what stands there now, and what does no longer."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.claims.ports import CLAIM_COPIES
from gateway.mirror.model import Point, Series, Source
from gateway.store import NO_BATCH
from gateway.stream import Change, Place, Portion, Scan, Stored, StreamLook


class Facts(NamedTuple):
    """A register, whether it is registered or not."""

    meter: str
    obis: str
    unit: str
    exponent: int


class Stood(NamedTuple):
    """From when on a meter stood at a point."""

    from_ms: int
    house: str
    point: str
    resource: str


class Claimed(NamedTuple):
    """Who a claim is of; `rank` tells those of one source and instant apart."""

    source: str
    rank: int


class MirrorLook(StreamLook, Protocol):
    """What the mirror asks of a look at the ledger."""

    def facts(self, registers: Collection[int]) -> Mapping[int, Facts]:
        """Registers by number."""

    def stood(self, registers: Collection[int]) -> Mapping[int, Sequence[Stood]]:
        """Where registered registers stood, the earliest first; those that did."""

    def claimed(self, claims: Collection[int]) -> Mapping[int, Claimed]:
        """Claims by number."""


def points(look: MirrorLook, portion: Portion) -> Iterator[Point]:
    """Everything a target is to be told of a portion."""
    changes = _by_reading(portion.changes)
    places = portion.places | {Place(*key[:2]) for key in changes}
    stored = {one.key: one for one in look.readings(places)}
    keys = sorted({*stored, *changes})
    naming = _Naming(look, keys)
    for key in keys:
        yield naming.point(key, stored.get(key), changes.get(key, []))


class _Naming:
    """Names readings; everything it needs is asked for at once."""

    def __init__(self, look: MirrorLook, keys: Iterable[Scan]) -> None:
        registers = {key.register_no for key in keys}
        self._facts = look.facts(registers)
        self._stood = look.stood(registers)
        claims = {key.copy - CLAIM_COPIES for key in keys if key.copy >= CLAIM_COPIES}
        self._claimed = look.claimed(claims)

    def point(self, key: Scan, now: Stored | None, changes: Sequence[Change]) -> Point:
        source, copy = self._source(key, now)
        left = tuple((one.before, one.change_no) for one in changes if one.before is not None)
        return Point(
            self._series(key),
            source,
            copy,
            key.at_ms,
            None if now is None else now.mantissa,
            0 if now is None else now.state,
            left,
            changes[-1].change_no if now is not None and changes else None,
        )

    def _source(self, key: Scan, now: Stored | None) -> tuple[str, int]:
        if key.copy >= CLAIM_COPIES:
            return self._claimed[key.copy - CLAIM_COPIES]
        # Only what was claimed is ever taken out again, so what is not there now was no person's.
        is_person = now is not None and now.batch_no == NO_BATCH
        return (Source.PERSON if is_person else Source.DEVICE), key.copy

    def _series(self, key: Scan) -> Series:
        facts = self._facts[key.register_no]
        stood = self._stood.get(key.register_no, ())
        known = [one for one in stood if one.from_ms <= key.at_ms] or list(stood[:1])
        place = known[-1] if known else Stood(0, "", "", "")
        return Series(place.house, place.point, place.resource, *facts)


def _by_reading(changes: Iterable[Change]) -> dict[Scan, list[Change]]:
    """The changes of each reading, the earliest first."""
    found: dict[Scan, list[Change]] = defaultdict(list)
    for one in changes:
        if one.register_no is not None and one.at_ms is not None and one.copy is not None:
            found[Scan(one.register_no, one.at_ms, one.copy)].append(one)
    return found
