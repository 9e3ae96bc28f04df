"""A readout for people: each record with its bytes, what it says, and which register takes it."""

from drivers.driver import Detail
from drivers.mbus import telegram
from drivers.mbus.heading import FUNCTIONS
from drivers.mbus.picking import candidates
from drivers.mbus.profile import MbusProfile
from drivers.mbus.readout import cut
from drivers.mbus.records import Record


def explain(profile: MbusProfile, raw: bytes, *, key: bytes | None = None) -> tuple[Detail, ...]:
    """The records of the telegrams in `raw`, in order; FrameError where it is no readout.

    `place` counts telegrams and the records in them, both from 1. Where a telegram is damaged a
    detail without bytes says so.
    """
    telegrams = [telegram.decode(one, key=key) for one in cut(raw)]
    takers = _takers(profile, [record for one in telegrams for record in one.records])
    details: list[Detail] = []
    for number, one in enumerate(telegrams, 1):
        for place, record in enumerate(one.records, 1):
            taker = takers.get(record.raw)
            details.append(Detail(f"{number}.{place}", record.raw, meaning(record), taker))
        if one.damage is not None:
            details.append(Detail(f"{number}.{len(one.records) + 1}", "", one.damage))
    return tuple(details)


def meaning(record: Record) -> str:
    """What a record says, in one line."""
    said = record.time or record.text
    if record.value is not None:
        said = f"{record.value:f} {record.unit or ''}".rstrip()
    channel = [
        f"{name} {number}"
        for name, number in (
            ("storage", record.storage),
            ("tariff", record.tariff),
            ("subunit", record.subunit),
        )
        if number
    ]
    kind = [] if record.function == FUNCTIONS[0] else [record.function]
    problem = [] if record.problem is None else [f"({record.problem})"]
    head = record.quantity if said is None else f"{record.quantity} {said}"
    return " ".join([", ".join([head, *kind, *channel]), *problem])


def _takers(profile: MbusProfile, records: list[Record]) -> dict[str, str]:
    """Which register takes the record with these bytes."""
    unique = list({record.raw: record for record in records}.values())
    takers = {}
    for register in profile.registers:
        found = candidates(register, unique)
        if len(found) == 1:
            takers[found[0].raw] = register.obis
    return takers
