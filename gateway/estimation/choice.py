"""The state machine of ПП 354 п. 59-60: which method estimates a period nobody read.

    measured -> unread 1..n: average -> unread n+1...: norm -> measured (and correction)

The state is one number, how many periods in a row have gone unread; the terms say where it
changes the method. What cannot be computed is not made up: without months enough to average it is
the norm, and without a norm nothing is billed and the reason says what is missing.
"""

from enum import StrEnum
from typing import NamedTuple

from gateway.estimation.average import Average
from gateway.estimation.terms import Terms


class Choice(StrEnum):
    """What an unread period is billed by."""

    AVERAGE = "average"
    NORM = "norm"
    NOTHING = "nothing"


class Decision(NamedTuple):
    """The choice, and why in one line with the clause it rests on."""

    choice: Choice
    reason: str


def choose(
    unread_before: int, terms: Terms, average: Average | None, *, has_norm: bool, short_of: str
) -> Decision:
    """Choose for a period after `unread_before` unread ones.

    `short_of` says why there is no average, where there is none.
    """
    number = unread_before + 1
    if _averages(unread_before, terms) and average is not None:
        return Decision(Choice.AVERAGE, f"{_months(average)}, {_place(number, terms)}")
    why = short_of if _averages(unread_before, terms) else _place(number, terms)
    if has_norm:
        return Decision(Choice.NORM, f"norm of consumption, ПП 354 п. 60: {why}")
    return Decision(Choice.NOTHING, f"{why}; no norm applies: see registry norms")


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
