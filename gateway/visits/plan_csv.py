"""The CSV of metering points that wait for a first meter: one line per register it is to have.

House, account and point are said as in the registry's CSV and must not contradict it; the rest is
what an installer finds on the card: where the point is, which meter is expected (any if the column
is left out or empty), and how its dial counts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from drivers.reading import is_serial
from gateway import registry_csv
from gateway.csv_lines import Fields, Problem, is_text, lines_of, refuse, repeated
from gateway.meter_life import factor
from gateway.registry import point_problems
from gateway.registry_csv import RegisterLine
from gateway.store import Store

OPTIONAL = ("place", "serial", "model", "factor")
COLUMNS = (
    "house", "address", "timezone", "account", "dwelling", "point", "kind", "resource", "register",
    "unit", "exponent", "digits", "rate_max_per_h",
)  # fmt: skip
# What fits a card's list (cloud_sync/points.py).
PLACE_CHARS_MAX = 120
_LEFT_OUT = frozenset(
    {"meter", "model", "installed_on", "initial_value", "device", "factor", "dial"}
)
_NO_METER = {"meter": "", "model": "", "installed_on": 0, "initial_value": 0, "device": ""}


class PlanLine(NamedTuple):
    """A register that a point's meter is to have, as its columns say it."""

    line: int
    row: Mapping[str, object]


class PlanPort(Protocol):
    """Where plans are kept."""

    def set_plans(self, lines: Sequence[PlanLine]) -> dict[str, int]:
        """Enter points with what they are to have, in place of what was said before."""


def parse_plans(data: bytes) -> tuple[list[PlanLine], list[RegisterLine], list[Problem]]:
    """The sound lines of a file of waiting points, also as the registry sees them, and all faults.

    RegistryError where the file cannot be read as lines at all.
    """
    problems: list[Problem] = []
    plans, lines = [], []
    for number, fields in lines_of(data, COLUMNS, problems, OPTIONAL):
        before = len(problems)
        values = registry_csv.values_of(number, fields, problems, _LEFT_OUT)
        extra = {name: fields.get(name, "") for name in OPTIONAL}
        problems += _faults(number, fields, extra)
        if values is None or len(problems) > before:
            continue
        if extra["factor"]:
            extra["factor"] = factor.canonical(extra["factor"])
        plans.append(PlanLine(number, values | extra))
        lines.append(RegisterLine(line=number, **(values | _NO_METER)))
    return plans, lines, problems


def import_csv(store: Store, port: PlanPort, data: bytes) -> dict[str, int]:
    """Enter the points of a file, whole or not at all; how much, by table.

    RegistryError names every bad line. Said again, the last file counts for the points it names.
    """
    plans, lines, problems = parse_plans(data)
    with store.transaction():
        once = repeated(
            ((one.line, (one.point, one.register)) for one in lines),
            lambda _: "each register of a point once",
            "register",
        )
        refuse([*problems, *once, *point_problems(store, lines)])
        return port.set_plans(plans)


def _faults(number: int, fields: Fields, extra: Mapping[str, str]) -> list[Problem]:
    expected = {
        "place": (
            not extra["place"]
            or (is_text(extra["place"]) and len(extra["place"]) <= PLACE_CHARS_MAX),
            f"at most {PLACE_CHARS_MAX} printable characters",
        ),
        "model": (not extra["model"] or is_text(extra["model"]), "printable characters"),
        "serial": (
            not extra["serial"] or is_serial(extra["serial"]),
            "a serial of letters, digits and . _ / -",
        ),
        "factor": (not extra["factor"] or _is_factor(extra["factor"]), factor.EXPECTED),
    }
    return [
        Problem(number, name, what, repr(fields[name]))
        for name, (is_sound, what) in expected.items()
        if not is_sound
    ]


def _is_factor(text: str) -> bool:
    try:
        factor.parse(text)
    except ValueError:
        return False
    return True
