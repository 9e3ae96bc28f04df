"""Releases of the edge in the ledger: which are kept, devices' rings, offers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.releases.model import Kept, Offer, Place
from gateway.sql.engine import Connection
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))


class SqlReleases:
    """A `ReleasePort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def _rows(self, name: str, **asked: object) -> list[Any]:
        return self._sql.execute(_SQL[name], asked).fetchall()

    def add(self, kept: Kept) -> None:
        self._sql.execute(_SQL["add"], kept._asdict())

    def releases(self, software: str | None) -> list[Kept]:
        return [_kept(row) for row in self._rows("releases", software=software)]

    def places(self, ring: int | None) -> list[Place]:
        return [Place._make(row) for row in self._rows("places", ring=ring)]

    def place(self, device: str, ring: int, arch: str | None) -> bool:
        asked = {"device": device, "ring": ring, "arch": arch}
        return self._sql.execute(_SQL["place"], asked).rowcount > 0

    def offer(self, place: Place, release_no: int, number: int, at_ms: int) -> None:
        row = {"device_no": place.device_no, "ring": place.ring, "release_no": release_no}
        self._sql.execute(_SQL["offer"], row | {"number": number, "at_ms": at_ms})

    def offers(self, software: str) -> list[Offer]:
        return [Offer._make(row) for row in self._rows("offers", software=software)]

    def offered(self, device_no: int, manifest: bytes) -> tuple[int, str, Kept] | None:
        rows = self._rows("offered", device_no=device_no, manifest=manifest)
        return (rows[0][0], rows[0][1], _kept(rows[0][2:])) if rows else None

    def step(self, device_no: int, number: int, said: Sequence[object]) -> None:
        step, runs, reason, at_ms = said
        row = {"step": step, "runs": runs, "reason": reason, "at_ms": at_ms}
        self._sql.execute(_SQL["step"], row | {"device_no": device_no, "number": number})


def _kept(row: Sequence[Any]) -> Kept:
    number, software, arch, manifest, statement, added_at_ms, added_by = row
    return Kept(*(number, software, arch, bytes(manifest), bytes(statement)), added_at_ms, added_by)
