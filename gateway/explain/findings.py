"""What a rule found, what became of a claim and why a line is what it is, as a person reads it.

The ledger keeps each as one English line with the numbers that were compared. Here the line is
told in Russian, phrase by phrase, and in both languages with numbers, units and times as people
there write them. The phrases are in `gateway.explain.phrases` and, those of a line's reason, in
`gateway.explain.reasons`; worked examples in the test.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from drivers.reading import to_ms
from gateway.explain.phrases import NAMES, PHRASES, SINCE
from gateway.explain.reasons import in_russian
from gateway.explain.translation import whole, within
from gateway.web.texts import Words

# Several findings in one line, each after its rule.
_RULE = re.compile(r"(V-[A-Z]+|CLAIM|REVIEW):? (?=\S)")
_AND = re.compile(r"; (?=V-[A-Z]+ )")

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d)?(?:Z|\+00:00| UTC)")
_CLOCK = re.compile(r"(?<![\d:])([01]\d:[0-5]\d|2[0-3]:[0-5]\d) UTC")
_DAY = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])")
_TOOK = re.compile(r"\b(in|за) (\d{3,}) ([sс])\b")
_VALUE = re.compile(r"(?<![\w.:-])(-?\d+(?:\.\d+)?) (kWh|kvarh|m3|Gcal|GJ|t)(?!\w)")


def told(detail: str, t: Words, zone: ZoneInfo, day: date | str = "") -> str:
    """A finding in the language of `t`; `day` (text: ISO) is that of a slot's time."""
    said = "; ".join(_one(part, t) for part in _AND.split(detail)) if detail else ""
    of_day = date.fromisoformat(day) if isinstance(day, str) and day else day
    return _local(said, t, zone, of_day or None)


def reason_told(reason: str, t: Words, zone: ZoneInfo) -> str:
    """A line's reason in the language of `t`."""
    return _local(in_russian(reason) if t.language == "ru" else reason, t, zone, None)


def _one(part: str, t: Words) -> str:
    if t.language != "ru":
        return part
    rule = _RULE.match(part)
    bare = part if rule is None else part[rule.end() :]
    bare = within(within(whole(bare, PHRASES), SINCE), NAMES)
    return bare if rule is None else f"{rule[1]}: {bare}"


def _local(said: str, t: Words, zone: ZoneInfo, day: date | None) -> str:
    said = _MOMENT.sub(lambda at: _moment(at, t, zone), said)
    if day is not None:
        said = _CLOCK.sub(lambda at: _clock(day, at[1], zone), said)
    said = _DAY.sub(lambda one: _date(one[0], t), said)
    said = _TOOK.sub(lambda took: f"{took[1]} {_span(int(took[2]), t)}", said)
    return _VALUE.sub(lambda one: f"{t.number(Decimal(one[1]))} {t.unit(one[2])}", said)


def _moment(at: re.Match[str], t: Words, zone: ZoneInfo) -> str:
    try:
        return t.moment(to_ms(datetime.fromisoformat(f"{at[1]}T{at[2]}+00:00")), zone)
    except ValueError:
        return at[0]  # what somebody typed looks like a time and is none


def _date(text: str, t: Words) -> str:
    try:
        return t.date(text)
    except ValueError:
        return text  # as above


def _span(seconds: int, t: Words) -> str:
    """A time as hours, minutes and seconds, without those that are none."""
    parts = {"span_h": seconds // 3600, "span_min": seconds // 60 % 60, "span_s": seconds % 60}
    return " ".join(t(key, t.number(amount)) for key, amount in parts.items() if amount)


def _clock(day: date, clock: str, zone: ZoneInfo) -> str:
    """A time of UTC on the clocks of the zone, on the local day the slot belongs to."""
    for nearby in (day, day - timedelta(days=1), day + timedelta(days=1)):
        at = datetime.combine(nearby, time.fromisoformat(clock), UTC).astimezone(zone)
        if at.date() == day:
            return f"{at:%H:%M}"
    return f"{clock} UTC"
