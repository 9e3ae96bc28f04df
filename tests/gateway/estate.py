"""A small house with its registry, its devices and a gateway, to test ingest with."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from cloud_sync import batch as wire_batch
from cloud_sync import receipt as wire_receipt
from cloud_sync import signing, topics
from cloud_sync.batch import GENESIS, Batch
from cloud_sync.receipt import Receipt
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from gateway import registry
from gateway.ingest import Incoming, Ingest, Outcome
from gateway.sql.store import SqlStore
from tests.servers.ledgers import open_store

COLUMNS = (
    "house,address,timezone,account,dwelling,point,kind,resource,meter,model,register,unit,"
    "exponent,digits,rate_max_per_h,installed_on,initial_value,device"
)
_FLAT = "A,Lenina 1,Europe/Moscow,101,1"
LINES = (
    _FLAT + ",A-1-E,dwelling,electricity,E1,SDM,1-0:1.8.1,kWh,-2,8,13.8,2026-10-01,10,edge-1",
    _FLAT + ",A-1-E,dwelling,electricity,E1,SDM,1-0:1.8.2,kWh,-2,8,13.8,2026-10-01,0,edge-1",
    _FLAT + ",A-1-W,dwelling,cold-water,W1,Pulse,8-0:1.0.0,m3,-3,8,3.125,2026-10-01,0,edge-1",
    "A,Lenina 1,Europe/Moscow,,,A-H,house,heat,H1,MC,6-0:1.0.0,Gcal,-3,7,2,2026-10-01,0,edge-2",
)
GATEWAY_KEY = SigningKey.from_seed(b"g" * 32)
MIDNIGHT_MS = 1_793_480_400_000  # 2026-11-01T00:00:00+03:00
QUARTER_MS = 900_000
HOUR_MS = 4 * QUARTER_MS
DAY_MS = 24 * HOUR_MS


def csv(*lines: str) -> bytes:
    return "\n".join([COLUMNS, *lines]).encode()


def kwh(mantissa: int, register: str = "1-0:1.8.1") -> RegisterValue:
    return RegisterValue(register, mantissa, -2, Unit.KWH)


def litres(mantissa: int) -> RegisterValue:
    return RegisterValue("8-0:1.0.0", mantissa, -3, Unit.M3)


def a_readout(at_ms: int, *values: RegisterValue, meter: str = "E1", **changes: object) -> Readout:
    fields: dict[str, object] = {
        "meter": meter,
        "captured_at_ms": at_ms,
        "clock_state": ClockState.SYNCHRONISED,
        "clock_error_s": 1,
        "status": 0,
        "source": Source.INTERVAL,  # which may bring only some of the registers (V-SIB)
        "evidence": Evidence.of(b"answer"),
        "values": values,
    }
    return Readout(**(fields | changes))  # type: ignore[arg-type]


class Device:
    """Signs batches in a chain, like an edge; `sent` holds what it signed."""

    def __init__(self, name: str = "edge-1", seed: bytes = b"1" * 32) -> None:
        self.name = name
        self.topic = topics.batch_topic(name)
        self.key = SigningKey.from_seed(seed)
        self.sent: list[Incoming] = []

    def sign(self, *readouts: Readout, **changes: object) -> Incoming:
        """The next batch of the chain, signed just after its last readout."""
        previous = wire_batch.chain_hash(self.sent[-1].payload) if self.sent else GENESIS
        fields: dict[str, object] = {
            "version": 1,
            "device": self.name,
            "sequence": len(self.sent) + 1,
            "previous": previous,
            "signed_at_ms": readouts[-1].captured_at_ms + 1000,
            "clock_state": ClockState.SYNCHRONISED,
            "clock_error_s": 1,
            "boot": bytes(8),
            "uptime_ms": 60_000,
            "software": "test",
            "readouts": readouts,
        }
        message = self.seal(Batch(**(fields | changes)))  # type: ignore[arg-type]
        self.sent.append(message)
        return message

    def seal(self, batch: Batch) -> Incoming:
        return Incoming(self.topic, self.key.seal(wire_batch.encode(batch), self.topic))


class Estate:
    """The gateway side: an empty ledger with the registry of LINES and two devices' keys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = open_store(path, "off")
        self.edge = Device()
        self.other = Device("edge-2", b"2" * 32)
        registry.import_csv(self.store, csv(*LINES))
        for device in (self.edge, self.other):
            registry.add_device_key(self.store, device.name, device.key.public, 0)
        self.ingest = Ingest(self.store, GATEWAY_KEY)

    def take(self, *messages: Incoming, now_ms: int = MIDNIGHT_MS + 400 * DAY_MS) -> Outcome:
        return self.ingest.process(messages, now_ms)

    def restart(self) -> None:
        """A gateway that was killed and begins anew: only the file is left."""
        self.store.close()
        self.store = open_store(self.path, "off")
        self.ingest = Ingest(self.store, GATEWAY_KEY)

    def rows(self) -> list[tuple[object, ...]]:
        """Every reading: meter, register, time, copy, mantissa, state, flags."""
        return content(self.store)

    def verdicts(self) -> list[tuple[str, str]]:
        """Rule and severity of every verdict, in the order of time."""
        return self.store.database.connection.execute(
            "SELECT rule, severity FROM verdict ORDER BY captured_at_ms, rule"
        ).fetchall()

    def states(self) -> list[int]:
        """The states of the readings of E1's first tariff, in the order of time."""
        return [row[5] for row in self.rows() if row[:2] == ("E1", "1-0:1.8.1")]  # type: ignore[misc]

    def refused(self) -> dict[str, int]:
        return {reason: count for reason, (count, _) in self.store.quarantine.counts().items()}


