"""A closing line and a correction to test with, without a ledger behind them."""

from decimal import Decimal

from gateway.closing_records import ClosingLine
from gateway.correcting import CorrectedLine

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


def a_correction(**changes: object) -> CorrectedLine:
    fields: dict[str, object] = {
        "correction_id": "2026-09-000001-c1",
        "line_id": "2026-09-000001",
        "period": "2026-09",
        "corrected_in": "2026-10",
        "house": "Лесная 5",
        "account": "100200",
        "dwelling": "12",
        "point": "L5-12-W",
        "resource": "cold-water",
        "register": "8-0:1.0.0",
        "unit": "m3",
        "billed_method": "average",
        "billed": Decimal("11.000"),
        "consumption": Decimal("13.500"),
        "difference": Decimal("2.500"),
        "closing_meter": "10000002",
        "closing_value": Decimal("46.500"),
        "closing_at_ms": CLOSED_MS - 31 * 86_400_000,
        "method": "interpolated",
        "reason": "",
        "corrected_at_ms": CLOSED_MS,
    }
    return CorrectedLine(**(fields | changes))  # type: ignore[arg-type]
