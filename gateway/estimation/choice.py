"""The state machine of ПП 354 п. 59-60: which method estimates a period nobody read.

    measured -> unread 1..n: average -> unread n+1...: norm -> measured (and correction)

The state is a number for each cause, how many periods of the run have gone unread by it; the terms
say where it changes the method. A check meter goes before all of it, and is asked elsewhere. What
cannot be computed is not made up: without months enough to average it is the norm, and without a
norm nothing is billed and the reason says what is missing.
"""

from enum import StrEnum
from typing import NamedTuple

from gateway.estimation.average import Average
from gateway.estimation.refusal import Raised
from gateway.estimation.terms import Terms


class Choice(StrEnum):
    """What an unread period is billed by."""

    CHECK = "check"
    AVERAGE = "average"
    NORM = "norm"
    NOTHING = "nothing"


class Decision(NamedTuple):
    """The choice, and why in one line with the clause it rests on; a norm may be raised."""

    choice: Choice
    reason: str
    raised: Raised | None = None


def choose(
    unread_before: int,
    terms: Terms,
    average: Average | None,
    *,
    norm: str | None,
    short_of: str,
    raised: Raised | None = None,
) -> Decision:
    """Choose for a period after `unread_before` unread ones of the same cause.

    `norm` says how the norm came about (empty: by a row of its own), None where there is none;
    `short_of` says why there is no average, where there is none. A raise counts once the average
    has had its turn, or at once where its clause says so.
    """
    number = unread_before + 1
    averages = _averages(unread_before, terms)
    if raised is not None and norm is not None and raised.at_once:
        return Decision(Choice.NORM, f"{_named(norm)}: {raised.said}", raised)
    if averages and average is not None:
        return Decision(Choice.AVERAGE, f"{_months(average)}, {_place(number, terms)}")
    why = short_of if averages else _place(number, terms)
    if norm is None:
        return Decision(Choice.NOTHING, f"{why}; {_instead(terms)}")
    if raised is not None and not averages:
        return Decision(Choice.NORM, f"{_named(norm)}: {why}; {raised.said}", raised)
    return Decision(Choice.NORM, f"{_named(norm)}: {why}")


def _named(norm: str) -> str:
    return ", ".join(filter(None, ("norm of consumption", norm, "ПП 354 п. 60")))


def _instead(terms: Terms) -> str:
    if terms.of_house:
        return "no norm is a house meter's: see house-balance for the common needs by norm"
    return "no norm applies: see registry norms"


def _averages(unread_before: int, terms: Terms) -> bool:
    return terms.periods_max is None or unread_before < terms.periods_max


def _months(average: Average) -> str:
    tenths = average.months * 10
    whole, tenth = divmod(round(tenths), 10)
    return f"average of {whole}{f'.{tenth}' if tenth else ''} measured months"


def _place(number: int, terms: Terms) -> str:
    if terms.periods_max is None:
        return f"unread period {number}, ПП 354 {terms.clause} without a limit"
    if number > terms.periods_max:
        return (
            f"unread period {number}, after {terms.periods_max} by average (ПП 354 {terms.clause})"
        )
    return f"unread period {number} of {terms.periods_max} (ПП 354 {terms.clause})"
