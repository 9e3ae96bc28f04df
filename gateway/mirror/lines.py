"""Readings as line protocol, so that what a target cannot keep is marked, and nothing is replaced.

A line is made of values checked here, since VictoriaMetrics answers 204 to a line that it throws
away: what would need an escape that targets read differently is written as another character.

*InfluxDB* keeps a point's fields by series and time, so a reading is one point there, its state a
field; whatever happens to the reading is the same point written again.

*VictoriaMetrics* keeps both of two samples, so none is ever written with another value: the state
is part of the series. A reading that left a state gets `left` beside its sample there, the number
of the change, and where it came into a state by a change, `back`. It stands in that state unless
the greatest `left` is above the greatest `back`; both only grow, so no repetition harms.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from gateway.mirror.model import STATES, WITHDRAWN, Point, Series, Target

MEASUREMENT = "plomba_reading"
MIRROR = "plomba_mirror"
# Some 30 MB: the registers of ten houses of a thousand flats, in two states.
SERIES_KNOWN_MAX = 50_000
# Above it a float64 leaves out integers.
FLOAT_EXACT_MAX = 2**53
# Neither may stand in a line as itself; a backslash before a comma means different things.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_ESCAPED = re.compile(r"([,= ])")


class Liner:
    """Writes the lines of a gateway for a kind of target."""

    def __init__(self, gateway: str, target: Target) -> None:
        self._gateway = _tag("gateway", gateway)
        self._target = target
        self._known: dict[tuple[Series, str, int, int | None], str] = {}

    def reading(self, point: Point) -> Iterator[str]:
        """The lines of a reading."""
        known = point.mantissa is not None
        if self._target is Target.INFLUXDB:
            state = point.state if known else WITHDRAWN
            fields = [*_values(point), f"state={state}i", *["exact=1i"] * known]
            yield f"{self._series(point)} {','.join(fields)} {point.at_ms}"
            return
        if point.mantissa is not None:
            exact = int(abs(point.mantissa) <= FLOAT_EXACT_MAX)
            fields = [*_values(point), f"exact={exact}i"]
            fields += [] if point.back is None else [f"back={point.back}i"]
            yield f"{self._series(point, point.state)} {','.join(fields)} {point.at_ms}"
        for state, change_no in point.left:
            yield f"{self._series(point, state)} left={change_no}i {point.at_ms}"

    def status(self, batch_no: int, behind: int, sent: int, now_ms: int) -> str:
        """A line about the mirror itself: how far it is, how many batches it is behind."""
        fields = f"batch_no={batch_no}i,behind={behind}i,sent={sent}i"
        return f"{MIRROR},{self._gateway} {fields} {now_ms}"

    def _series(self, point: Point, state: int | None = None) -> str:
        """The beginning of a line; a register's next reading begins as its last one."""
        key = (point.series, point.source, point.copy, state)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= SERIES_KNOWN_MAX:
                self._known.clear()
            known = self._known[key] = self._made(point, state)
        return known

    def _made(self, point: Point, state: int | None) -> str:
        one = point.series
        tags = {
            "copy": str(point.copy) if point.copy else "",
            "exponent": str(one.exponent),
            "house": one.house,
            "meter": one.meter,
            "obis": one.obis,
            "point": one.point,
            "resource": one.resource,
            "source": point.source,
            "state": "" if state is None else STATES[state],
            "unit": one.unit,
        }
        known = [_tag(name, text) for name, text in tags.items() if text]
        return ",".join([MEASUREMENT, self._gateway, *known])


def _values(point: Point) -> list[str]:
    """The mantissa, and for charts the value, which is a float64 in every target."""
    if point.mantissa is None:
        return []
    value = Decimal(point.mantissa).scaleb(point.series.exponent)
    return [f"value={value:f}", f"mantissa={point.mantissa}i"]


def _tag(name: str, text: str) -> str:
    return name + "=" + _ESCAPED.sub(r"\\\1", readable(text))


def readable(text: str) -> str:
    """A name as the mirror writes it."""
    return _UNWRITABLE.sub("_", text)
