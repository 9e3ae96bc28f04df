"""Every parser that faces a network, a bus, an upload or a foreign process, in one table."""

from collections.abc import Mapping
from functools import cache

from simulators.fuzz import facing_files, facing_lines, facing_network
from simulators.fuzz.engine import Parser


@cache
def parsers() -> Mapping[str, Parser]:
    """The table, by name."""
    rows = (*facing_network.parsers(), *facing_lines.parsers(), *facing_files.parsers())
    return {one.name: one for one in rows}
