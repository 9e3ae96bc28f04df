"""What is put on paper about a place, drawn from the seed: factors, and the acts of controllers."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from simulators.truth import DAY_MS
from simulators.year.fates import Making
from simulators.year.makes import FACTORS
from simulators.year.model import House, Paper, Place

REFUSED, INSPECTED, INTERFERED = "access-refused", "inspection", "interference"
# Of a hundred places: with refusals where a meter is silent, and with an interference.
_REFUSED, _INTERFERED = 50, 2
# An act reaches the office some days after it was made.
_LATEST_DAYS = 12
_LONGEST_DAYS = 80


def put_on_paper(making: Making) -> Place:
    """The place with its factor and what controllers have written of it."""
    random, place, house = making.random, making.place, making.house
    papers: list[Paper] = []
    if place.hangings[0].entered_ms:  # Nobody writes of a meter that nobody has entered.
        return replace(place, factor=_factor(random))
    if place.silent and random.randrange(100) < _REFUSED:
        first, end = place.silent[0].first, min(place.silent[0].end, house.days - 1)
        days = sorted({random.randrange(first, end) for _ in range(random.randrange(1, 4))})
        papers += [_paper(REFUSED, house, day, random) for day in days]
        if random.random() < 0.4:
            papers.append(_paper(INSPECTED, house, random.randrange(first, end), random))
    if random.randrange(100) < _INTERFERED:
        made = _paper(INTERFERED, house, random.randrange(house.days // 2, house.days), random)
        capacity = Decimal(random.randrange(1, 4_000)).scaleb(-3)
        begun_on = made.made_on - timedelta(days=random.randrange(1, _LONGEST_DAYS))
        papers.append(made._replace(capacity=capacity, begun_on=begun_on))
    return replace(place, papers=tuple(papers), factor=_factor(random))


def _paper(kind: str, house: House, day: int, random: Random) -> Paper:
    entered_ms = house.midnight_ms(day) + random.randrange(1, _LATEST_DAYS) * DAY_MS
    return Paper(kind, day_of(house, day), entered_ms)


def day_of(house: House, day: int) -> date:
    """The date of a day."""
    return house.first_day + timedelta(days=day)


def _factor(random: Random) -> str:
    luck = random.randrange(100)
    for factor, share in FACTORS:
        luck -= share
        if luck < 0:
            return factor
    return "1"
