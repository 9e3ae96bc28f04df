"""How people and the audit log name a reading: ``METER/REGISTER@TIME``.

``A1/1-0:1.8.0@2026-09-25T00:00:00Z`` is unique as the ledger's own key is. ``#1`` at the end names
a second value of the same instant, ``~17`` a register the registry does not describe, by number.
"""

import re
from datetime import datetime
from typing import NamedTuple

from drivers.reading import from_ms, is_serial, parse_obis, to_ms

_FORM = re.compile(
    r"(?P<meter>.+)/(?P<register>[^/@]+)@(?P<at>[^#~]+)(?:#(?P<copy>\d{1,18}))?(?:~(?P<found>\d{1,18}))?"
)


class Reference(NamedTuple):
    """A reading's name. `found` is the register's number where no registry names it, else 0."""

    meter: str
    register: str
    at_ms: int
    copy: int = 0
    found: int = 0

    def __str__(self) -> str:
        """The form people copy."""
        copy = f"#{self.copy}" if self.copy else ""
        found = f"~{self.found}" if self.found else ""
        return f"{self.meter}/{self.register}@{moment(self.at_ms)}{copy}{found}"


def parse(text: str) -> Reference:
    """The reading `text` names; ValueError with what was expected otherwise."""
    said = f"expected a reading like A1/1-0:1.8.0@2026-09-25T00:00:00Z, got {text!r}"
    match = _FORM.fullmatch(text.strip())
    if match is None or not is_serial(match["meter"]):
        raise ValueError(said)
    try:
        register, at_ms = parse_obis(match["register"]), to_ms(datetime.fromisoformat(match["at"]))
    except (ValueError, OverflowError) as error:
        raise ValueError(said) from error
    return Reference(
        match["meter"], register, at_ms, int(match["copy"] or 0), int(match["found"] or 0)
    )


def moment(moment_ms: int) -> str:
    """A time as names of readings and messages write it: UTC, milliseconds where there are any."""
    finest = "milliseconds" if moment_ms % 1000 else "seconds"
    return from_ms(moment_ms).isoformat(timespec=finest).replace("+00:00", "Z")
