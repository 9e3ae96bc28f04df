"""A closing line to test with, without a ledger behind it."""

from decimal import Decimal

from gateway.closing import ClosingLine

CLOSED_MS = 1_796_040_000_000  # 2026-11-30T12:00:00Z


def a_line(**changes: object) -> ClosingLine:
    fields: dict[str, object] = {
        "line_id": "2026-10-000001",
        "period": "2026-10",
        "house": "Лесная 5",
        "account": "100200",
        "dwelling": "12",
        "point": "L5-12-E",
        "resource": "electricity",
        "register": "1-0:1.8.1",
        "unit": "kWh",
        "opening_meter": "10000001",
        "opening_value": Decimal("1234.50"),
        "opening_at_ms": CLOSED_MS - 30 * 86_400_000,
        "closing_meter": "10000001",
        "closing_value": Decimal("1300.00"),
        "closing_at_ms": CLOSED_MS - 3_600_000,
        "consumption": Decimal("65.50"),
        "rollovers": 0,
        "method": "actual",
        "reason": "",
        "closed_at_ms": CLOSED_MS,
    }
    return ClosingLine(**(fields | changes))  # type: ignore[arg-type]
