"""Visits in the ledger: records with their events' steps, photos, plans of points."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from cloud_sync import points
from cloud_sync.signing import Sealer
from drivers.reading import Resource, Unit
from gateway.audit import AuditPort
from gateway.identity.model import DeviceNow, NotLetIn
from gateway.meter_life.seals import Seal
from gateway.model import Kind
from gateway.people.retention import let_go
from gateway.sql.audit import SqlAudit
from gateway.sql.billing import looking
from gateway.sql.engine import Connection, Database
from gateway.sql.identity import IdentityLedger
from gateway.sql.meter_life import LifeLedger
from gateway.sql.statements import named
from gateway.sql.store import SqlStore
from gateway.visits.model import (
    NewVisit,
    Outcome,
    PhotoRow,
    Plan,
    PlanShape,
    PointPlace,
    Rival,
    Step,
    VisitRow,
)
from gateway.visits.plan_csv import PlanLine
from gateway.visits.ports import Rejected
from gateway.visits.waiting import Waiting, listed

_SQL = named(Path(__file__).with_suffix(".sql"))
_BOOK = named(Path(__file__).with_name("book.sql"))


class SqlOffice:
    """`Office` over one store."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.visits = SqlVisits(store.database.connection)
        self._identities = IdentityLedger(store.database.connection)

    @property
    def audit(self) -> AuditPort:
        """The log of acts."""
        return self.store.audit

    def device(self, name: str) -> DeviceNow | None:
        """A device of the registry."""
        return self._identities.device(name)

    def refuse(self, refusal: NotLetIn, source: str, now_ms: int) -> None:
        """Count what a known device was refused, beside who was not let in."""
        self._identities.refuse(refusal, source, now_ms)

    def attempt(self) -> AbstractContextManager[None]:
        """What is done inside is undone alone where it ends in an exception."""
        return _attempt(self.store.database.connection)


