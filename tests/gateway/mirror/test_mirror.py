"""What arrives in a real VictoriaMetrics is what stands in the ledger, to the digit or marked."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.config_mirror import MirrorConfig
from gateway.mirror.follower import Follower
from gateway.mirror.lines import Liner, readable
from gateway.mirror.model import MirrorError, Point, Series, Target
from gateway.mirror.target import opened
from gateway.review.words import Kind
from gateway.sql.mirror import SqlMirrorLook
from gateway.sql.store import SqlStore
from gateway.sql.stream import StreamLedger
from tests.gateway.estate import MIDNIGHT_MS, Estate, a_day, a_readout, kwh
from tests.gateway.office import FAST, GOOD, Office, a_town
from tests.servers.victoria import Sample, Victoria, victoria

NOW_MS = MIDNIGHT_MS + 86_400_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    with victoria(tmp_path_factory.mktemp("mirror")) as running:
        yield running


@contextmanager
def following(store: SqlStore, url: str, gateway: str) -> Iterator[Follower]:
    @contextmanager
    def look() -> Iterator[SqlMirrorLook]:
        yield SqlMirrorLook(store.database.connection)

    config = MirrorConfig(kind="victoriametrics", url=url, gateway=gateway)
    with opened(config) as sink:
        yield Follower(StreamLedger(store.database), look, sink, gateway, lambda: NOW_MS)


def mirrored(store: SqlStore, server: Victoria, gateway: str) -> None:
    with following(store, server.url, gateway) as follower:
        while follower.step():
            pass


def values(server: Victoria, gateway: str, field: str = "mantissa", **labels: str) -> list[Sample]:
    told = ",".join(f'{name}="{text}"' for name, text in {"gateway": gateway, **labels}.items())
    return server.samples(f"{{__name__='plomba_reading_{field}',{told}}}")


def held(store: SqlStore) -> list[tuple[str, str, int, int, str]]:
    """Meter, register, time, mantissa and state of every reading."""
    states = ("accepted", "suspect", "rejected", "dismissed")
    return sorted(
        (*row[:4], states[row[4]])
        for row in store.database.connection.execute(
            "SELECT serial, obis, captured_at_ms, mantissa, state FROM reading"
            " JOIN register USING (register_no) JOIN meter USING (meter_no)"
        )
    )


def shown(samples: list[Sample]) -> list[tuple[str, str, int, int, str]]:
    return sorted(
        (one.label("meter"), one.label("obis"), one.at_ms, int(one.value), one.label("state"))
        for one in samples
    )


def test_every_reading_is_there_once_and_equal(estate: Estate, server: Victoria) -> None:
    messages = [*a_day(estate.edge), estate.other.sign(a_readout(MIDNIGHT_MS, kwh(7), meter="Z1"))]
    estate.take(*messages[:60])
    mirrored(estate.store, server, "whole")
    estate.take(*messages[60:])
    mirrored(estate.store, server, "whole")
    assert shown(values(server, "whole")) == held(estate.store)
    (one,) = values(server, "whole", "value", meter="E1", obis="1-0:1.8.1")[:1]
    assert dict(one.labels) == {
        "exponent": "-2", "gateway": "whole", "house": "A", "meter": "E1",
        "obis": "1-0:1.8.1", "point": "A-1-E", "resource": "electricity", "source": "device",
        "state": "accepted", "unit": "kWh",
    }  # fmt: skip
    assert one.value == 10.01
    (lag,) = server.query('plomba_mirror_behind{gateway="whole"}', NOW_MS)
    assert lag["value"][1] == "0"  # type: ignore[index]


def test_killed_between_sending_and_moving_nothing_is_lost(
    estate: Estate, server: Victoria
) -> None:
    estate.take(*a_day(estate.edge))
    with following(estate.store, server.url, "killed") as follower:
        reached = follower.carry(follower.plan())
        assert reached is not None  # sent, and the process is gone before it could note it
    estate.restart()
    mirrored(estate.store, server, "killed")
    assert set(shown(values(server, "killed"))) == set(held(estate.store))
    counts = [len(values(server, "killed")), len(held(estate.store))]
    assert counts[0] in (counts[1], 2 * counts[1]), "each is there once, or twice and equal"


def test_what_a_float_cannot_hold_is_marked(estate: Estate, server: Victoria) -> None:
    for turn, mantissa in enumerate((2**53 - 1, 2**53 + 1)):
        estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS + turn, kwh(mantissa))))
    mirrored(estate.store, server, "exact")
    marks = {one.at_ms - MIDNIGHT_MS: one.value for one in values(server, "exact", "exact")}
    assert marks == {0: 1.0, 1: 0.0}
    found = {one.at_ms - MIDNIGHT_MS: int(one.value) for one in values(server, "exact")}
    assert found[0] == 2**53 - 1
    assert found[1] != 2**53 + 1


def stands(server: Victoria, gateway: str, at_ms: int) -> set[str]:
    """The states a reading stands in, as docs/mirror.md says how to tell."""
    last = {
        (field, one.label("state")): one.value
        for field in ("left", "back")
        for one in values(server, gateway, field)
        if one.at_ms == at_ms
    }
    states = {one.label("state") for one in values(server, gateway) if one.at_ms == at_ms}
    return {
        state
        for state in states
        if last.get(("left", state), 0) <= last.get(("back", state), 0)
    }  # fmt: skip


def test_a_reading_stands_in_the_state_that_people_gave_it(
    tmp_path: Path, server: Victoria
) -> None:
    town = a_town(tmp_path)
    mirrored(town.store, server, "states")
    assert stands(server, "states", GOOD) == {"accepted"}
    assert stands(server, "states", FAST) == {"suspect"}
    office = Office(town)
    for act, state in ((Kind.REJECT, "dismissed"), (Kind.ACCEPT, "accepted")) * 2:
        office.decide(act, GOOD)
        mirrored(town.store, server, "states")
        assert stands(server, "states", GOOD) == {state}
    town.store.close()


def test_rebuilt_it_is_the_same_again(tmp_path: Path, server: Victoria) -> None:
    town = a_town(tmp_path)
    mirrored(town.store, server, "anew")
    Office(town).decide(Kind.REJECT, GOOD)
    mirrored(town.store, server, "anew")
    with following(town.store, server.url, "anew") as follower:
        follower.rebuild()
        while follower.step():
            pass
    assert shown(values(server, "anew")) == held(town.store)
    assert values(server, "anew", "left") == []
    town.store.close()


def test_a_target_that_is_away_is_told_in_a_line_and_nothing_moves(estate: Estate) -> None:
    estate.take(*a_day(estate.edge, batches=2))
    with following(estate.store, "http://127.0.0.1:9", "away") as follower:
        with pytest.raises(MirrorError, match=r"cannot reach http://127\.0\.0\.1:9"):
            follower.step()
        assert follower.plan().cursor.sent == 0


def test_a_target_killed_and_back_gets_what_it_did_not_keep(estate: Estate, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(victoria(tmp_path))
        estate.take(*a_day(estate.edge, batches=4))
        server.kill()
        with following(estate.store, server.url, "back") as follower:
            with pytest.raises(MirrorError):
                follower.step()
            server.start()
            while follower.step():
                pass
        assert shown(values(server, "back")) == held(estate.store)


NAMES = (
    "Лесная, 5 = дом №1", 'a "quoted" one', "back\\slash", "ends with\\", "two\nlines", "tab\there",
    "=,= ,", "{}", "'", "#", "  ", "🏠", "\x00\x7f", "a,b=c d",
)  # fmt: skip


def test_whatever_a_house_is_called_no_line_is_lost(server: Victoria) -> None:
    liner = Liner("names", Target.VICTORIAMETRICS)
    told = [
        Point(Series(name, f"P{number}", "heat", f"M{number}", "6-0:1.0.0", "Gcal", -3),
              "device", 0, MIDNIGHT_MS + number, number, 0)
        for number, name in enumerate(NAMES)
    ]  # fmt: skip
    config = MirrorConfig(kind="victoriametrics", url=server.url, gateway="names")
    with opened(config) as sink:
        sink.write([line for point in told for line in liner.reading(point)])
    found = {int(one.value): one.label("house") for one in values(server, "names")}
    assert found == {number: readable(name) for number, name in enumerate(NAMES)}


def test_for_influxdb_a_reading_is_one_point_whatever_becomes_of_it() -> None:
    liner = Liner("g", Target.INFLUXDB)
    point = Point(Series("A", "P", "heat", "M", "6-0:1.0.0", "Gcal", -3), "photo", 0, 7, 2**60, 0)
    (stored,) = liner.reading(point)
    (dismissed,) = liner.reading(point._replace(state=3, left=((0, 5),), back=5))
    (gone,) = liner.reading(point._replace(mantissa=None))
    tags = ["gateway=g", "exponent=-3", "house=A", "meter=M", "obis=6-0:1.0.0", "point=P",
            "resource=heat", "source=photo", "unit=Gcal"]  # fmt: skip
    series = ",".join(["plomba_reading", *tags])
    fields = f"value=1152921504606846.976,mantissa={2**60}i"
    assert stored == f"{series} {fields},state=0i,exact=1i 7"
    assert dismissed == f"{series} {fields},state=3i,exact=1i 7"
    assert gone == f"{series} state=4i 7"
