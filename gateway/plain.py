"""Records as plain text, the way they are handed over: field by field, in order, exact."""

from collections.abc import Mapping
from decimal import Decimal

from drivers.reading import from_ms


def as_text(record: Mapping[str, object]) -> dict[str, str]:
    """Every field as text: plain decimals, ISO 8601 times (``_ms`` fields), empty for nothing."""
    return {name.removesuffix("_ms"): _text(name, value) for name, value in record.items()}


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if name.endswith("_ms") and isinstance(value, int):
        return from_ms(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
