"""The commands about the life of meters, as a person and as a program calls them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from tests.gateway.test_corrections import WATER
from tests.gateway.town import HOUSE, Dial, Town, local

POWER = Dial("1-0:1.8.0", "kWh", -2, 8, 0)
AT = "2026-09-20T12:00+03:00"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    town = Town(tmp_path)
    town.install("E1", town.point("P1"), POWER)
    town.install("W1", town.point("P2", resource="cold-water"), WATER)
    town.point("P3", "13")
    town.read("E1", local(9, 2), 5_000, POWER)
    town.send()
    with town.store.transaction() as connection:
        connection.execute("INSERT INTO device (name, house_no) VALUES ('lesnaya-6', 1)")
    town.store.close()
    return tmp_path


def called(data: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--data", str(data)])
    assert result.exit_code == 0, result.output
    return result.output


def refused(data: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--data", str(data)])
    assert result.exit_code == 1
    return result.output


def document(data: Path, *arguments: str) -> dict[str, Sequence[dict[str, object]]]:
    found: dict[str, Sequence[dict[str, object]]] = json.loads(called(data, *arguments, "--json"))
    return found


def a_file(data: Path, *lines: str) -> str:
    path = data / "file.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


VERIFICATIONS = "meter,verified_on,interval,number,by,finding"


def test_verifications_are_entered_listed_and_in_the_log(data: Path) -> None:
    lines = (VERIFICATIONS, "E1,2010-03-10,16y,1,ЦСМ,fit", "W1,2020-01-01,50y,2,ЦСМ,fit")
    file = a_file(data, *lines)
    said = called(data, "registry", "verifications", file, "--by", "Иванова")
    assert said.endswith("2 new, 0 changed, 0 same\n")
    (one,) = document(data, "verification", HOUSE)["meters"]
    assert (one["meter"], one["tier"], one["since"]) == ("E1", "expired", "2026-03-11")
    assert len(document(data, "verification", "--all")["meters"]) == 2
    assert "E1     expired" in called(data, "verification")
    assert "Иванова" in called(data, "audit", "list")
    assert "no house is called 'X'" in refused(data, "verification", "X")


def test_a_bad_file_names_every_line(data: Path) -> None:
    file = a_file(data, VERIFICATIONS, "X,2010-03-10,16y,1,ЦСМ,fit", "E1,2010,16y,1,ЦСМ,fit")
    said = refused(data, "registry", "verifications", file)
    assert "2 problems, nothing was entered" in said
    assert "line 2, column meter" in said
    assert "line 3, column verified_on" in said


def test_seals_and_relations_come_from_files(data: Path) -> None:
    header = "meter,number,place,set_on,by,checked_on,broken_on,removed_on"
    seals = a_file(data, header, "E1,7,terminal cover,2026-01-01,Петров,,2026-09-01,")
    called(data, "registry", "seals", seals)
    assert "E1: seal 7 broken" in called(data, "verification")
    relations = a_file(data, "point,kind,other,since", "P3,behind,P1,2026-09-01")
    assert document(data, "registry", "relations", relations)["new"] == 1
    shown = document(data, "registry", "show", "P1")["meters"]
    assert shown[0]["relations"] == [
        {"point": "P3", "kind": "behind", "other": "P1", "since": "2026-09-01", "until": None}
    ]


def test_a_meter_is_multiplied_moved_taken_away_and_put_up(data: Path) -> None:
    value = "1-0:1.8.0=60"
    said = called(data, "registry", "factor", "E1", "40", "--shows", value, "--at", AT)
    assert said == "E1: times 40, until then times 1\n"
    later = "2026-09-21T12:00+03:00"
    said = called(data, "registry", "move-meter", "E1", "lesnaya-6", "--at", later)
    assert said == "E1: read by lesnaya-6, until then by lesnaya-5\n"
    gone = ("--removed", "E1", "--final", value, "--at", "2026-09-22T12:00+03:00")
    called(data, "registry", "remove", "P1", *gone)
    put = ("--initial", value, "--device", "lesnaya-5", "--at", "2026-09-23T12:00+03:00")
    called(data, "registry", "install", "P3", "E1", *put, "--factor", "1/2")
    story = called(data, "registry", "show", "E1")
    assert [line.strip() for line in story.splitlines() if line.startswith("  at")] == [
        f"at P1, {HOUSE} 12: 2026-08-31 21:00 UTC to 2026-09-20 09:00 UTC, times 1",
        f"at P1, {HOUSE} 12: 2026-09-20 09:00 UTC to 2026-09-22 09:00 UTC, times 40",
        f"at P3, {HOUSE} 13: 2026-09-23 09:00 UTC to now, times 1/2",
    ]
    log = called(data, "audit", "list")
    for act in ("factor", "move-meter", "remove", "install"):
        assert act in log
    assert called(data, "audit", "verify")
    assert "no meter or point is called 'X'" in refused(data, "registry", "show", "X")


def test_an_exchange_over_the_end_of_the_dial(data: Path) -> None:
    low = ("P1", "--removed", "E1", "--final", "1-0:1.8.0=1", "--installed", "E9", "--model", "M")
    rest = ("--initial", "1-0:1.8.0=0", "--at", AT)
    assert "or --rolled-over" in refused(data, "registry", "exchange", *low, *rest)
    said = called(data, "registry", "exchange", *low, *rest, "--rolled-over", "--by", "Иванова")
    assert said == "P1: E1 removed, E9 installed\n"
    assert "exchange" in called(data, "audit", "list")


def test_a_wrong_factor_is_one_clear_line(data: Path) -> None:
    said = refused(data, "registry", "factor", "E1", "x", "--shows", "1-0:1.8.0=60")
    assert said.strip().startswith("Error: expected a factor like 40")
