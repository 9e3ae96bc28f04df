"""Quality codes: IEC 61968-9's list, and what other vocabularies call the same.

A code is system.category.index. A reading has a *list* of them, all of which are kept; whether it
may be billed is another question and has its own answer, the reading's state. Each vocabulary's
own codes were read in a source; putting them side by side is ours, because no vocabulary maps to
another. Where a vocabulary has no word, its cell is empty, and nothing is guessed.

Sources: IEC 61968-9 (indices of category, system and index), AEMO's quality methods, ESPI's
QualityOfReading, MSCONS QTY, Sparkplug 3 and ГИС ЖКХ's determiningMethod.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.model import State


class Quality(NamedTuple):
    """One code with its meaning, and its nearest words elsewhere; of several the first is meant.

    `aemo` are quality flags, methods, or reason codes; its S says that a value was substituted,
    since AEMO marks nothing merely suspect. `mscons` are QTY qualifiers and the STS segments that
    must come with them. `gis` is ГИС ЖКХ's method: M meter, N norm, O other.
    """

    code: str
    meaning: str
    aemo: tuple[str, ...] = ()
    espi: tuple[int, ...] = ()
    mscons: tuple[str, ...] = ()
    sparkplug: int | None = None
    gis: str | None = None


VALIDATED = "3.0.1"
SUSPECT = "2.5.258"
MISSING = "2.5.259"

_FAILED: tuple[tuple[str, ...], tuple[int, ...]] = (("reason 45",), (10,))
_TAMPER = ("reason 60", "reason 63", "reason 70", "reason 39")
_CLOCK = ("reason 86", "reason 89")

CODES = {
    quality.code: quality
    for quality in (
        Quality("2.0.0", "raw, unvalidated", ("A",), (14,), ("220",), 192, "M"),
        Quality(VALIDATED, "validated", ("A",), (17, 18, 19), ("220",), 192, "M"),
        Quality(SUSPECT, "suspect", ("S",), (10,), (), 0),
        Quality(MISSING, "known missing", ("N",), (), (), 500),
        Quality("2.5.256", "out of range", ("reason 96",), (10,), (), 0),
        Quality("3.6.0", "failed rule", *_FAILED, (), 0),
        Quality("3.6.1", "failed rule: zero usage", *_FAILED, (), 0),
        Quality("3.6.2", "failed rule: usage on an inactive meter", *_FAILED, (), 0),
        Quality("3.6.3", "failed rule: usage above the maximum", *_FAILED, (), 0),
        Quality("3.6.4", "failed rule: usage below the minimum", *_FAILED, (), 0),
        Quality("3.6.5", "failed rule: usage above, in percent", *_FAILED, (), 0),
        Quality("3.6.6", "failed rule: usage below, in percent", *_FAILED, (), 0),
        Quality("3.6.9", "failed rule: tariff sum", *_FAILED, (), 0),
        Quality("3.7.0", "manually edited", ("64", "66"), (7,), (), None, "O"),
        Quality("3.7.1", "manually added", ("64", "66"), (7,), (), None, "O"),
        Quality("3.7.3", "manually rejected", ("64", "66"), (7,), (), None, "O"),
        Quality(
            "3.8.0", "estimated", ("E", "S", "F"), (8, 9), ("67", "STS Z32", "STS Z40"), None, "O"
        ),
        Quality("3.8.1001", "norm applied (ours, private)", ("63",), (8,), ("67",), None, "N"),
        Quality("3.10.1", "manually accepted", ("A",), (18,), ("220",), None, "M"),
        Quality("3.11.0", "derived", ("V", "12"), (11, 12, 13, 15)),
        Quality("3.12.0", "projected", ("V", "12"), (11, 12, 13, 15)),
        Quality("3.4.130", "read by the customer", ("67", "reason 75"), (14,), (), 192, "M"),
        Quality("3.4.131", "read by hand", ("67", "reason 75"), (14,), (), 192, "M"),
        Quality("1.3.1", "cover open", _TAMPER, (), (), 0),
        Quality(
            "1.3.3",
            "protection suspect",
            ("reason 60", "reason 63", "reason 70", "reason 39"),
            (),
            (),
            0,
        ),
        Quality(
            "1.3.4",
            "reverse rotation",
            ("reason 60", "reason 63", "reason 70", "reason 39"),
            (),
            (),
            0,
        ),
        Quality("1.1.9", "clock error", _CLOCK, (), (), 0),
        Quality("1.4.64", "clock set forward", _CLOCK, (), (), 0),
        Quality("1.4.128", "clock set back", _CLOCK, (), (), 0),
        Quality("1.2.32", "power fail", ("reason 79",)),
    )
}


def codes(state: State, found: Iterable[str]) -> list[str]:
    """All the codes of a judged reading, those of its findings last, without repetition."""
    head = VALIDATED if state is State.ACCEPTED else SUSPECT
    return list(dict.fromkeys([head, *found]))
