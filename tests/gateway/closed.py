"""Closed lines and devices of ГИС ЖКХ to export, without a ledger behind them."""

import uuid
from collections.abc import Mapping

from gateway.evidence import Verdict
from gateway.export.closed import Closed, Origin
from gateway.model import GisDevice
from tests.gateway.lines import a_line

WATER_GUID = "11111111-2222-3333-4444-555555555555"
HOUSE_GUID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def a_closed(
    *verdicts: Verdict,
    origin: Origin = Origin.READING,
    address: str = "Калуга, Лесная 5",
    **changes: object,
) -> Closed:
    return Closed(a_line(**changes), address, "Europe/Moscow", origin, verdicts)


def a_device(serial: str = "10000001", **changes: str) -> GisDevice:
    """A device of ГИС ЖКХ whose GUID follows from the serial."""
    guid = str(uuid.uuid5(uuid.NAMESPACE_OID, serial))
    return GisDevice(guid, "245", WATER_GUID, HOUSE_GUID)._replace(**changes)


def devices(*serials: str, **changes: str) -> Mapping[str, GisDevice]:
    return {serial: a_device(serial, **changes) for serial in serials}
