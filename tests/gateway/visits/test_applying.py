"""What an event of a visit does to the registry, and why it may wait for a person."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from cloud_sync.visit import DeviceExchange, Event, Level
from cloud_sync.visit_doubts import DOUBTS, doubt
from drivers.reading import ClockState, RegisterValue, Resource, Unit
from gateway.audit import By
from gateway.visits import deciding
from gateway.visits.cautions import Person
from gateway.visits.keeping import settle
from gateway.visits.model import Outcome, VisitError, Why
from tests.gateway.estate import DAY_MS, HOUR_MS, MIDNIGHT_MS, a_day, a_readout, litres
from tests.gateway.visits.installer import (
    BOOT,
    NOON_MS,
    NOW_MS,
    Site,
    energy,
    exchange,
    install,
    m3,
    remove,
    when,
)

pytestmark = pytest.mark.both_engines
ORLOVA = Person(By("Орлова", "test"), "проверено")


class TestInstalling:
    def test_a_new_meter_stands_at_its_point_with_value_device_and_seal(self, site: Site) -> None:
        answer = site.bring(install(seal="0042"))
        assert answer.outcome == "kept"
        assert [(one.index, one.outcome, one.text) for one in answer.events] == [(0, "applied", "")]
        assert site.standing()["A-2-W"] == ("W2", "edge-1", 1_500)
        sql = site.estate.store.database.connection
        assert sql.execute("SELECT number, set_by FROM seal").fetchall() == [("0042", "Петров")]

    def test_a_point_may_be_named_by_its_number(self, site: Site) -> None:
        place = site.office.visits.place("A-2-W", None)
        assert place is not None
        site.bring(install(point=f"#{place.point_no}"))
        assert site.standing()["A-2-W"][0] == "W2"

    def test_the_meters_own_dial_is_nearer_than_the_plan(self, site: Site) -> None:
        site.bring(install(levels=(m3(1_500, -2, 7),)))
        (line,) = site.store.book.standing("A-2-W")
        assert (line.exponent, line.digits, line.rate_max_per_h) == (-2, 7, 313)

    def test_a_meter_that_stands_there_already_is_no_second_one(self, site: Site) -> None:
        before = site.standing()
        answer = site.bring(install("W1", "A-1-W"))
        assert answer.events[0].outcome == "applied"
        assert "already" in answer.events[0].text
        assert site.standing() == before

    def test_a_meter_goes_over_from_a_planned_device_that_was_never_heard(self, site: Site) -> None:
        site.bring(install("H1", "A-H", resource=Resource.HEAT, levels=(_heat(10),)))
        assert site.standing()["A-H"][1] == "edge-1"

    def test_a_meter_put_up_again_must_not_open_below_its_end(self, site: Site) -> None:
        site.bring(remove("W1", m3(9_000)))
        later = when(NOON_MS + HOUR_MS)
        site.bring(install("W1", "A-2-W", levels=(m3(8_000),), at=later), number=2)
        assert site.codes(2) == [Why.BELOW_LAST]
        site.bring(install("W1", "A-2-W", levels=(m3(9_100),), at=later), number=3)
        assert site.standing()["A-2-W"] == ("W1", "edge-1", 9_100)


class TestChanging:
    def test_an_exchange_has_final_and_first_values(self, site: Site) -> None:
        site.bring(exchange("W1", install("W9", "", levels=(m3(7),)), m3(5_000)))
        assert site.standing()["A-1-W"] == ("W9", "edge-1", 7)
        sql = site.estate.store.database.connection
        rows = sql.execute("SELECT final_mantissa FROM installation_value WHERE final_mantissa > 0")
        assert rows.fetchall() == [(5_000,)]

    def test_a_meter_that_is_removed_stands_nowhere(self, site: Site) -> None:
        site.bring(remove("W1", m3(5_000)))
        assert "A-1-W" not in site.standing()

    def test_a_new_device_reads_the_meters_of_the_old_one_on(self, site: Site) -> None:
        site.bring(DeviceExchange("edge-2", ("H1",), when()))
        assert site.standing()["A-H"][1] == "edge-1"
        row = site.office.visits.visit("edge-1", 1)
        assert row is not None
        assert "identity revoke edge-2 --take-backlog" in row.steps[0].said

    def test_its_meters_need_not_be_bound_again(self, site: Site) -> None:
        meter = install("H1", "", resource=Resource.HEAT, levels=(_heat(10),))
        site.bring(DeviceExchange("edge-2", ("H1",), when()), meter)
        assert site.codes() == ["", ""]
        assert site.standing()["A-H"][:2] == ("H1", "edge-1")

    def test_an_old_device_that_speaks_on_keeps_its_meters(self, site: Site) -> None:
        heat = a_readout(NOON_MS + HOUR_MS, _heat_value(), meter="H1")
        site.estate.take(site.estate.other.sign(heat))
        site.bring(DeviceExchange("edge-2", ("H1",), when()))
        assert site.codes() == [Why.OLD_DEVICE_SPEAKS]
        assert site.standing()["A-H"][1] == "edge-2"


def _heat(mantissa: int) -> Level:
    return Level("6-0:1.0.0", mantissa, -3, Unit.GCAL, 7)


def _heat_value() -> RegisterValue:
    return RegisterValue("6-0:1.0.0", 10, -3, Unit.GCAL)


WAITS: dict[str, tuple[Callable[[Site], Event], Why]] = {
    "no point": (lambda _: install(point=""), Why.NO_POINT),
    "unknown point": (lambda _: install(point="Z"), Why.UNKNOWN_POINT),
    "unknown number": (lambda _: install(point="#999"), Why.UNKNOWN_POINT),
    "foreign house": (lambda _: install(point="B-1-W"), Why.FOREIGN_POINT),
    "other resource": (lambda _: install(resource=Resource.HOT_WATER), Why.OTHER_RESOURCE),
    "point taken": (lambda _: install("W2", "A-1-W"), Why.POINT_TAKEN),
    "serial elsewhere": (lambda _: install("W1", "A-2-W"), Why.SERIAL_ELSEWHERE),
    "no profile": (lambda _: install(profile=""), Why.UNKNOWN_PROFILE),
    "dial differs": (lambda _: install(dial=(m3(3, 0),)), Why.DIAL_DIFFERS),
    "clock wrong": (lambda _: install(at=when(state=ClockState.UNSYNCHRONISED)),
                    Why.CLOCK_DOUBTFUL),
    "clock not set": (lambda _: install(at=when(5_000, ClockState.RELATIVE)), Why.CLOCK_UNKNOWN),
    "to come": (lambda _: install(at=when(NOW_MS + DAY_MS)), Why.FROM_THE_FUTURE),
    "nothing stands": (lambda _: remove("W2", m3(1)), Why.NOT_STANDING),
    "no final value": (lambda _: remove("W1"), Why.NO_VALUE),
    "another's point": (lambda _: exchange("W1", install("W9", "A-2-W"), m3(5)), Why.OTHER_POINT),
    "unknown device": (lambda _: DeviceExchange("edge-9", (), when()), Why.REGISTRY),
}  # fmt: skip


@pytest.mark.parametrize("name", WAITS)
def test_what_is_doubtful_waits_with_one_reason_and_changes_nothing(site: Site, name: str) -> None:
    event, why = WAITS[name]
    before = site.state()
    answer = site.bring(event(site))
    assert site.codes() == [why]
    assert [(one.outcome, one.code) for one in answer.events] == [("needs-a-person", why)]
    assert answer.events[0].text
    assert site.state() == before


def test_one_doubtful_event_holds_up_none_of_the_others(site: Site) -> None:
    site.bring(install(point="Z"), install("W3", "A-3-W"))
    assert site.codes() == [Why.UNKNOWN_POINT, ""]
    assert site.standing()["A-3-W"][0] == "W3"


def test_a_final_value_below_the_last_reading_waits(site: Site) -> None:
    site.estate.take(site.edge.sign(a_readout(NOON_MS - HOUR_MS, litres(6_000), meter="W1")))
    site.bring(remove("W1", m3(5_000)))
    assert site.codes() == [Why.BELOW_LAST]


def test_a_value_in_another_unit_than_the_registrys_is_not_taken_for_one_in_it(site: Site) -> None:
    joules = Level("6-0:1.0.0", 42, -3, Unit.GJ, 7)
    before = site.state()
    site.bring(remove("H1", joules))
    assert site.codes() == [Why.NO_VALUE]
    assert site.state() == before
    site.bring(remove("H1", _heat(11)), number=2)
    again = install("H1", "A-H", resource=Resource.HEAT, levels=(joules,), at=when(NOON_MS + 1))
    site.bring(again, number=3)
    assert site.codes(3) == [Why.NO_VALUE]
    row = site.office.visits.visit("edge-1", 3)
    assert row is not None
    assert row.steps[0].said.endswith("came in GJ, the registry counts it in Gcal")


def test_a_meter_that_another_device_reads_is_not_taken_from_it(site: Site) -> None:
    heat = a_readout(NOON_MS - HOUR_MS, _heat_value(), meter="H1")
    site.estate.take(site.estate.other.sign(heat))
    site.bring(remove("H1", _heat(11)))
    assert site.codes() == [Why.READ_BY_ANOTHER]


class TestOrder:
    def test_one_that_comes_after_a_later_one_waits(self, site: Site) -> None:
        site.bring(install(), number=7)
        assert site.codes(7) == [""]
        site.bring(install("W3", "A-3-W"), number=5)
        assert site.codes(5) == [Why.LATER_CAME]
        assert "A-3-W" not in site.standing()
        deciding.apply(site.office, "edge-1/5", None, ORLOVA, NOW_MS)
        assert site.standing()["A-3-W"][0] == "W3"

    def test_a_clock_that_was_not_set_is_mended_by_a_batch_of_its_boot(self, site: Site) -> None:
        site.bring(install(at=when(5_000, ClockState.RELATIVE)))
        assert settle(site.office, NOW_MS) == 0
        batch = site.edge.sign(
            a_readout(NOON_MS, litres(5), meter="W1"),
            boot=BOOT,
            uptime_ms=60_000,
            signed_at_ms=NOON_MS,
        )
        site.estate.take(batch)
        assert settle(site.office, NOW_MS) == 1
        (line,) = site.store.book.standing("A-2-W")
        assert line.installed_on == NOON_MS - 60_000 + 5_000
        assert settle(site.office, NOW_MS) == 0

    def test_what_waits_for_the_clock_is_applied_in_order_with_what_came_after(
        self, site: Site
    ) -> None:
        """Two visits of a device that had no clock until the network came."""
        site.bring(install(at=when(5_000, ClockState.RELATIVE)))
        new = install("W9", "", levels=(m3(7),), at=when(20_000, ClockState.RELATIVE))
        site.bring(exchange("W2", new, m3(1_600)), number=2)
        assert (site.codes(), site.codes(2)) == ([Why.CLOCK_UNKNOWN], [Why.CLOCK_UNKNOWN])
        reading = a_readout(NOON_MS, litres(5), meter="W1")
        site.estate.take(site.edge.sign(reading, boot=BOOT, uptime_ms=60_000, signed_at_ms=NOON_MS))
        assert settle(site.office, NOW_MS) == 2
        assert site.standing()["A-2-W"] == ("W9", "edge-1", 7)


class TestDeciding:
    def test_a_person_says_what_is_missing_and_it_is_applied(self, site: Site) -> None:
        site.bring(install(point=""))
        (step,) = deciding.apply(
            site.office, "edge-1/1", None, ORLOVA._replace(point="A-2-W"), NOW_MS
        )
        assert step.outcome is Outcome.APPLIED
        assert site.standing()["A-2-W"][0] == "W2"

    def test_a_person_sets_a_caution_aside_but_no_contradiction(self, site: Site) -> None:
        site.bring(install(dial=(m3(3, 0),)), install("W8", "A-1-W"))
        deciding.apply(site.office, "edge-1/1", None, ORLOVA, NOW_MS)
        assert site.codes() == ["", Why.POINT_TAKEN]
        assert site.standing()["A-1-W"][0] == "W1"

    def test_what_is_said_of_one_meter_is_not_taken_for_all(self, site: Site) -> None:
        site.bring(install(dial=(m3(3, 0),)), install("W3", "A-3-W", dial=(m3(3, 0),)))
        for said in (ORLOVA._replace(factor="40"), ORLOVA._replace(point="A-2-W")):
            with pytest.raises(
                VisitError, match=r"2 events of visit edge-1/1 wait: say by --event"
            ):
                deciding.apply(site.office, "edge-1/1", None, said, NOW_MS)
        assert site.codes() == [Why.DIAL_DIFFERS] * 2
        deciding.apply(site.office, "edge-1/1", 2, ORLOVA._replace(factor="40"), NOW_MS)
        assert site.codes() == [Why.DIAL_DIFFERS, ""]

    def test_what_was_refused_is_never_applied(self, site: Site) -> None:
        site.bring(install(point="Z"))
        deciding.refuse(site.office, "edge-1/1", 1, ORLOVA, NOW_MS)
        with pytest.raises(VisitError, match="waits"):
            deciding.apply(site.office, "edge-1/1", None, ORLOVA, NOW_MS)
        with pytest.raises(VisitError, match="waits"):
            deciding.apply(site.office, "edge-1/1", 1, ORLOVA, NOW_MS)

    def test_nothing_is_applied_twice(self, site: Site) -> None:
        site.bring(install())
        before = site.state()
        with pytest.raises(VisitError, match="waits"):
            deciding.apply(site.office, "edge-1/1", None, ORLOVA, NOW_MS)
        site.bring(install())
        assert site.state() == before

    def test_a_rate_makes_up_for_a_plan_that_is_missing(self, site: Site) -> None:
        sql = site.estate.store.database.connection
        with site.store.transaction():
            sql.execute("DELETE FROM point_plan_register")
        site.bring(install())
        assert site.codes() == [Why.NO_PLAN]
        rates = {"8-0:1.0.0": Decimal("3.125")}
        deciding.apply(site.office, "edge-1/1", 1, ORLOVA._replace(rates=rates), NOW_MS)
        assert site.standing()["A-2-W"][0] == "W2"


class TestBefore:
    def test_readings_that_came_before_the_record_count_after_it(self, site: Site) -> None:
        for message in a_day(site.edge, MIDNIGHT_MS, 4):
            site.estate.take(message)
        first, second, early = NOON_MS + 1000, NOON_MS + HOUR_MS, NOON_MS - HOUR_MS
        for at_ms, value in ((early, 1_400), (first, 1_500), (second, 1_700)):
            site.estate.take(site.edge.sign(a_readout(at_ms, litres(value), meter="W2")))
        site.bring(install())
        assert _accepted(site) == [(first, 1_500), (second, 1_700)]
        # What comes later goes on from there, and nothing has entered twice.
        site.estate.take(site.edge.sign(a_readout(second + HOUR_MS, litres(1_800), meter="W2")))
        assert _accepted(site)[-1] == (second + HOUR_MS, 1_800)
        assert len(_accepted(site)) == 3

    def test_a_person_who_applies_it_days_later_loses_none_either(self, site: Site) -> None:
        site.bring(install(point=""))
        for hour in range(5):
            readout = a_readout(NOON_MS + hour * HOUR_MS, litres(1_500 + hour), meter="W2")
            site.estate.take(site.edge.sign(readout))
        assert _accepted(site) == []
        person = ORLOVA._replace(point="A-2-W")
        deciding.apply(site.office, "edge-1/1", None, person, NOW_MS + 3 * DAY_MS)
        assert [value for _, value in _accepted(site)] == [1_500 + hour for hour in range(5)]

    def test_those_of_a_meter_that_went_over_count_from_then_on(self, site: Site) -> None:
        for at_ms in (NOON_MS - HOUR_MS, NOON_MS + HOUR_MS):
            heat = a_readout(at_ms, _heat_value(), meter="H1")
            site.estate.take(site.edge.sign(heat))
        site.bring(DeviceExchange("edge-2", ("H1",), when()))
        assert [at_ms for at_ms, _ in _accepted(site, "H1")] == [NOON_MS + HOUR_MS]

    def test_those_in_relative_time_count_once_their_boot_is_placed(self, site: Site) -> None:
        relative = a_readout(
            60_000, litres(1_600), meter="W2", clock_state=ClockState.RELATIVE, clock_error_s=0
        )
        signed = {"clock_state": ClockState.RELATIVE, "signed_at_ms": 61_000, "boot": BOOT}
        site.estate.take(site.edge.sign(relative, **signed, uptime_ms=61_000))
        placing = a_readout(NOON_MS + 2 * HOUR_MS, litres(1_700), meter="W2")
        site.estate.take(site.edge.sign(placing, boot=BOOT, uptime_ms=HOUR_MS))
        assert _accepted(site) == []
        site.bring(install())
        at_ms = NOON_MS + 2 * HOUR_MS + 1000 - HOUR_MS + 60_000
        assert _accepted(site) == [(at_ms, 1_600), (NOON_MS + 2 * HOUR_MS, 1_700)]

    def test_what_follows_the_ledger_hears_of_them(self, site: Site) -> None:
        site.estate.take(site.edge.sign(a_readout(NOON_MS + 1000, litres(1_500), meter="W2")))
        sql = site.estate.store.database.connection
        before = sql.execute("SELECT count(*) FROM reading_change").fetchone()
        site.bring(install())
        (after,) = sql.execute("SELECT count(*) FROM reading_change").fetchone()
        assert after == before[0] + 1


def _accepted(site: Site, meter: str = "W2") -> list[tuple[int, int]]:
    return [
        (row[2], row[4])  # type: ignore[misc]
        for row in site.estate.rows()
        if row[0] == meter and row[5] == 0
    ]


def test_all_tariffs_of_a_meter_that_goes_need_a_final_value(site: Site) -> None:
    site.bring(remove("E1", energy(5_000)))
    assert site.codes() == [Why.NO_VALUE]
    site.bring(remove("E1", energy(5_000), energy(100, "1-0:1.8.2")), number=2)
    assert site.codes(2) == [""]


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    assert DOUBTS.keys() == {why.value for why in Why}
    assert doubt("no-point", "ru") == "Точка учёта не указана"
    assert doubt("of-a-newer-gateway", "en") == "of-a-newer-gateway"
