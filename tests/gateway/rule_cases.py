"""Candidates and histories to try rules on, a meter with tariffs, and what the screen must keep."""

from collections.abc import Callable
from pathlib import Path

from drivers.reading import ClockState, Resource, Unit
from gateway import registry
from gateway.model import Level
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Candidate, Company, Dial, History, Shown
from tests.gateway.estate import DAY_MS, HOUR_MS, Estate, csv

DIAL = Dial(Unit.KWH, -2, 6, 1380, Resource.ELECTRICITY)
NOON = 100 * DAY_MS
TOTAL, T1, T2 = "1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2"
_LINE = (
    "A,Lenina 1,Europe/Moscow,103,3,A-3-E,dwelling,electricity,E3,SDM,{},kWh,-2,6,13.8,"
    "2026-10-01,{},edge-1"
)


def a_candidate(mantissa: int, at_ms: int = NOON, **changes: object) -> Candidate:
    fields: dict[str, object] = {
        "dial": DIAL,
        "at_ms": at_ms,
        "mantissa": mantissa,
        "clock_state": ClockState.SYNCHRONISED,
        "clock_error_s": 1,
        "now_ms": NOON + DAY_MS,
        "limits": TABLE.limits(Resource.ELECTRICITY, at_ms),
        "obis": T1,
    }
    return Candidate(**(fields | changes))  # type: ignore[arg-type]


def after(mantissa: int, ago_ms: int = HOUR_MS) -> History:
    return History(before=Level(NOON - ago_ms, mantissa), unchanged_since_ms=NOON - ago_ms)


def shown(obis: str, mantissa: int, initial: int | None = 0, before: int | None = None) -> Shown:
    level = None if before is None else Level(NOON - HOUR_MS, before)
    return Shown(obis, DIAL, mantissa, initial, level)


def with_others(*others: Shown, initial: int | None = 0, **changes: object) -> Company:
    return Company(initial=initial, shown=others)._replace(**changes)  # type: ignore[arg-type]


def with_tariffs(path: Path, total: str = "30", one: str = "20", two: str = "10") -> Estate:
    """An estate with a meter E3 of a total and two tariffs, installed with those values."""
    estate = Estate(path)
    lines = [_LINE.format(*pair) for pair in ((TOTAL, total), (T1, one), (T2, two))]
    registry.import_csv(estate.store, csv(*lines))
    return estate


def findings_of(estate: Estate, register: str) -> list[tuple[str, str]]:
    """Rule and severity of what was found about a register of E3, in the order of time."""
    return estate.store.database.connection.execute(
        "SELECT v.rule, v.severity FROM verdict v JOIN register g USING (register_no) "
        "JOIN meter m USING (meter_no) WHERE m.serial = 'E3' AND g.obis = ? "
        "ORDER BY v.captured_at_ms, v.verdict_no",
        (register,),
    ).fetchall()


def assert_the_screen_decides_as_the_rules(
    folder: Path, lived: Callable[[Path, int], Estate]
) -> None:
    """`lived` is an estate at a path whose clocks may be so many seconds wrong.

    A clock that may be 10 s wrong is only flagged (V-TIME), but every reading goes to the rules.
    """
    found = []
    for error_s in (1, 10):
        estate = lived(folder / f"{error_s}.db", error_s)
        verdicts = estate.store.database.connection.execute(
            "SELECT register_no, captured_at_ms, copy, rule, severity, detail FROM verdict "
            "WHERE rule <> 'V-TIME' ORDER BY register_no, captured_at_ms, copy, verdict_no"
        ).fetchall()
        found.append(([row[:10] for row in estate.rows()], verdicts))
        estate.store.close()
    assert found[0] == found[1]
