"""The entry of a found meter in edge.toml: what `run` needs, and what a person should look at."""

from zoneinfo import ZoneInfo

from drivers import profile
from drivers.driver import Found
from edge.allowance import fitting_interval_s
from edge.config import INTERVAL_S
from edge.scan.standing import serial_of
from edge.scan.writing import Entry


def entry_of(found: Found, line: str, taken: set[str], zone: ZoneInfo) -> Entry:
    """The entry of a new meter on `line`; its serial is `taken` from now on."""
    serial, told = serial_of(found, line, taken)
    taken.add(serial)
    best, *others = found.profiles
    keys: dict[str, str | int] = {"serial": serial, "profile": best, "address": found.address}
    remarks = {}
    if not told:
        remarks["serial"] = "the meter does not tell: write what stands on its dial"
    if others:
        remarks["profile"] = f"fits too: {', '.join(others)}"
    if found.identification is not None and isinstance(found.address, int):
        # Whoever exchanges the meter is told so, instead of billing the new one as the old.
        keys["expect_id"] = found.identification
    interval_s = fitting_interval_s(INTERVAL_S, profile.load(best).reads_per_day_max, zone)
    if interval_s != INTERVAL_S:
        keys["interval_s"] = interval_s
        remarks["interval_s"] = "its battery allows no more"
    return Entry(line, found, keys, remarks)
