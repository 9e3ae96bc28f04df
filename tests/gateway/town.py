"""A small town with a ledger: registered meters, a device that signs, and the real ingest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cloud_sync import batch, topics
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit, to_ms
from gateway.closing import close_period
from gateway.closing_records import Closing
from gateway.config import LEDGER_FILE
from gateway.handoff.event import event_maker
from gateway.ingest import Ingest, Outcome
from gateway.opening import Incoming
from gateway.reopening import Person, reopen_period
from gateway.sql.billing import BillingLedger
from tests.servers.ledgers import open_store

DEVICE_KEY = SigningKey.from_seed(bytes(range(32)))
GATEWAY_KEY = SigningKey.from_seed(bytes(range(1, 33)))
DEVICE = "lesnaya-5"
HOUSE = "Лесная 5"
SINCE_MS = to_ms(datetime(2026, 8, 31, 21, tzinfo=UTC))  # midnight of 1 September in Moscow
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Dial(NamedTuple):
    """A register: its name, unit, power of ten, digits and the value it was installed with."""

    obis: str = "1-0:1.8.0"
    unit: str = "kWh"
    exponent: int = -2
    digits: int = 8
    initial: int = 10_000


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """A time of 2026 on the clocks of the house."""
    return to_ms(datetime(2026, month, day, hour, minute, tzinfo=UTC)) - 3 * HOUR_MS


@dataclass
class Town:
    """One house, one device. `now_ms` moves only when told."""

    folder: Path
    now_ms: int = SINCE_MS
    targets: Sequence[str] = ("erp",)
    _readouts: list[Readout] = field(default_factory=list)
    sequence: int = 0
    _previous: bytes = batch.GENESIS

    def __post_init__(self) -> None:
        self.store = open_store(self.folder / LEDGER_FILE, "off")
        self.ingest = Ingest(self.store, GATEWAY_KEY)
        self.ledger = BillingLedger(self.store.database)
        self.house(HOUSE)
        self._write("INSERT INTO device (name, house_no) VALUES (?, 1)", DEVICE)
        key = (DEVICE_KEY.public.key_id, DEVICE_KEY.public.public_bytes)
        self._write("INSERT INTO device_key VALUES (?, 1, ?, 0, NULL)", *key)

    def house(self, name: str) -> None:
        """Another house."""
        self._write(
            "INSERT INTO house (name, address, timezone) VALUES (?, ?, 'Europe/Moscow')",
            *(name, f"Калуга, {name}"),
        )

    def point(
        self,
        name: str,
        dwelling: str | None = "12",
        resource: str = "electricity",
        house_no: int = 1,
    ) -> int:
        """A metering point of a dwelling, or of the house if there is none."""
        account = None
        if dwelling is not None:
            account = self._write(
                "INSERT INTO account (number, house_no, dwelling) VALUES (?, ?, ?)"
                " ON CONFLICT (number) DO UPDATE SET dwelling = excluded.dwelling"
                " RETURNING account_no",
                *(f"40{house_no}{dwelling}", house_no, dwelling),
            )
        kind = "house" if dwelling is None else "dwelling"
        return self._write(
            "INSERT INTO point (name, house_no, account_no, kind, resource)"
            " VALUES (?, ?, ?, ?, ?) RETURNING point_no",
            *(name, house_no, account, kind, resource),
        )

    def install(self, serial: str, point_no: int, *dials: Dial, at_ms: int = SINCE_MS) -> None:
        """Hang a meter at a point, read by the device from then on."""
        meter = self._write(
            "INSERT INTO meter (serial, model, registered) VALUES (?, 'SDM120', 1)"
            " RETURNING meter_no",
            serial,
        )
        number = self._write(
            "INSERT INTO installation (point_no, meter_no, installed_at_ms) VALUES (?, ?, ?)"
            " RETURNING installation_no",
            *(point_no, meter, at_ms),
        )
        self._write("INSERT INTO device_meter VALUES (?, ?, NULL, 1)", meter, at_ms)
        for dial in dials or (Dial(),):
            register = self._write(
                "INSERT INTO register (meter_no, obis, unit, exponent, registered, digits,"
                " rate_max_per_h) VALUES (?, ?, ?, ?, 1, ?, 1000000) RETURNING register_no",
                *(meter, dial.obis, dial.unit, dial.exponent, dial.digits),
            )
            self._write(
                "INSERT INTO installation_value VALUES (?, ?, ?, NULL, 0)",
                *(number, register, dial.initial),
            )

    def remove(self, serial: str, at_ms: int, final: int) -> None:
        """Take a meter away, with the value it showed then."""
        self._write(
            "UPDATE installation_value SET final_mantissa = ? WHERE installation_no ="
            " (SELECT installation_no FROM installation JOIN meter USING (meter_no)"
            "  WHERE serial = ?)",
            *(final, serial),
        )
        self._write(
            "UPDATE installation SET removed_at_ms = ? WHERE meter_no ="
            " (SELECT meter_no FROM meter WHERE serial = ?)",
            *(at_ms, serial),
        )

    def read(
        self, serial: str, at_ms: int, mantissa: int, dial: Dial | None = None, **changes: object
    ) -> None:
        """The device reads a meter; `send` signs and delivers."""
        dial = dial or Dial()
        fields: dict[str, object] = {
            "meter": serial,
            "captured_at_ms": at_ms,
            "clock_state": ClockState.SYNCHRONISED,
            "clock_error_s": 1,
            "status": 0,
            "source": Source.DAILY,
            "evidence": Evidence.of(f"{serial}:{mantissa}".encode()),
            "values": (RegisterValue(dial.obis, mantissa, dial.exponent, Unit(dial.unit)),),
        }
        self._readouts.append(Readout(**(fields | changes)))  # type: ignore[arg-type]
        self.now_ms = max(self.now_ms, at_ms)

    def seal(self) -> Incoming:
        """What was read since, as the device's next signed batch."""
        self.sequence += 1
        content = batch.Batch(
            version=1,
            device=DEVICE,
            sequence=self.sequence,
            previous=self._previous,
            signed_at_ms=self.now_ms,
            clock_state=ClockState.SYNCHRONISED,
            clock_error_s=1,
            boot=bytes(8),
            uptime_ms=self.now_ms - SINCE_MS + DAY_MS,
            software="plomba test",
            readouts=tuple(self._readouts),
        )
        topic = topics.batch_topic(DEVICE)
        message = DEVICE_KEY.seal(batch.encode(content), topic)
        self._previous = batch.chain_hash(message)
        self._readouts.clear()
        return Incoming(topic, message)

    def seal_forged(self) -> Incoming:
        """A batch like the device's next, but its last byte is not what was signed."""
        self.read("A1", self.now_ms, 1)
        before = (self.sequence, self._previous)
        sealed = self.seal()
        self.sequence, self._previous = before
        return Incoming(sealed.topic, sealed.payload[:-1] + bytes([sealed.payload[-1] ^ 1]))

    def send(self) -> Outcome:
        """Seal what was read and bring it in."""
        return self.ingest.process([self.seal()], self.now_ms)

    def close(self, period: str | None = None, *, now_ms: int | None = None) -> Closing:
        """Close a period of the house an hour after all that was read, or at `now_ms`."""
        return close_period(
            self.ledger,
            HOUSE,
            period,
            self.now_ms + HOUR_MS if now_ms is None else now_ms,
            targets=self.targets,
            event_of=event_maker("urn:plomba:gateway:test"),
        )

    def reopen(self, period: str, now_ms: int) -> None:
        """Take back the closing of a period of the house."""
        reopen_period(
            self.ledger,
            HOUSE,
            period,
            Person("Иванова", "test", "счётчик перепутан"),
            now_ms,
            targets=self.targets,
            event_of=event_maker("urn:plomba:gateway:test"),
        )

    def _write(self, statement: str, *values: object) -> int:
        with self.store.transaction() as connection:
            cursor = connection.execute(statement, values)
            return int(cursor.fetchone()[0]) if "RETURNING" in statement else 0
