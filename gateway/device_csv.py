"""A CSV of devices with their public keys: a consignment entered at once, whole or not at all.

One line per key; columns: device, public_key (64 hex digits, the 32 bytes of Ed25519), valid_from
(a time with its zone), house (may be empty). A key that stands already is left as it is.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from cloud_sync.signing import VerifyKey
from cloud_sync.topics import DEVICE_PATTERN
from drivers.reading import to_ms
from gateway.csv_lines import FieldError, Fields, Problem, lines_of, parsed, refuse, repeated
from gateway.model import DeviceKey
from gateway.store import Store

COLUMNS: Final = ("device", "public_key", "valid_from", "house")

_DEVICE = re.compile(DEVICE_PATTERN)
_KEY = re.compile(r"[0-9a-fA-F]{64}")
# Keys asked for in one statement; SQLite takes 32 766 parameters.
_AT_ONCE = 10_000


class DeviceLine(NamedTuple):
    """What a line says."""

    device: str
    key: VerifyKey
    valid_from_ms: int
    house: str


def import_csv(store: Store, data: bytes) -> dict[str, int]:
    """Enter the devices of a CSV; how many keys were new and the same.

    RegistryError names every bad line, and then nothing was written.
    """
    problems: list[Problem] = []
    lines = list(parsed(lines_of(data, COLUMNS, problems), parse_line, problems))
    problems += repeated(((at, line.key.key_id) for at, line in lines), _once, "public_key")
    with store.transaction():
        known = _known(store, [line for _, line in lines])
        problems += _others(lines, known)
        refuse(problems)
        new = [line for _, line in lines if line.key.key_id not in known]
        for line in new:
            key = line.key
            store.book.add_key(
                DeviceKey(key.key_id, 0, line.device, key.public_bytes, line.valid_from_ms, None)
            )
        refuse(list(_placed(store, lines)))
    return {"new": len(new), "same": len(lines) - len(new)}


def parse_line(fields: Fields) -> DeviceLine:
    """What the fields of a line say; FieldError otherwise."""
    if _DEVICE.match(fields["device"]) is None:
        raise FieldError("device", "a device name of a-z, 0-9 and -")
    if _KEY.fullmatch(fields["public_key"]) is None:
        raise FieldError("public_key", "an Ed25519 public key of 64 hex digits")
    key = VerifyKey(bytes.fromhex(fields["public_key"]))
    return DeviceLine(fields["device"], key, _moment(fields), fields["house"])


def _moment(fields: Fields) -> int:
    try:
        return max(0, to_ms(datetime.fromisoformat(fields["valid_from"])))
    except (ValueError, OverflowError):
        raise FieldError("valid_from", "a time like 2026-10-05T12:00+03:00") from None


def _once(_: bytes) -> str:
    return "each key once: every device makes its own"


def _known(store: Store, lines: Sequence[DeviceLine]) -> dict[bytes, DeviceKey]:
    ids = [line.key.key_id for line in lines]
    known: dict[bytes, DeviceKey] = {}
    for start in range(0, len(ids), _AT_ONCE):
        known |= store.registry.device_keys(ids[start : start + _AT_ONCE])
    return known


def _others(
    lines: Sequence[tuple[int, DeviceLine]], known: dict[bytes, DeviceKey]
) -> Iterator[Problem]:
    """Keys that are another device's already."""
    for number, line in lines:
        entry = known.get(line.key.key_id)
        if entry is not None and entry.device != line.device:
            yield Problem(number, "public_key", "a key of its own", f"the one of {entry.device}")


def _placed(store: Store, lines: Sequence[tuple[int, DeviceLine]]) -> Iterator[Problem]:
    """Put the devices into their houses; those that are in no registry."""
    for number, line in lines:
        if line.house and not store.book.place_device(line.device, line.house):
            yield Problem(number, "house", "a house of the registry, or nothing", repr(line.house))
