"""An installer without a device: records as a device seals them, against a ledger of its own."""

from pathlib import Path

from cloud_sync import topics, visit, visit_road
from cloud_sync.signing import SigningKey
from cloud_sync.visit import Event, Exchange, Install, Level, Remove, Visit, When
from cloud_sync.visit_road import VisitAnswer
from drivers.reading import ClockState, Resource, Unit
from gateway import registry
from gateway.sql.visits import SqlOffice
from gateway.store import Store
from gateway.visits import plan_csv
from gateway.visits.keeping import Keeper
from tests.gateway.estate import DAY_MS, GATEWAY_KEY, MIDNIGHT_MS, Device, Estate
from tests.gateway.identity.town_hall import SOURCE

NOON_MS = MIDNIGHT_MS + DAY_MS // 2
NOW_MS = MIDNIGHT_MS + DAY_MS
BOOT = b"bootboot"
OBIS, T1 = "8-0:1.0.0", "1-0:1.8.1"
PLANS = (
    "house,address,timezone,account,dwelling,point,kind,resource,register,unit,exponent,digits,"
    "rate_max_per_h,place,serial,model\n"
    "A,Lenina 1,Europe/Moscow,102,2,A-2-W,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.125,кухня,,\n"
    "A,Lenina 1,Europe/Moscow,103,3,A-3-W,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.125,,W3,Pulse\n"
    "B,Lenina 2,Europe/Moscow,201,1,B-1-W,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.125,,,\n"
)


def when(ms: int = NOON_MS, state: ClockState = ClockState.SYNCHRONISED) -> When:
    return When(ms, state, BOOT)


def m3(mantissa: int, exponent: int = -3, digits: int = 8) -> Level:
    return Level(OBIS, mantissa, exponent, Unit.M3, digits)


def energy(mantissa: int, obis: str = T1) -> Level:
    return Level(obis, mantissa, -2, Unit.KWH, 8)


def install(serial: str = "W2", point: str = "A-2-W", **changes: object) -> Install:
    fields: dict[str, object] = {
        "serial": serial,
        "profile": "pulse",
        "model": "Pulse",
        "resource": Resource.COLD_WATER,
        "line": "mbus",
        "address": "17",
        "point": point,
        "place": "кухня",
        "levels": (m3(1_500),),
        "dial": (),
        "at": when(),
        "seal": "",
        "photos": (),
        "asked": 10,
        "answered": 10,
        "slowest_ms": 80,
        "remark": "",
    }
    return Install(**(fields | changes))  # type: ignore[arg-type]


def exchange(old: str, new: Install, *final: Level, source: str = "read") -> Exchange:
    return Exchange(old, final, source, "", new)  # type: ignore[arg-type]


def remove(serial: str, *final: Level, at: When | None = None) -> Remove:
    source = "read" if final else "none"
    return Remove(serial, final, source, "сломан", at or when())  # type: ignore[arg-type]


class Site:
    """A house with a device that visits are made with."""

    def __init__(self, folder: Path) -> None:
        self.estate = Estate(folder / "ledger.sqlite")
        plan_csv.import_csv(self.store, SqlOffice(self.estate.store).visits, PLANS.encode())
        for device in (self.estate.edge, self.estate.other):
            registry.place_device(self.store, device.name, "A")

    @property
    def store(self) -> Store:
        return self.estate.store

    @property
    def edge(self) -> Device:
        return self.estate.edge

    @property
    def office(self) -> SqlOffice:
        return SqlOffice(self.estate.store)

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.office, GATEWAY_KEY)

    def record(self, *events: Event, number: int = 1, **changes: object) -> Visit:
        fields: dict[str, object] = {
            "version": 1,
            "device": "edge-1",
            "number": number,
            "kind": "commissioning",
            "house": "A",
            "installer": "Петров",
            "started": when(NOON_MS - 600_000),
            "ended": when(NOON_MS + 1000),
            "software": "test",
            "checks": (),
            "events": events,
            "remarks": "",
        }
        return Visit(**(fields | changes))  # type: ignore[arg-type]

    def seal(self, record: Visit, key: SigningKey | None = None) -> bytes:
        topic = topics.visit_topic(record.device)
        return (key or self.edge.key).seal(visit.encode(record), topic)

    def bring(self, *events: Event, number: int = 1, **changes: object) -> VisitAnswer:
        """A record of those events at the door, and the answer."""
        return self.take(self.seal(self.record(*events, number=number, **changes)))

    def take(self, body: bytes, now_ms: int = NOW_MS, device: str = "edge-1") -> VisitAnswer:
        answer = self.keeper.take(body, SOURCE, now_ms)
        return visit_road.opened_answer(answer, device, GATEWAY_KEY.public)

    def codes(self, number: int = 1, device: str = "edge-1") -> list[str]:
        """Why each event waits; '' where it does not."""
        row = self.office.visits.visit(device, number)
        assert row is not None
        return [step.code for step in row.steps]

    def standing(self) -> dict[str, tuple[str, str, int]]:
        """What stands: by point, meter, device and first mantissa."""
        return {
            line.point: (line.meter, line.device, line.initial_value)
            for line in self.store.book.standing()
        }

    def state(self) -> list[tuple[object, ...]]:
        """Everything that visits change in the registry."""
        sql = self.estate.store.database.connection
        tables = ("meter", "register", "installation", "installation_value", "device_meter")
        return [
            tuple(row)
            for table in tables
            for row in sql.execute(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608
        ]
