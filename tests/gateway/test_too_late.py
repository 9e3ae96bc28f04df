"""What is entered after its period was closed: the command says so, and how to bill it anew."""

from pathlib import Path

import pytest

from gateway.acts.entering import Desk, enter
from gateway.config import LEDGER_FILE
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from gateway.sql.too_late import acts_entered
from gateway.too_late import HOUSES_SAID_MAX, Closed, told
from tests.gateway.shell import run, said
from tests.gateway.test_corrections import WATER, Flat, month_start, three_months
from tests.gateway.town import HOUSE, Town
from tests.servers.ledgers import open_store

ACTS = "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on"
VERIFICATIONS = "meter,verified_on,interval,number,by,finding"
BY = ("--by", "Иванова")


def reopen(*periods: str, newest: str = "2026-12") -> str:
    return (
        f"closed already, billed without it: {HOUSE} {', '.join(periods)}; to bill it anew, the"
        f' newest period first: plomba-gateway reopen "{HOUSE}" {newest} --why TEXT --by NAME\n'
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A flat: September to November were read, December was not."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    flat = Flat(town, WATER)
    three_months(flat)
    flat.close(12)
    town.store.close()
    return folder


def warned(data: Path, *arguments: object) -> str:
    result = run("registry", *arguments, "--data", data)
    assert result.exit_code == 0, result.stderr
    return result.stderr


def entered(data: Path, *lines: str) -> Path:
    file = data.parent / "entered.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_an_act_of_access(data: Path) -> None:
    file = entered(data, ACTS, "access-refused,12,2025-10-05,Петров,40112,,,,")
    # Only December was not read: whoever was let in, the others are billed by the meter.
    assert warned(data, "acts", file, *BY) == reopen("2026-12")
    # The same file once more changes nothing, and nothing is said.
    assert warned(data, "acts", file, *BY) == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("access-refused,12,2026-12-31,Петров,40112,,,,", ["2026-12"]),
        ("inspection,12,2026-12-01,Петров,40112,P1,,,", ["2026-12"]),
        ("access-refused,12,2027-01-02,Петров,40112,,,,", []),
        ("interference,17,2026-12-15,Петров,40112,P1,8-0:1.0.0,2.5,", []),
    ],
)
def test_acts_come_too_late_for_unread_periods_from_their_month_on(
    data: Path, line: str, expected: list[str]
) -> None:
    with open_store(data / LEDGER_FILE, "off").transaction() as connection:
        with acts_entered(connection) as concerned:
            by = ("Иванова", "test", month_start(24))
            enter(
                Desk(ActLedger(connection), SqlAudit(connection), *by),
                f"{ACTS}\n{line}".encode(),
                {},
            )
        assert [one.period for one in concerned] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Its last day is 10 October: October's line and November's were closed by its readings.
        ("W1,2020-10-10,6y,1,ЦСМ,fit", reopen("2026-10", "2026-11")),
        # The read at the midnight that ends 30 October's month is not barred by the 31st.
        ("W1,2020-10-31,6y,1,ЦСМ,fit", reopen("2026-11")),
        ("W1,2020-11-30,6y,1,ЦСМ,fit", ""),
        ("W1,2026-09-10,6y,1,ЦСМ,unfit", reopen("2026-09", "2026-10", "2026-11")),
    ],
)
def test_a_verification(data: Path, line: str, expected: str) -> None:
    file = entered(data, VERIFICATIONS, line)
    assert warned(data, "verifications", file, *BY) == expected
    assert warned(data, "verifications", file, *BY) == ""


def test_a_verification_that_takes_a_bar_back_needs_no_reopening(data: Path) -> None:
    warned(data, "verifications", entered(data, VERIFICATIONS, "W1,2020-10-10,6y,1,ЦСМ,fit"), *BY)
    file = entered(data, VERIFICATIONS, "W1,2027-01-10,6y,2,ЦСМ,fit-throughout")
    assert warned(data, "verifications", file, *BY) == ""


def test_an_order(data: Path) -> None:
    since = ("--from", "2026-11-10T00:00+03:00")
    assert warned(data, "out-of-order", "W1", "failed", *since) == reopen("2026-11")


def test_a_town_is_named_by_its_first_houses() -> None:
    assert told([]) is None
    found = [Closed(f"h{number}", "2026-10", "2026-11") for number in range(HOUSES_SAID_MAX + 2)]
    line = told(found) or ""
    assert "h4 2026-10; and 2 more houses; to bill" in line
    assert 'reopen "h0" 2026-11' in line
