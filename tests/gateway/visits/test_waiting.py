"""Points that wait: entered from a file, listed without people, sealed, and printed."""

import pytest

from cloud_sync import points
from cloud_sync.points import PointsError
from cloud_sync.signing import SigningKey
from gateway.csv_lines import RegistryError
from gateway.sql.visits import waiting_sealed
from gateway.visits import labels, plan_csv
from gateway.visits.waiting import listed
from tests.gateway.estate import GATEWAY_KEY
from tests.gateway.visits.installer import NOW_MS, OBIS, PLANS, Site, exchange, install, m3

HEAD, *LINES = PLANS.splitlines()


def entered(site: Site, *lines: str, head: str = HEAD) -> dict[str, int]:
    data = "\n".join([head, *lines]).encode()
    return plan_csv.import_csv(site.store, site.office.visits, data)


class TestFile:
    def test_a_file_entered_twice_makes_nothing_new(self, site: Site) -> None:
        again = entered(site, *LINES)
        assert (again["house"], again["account"], again["point"]) == (0, 0, 0)

    def test_the_last_file_counts(self, site: Site) -> None:
        entered(site, LINES[0].replace("кухня", "ванная").replace("-3,8,", "-2,7,"))
        place = site.office.visits.place("A-2-W", None)
        assert place is not None
        plan = site.office.visits.plan(place.point_no)
        assert plan.place == "ванная"
        assert [(one.exponent, one.digits, one.rate_max_per_h) for one in plan.shapes] == [
            (-2, 7, 313)
        ]

    def test_a_point_with_a_meter_may_be_described_too(self, site: Site) -> None:
        line = "A,Lenina 1,Europe/Moscow,101,1,A-1-W,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3,щит,,"
        assert entered(site, line)["point"] == 0

    @pytest.mark.parametrize(
        ("line", "column"),
        [
            (LINES[0].replace("m3", "kWh"), "unit"),
            (LINES[0].replace("Lenina 1", "Lenina 9"), "address"),
            (LINES[0].replace("102,2,", "102,9,"), "dwelling"),
            (LINES[0].replace("cold-water", "hot-water"), "resource"),
            (LINES[0].replace("кухня,,", "кухня,a b,"), "serial"),
            (LINES[0].replace("кухня", "к" * 121), "place"),
            (LINES[0].replace(",8,3.125", ",19,3.125"), "digits"),
        ],
    )
    def test_every_bad_line_is_named_and_nothing_entered(
        self, site: Site, line: str, column: str
    ) -> None:
        before = site.office.visits.waiting("A")
        with pytest.raises(RegistryError, match=f"line 2, column {column}"):
            entered(site, line, LINES[1])
        assert site.office.visits.waiting("A") == before

    def test_a_register_stands_there_once(self, site: Site) -> None:
        with pytest.raises(RegistryError, match="each register of a point once"):
            entered(site, LINES[0], LINES[0])

    def test_a_factor_is_the_new_meters(self, site: Site) -> None:
        entered(site, LINES[0] + ",40", head=HEAD + ",factor")
        site.bring(install())
        (line,) = site.store.book.standing("A-2-W")
        assert line.factor == "40"


class TestList:
    def test_it_names_no_account_and_no_house_but_its_own(self, site: Site) -> None:
        found = listed(site.office.visits, "A", "", NOW_MS)
        text = str(found)
        assert "102" not in text
        assert {one.point for one in found.points} >= {"A-2-W", "A-1-E"}
        assert all(one.point != "B-1-W" for one in found.points)

    def test_after_an_exchange_the_point_waits_for_the_new_meter(self, site: Site) -> None:
        site.bring(exchange("W1", install("W9", "", levels=(m3(7),)), m3(5_000)))
        found = {one.point: one for one in listed(site.office.visits, "A", "", NOW_MS).points}
        assert found["A-1-W"].serial == "W9"
        assert [one.obis for one in found["A-1-W"].registers] == [OBIS]

    def test_the_seal_is_the_gateways(self, site: Site) -> None:
        sealed = waiting_sealed(site.estate.store, GATEWAY_KEY, "A", NOW_MS)
        assert points.opened(sealed, GATEWAY_KEY.public).house == "A"
        with pytest.raises(PointsError):
            points.opened(sealed, SigningKey.from_seed(b"x" * 32).public)
        with pytest.raises(PointsError):
            points.opened(sealed[:-1], GATEWAY_KEY.public)


@pytest.mark.parametrize("language", labels.LANGUAGES)
def test_labels_are_a_paper_of_every_point(site: Site, language: str) -> None:
    found = listed(site.office.visits, "A", "", NOW_MS)
    paper = labels.pdf(found, language=language)
    assert paper.startswith(b"%PDF")
    assert labels.pdf(found, language=language) == paper
    nothing = listed(site.office.visits, "nowhere", "", NOW_MS)
    assert nothing.points == ()
