"""A day of a point or meter as people look at it."""

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.profile.day import DayProfile, Profiler
from gateway.profile.model import ProfileError, SeriesStore
from gateway.profile.series import Slot
from gateway.profile.slots import day_of, local_day


def profiles(store: SeriesStore, name: str, day: date | None, now_ms: int) -> list[DayProfile]:
    """The registers of a point or meter on a day, on the last one that is over if none is said."""
    timezone = store.timezone_of(name)
    if timezone is None:
        raise ProfileError(f"no point and no meter is called {name!r}: see registry show")
    zone = ZoneInfo(timezone)
    today = day_of(now_ms, zone)
    chosen = today - timedelta(days=1) if day is None else day
    if chosen > today:
        raise ProfileError(f"{chosen} has not begun, today is {today} at {name}")
    span = local_day(chosen, zone)
    profiler = Profiler(store)
    made = [profiler.day(one, chosen) for one in store.named(name, span.from_ms, span.to_ms)]
    found = [one for one in made if one is not None]
    if not found:
        raise ProfileError(
            f"{name} has no series on {chosen}: it was read less than once a day, or too seldom yet"
        )
    return found


def amount(profile: DayProfile, units: int | None) -> Decimal | None:
    """Whole last digits as a quantity in the register's unit."""
    return None if units is None else Decimal(units).scaleb(profile.register.exponent)


def total(profile: DayProfile) -> Decimal:
    """What the slots that are known add up to."""
    units = sum(one.amount for one in profile.series.slots if one.amount is not None)
    return Decimal(units).scaleb(profile.register.exponent)


def as_document(profile: DayProfile) -> dict[str, object]:
    """The same as one JSON object; times are local, amounts exact decimals as text."""
    one, series = profile.register, profile.series
    zone = ZoneInfo(one.timezone)
    return {
        "house": one.house,
        "point": one.point,
        "dwelling": one.dwelling,
        "resource": one.resource,
        "meter": one.meter,
        "register": one.obis,
        "unit": one.unit,
        "day": profile.day.isoformat(),
        "slot_s": series.grid.slot_ms // 1000,
        "expected": len(series.slots),
        "measured": series.held,
        "apart_s": -(-series.apart_ms // 1000),
        "sum": f"{total(profile):f}",
        "check_meter": profile.check and profile.check.register.meter,
        "slots": [_slot(profile, slot, zone) for slot in series.slots],
        "findings": [finding._asdict() for finding in profile.findings],
    }


def _slot(profile: DayProfile, slot: Slot, zone: ZoneInfo) -> dict[str, str | None]:
    used = amount(profile, slot.amount)
    return {
        "from": from_ms(slot.from_ms).astimezone(zone).isoformat(),
        "to": from_ms(slot.to_ms).astimezone(zone).isoformat(),
        "amount": None if used is None else f"{used:f}",
        "method": slot.method.value,
        "quality": slot.quality,
    }