@contextmanager
def _attempt(connection: Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT visit_event")
    try:
        yield
    except Exception:
        connection.execute("ROLLBACK TO SAVEPOINT visit_event")
        connection.execute("RELEASE SAVEPOINT visit_event")
        raise
    connection.execute("RELEASE SAVEPOINT visit_event")


class SqlVisits:
    """`VisitPort` and `WaitingPort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def _rows(self, name: str, asked: Any) -> list[Any]:
        return self._sql.execute(_SQL[name], asked).fetchall()

    def visit(self, device: str, number: int) -> VisitRow | None:
        asked = {"house": None, "device": device, "number": number, "most": 1}
        return next(iter(self._visits(asked)), None)

    def visits(self, house: str | None, limit: int) -> list[VisitRow]:
        return self._visits({"house": house, "device": None, "number": None, "most": limit})

    def _visits(self, asked: Mapping[str, object]) -> list[VisitRow]:
        rows = self._rows("visits", asked)
        steps: dict[int, list[Step]] = defaultdict(list)
        for visit_no, position, outcome, *rest in self._rows(
            "steps", (json.dumps([row[0] for row in rows]),)
        ):
            steps[visit_no].append(Step(position, Outcome(outcome), *rest))
        return [
            VisitRow._make(
                (
                    *(*row[:5], bytes(row[5]), bytes(row[6]), *row[7:9], bytes(row[9])),
                    *(bytes(row[10]), row[11], tuple(steps[row[0]])),
                )
            )
            for row in rows
        ]

    def applied_of(self, device_no: int) -> list[int]:
        return [number for (number,) in self._rows("applied-of", (device_no,))]

    def received_since(self, device_no: int, since_ms: int) -> int:
        (count,) = self._sql.execute(
            "SELECT count(*) FROM visit WHERE device_no = ? AND received_at_ms > ?",
            (device_no, since_ms),
        ).fetchone()
        return int(count)

    def add(self, new: NewVisit) -> int:
        (number,) = self._sql.execute(_SQL["add"], new._asdict() | {"nothing": b""}).fetchone()
        return int(number)

    def set_answer(self, visit_no: int, answer: bytes) -> None:
        self._sql.execute("UPDATE visit SET answer = ? WHERE visit_no = ?", (answer, visit_no))

    def step(self, visit_no: int, step: Step, audit_no: int) -> None:
        row = step._asdict() | {"visit_no": visit_no, "audit_no": audit_no}
        self._sql.execute(_SQL["step"], row)

    def waiting_for(self, codes: Collection[str]) -> list[tuple[str, int]]:
        return [(name, number) for name, number in self._rows("waiting-for", (_set(codes),))]

    def add_rival(self, visit_no: int, rival: Rival, most: int) -> bool:
        row = rival._asdict() | {"visit_no": visit_no, "most": most}
        return self._sql.execute(_SQL["add-rival"], row).rowcount > 0

    def photos(self, visit_no: int) -> list[PhotoRow]:
        return [
            PhotoRow(bytes(row[0]), bytes(row[1]), row[2], row[3], bytes(row[4]))
            for row in self._rows("photos", (visit_no,))
        ]

    def add_photo(self, visit_no: int, photo: PhotoRow) -> None:
        self._sql.execute(_SQL["add-photo"], photo._asdict() | {"visit_no": visit_no})

    def place(self, name: str, number: int | None) -> PointPlace | None:
        row = self._sql.execute(_SQL["place"], {"name": name, "number": number}).fetchone()
        return None if row is None else _place(row)

    def plan(self, point_no: int) -> Plan:
        row = self._sql.execute(_SQL["plan"], (point_no,)).fetchone()
        shapes = [_shape(one) for one in self._rows("plan-registers", (point_no,))]
        plan = Plan() if row is None else Plan(*row)
        if shapes:
            return plan._replace(shapes=tuple(shapes))
        last = self._rows("last-registers", (point_no,))
        model = plan.model or (last[0][0] if last else "")
        return plan._replace(model=model, shapes=tuple(_shape(one[1:]) for one in last))

    def closed_until(self, point: PointPlace) -> int | None:
        ledger = looking(self._sql)
        house = ledger.house(point.house)
        period = None if house is None else ledger.last_closed(house.house_no)
        if house is None or period is None:
            return None
        return ledger.calendar(house).term(point.resource, period).bounds.end_ms

    def last_heard_ms(self, device_no: int) -> int | None:
        (at_ms,) = self._sql.execute(_SQL["last-heard"], (device_no,)).fetchone()
        return None if at_ms is None else int(at_ms)

    def meters_of(self, device_no: int) -> list[str]:
        return [serial for (serial,) in self._rows("meters-of", (device_no,))]

    def seal(self, seal: Seal) -> None:
        LifeLedger(self._sql).set_seals([seal])

    def rejected(
        self, device_no: int, serials: Collection[str], *, since_ms: int, after: int, limit: int
    ) -> Sequence[Rejected]:
        about = {"serials": _set(serials), "device": device_no, "since": since_ms}
        rows = self._rows("rejected", about | {"after": after, "most": limit})
        return [Rejected(number, device, bytes(message)) for number, device, message in rows]

    def stands(self, device_no: int) -> Mapping[bytes, int]:
        return {bytes(boot): start_ms for boot, start_ms in self._rows("stands", (device_no,))}

    def changed(self, batch_no: int) -> None:
        self._sql.execute("INSERT INTO reading_change (batch_no) VALUES (?)", (batch_no,))

    def waiting(self, house: str) -> list[Waiting]:
        """The points of a house that no device reads yet, in order of dwellings."""
        return [
            Waiting(_place(row[:9]), self.plan(row[0]), row[9])
            for row in self._rows("waiting", (house,))
        ]

    def has_house(self, name: str) -> bool:
        """Whether the registry has a house of that name."""
        row = self._sql.execute("SELECT 1 FROM house WHERE name = ?", (name,)).fetchone()
        return row is not None

    def timezone(self, house: str) -> str:
        """The clocks of a house; UTC for none."""
        row = self._sql.execute("SELECT timezone FROM house WHERE name = ?", (house,)).fetchone()
        return "UTC" if row is None else str(row[0])

    def set_plans(self, lines: Sequence[PlanLine]) -> dict[str, int]:
        """Enter points with what they are to have, in place of what was said before."""
        rows = [line.row for line in lines]
        counts = {
            table: self._sql.executemany(_BOOK[f"write-{table}"], rows).rowcount
            for table in ("house", "account", "point")
        }
        for row in {str(row["point"]): row for row in rows}.values():
            for name in ("set-plan", "drop-plan-registers"):
                self._sql.execute(_SQL[name], row)
        self._sql.executemany(_SQL["set-plan-register"], rows)
        return counts | {"register": len(rows)}


class VisitPhotos:
    """The files of visits' photos, as the sweep asks for them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = database.connection

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing."""
        return self._database.transaction()

    def expire(self, before_ms: int, now_ms: int) -> None:
        """Note, in the log too, that photos that came before are not to be kept."""
        if count := self._sql.execute(_SQL["expire-photos"], (before_ms,)).rowcount:
            SqlAudit(self._sql).append(let_go(now_ms, f"{count} photos of visits"))

    def drop_drafts(self, before_ms: int, now_ms: int) -> None:
        """Nothing: a photo comes after the record that names it."""

    def to_delete(self, limit: int) -> list[str]:
        """Names of files that are not to be kept and may be there yet."""
        return [name for (name,) in self._sql.execute(_SQL["photos-to-delete"], (limit,))]

    def deleted(self, names: Collection[str]) -> None:
        """Note that those files are gone."""
        self._sql.execute(_SQL["photos-deleted"], (_set(names),))

    def known(self, names: Collection[str]) -> set[str]:
        """Which of the names are those of a row."""
        return {name for (name,) in self._sql.execute(_SQL["photos-known"], (_set(names),))}


def _place(row: Sequence[Any]) -> PointPlace:
    return PointPlace._make((*row[:7], Kind(row[7]), Resource(row[8])))


def _shape(row: Sequence[Any]) -> PlanShape:
    obis, unit, *rest = row
    return PlanShape(obis, Unit(unit), *rest)


def _set(names: Collection[str]) -> str:
    return json.dumps(sorted(names))


def waiting_sealed(
    store: SqlStore, key: Sealer, house: str, now_ms: int, device: str = ""
) -> bytes:
    """The waiting points of a house as a card carries them; PointsError if they do not fit."""
    visits = SqlVisits(store.database.connection)
    return points.seal(listed(visits, house, device, now_ms), key)
