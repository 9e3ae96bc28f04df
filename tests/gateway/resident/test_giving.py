"""A resident gives a reading: photo, proposal, questions, submission."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.reading import from_ms
from gateway.claims.list import ClaimRow
from gateway.claims.model import ClaimSource
from gateway.model import FOREVER_MS
from gateway.photo.frame import Frame
from gateway.photo.intake import PhotoError
from gateway.photo.mask import Kind, Mask, Prior
from gateway.resident import giving
from gateway.resident.submission import GivingError, normal
from gateway.sql.audit import SqlAudit
from gateway.sql.claims import SqlClaims
from tests.gateway.office import Office
from tests.gateway.photo.photos import encoded, scene
from tests.gateway.resident.giver import COLD, HOT, NOON, THEIRS, Giver
from tests.gateway.town import DAY_MS, HOUR_MS, Town, local

pytestmark = pytest.mark.both_engines


@pytest.fixture
def giver(tmp_path: Path) -> Giver:
    return Giver(Town(tmp_path))


def claims(giver: Giver) -> list[ClaimRow]:
    rows = SqlClaims(giver.database.connection).claims(None, 0, FOREVER_MS, 100)
    return sorted(rows, key=lambda row: row.number)


def refusal(giver: Giver, value: str, photo_no: int | None = None) -> GivingError:
    with pytest.raises(GivingError) as caught:
        giver.confirm(value, photo_no)
    assert str(caught.value).isprintable()
    return caught.value


# What can be given ----------------------------------------------------------------------------


def test_a_dwelling_is_offered_its_own_registers_and_no_others(giver: Giver) -> None:
    offers = giver.giving.asked(giver.home)
    assert [(one.asked.serial, one.is_wanted) for one in offers] == [(COLD, True), (HOT, True)]
    (offer, _) = offers
    assert offer.asked.last is not None
    assert offer.asked.last.mantissa == 100_000
    hours = (NOON - offer.asked.last.at_ms) // HOUR_MS
    assert offer.most == 100_000 + 3125 * hours + 1


def test_outside_of_the_window_anything_may_be_given_and_nothing_is_wanted(giver: Giver) -> None:
    giver.now_ms = local(9, 10, 12)
    assert not any(one.is_wanted for one in giver.giving.asked(giver.home))
    assert giver.confirm("101").in_review is False


def test_what_was_given_is_not_wanted_any_more(giver: Giver) -> None:
    giver.confirm("101.000")
    offers = giver.giving.asked(giver.home)
    assert [(one.asked.serial, one.is_wanted) for one in offers] == [(HOT, True), (COLD, False)]


# A photo --------------------------------------------------------------------------------------


def test_a_photo_is_read_with_the_mask_of_its_meter_and_what_is_known_of_it(giver: Giver) -> None:
    data = encoded(scene())
    giver.reader.serial = "1000001"
    found = giver.giving.photo(giver.home, giver.register(COLD), data)
    most = giver.giving.asked(giver.home)[0].most
    assert most is not None
    assert giver.reader.told == [(Mask(Kind.ODOMETER, 5, 3), None, Prior(100_000, most))]
    assert "".join(str(cell.digit) for cell in found.cells) == "00101000"
    assert (found.serial_seen, found.notes) == ("1000001", ())
    again = giver.giving.proposal(giver.home, found.photo_no)
    assert again == found._replace(points=())
    kept = giver.giving.jpeg(giver.home, found.photo_no)
    assert kept is not None
    assert kept.startswith(b"\xff\xd8\xff")


def test_the_same_photo_again_is_the_same_and_read_anew(giver: Giver) -> None:
    first = giver.photo()
    giver.reader.digits = "00101001"
    giver.now_ms += HOUR_MS
    assert giver.photo() == first
    found = giver.giving.proposal(giver.home, first)
    assert found is not None
    assert found.cells[-1].digit == 1
    assert len(giver.rows("photo")) == 1
    assert giver.photo(serial=HOT) != first
    assert len(list((giver.town.folder / "photos").rglob("*.jpg"))) == 2


def test_a_resident_may_show_where_the_register_is(giver: Giver) -> None:
    giver.reader.digits = ""
    number = giver.photo()
    found = giver.giving.proposal(giver.home, number)
    assert found is not None
    assert found.notes == ("no-register",)
    giver.reader.digits = "0010100?"
    frame = Frame(((100, 250), (500, 250), (500, 500), (100, 500)))
    found = giver.anew(giver.home, number, frame)
    points = ((64.0, 120.0), (320.0, 120.0), (320.0, 240.0), (64.0, 240.0))
    assert (found.points, found.notes, found.photo_no) == (points, ("unsure",), number)
    assert giver.giving.proposal(giver.home, number) == found._replace(points=())


def test_a_display_is_looked_for_where_the_last_photo_had_one(giver: Giver) -> None:
    register_no, data = giver.register(COLD), encoded(scene())
    found = giver.giving.photo(giver.home, register_no, data, kind=Kind.LCD)
    giver.confirm("101.000", found.photo_no)
    giver.photo(2)
    assert [mask.kind for mask, _, _ in giver.reader.told if mask] == [Kind.LCD, Kind.LCD]


def test_the_registry_says_how_a_meter_shows_its_digits(giver: Giver) -> None:
    for said in ("lcd", "wheels"):
        giver.town._write("UPDATE register SET dial = ?", said)
        giver.photo()
    giver.confirm("101.000", giver.photo(2))
    giver.town._write("UPDATE register SET dial = ?", "lcd")
    giver.photo(3)
    kinds = [Kind.LCD, Kind.ODOMETER, Kind.ODOMETER, Kind.LCD]
    assert [mask.kind for mask, _, _ in giver.reader.told if mask] == kinds


def test_what_is_no_photo_leaves_nothing(giver: Giver) -> None:
    with pytest.raises(PhotoError):
        giver.giving.photo(giver.home, giver.register(COLD), b"<svg/>")
    assert giver.rows("photo") == []
    assert not (giver.town.folder / "photos").exists()


def test_a_dwelling_sends_so_many_photos_a_day(giver: Giver) -> None:
    register_no = giver.register(COLD)
    ready = giver.giving.ready(giver.home, register_no)
    sight = giver.giving.look(ready, encoded(scene()))
    for number in range(giving.PHOTOS_A_DAY_MAX):
        giver.giving.keep(giver.home, ready, sight._replace(sha256=number.to_bytes(32, "big")))
    with pytest.raises(GivingError, match="photos a day") as caught:
        giver.giving.ready(giver.home, register_no)
    assert caught.value.kind == "too-many"
    assert giver.giving.ready(giver.next_door, giver.register(THEIRS))
    giver.now_ms += DAY_MS + 1
    assert giver.giving.ready(giver.home, register_no)


def test_a_neighbour_sees_and_uses_nothing_of_a_dwelling(giver: Giver) -> None:
    number = giver.photo()
    made = giver.confirm("101.000", number)
    assert giver.giving.proposal(giver.next_door, number) is None
    assert giver.giving.jpeg(giver.next_door, number) is None
    assert giver.giving.submission(giver.next_door, made.number) is None
    frame = Frame(((0, 0), (900, 0), (900, 900), (0, 900)))
    for act in (
        lambda: giver.giving.photo(giver.next_door, giver.register(COLD), encoded(scene())),
        lambda: giver.anew(giver.next_door, number, frame),
        lambda: giver.giving.questions(giver.next_door, giver.register(COLD), Decimal(1), None),
        lambda: giver.giving.confirm(
            giver.next_door, giver.register(THEIRS), Decimal(101), number, {}
        ),
        lambda: giver.giving.confirm(giver.home, giver.register(HOT), Decimal(101), number, {}),
    ):
        with pytest.raises(GivingError) as caught:
            act()
        assert caught.value.kind in {"no-register", "no-photo"}


# A value --------------------------------------------------------------------------------------


def test_a_confirmed_photo_is_a_claim_with_its_hash(giver: Giver) -> None:
    number = giver.photo(taken="2026:09:28 11:30:00", offset="+03:00")
    made = giver.confirm("101.000", number)
    (claim,) = claims(giver)
    (photo,) = giver.rows("photo")
    assert (claim.source, claim.reference) == (ClaimSource.PHOTO, bytes(photo[3]).hex())
    assert (claim.meter, claim.value, claim.by) == (COLD, Decimal("101.000"), "resident")
    assert claim.at_ms == local(9, 28, 11, 30)
    assert claim.standing == "open"
    assert (made.value, made.unit, made.period) == (Decimal("101.000"), "m3", "2026-09")
    assert (made.claim_no, made.photo_no, made.in_review) == (claim.number, number, False)
    assert giver.giving.submission(giver.home, made.number.lower().replace("-", " ")) == made
    (entry,) = list(SqlAudit(giver.database.connection).entries())
    assert (entry.act.actor, entry.act.act) == ("resident", "reading submit")
    assert entry.act.after == f"claim-{claim.number}: {COLD} 8-0:1.0.0 101.000"


def test_a_typed_value_is_a_resident_s_claim_with_its_number(giver: Giver) -> None:
    made = giver.confirm("101")
    (claim,) = claims(giver)
    assert (claim.source, claim.reference) == (ClaimSource.RESIDENT, made.number)
    assert (claim.at_ms, made.value) == (NOON, Decimal(101))


def test_a_second_tap_is_no_second_submission(giver: Giver) -> None:
    number = giver.photo()
    first = giver.confirm("101.000", number, key="page-1")
    giver.now_ms += 1000
    assert giver.confirm("101.000", number, key="page-1") == first
    assert giver.confirm("999.000", number, key="page-1") == first
    typed = giver.confirm("100.500", serial=HOT)
    assert giver.confirm("100.500", serial=HOT) == typed
    assert len(claims(giver)) == 2
    assert len(list(SqlAudit(giver.database.connection).entries())) == 2


def test_a_corrected_value_is_a_submission_of_its_own(giver: Giver) -> None:
    number = giver.photo()
    giver.confirm("101.000", number)
    assert giver.asked("101.001", number) == ["same-photo", "differs"]
    second = giver.confirm("101.001", number, {"same-photo": "yes", "differs": "yes"})
    first, other = claims(giver)
    assert other.reference == f"{first.reference} {second.number}"
    assert other.value == Decimal("101.001")


@pytest.mark.parametrize("value", ["-1", "1e30", "NaN", "Infinity", "123456.000", "1.0001"])
def test_what_no_dial_shows_is_refused_in_a_line(giver: Giver, value: str) -> None:
    assert refusal(giver, value).kind == "value"
    assert claims(giver) == []


def test_a_question_without_an_answer_holds_a_value_and_any_answer_lets_it_pass(
    giver: Giver,
) -> None:
    number = giver.photo()
    assert giver.asked("99.000", number) == ["lower", "differs"]
    error = refusal(giver, "99.000", number)
    assert (error.kind, str(error)) == ("unanswered", "expected an answer to: lower, differs")
    assert claims(giver) == []
    made = giver.confirm("99.000", number, {"lower": "yes", "differs": "so it is", "x": "y"})
    assert made.in_review
    assert [(one.question.code, one.answer) for one in made.asked] == [
        ("lower", "yes"),
        ("differs", "so it is"),
    ]
    assert giver.giving.submission(giver.home, made.number) == made


def test_what_is_confirmed_against_advice_waits_for_a_person_with_its_photo(giver: Giver) -> None:
    number = giver.photo()
    giver.confirm("99.000", number, {"lower": "yes", "differs": "yes"})
    (claim,) = claims(giver)
    assert claim.standing == "in review"
    assert [one.partition(" ")[0] for one in claim.findings] == ["V-NEG"]
    (waiting,) = Office(giver.town).queue.waiting(None, 10)
    assert waiting.reference == claim.reference_name
    assert (waiting.value, waiting.rule) == (Decimal("99.000"), "V-SRC")
    assert waiting.detail.endswith("was confirmed against advice (lower, differs)")
    entry = list(SqlAudit(giver.database.connection).entries())[-1]
    assert entry.act.after.endswith("confirmed though: lower, differs")


def test_a_confirmed_photo_closes_the_period_and_one_against_advice_does_not(
    giver: Giver,
) -> None:
    made = giver.confirm("101.000", giver.photo(1))
    giver.reader.digits = "00099000"
    giver.confirm("99.000", giver.photo(2, HOT), {"lower": "yes"}, HOT)
    lines = giver.town.close("2026-09", now_ms=local(10, 1, 2)).lines
    found = {one.opening_meter: one for one in lines}
    assert (found[COLD].source, found[COLD].closing_value) == ("photo", Decimal("101.000"))
    assert found[HOT].source != "photo"
    assert [one.standing for one in claims(giver)] == ["chosen", "in review"]
    assert giver.giving.submission(giver.home, made.number) == made


def test_numbers_cannot_be_met_by_a_slip_of_the_pen(giver: Giver) -> None:
    made = giver.confirm("101")
    at = next(i for i, letter in enumerate(made.number) if letter != "-")
    slipped = made.number[:at] + ("7" if made.number[at] != "7" else "8") + made.number[at + 1 :]
    assert normal(slipped) is None
    assert giver.giving.submission(giver.home, slipped) is None
    assert giver.giving.submission(giver.home, "' OR 1=1 --") is None


# Questions of a photo -------------------------------------------------------------------------


def test_another_meter_s_serial_is_asked_about(giver: Giver) -> None:
    giver.reader.serial = "1000002"
    assert giver.asked("101.000", giver.photo(1)) == ["serial"]
    giver.reader.serial = "2031 W1000001 1000002"  # both in the picture: it is the one
    assert giver.asked("101.000", giver.photo(2)) == []
    giver.reader.serial = "7777777"
    assert giver.asked("101.000", giver.photo(3)) == []  # no meter of the house: read wrongly


def test_last_month_s_photo_is_known_again_also_when_it_was_made_smaller(giver: Giver) -> None:
    giver.confirm("101.000", giver.photo(1))
    giver.month_later()
    giver.reader.digits = "00103000"
    smaller = encoded(scene(1).resize((320, 240)), quality=50)
    number = giver.giving.photo(giver.home, giver.register(COLD), smaller).photo_no
    assert giver.asked("103.000", number) == ["same-photo"]
    assert giver.asked("103.000", giver.photo(2)) == []


def test_one_photo_may_show_two_meters(giver: Giver) -> None:
    giver.confirm("101.000", giver.photo(1))
    giver.reader.digits = "00100500"
    assert giver.asked("100.500", giver.photo(1, HOT), HOT) == []
    giver.month_later()
    assert "same-photo" in giver.asked("100.600", giver.photo(1, HOT), HOT)


def test_a_neighbour_s_photo_is_known_byte_for_byte(giver: Giver) -> None:
    giver.giving.photo(giver.next_door, giver.register(THEIRS), encoded(scene(1)))
    plain = giver.giving.photo(giver.home, giver.register(COLD), encoded(scene(1)))
    assert giver.asked("101.000", plain.photo_no) == ["same-photo"]
    alike = giver.giving.photo(giver.home, giver.register(HOT), encoded(scene(1), quality=60))
    assert giver.asked("101.000", alike.photo_no, HOT) == []


@pytest.mark.parametrize(
    ("taken", "offset", "asked"),
    [
        ("2026:09:28 09:00:00", "+03:00", []),
        ("2026:09:24 01:00:00", "", []),
        ("2026:09:23 22:00:00", "", ["old-photo"]),
        ("2026:08:01 12:00:00", "+03:00", ["old-photo"]),
        ("2026:09:28 12:30:00", "", []),
        ("2026:09:29 12:00:00", "", ["future-photo"]),
        ("2027:01:01 00:00:00", "+03:00", ["future-photo"]),
    ],
)
def test_a_photo_of_before_the_window_or_to_come_is_asked_about(
    giver: Giver, taken: str, offset: str, asked: list[str]
) -> None:
    number = giver.photo(taken=taken, offset=offset)
    assert giver.asked("101.000", number) == asked
    made = giver.confirm("101.000", number, dict.fromkeys(asked, "yes"))
    if asked:  # when it was taken is not believed then
        assert made.at_ms == NOON
    assert made.at_ms <= NOON
    assert from_ms(made.at_ms) > datetime(2026, 9, 23, 20, 59, tzinfo=UTC)


def test_another_value_than_was_read_for_sure_is_asked_about(giver: Giver) -> None:
    giver.reader.digits = "0010?000"
    number = giver.photo()
    assert giver.asked("101.000", number) == []
    assert giver.asked("102.000", number) == []  # the open digit is the person's
    assert giver.asked("101.001", number) == ["differs"]
    assert giver.asked("101", number) == []  # red digits were not typed
    assert giver.asked("111", number) == ["differs"]
    (question,) = giver.giving.questions(
        giver.home, giver.register(COLD), Decimal("101.001"), number
    )
    assert question.text_ru == "На фото прочитано 0010?,000, а введено 101,001 м³. Верно введённое?"
    assert question.text_en == (
        "The photo was read as 0010?.000, you typed 101.001 m³. Is what you typed right?"
    )
