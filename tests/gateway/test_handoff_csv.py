import csv
from pathlib import Path

import msgspec

from gateway.closing_records import ClosingLine
from gateway.correcting import CorrectedLine
from gateway.handoff.csv import CsvTarget
from gateway.handoff.event import event_maker
from gateway.handoff.target import ACKNOWLEDGED, DueEvent, State
from tests.gateway.lines import a_correction, a_line

EVENT_OF = event_maker("urn:plomba:gateway:0011223344556677")


def due(*lines: ClosingLine | CorrectedLine) -> list[DueEvent]:
    events = [EVENT_OF(line) for line in lines]
    return [
        DueEvent(number, event.event_id, 1, 0, event.payload) for number, event in enumerate(events)
    ]


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def only(folder: Path) -> Path:
    (path,) = files(folder)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_event_is_a_cloudevent_with_exact_values() -> None:
    event = EVENT_OF(a_line())
    said = msgspec.json.decode(event.payload)
    assert event.event_id == said["id"] == "2026-10-000001"
    assert (said["specversion"], said["type"]) == ("1.0", "plomba.billing.line-closed.v1")
    assert said["source"] == "urn:plomba:gateway:0011223344556677"
    assert said["subject"] == "L5-12-E/1-0:1.8.1"
    assert said["time"] == "2026-11-30T12:00:00Z"
    assert said["data"]["closing_value"] == "1300.00"
    assert said["data"]["consumption"] == "65.50"
    assert said["data"]["closing_at"] == "2026-11-30T11:00:00.000Z"


def test_the_same_line_is_the_same_event_to_the_byte() -> None:
    assert EVENT_OF(a_line()) == EVENT_OF(a_line())


async def test_a_period_is_one_file_with_a_line_each(tmp_path: Path) -> None:
    lines = [a_line(), a_line(line_id="2026-10-000002", account=None, dwelling=None)]
    answers = await CsvTarget("files", tmp_path / "out").deliver(due(*lines))
    assert answers == [ACKNOWLEDGED, ACKNOWLEDGED]
    path = only(tmp_path / "out")
    assert path.name == "2026-10-000001-Лесная-5.csv"
    first, second = read(path)
    assert (first["line_id"], first["account"], first["closing_value"]) == (
        "2026-10-000001",
        "100200",
        "1300.00",
    )
    assert (second["line_id"], second["account"]) == ("2026-10-000002", "")


async def test_a_second_delivery_after_a_crash_leaves_the_same_file(tmp_path: Path) -> None:
    target = CsvTarget("files", tmp_path)
    await target.deliver(due(a_line()))
    before = only(tmp_path).read_bytes()
    await target.deliver(due(a_line()))
    assert only(tmp_path).read_bytes() == before


async def test_a_directory_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    answers = await CsvTarget("files", tmp_path / "out").deliver(due(a_line(), a_line()))
    assert [answer.state for answer in answers] == [State.PENDING, State.PENDING]
    assert str(tmp_path / "out") in answers[0].error


async def test_a_house_name_cannot_leave_the_directory(tmp_path: Path) -> None:
    await CsvTarget("files", tmp_path / "out").deliver(due(a_line(house="../../etc/passwd")))
    path = only(tmp_path / "out")
    assert path.parent == tmp_path / "out"
    assert path.name == "2026-10-000001-etc-passwd.csv"


async def test_no_cell_is_a_formula_to_a_spreadsheet(tmp_path: Path) -> None:
    await CsvTarget("files", tmp_path).deliver(due(a_line(account="=1+1", reason="-cmd")))
    path = only(tmp_path)
    (row,) = read(path)
    assert (row["account"], row["reason"]) == ("'=1+1", "'-cmd")


async def test_a_credit_stays_a_number(tmp_path: Path) -> None:
    line = a_line()._replace(consumption=-a_line().consumption)
    await CsvTarget("files", tmp_path).deliver(due(line))
    path = only(tmp_path)
    assert read(path)[0]["consumption"] == "-65.50"


async def test_corrections_have_a_file_of_their_own_beside_the_lines(tmp_path: Path) -> None:
    answers = await CsvTarget("files", tmp_path).deliver(
        due(a_line(), a_correction(), a_correction(correction_id="2026-09-000002-c1"))
    )
    assert answers == [ACKNOWLEDGED] * 3
    lines, corrections = sorted(files(tmp_path))
    assert corrections.name == "2026-10-corrections-2026-09-000001-c1-Лесная-5.csv"
    assert lines.name == "2026-10-000001-Лесная-5.csv"
    first, second = read(corrections)
    assert (first["line_id"], first["billed"], first["difference"]) == (
        *("2026-09-000001", "11.000"),
        "2.500",
    )
    assert second["correction_id"] == "2026-09-000002-c1"
    assert len(read(lines)) == 1
