"""A town's year: bills equal the truth, whatever the road does; and every check can fail.

The whole of it (200 houses, 12 months, two roads) is `make year`; this is a slice.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import pytest
from click.testing import CliRunner

from cloud_sync.signing import SigningKey
from gateway.handoff.target import Answer, DueEvent
from gateway.sql.ledger import SqlLedger
from gateway.sql.store import SqlStore
from gateway.sqlite.connection import Database, connect
from gateway.store import VerdictRow
from simulators.evidence import Tally
from simulators.year.books import Books
from simulators.year.command import simulate, year
from simulators.year.device import Device, Night
from simulators.year.evidence import Evidence
from simulators.year.fates import PLACE_FATES, impossible
from simulators.year.judge import INVARIANTS, agreement, judge
from simulators.year.judge_lines import Case
from simulators.year.ledger import Ledger
from simulators.year.live import live
from simulators.year.makes import FACTORS
from simulators.year.model import House, Trouble
from simulators.year.papers import INSPECTED, INTERFERED, REFUSED
from simulators.year.parts import Parts
from simulators.year.road import Road
from simulators.year.said import SOURCES
from simulators.year.town import ZONES, build
from simulators.year.usable import Usable

# Towns in which nearly everything happens that may.
SEEDS = (45,)
SEED, HOUSES, MONTHS = 137, 6, 6


def broken(evidence: Evidence) -> set[str]:
    """The invariants that did not hold."""
    return {finding.name for finding in judge(evidence).findings if not finding.held}


@pytest.mark.parametrize("seed", SEEDS)
def test_half_a_year_of_a_few_houses_bills_the_truth_on_two_roads(seed: int) -> None:
    report = simulate(seed, HOUSES, MONTHS)
    assert [one for one in report.findings if not one.held] == []
    assert report.digests[0] == report.digests[1]
    assert all(one.checked for one in report.findings)


def test_everything_happens_in_a_whole_town() -> None:
    town = build(1, 200, 12)
    assert {place.fate for house in town for place in house.places} == {"", *PLACE_FATES}
    wrongs = [
        one for house in town for place in house.places for one in (place.wrongs or {}).values()
    ]
    assert {one.trouble for one in wrongs} == set(Trouble)
    assert {one.replaced for one in wrongs} == {True, False}
    for what in ("silences", "blackouts", "unset", "backdated", "agreed", "reopened"):
        assert any(getattr(house, what) for house in town), what
    places = [place for house in town for place in house.places]
    for what in ("behind", "checks", "papers", "said"):
        assert any(getattr(place, what) for place in places), what
    assert {place.factor for place in places} == {"1", *(factor for factor, _ in FACTORS)}
    assert {one.kind for place in places for one in place.papers} == {
        *(REFUSED, INSPECTED, INTERFERED)
    }
    said = [one for place in places for one in place.said]
    assert {one.source for one in said} == set(SOURCES)
    assert {(one.is_right, one.step > 1) for one in said} == {
        *((True, False), (True, True), (False, False))
    }
    agreed = [one for house in town for one in house.agreed]
    assert {one.drawn for one in agreed} == {True, False}
    assert any(len(house.agreed) > 1 for house in town)
    assert {place.barred.finding for place in places if place.barred} == {
        *("", "fit", "fit-throughout", "never")
    }
    assert len({house.timezone for house in town}) == len(ZONES)


def plain(statement: str) -> str:
    """A statement of SPOILT with its choice put in."""
    return statement.replace("A_READ_LINE", A_READ_LINE).replace("A_READING", A_READING)


@dataclass
class Lived:
    """A year that was lived once; `evidence` is of a copy of its ledger, `spoilt`."""

    whole: Evidence
    spoilt: Path
    usable: Usable

    @property
    def evidence(self) -> Evidence:
        copyfile(self.whole.ledger, self.spoilt)
        spoilt, spoilt.books = copy(self.whole), copy(self.whole.books)
        spoilt.ledger = self.spoilt
        return spoilt

    def spoilt_by(self, statement: str, name: str) -> list[str]:
        """What one invariant says when the ledger is changed behind the gateway's back."""
        evidence = self.evidence
        with closing(sqlite3.connect(self.spoilt)) as db:
            assert db.execute(plain(statement)).rowcount
            db.commit()
        case = Case(evidence, Ledger(self.spoilt), self.usable)
        return list(INVARIANTS[name](case, Tally()))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("year")
    evidence = live(SEED, HOUSES, MONTHS, folder)
    with closing(sqlite3.connect(evidence.ledger)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Lived(evidence, folder / "spoilt.sqlite", Usable(evidence))


def test_nothing_is_broken_where_nothing_is_spoilt(lived: Lived) -> None:
    assert broken(lived.evidence) == set()


# Spoiling is written with names in place of the two choices, so that it reads as plain SQL.
A_READ_LINE = (
    "(SELECT line_no FROM written_line WHERE method = 'actual' AND reason = ''"
    " AND closing_copy IS NOT NULL AND point_no IN"
    " (SELECT point_no FROM point WHERE name LIKE '%inlet-cold%') ORDER BY line_no LIMIT 1)"
)
A_READING = (
    "(register_no, captured_at_ms, copy) = (SELECT register_no, captured_at_ms, copy FROM reading"
    " WHERE state = 0 AND register_no = 1 ORDER BY captured_at_ms LIMIT 1 OFFSET 7)"
)
SPOILT = {
    "sums are true": (
        "UPDATE written_line SET consumption_mantissa = consumption_mantissa + 1"
        " WHERE line_no = A_READ_LINE"
    ),
    "marks are true": (
        "UPDATE written_line SET closing_mantissa = closing_mantissa + 1"
        " WHERE line_no = A_READ_LINE"
    ),
    "the right reading closes": (
        "UPDATE written_line SET closing_at_ms = closing_at_ms - 86400000"
        " WHERE line_no = A_READ_LINE"
    ),
    "deviations say why": "UPDATE written_line SET reason = 'so' WHERE method = 'norm'",
    "averages end in norms": (
        "UPDATE written_line SET method = 'average', closing_at_ms = opening_at_ms,"
        " closing_mantissa = opening_mantissa, closing_copy = opening_copy,"
        " closing_register_no = opening_register_no"
    ),
    "every register has its line": ("DELETE FROM written_line WHERE line_no = A_READ_LINE"),
    "accepted is true": "UPDATE reading SET mantissa = mantissa + 1 WHERE A_READING",
    "wrong never counts": (
        "UPDATE reading SET state = 0 WHERE state = 3 AND copy = 0 AND batch_no > 0"
        " AND register_no IN (SELECT register_no FROM register WHERE registered = 1)"
    ),
    "true ones count": "UPDATE reading SET state = 3 WHERE A_READING",
    "nothing waits": "UPDATE reading SET state = 1 WHERE A_READING",
    "claims are true": "UPDATE reading SET state = 0 WHERE state = 3 AND copy >= 1000000",
    "the best claim is believed": "DELETE FROM claim_decision WHERE outcome = 'chosen'",
    "roles are the registry's": (
        "UPDATE written_line SET role = 'billed' WHERE line_no ="
        " (SELECT max(line_no) FROM written_line WHERE role = 'check')"
    ),
    "check meters stand in": (
        "UPDATE written_line SET consumption_mantissa = consumption_mantissa + 1"
        " WHERE method = 'check'"
    ),
    "a norm is the norm": (
        "UPDATE written_line SET consumption_mantissa = consumption_mantissa + 1"
        " WHERE method = 'norm'"
    ),
    "interferences are charged": "DELETE FROM interference_charge",
    "books are the ledger": (
        "UPDATE written_line SET consumption_mantissa = consumption_mantissa + 1"
        " WHERE line_no = A_READ_LINE"
    ),
    "sent is accounted for": (
        "UPDATE delivery SET state = 'pending' WHERE event_no = (SELECT min(event_no) FROM event)"
    ),
    "houses are in balance": (
        "UPDATE written_line SET consumption_mantissa = consumption_mantissa + 100000"
        " WHERE point_no IN (SELECT point_no FROM point WHERE name LIKE '%inlet%')"
    ),
}


@pytest.mark.parametrize("name", INVARIANTS)
def test_a_spoilt_ledger_is_found(name: str, lived: Lived) -> None:
    assert lived.spoilt_by(SPOILT[name], name)


def test_a_verdict_that_is_lost_is_found(tmp_path: Path) -> None:
    class Speechless(SqlLedger):
        def add_verdicts(self, rows: Sequence[VerdictRow]) -> None:
            super().add_verdicts([row for row in rows if row.severity != "E"])

    def opened(path: Path) -> SqlStore:
        store = SqlStore(Database(connect(path, "off").connection))
        store.ledger = Speechless(store.database)
        return store

    evidence = live(SEED, 3, 2, tmp_path, parts=Parts(store=opened))
    assert "wrong never counts" in broken(evidence)


def test_what_a_road_loses_for_good_is_billed_without(tmp_path: Path) -> None:
    """What never arrived cannot count, and every line is as true as without it."""

    class Abyss(Road):
        def send(self, house: House, night: Night) -> None:
            if night.sequence % 20:
                super().send(house, night)

    evidence = live(SEED, 2, 2, tmp_path, parts=Parts(road=Abyss))
    sealed = {
        (house.device, night.sequence)
        for house in evidence.town
        for night in evidence.nights[house.name].values()
    }
    lost = {(device, sequence) for device, sequence in sealed if sequence % 20 == 0}
    assert lost
    assert sealed - evidence.arrived.keys() == lost
    assert broken(evidence) == set()


def test_a_billing_system_that_books_repeats_is_found(tmp_path: Path) -> None:
    class Greedy(Books):
        async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
            answers = await super().deliver(events)
            first = events[0].event_id
            if first in self.booked:
                self.booked[f"{first}-again"] = self.booked[first]
            return answers

    found = broken(live(SEED, 2, 2, tmp_path, parts=Parts(books=Greedy)))
    assert {"books are the ledger", "sent is accounted for"} <= found


def test_what_was_taken_back_and_stays_booked_is_found(lived: Lived) -> None:
    evidence = lived.evidence
    assert evidence.reopened
    booked = evidence.books.booked
    evidence.books.booked = {name: one for name, one in booked.items() if not one.withdraws}
    assert "books are the ledger" in broken(evidence)


def test_a_billing_system_that_refuses_much_is_accounted_for(tmp_path: Path) -> None:
    """Lines and withdrawals are refused, some for good; each is where the ledger says it is."""

    class Stubborn(Books):
        refuses = 300

    evidence = live(1, 6, 12, tmp_path, only=(5,), parts=Parts(books=Stubborn))
    ledger = Ledger(evidence.ledger)
    states = ledger.deliveries
    sides = {(states[one], states[f"{one}-withdrawn"]) for one in ledger.withdrawn}
    assert {("left-out", "acknowledged"), ("acknowledged", "refused")} <= sides
    assert broken(evidence) == set()


def test_after_an_exchange_a_line_is_drawn_on_the_new_meter(tmp_path: Path) -> None:
    """The old meter's last reading opens the line, the new one's first closes it, weeks late."""
    evidence = live(1, 2, 12, tmp_path, only=(1,))
    assert broken(evidence) == set()


def test_two_ledgers_that_differ_are_found(lived: Lived) -> None:
    one = judge(lived.evidence).standing
    evidence = lived.evidence
    with closing(sqlite3.connect(lived.spoilt)) as db:
        db.execute(plain(SPOILT["sums are true"]))
        db.commit()
    assert agreement(one, one).held
    assert not agreement(one, judge(evidence).standing).held


def nights(house: House) -> Iterator[Night]:
    device = Device(house, "7")
    assert isinstance(device.key, SigningKey)
    yield from filter(None, (device.night(day) for day in range(house.days + 1)))


def test_a_device_counts_its_batches_without_gaps() -> None:
    for house in build(7, 6, 3):
        sequences = [one.sequence for one in nights(house)]
        assert sequences == list(range(1, 1 + len(sequences)))
        assert sequences


def test_a_house_fares_alike_in_a_town_of_its_own(tmp_path: Path) -> None:
    alone = judge(live(SEED, 3, 2, tmp_path, only=(2,))).standing.registers
    (tmp_path / "town").mkdir()
    town = judge(live(SEED, 3, 2, tmp_path / "town")).standing.registers
    assert alone == {key: value for key, value in town.items() if key[0].startswith("h002-")}
    assert alone


def test_what_is_made_wrong_is_impossible() -> None:
    made = 0
    for house in build(5, 12, 4):
        device = Device(house, "5")
        for day in range(house.days + 1):
            device.night(day)
        registers = {
            (hanging.meter.serial, register.obis): register
            for place in house.places
            for hanging in place.hangings
            for register in hanging.meter.registers
        }
        for one in device.injected:
            assert impossible(registers[one.serial, one.obis], 1, one.at_ms, one.mantissa)
        made += len(device.injected)
    assert made


def test_the_command_says_what_held() -> None:
    ran = CliRunner().invoke(year, ["--houses=1", "--months=1", "--seed=3", "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert said["held"] is True
    assert len(said["findings"]) == 2 * len(INVARIANTS) + 1
