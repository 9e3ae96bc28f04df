"""The registry in the ledger: the cards ingest works with, and registers found on the road."""

import json
from collections.abc import Collection, Iterable, Sequence

from drivers.reading import Resource
from gateway.model import FOREVER_MS, Binding, DeviceKey, Level, MeterCard, RegisterCard
from gateway.sql.engine import Database
from gateway.store import FoundRow

# Whatever key a person enters for a revoked device, none of its keys outlives the revocation.
_KEYS = """
SELECT k.key_id, k.device_no, d.name, k.public_key, k.valid_from_ms,
    CASE WHEN k.valid_to_ms <= r.revoked_at_ms THEN k.valid_to_ms
        ELSE coalesce(r.revoked_at_ms, k.valid_to_ms) END,
    coalesce(r.takes_backlog = 0, FALSE)
FROM device_key k JOIN device d USING (device_no) LEFT JOIN device_revocation r USING (device_no)
WHERE k.key_id IN ({places})
"""

_METERS = """
SELECT m.meter_no, m.serial,
    (SELECT p.resource FROM installation i JOIN point p USING (point_no)
        WHERE i.meter_no = m.meter_no ORDER BY i.installed_at_ms DESC LIMIT 1)
FROM json_each(?) w JOIN meter m ON m.serial = w.atom
WHERE m.registered = 1
"""

_BINDINGS = """
SELECT b.meter_no, b.device_no, b.valid_from_ms, b.valid_to_ms
FROM json_each(?) w JOIN device_meter b ON b.meter_no = CAST(w.value AS BIGINT)
ORDER BY b.meter_no, b.valid_from_ms
"""

# With the value of the latest installation, which is the register's level before any reading.
_REGISTERS = """
SELECT r.meter_no, r.register_no, r.obis, r.unit, r.exponent, r.digits, r.rate_max_per_h,
    i.installed_at_ms, v.initial_mantissa, i.removed_at_ms, v.final_mantissa
FROM json_each(?) w
JOIN register r ON r.meter_no = CAST(w.value AS BIGINT) AND r.registered = 1
LEFT JOIN installation i ON i.installation_no =
    (SELECT l.installation_no FROM installation l WHERE l.meter_no = r.meter_no
        ORDER BY l.installed_at_ms DESC LIMIT 1)
LEFT JOIN installation_value v
    ON v.installation_no = i.installation_no AND v.register_no = r.register_no
ORDER BY r.meter_no, r.obis
"""

_FOUND = """
SELECT r.found_by, m.serial, r.obis, r.unit, r.exponent, r.register_no
FROM register r JOIN meter m USING (meter_no)
WHERE r.registered = 0 AND r.found_by = ?
"""


class SqlRegistry:
    """`RegistryPort` on one connection."""

    def __init__(self, database: Database) -> None:
        self._sql = database.connection

    def revision(self) -> int:
        (revision,) = self._sql.execute("SELECT revision FROM registry_revision").fetchone()
        return int(revision)

    def device_keys(self, key_ids: Collection[bytes]) -> dict[bytes, DeviceKey]:
        places = ", ".join("?" * len(key_ids))
        rows = self._sql.execute(_KEYS.format(places=places), list(key_ids))
        return {row[0]: DeviceKey._make((*row[:6], bool(row[6]))) for row in rows}

    def meters(self, serials: Collection[str]) -> dict[str, MeterCard]:
        heads = self._sql.execute(_METERS, (json.dumps(list(serials)),)).fetchall()
        numbers = json.dumps([meter_no for meter_no, _, _ in heads])
        bindings: dict[int, list[Binding]] = {}
        for meter_no, device_no, from_ms, to_ms in self._sql.execute(_BINDINGS, (numbers,)):
            binding = Binding(device_no, from_ms, FOREVER_MS if to_ms is None else to_ms)
            bindings.setdefault(meter_no, []).append(binding)
        registers = self._registers(numbers)
        return {
            serial: MeterCard(
                meter_no,
                serial,
                None if resource is None else Resource(resource),
                tuple(bindings.get(meter_no, ())),
                tuple(registers.get(meter_no, ())),
            )
            for meter_no, serial, resource in heads
        }

    def _registers(self, meter_numbers: str) -> dict[int, list[RegisterCard]]:
        found: dict[int, list[RegisterCard]] = {}
        for row in self._sql.execute(_REGISTERS, (meter_numbers,)):
            meter_no, register_no, obis, unit, exponent, digits, rate = row[:7]
            initial, final = _level(*row[7:9]), _level(*row[9:])
            card = RegisterCard(register_no, obis, unit, exponent, digits, rate, initial, final)
            found.setdefault(meter_no, []).append(card)
        return found

    def found_registers(self, device_no: int) -> dict[FoundRow, int]:
        rows = self._sql.execute(_FOUND, (device_no,))
        return {FoundRow(*found): register_no for *found, register_no in rows}

    def add_found(self, rows: Sequence[FoundRow]) -> dict[FoundRow, int]:
        self._sql.executemany(
            "INSERT INTO meter (serial, model, registered) VALUES (?, '', 0) "
            "ON CONFLICT (serial) DO NOTHING",
            sorted({(row.serial,) for row in rows}),  # in one order: two collectors may meet
        )
        self._sql.executemany(
            "INSERT INTO register (meter_no, obis, unit, exponent, registered, found_by) "
            "SELECT meter_no, ?, ?, ?, 0, ? FROM meter WHERE serial = ?",
            [(row.obis, row.unit, row.exponent, row.device_no, row.serial) for row in rows],
        )
        return self._numbers(rows)

    def _numbers(self, rows: Iterable[FoundRow]) -> dict[FoundRow, int]:
        known: dict[FoundRow, int] = {}
        for device_no in {row.device_no for row in rows}:
            known |= self.found_registers(device_no)
        return {row: known[row] for row in rows}


def _level(at_ms: int | None, mantissa: int | None) -> Level | None:
    return None if at_ms is None or mantissa is None else Level(at_ms, mantissa)