def content(store: SqlStore) -> list[tuple[object, ...]]:
    """What the ledger holds, without the numbers that depend on the order of arrival.

    V-ORD stands with the same readings in any order; which later one it names first may differ.
    """
    return store.database.connection.execute(
        "SELECT m.serial, g.obis, r.captured_at_ms, r.copy, r.mantissa, r.state, r.flags, "
        "b.device_no, b.sequence, r.position, "
        "(SELECT json_group_array(found.said) FROM (SELECT v.rule || v.severity || "
        "CASE v.rule WHEN 'V-ORD' THEN '' ELSE v.detail END AS said FROM verdict v "
        "WHERE (v.register_no, v.captured_at_ms, v.copy) = "
        "(r.register_no, r.captured_at_ms, r.copy) ORDER BY 1) AS found) "
        "FROM reading r JOIN register g USING (register_no) JOIN meter m USING (meter_no) "
        "JOIN batch b USING (batch_no) ORDER BY 1, 2, 3, 4, 5, 6, 8, 9, 10"
    ).fetchall()


def opened(outcome: Outcome) -> dict[str, Receipt]:
    """The receipts of an outcome by device, their seals checked."""
    receipts = {}
    for topic, message in outcome.receipts:
        sealed = signing.parse(message)
        GATEWAY_KEY.public.verify(sealed, topic)
        receipt = wire_receipt.decode(sealed.payload)
        assert topic == topics.receipt_topic(receipt.device)
        receipts[receipt.device] = receipt
    return receipts


def a_day(device: Device, start_ms: int = MIDNIGHT_MS, batches: int = 96) -> Sequence[Incoming]:
    """A day of quarter hours of the device's two electricity registers and its water meter."""
    return [
        device.sign(
            a_readout(at_ms, kwh(1001 + 30 * turn), kwh(1 + 7 * turn, "1-0:1.8.2")),
            a_readout(at_ms + 500, litres(5 + turn // 3), meter="W1"),
        )
        for turn, at_ms in zip(range(batches), itertools.count(start_ms, QUARTER_MS), strict=False)
    ]
