"""A mark of a line in its four columns: register, instant, copy (none for an act), mantissa."""

from gateway.billing import Mark, ReadingKey


def mark(register_no: int, at_ms: int, copy: int | None, mantissa: int) -> Mark:
    """The mark of four columns."""
    return Mark(register_no, at_ms, mantissa, None if copy is None else ReadingKey(at_ms, copy))


def mark_columns(one: Mark) -> tuple[int, int, int | None, int]:
    """The four columns of a mark."""
    copy = None if one.reading is None else one.reading.copy
    return one.register_no, one.at_ms, copy, one.mantissa
