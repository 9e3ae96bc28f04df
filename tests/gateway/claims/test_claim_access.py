"""ПП 354 п. 60(1): what a resident says does not count while the controller is kept out."""

from decimal import Decimal

import pytest

from gateway.acts.entering import Desk, enter
from gateway.closing_records import ClosingLine
from gateway.explain.reasons import in_russian
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from tests.gateway.claims.given import Said, automatic, closed, give, listed
from tests.gateway.town import Town, local

COLUMNS = "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on"
REFUSED = (
    "access-refused,12,2026-09-03,Петров,40112,,,,",
    "access-refused,14,2026-09-20,Петров,40112,P1,,,",
)
INSPECTED = "inspection,9,2026-09-22,Петров,40112,,,,"
WHY = "access refused (acts 12 of 2026-09-03, 14 of 2026-09-20), ПП 354 п. 60(1)"


def acts(town: Town, *lines: str) -> None:
    with town.store.transaction() as connection:
        desk = Desk(ActLedger(connection), SqlAudit(connection), "Иванова", "test", local(10, 1))
        enter(desk, "\n".join([COLUMNS, *lines]).encode(), {})


def believed(line: ClosingLine) -> str:
    return line.source or line.method


@pytest.mark.parametrize(
    ("entered", "said", "expected"),
    [
        # One refusal is not two.
        (REFUSED[:1], Said("resident", 24, "330"), "resident"),
        # Two stand: whatever way the resident takes, it does not count.
        (REFUSED, Said("resident", 24, "330"), "carried"),
        (REFUSED, Said("photo", 24, "330"), "carried"),
        (REFUSED, Said("gis-zhkh", 24, "330"), "carried"),
        # What an inspector read does, also where nobody has entered the act of it.
        (REFUSED, Said("inspection", 24, "330"), "inspection"),
        # Before the second act, and on its very day.
        (REFUSED, Said("resident", 19, "290"), "resident"),
        (REFUSED, Said("resident", 20, "290"), "carried"),
        # After an inspection it counts again; what was said before it does not.
        ((*REFUSED, INSPECTED), Said("resident", 24, "330"), "resident"),
        ((*REFUSED, INSPECTED), Said("resident", 21, "300"), "carried"),
        # Another flat's acts are its own.
        (tuple(one.replace("40112", "40113").replace("P1", "") for one in REFUSED),
         Said("resident", 24, "330"), "resident"),
    ],
)  # fmt: skip
def test_what_counts(town: Town, entered: tuple[str, ...], said: Said, expected: str) -> None:
    town.install("B1", town.point("P2", "13"))
    town.read("B1", local(10, 1), 12_000)
    town.send()
    acts(town, *entered)
    give(town, said)
    (line,) = (one for one in town.close("2026-09").lines if one.point == "P1")
    assert believed(line) == expected


def test_the_line_and_the_claim_say_why(town: Town) -> None:
    acts(town, *REFUSED)
    give(town, Said("resident", 24, "330"))
    line = closed(town)
    assert (line.consumption, line.closing_value) == (Decimal(0), Decimal(100))
    assert line.reason.endswith(
        f"; the resident's figure of 2026-09-24 (claim-1) does not count: {WHY}"
    )
    assert in_russian(line.reason).endswith(
        "; показание жителя от 2026-09-24 (claim-1) не учтено: отказ в допуске"
        " (акты 12 от 2026-09-03, 14 от 2026-09-20), ПП 354 п. 60(1)"
    )
    (row,) = listed(town)
    assert (row.standing, row.reason) == ("unneeded", WHY)


def test_what_the_meter_itself_says_counts_whoever_was_let_in(town: Town) -> None:
    acts(town, *REFUSED)
    automatic(town, 25)
    town.read("A1", local(10, 1), 40_000)
    town.send()
    give(town, Said("resident", 24, "330"))
    line = closed(town)
    assert (line.source, line.closing_value, line.reason) == ("automatic", Decimal(400), "")
