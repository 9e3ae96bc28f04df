"""Every parser that faces a network, a bus, an upload or a foreign process, in one table."""

from collections.abc import Mapping
from functools import cache

from simulators.fuzz import (
    facing_acts,
    facing_device_page,
    facing_files,
    facing_installers,
    facing_lines,
    facing_network,
    facing_pages,
    facing_phones,
    facing_photos,
    facing_releases,
    facing_residents,
    facing_visits,
)
from simulators.fuzz.engine import Parser


@cache
def parsers() -> Mapping[str, Parser]:
    """The table, by name."""
    facing = (
        facing_acts,
        facing_network,
        facing_lines,
        facing_files,
        facing_installers,
        facing_device_page,
        facing_photos,
        facing_residents,
        facing_pages,
        facing_phones,
        facing_visits,
        facing_releases,
    )
    rows = [one for each in facing for one in each.parsers()]
    return {one.name: one for one in rows}
