"""A dwelling's history as a table of plain texts, and as the CSV file made of them."""

from collections.abc import Iterator
from decimal import Decimal

from drivers.reading import from_ms
from gateway.explain.telling import which_register
from gateway.handoff.csv import table
from gateway.resident.history import History, Kept, Register, Value
from gateway.web.texts import Words

# Spreadsheets take a file without it for one in the machine's own alphabet.
_BOM = b"\xef\xbb\xbf"


def csv(history: History, words: Words) -> bytes:
    """All values, one a line: UTF-8, comma, decimal point, times on the house's clocks.

    Texts that a spreadsheet would run as a formula get an apostrophe (gateway/handoff/csv.py).
    """
    rows = [
        {
            words("history_point"): kept.register.point,
            words("history_meter"): one.meter,
            words("history_register"): f"{name_of(kept.register, words)} {kept.register.obis}",
            words("history_at"): local(history, one.at_ms),
            words("history_value"): f"{one.value:f}",
            words("history_unit"): words.unit(kept.register.unit),
            words("history_source"): source_of(one, words),
            words("history_standing"): standing_of(one, words),
            words("history_act"): one.act,
        }
        for kept in history.registers
        for one in kept.values
    ]
    return _BOM + table(rows)


def local(history: History, at_ms: int) -> str:
    """A time on the house's clocks, with its distance from UTC."""
    return from_ms(at_ms).astimezone(history.zone).isoformat(sep=" ", timespec="minutes")


def name_of(register: Register, words: Words) -> str:
    """A register in words."""
    which = which_register(register.obis, words)
    name = words(register.resource)
    return f"{name}, {which}" if which else name


def source_of(value: Value, words: Words) -> str:
    """Where a value comes from, in words."""
    return words(f"history_from_{value.source}")


def standing_of(value: Value, words: Words) -> str:
    """What became of a value, in words."""
    return words(f"history_is_{value.standing}")


def month_rows(kept: Kept, words: Words) -> Iterator[tuple[str, str, str, str]]:
    """The months as a table, the newest first: name, use, a year before, the house."""
    for one in reversed(kept.months):
        if one.used is not None or one.before is not None:
            mark = "≈ " if one.used is not None and not one.is_read else ""
            yield (
                f"{words.month(int(one.period[5:]))} {one.period[:4]}",
                mark + _amount(one.used, words),
                *(_amount(one.before, words), _amount(one.house, words)),
            )


def _amount(amount: Decimal | None, words: Words) -> str:
    return "—" if amount is None else words.number(amount)
