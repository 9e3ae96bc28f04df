"""What stands behind a line, put together from a real ledger."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.explain.arithmetic import parts
from gateway.explain.model import At, ExplainError, Hung, Join, Origin, PartKind, Written
from gateway.handoff.event import event_maker
from gateway.reopening import Person, reopen_period
from gateway.review.words import Kind
from tests.gateway.claims.given import Said, give
from tests.gateway.explain.bills import FIRST, WATER, added_up, close, explained, month, store
from tests.gateway.office import FAST, Office, a_town
from tests.gateway.town import DEVICE_KEY, HOUR_MS, HOUSE, Dial, Town, local


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def a_flat(town: Town, dial: Dial = WATER) -> None:
    town.install("W1", town.point("P1", resource="cold-water"), dial)


def read(town: Town, number: int, mantissa: int, dial: Dial = WATER) -> None:
    town.read("W1", month(number), mantissa, dial)
    town.send()
    close(town, number - 1)


def test_a_read_line_has_its_readings_their_seals_and_its_neighbours(town: Town) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    read(town, 11, 22_000)
    first, second = explained(town), explained(town, "2026-10-000001")
    assert (first.opening.origin, first.closing.origin) == (Origin.INSTALLATION, Origin.READING)
    assert second.opening.origin is Origin.READING
    assert second.opening.at == first.closing.at
    assert (first.before, first.after) == (None, "2026-10-000001")
    assert (second.before, second.after) == (FIRST, None)
    assert second.closing.seal is not None
    assert second.closing.seal.broken == ""
    assert second.closing.seal.fingerprint == DEVICE_KEY.public.fingerprint
    assert second.closing.state == "accepted"
    (part,) = second.parts
    assert (part.opening, part.closing, part.amount) == (
        Decimal("10.500"),
        Decimal("22.000"),
        Decimal("11.500"),
    )


def test_the_acts_of_an_exchange_are_summands_that_add_up(town: Town) -> None:
    a_flat(town)
    town.read("W1", local(9, 10), 5_000, WATER)
    town.send()
    town.remove("W1", local(9, 15), 6_000)
    new = WATER._replace(initial=700)
    town.install("W2", 1, new, at_ms=local(9, 15))
    town.read("W2", month(10), 3_200, new)
    town.send()
    close(town, 9)
    found = explained(town)
    assert [(one.meter, one.opening, one.closing, one.amount) for one in found.parts] == [
        ("W1", Decimal(0), Decimal(6), Decimal(6)),
        ("W2", Decimal("0.700"), Decimal("3.200"), Decimal("2.500")),
    ]
    assert added_up(found) == found.line.consumption == Decimal("8.500")


def test_a_month_that_begins_with_the_removal_counts_the_new_meter_alone(town: Town) -> None:
    a_flat(town)
    town.read("W1", local(9, 10), 5_000, WATER)
    town.send()
    town.remove("W1", month(10), 6_000)
    close(town, 9)
    written = store(town).written(FIRST)
    assert written is not None
    assert explained(town).closing.origin is Origin.REMOVAL
    acts = Hung(1, "W1", 0, Decimal(0), month(10), Decimal(6), Decimal(10), "1", Decimal(5))
    new = Hung(2, "W2", month(10), Decimal("0.7"), None, None, Decimal(10), "1", None)
    line = written.line._replace(consumption=Decimal("2.500"))
    closing = At(2, "W2", "", Decimal("3.2"), month(11), 0)
    following = Written(line, "", "UTC", written.closing, closing, None)
    (part,) = parts(following, [acts, new])
    assert (part.meter, part.amount) == ("W2", Decimal("2.500"))


@pytest.mark.parametrize(
    ("factor", "consumption", "amount"), [("40", "420.000", 420), ("1/8", "1.312", "1.312")]
)
def test_a_factor_is_part_of_the_sum(
    town: Town, factor: str, consumption: str, amount: str
) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    written = store(town).written(FIRST)
    assert written is not None
    line = written.line._replace(consumption=Decimal(consumption), factor=factor)
    (hung,) = store(town).hung(written)
    (part,) = parts(written._replace(line=line), [hung._replace(factor=factor)])
    assert (part.factor, part.amount) == (factor, Decimal(amount))


def test_a_register_that_passed_its_end_is_told_so(town: Town) -> None:
    dial = WATER._replace(digits=5, initial=99_500)
    a_flat(town, dial)
    town.read("W1", local(9, 20), 99_900, dial)
    town.read("W1", month(10), 400, dial)
    town.send()
    close(town, 9)
    found = explained(town)
    (part,) = found.parts
    assert (part.rollovers, part.full, part.amount) == (1, Decimal(100), Decimal("0.900"))
    assert added_up(found) == found.line.consumption
    assert [one.rule for one in found.closing.verdicts] == ["V-ROLL"]


def test_an_estimate_is_a_summand_owed_until_a_reading_corrects_it(town: Town) -> None:
    a_flat(town)
    for number, mantissa in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        read(town, number, mantissa)
    close(town, 12)
    owed = explained(town, "2026-12-000001")
    assert [(one.kind, one.amount) for one in owed.parts] == [
        (PartKind.METER, Decimal(0)),
        (PartKind.ESTIMATE, Decimal(11)),
    ]
    assert owed.owed
    assert owed.correction is None
    assert [(one.period, one.used) for one in owed.past] == [
        ("2026-11", Decimal(11)),
        ("2026-10", Decimal(12)),
        ("2026-09", Decimal(10)),
    ]
    read(town, 14, 55_000)
    settled = explained(town, "2026-12-000001")
    assert not settled.owed
    assert settled.correction is not None
    assert settled.correction.difference == settled.correction.consumption - Decimal(11)
    assert settled.code == owed.code
    following = explained(town, "2027-01-000001")
    assert (following.opening.origin, following.join) == (Origin.DRAWN, Join.CORRECTED)


def test_a_reading_a_person_accepted_keeps_its_finding_and_names_the_person(tmp_path: Path) -> None:
    office = Office(a_town(tmp_path))
    office.decide(Kind.ACCEPT, FAST)
    office.town.close(now_ms=month(10) + 3_600_000)
    found = explained(office.town)
    assert found.closing.at.at_ms == FAST
    assert [one.rule for one in found.closing.verdicts][:1] == ["V-RATE"]
    (decided,) = found.closing.decisions
    assert (decided.act, decided.actor, decided.why) == ("accept", "Иванова", "причина")
    assert found.closing.seal is not None
    assert found.closing.seal.broken == ""


def test_what_a_resident_told_is_named_as_such_and_not_as_signed(town: Town) -> None:
    town.install("A1", town.point("P1"))
    give(town, Said("resident", 24, "330"))
    town.close("2026-09", now_ms=local(10, 1, 2))
    found = explained(town)
    assert found.closing.origin is Origin.PERSON
    assert found.closing.seal is None
    assert found.closing.told is not None
    assert found.closing.told[:2] == ("resident", "Петров")
    assert found.closing.told.reference == "r0"
    assert added_up(found) == Decimal(230)


def test_a_reopened_period_has_a_withdrawn_line_and_the_one_in_its_place(town: Town) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    code = explained(town).code
    event_of = event_maker("urn:plomba:gateway:test")
    person = Person("Иванова", "test", "для сверки")
    now_ms = month(10) + 2 * HOUR_MS
    reopen_period(
        town.ledger, HOUSE, "2026-09", person, now_ms, targets=("erp",), event_of=event_of
    )
    (again,) = town.close("2026-09", now_ms=now_ms + HOUR_MS).lines
    withdrawn, standing = explained(town), explained(town, again.line_id)
    assert withdrawn.written.withdrawal == (now_ms, "для сверки", again.line_id)
    assert (withdrawn.code, standing.line.replaces) == (code, FIRST)
    assert standing.written.withdrawal is None
    assert standing.code != code


@pytest.mark.parametrize("at", [5, 40, -70, -1])
def test_bytes_changed_in_the_store_are_never_called_signed(town: Town, at: int) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    with town.store.transaction() as connection:
        (message,) = connection.execute("SELECT message FROM batch").fetchone()
        forged = bytearray(message)
        forged[at] ^= 1
        connection.execute("UPDATE batch SET message = ?", (bytes(forged),))
    seal = explained(town).closing.seal
    assert seal is not None
    assert seal.broken
    assert (seal.source, seal.clock) == ("", "")


def test_a_value_changed_in_the_ledger_is_not_what_was_signed(town: Town) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    with town.store.transaction() as connection:
        connection.execute("UPDATE reading SET mantissa = 10499")
    seal = explained(town).closing.seal
    assert seal is not None
    assert "the signed batch says" in seal.broken


def test_what_the_values_do_not_explain_is_shown_as_a_remainder(town: Town) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    with town.store.transaction() as connection:
        connection.execute("UPDATE written_line SET consumption_mantissa = 12500")
    found = explained(town)
    assert [(one.kind, one.amount) for one in found.parts] == [
        (PartKind.METER, Decimal("10.500")),
        (PartKind.REMAINDER, Decimal("2.000")),
    ]


@pytest.mark.parametrize(
    "line_id",
    ["", "2026-09-000002", "2026-09-000001'--", "../2026-09-000001", "%", "٢٠٢٦-٠٩-000001",
     "2026-09-" + "0" * 5000, "\x00", "2026-09-000001\n"],
)  # fmt: skip
def test_no_other_text_is_a_line(town: Town, line_id: str) -> None:
    a_flat(town)
    read(town, 10, 10_500)
    with pytest.raises(ExplainError, match="no line is called") as refused:
        explained(town, line_id)
    assert len(str(refused.value)) < 250
    assert "\n" not in str(refused.value)
