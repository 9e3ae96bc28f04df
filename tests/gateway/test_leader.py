"""Seats: one leader, fair shares, and what happens to work when a seat comes and goes."""

import asyncio
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.leader import LEADER, OwnTable, Seating, Share, seating_of
from gateway.postgres.place import Server
from gateway.postgres.seats import Seats
from gateway.sql.seats import table
from gateway.store import StoreError
from tests.servers import postgres


class Room:
    """The seats of processes that live in this test."""

    def __init__(self) -> None:
        self.taken: dict[int, object] = {}
        self.tables: list[InRoom] = []
        self.is_dark = False

    def join(self) -> "InRoom":
        if self.is_dark:
            raise StoreError("nobody answers")
        made = InRoom(self)
        self.tables.append(made)
        return made


class InRoom:
    def __init__(self, room: Room) -> None:
        self._room = room

    def take(self, seat: int) -> bool:
        self._look()
        return self._room.taken.setdefault(seat, self) is self

    def leave(self, seat: int) -> None:
        self._look()
        assert self._room.taken.pop(seat) is self

    def present(self) -> int:
        self._look()
        return len(self._room.tables)

    def close(self) -> None:
        self._room.taken = {k: v for k, v in self._room.taken.items() if v is not self}
        self._room.tables.remove(self)

    def _look(self) -> None:
        if self._room.is_dark:
            raise StoreError("the line is cut")


def looked(*shares: Share) -> list[set[int]]:
    """What each holds when all have looked often enough."""
    for _ in range(3):
        held = [share.look() for share in shares]
    return held


def test_partitions_are_shared_evenly_and_given_back_when_others_come_or_go() -> None:
    room = Room()
    one, two, three = (Share(room.join, 8, leads=leads) for leads in (True, True, False))
    assert looked(one) == [{LEADER, *range(1, 9)}]
    first, second = looked(one, two)
    assert (len(first - {LEADER}), len(second)) == (4, 4)
    assert first | second == {LEADER, *range(1, 9)}
    held = looked(one, two, three)
    assert sorted(len(seats - {LEADER}) for seats in held) == [2, 3, 3]
    assert set.union(*held) == set(range(9))
    assert sum(map(len, held)) == 9
    one.close()
    second, third = looked(two, three)
    # Who only collects never leads.
    assert LEADER in second
    assert LEADER not in third
    assert second | third == set(range(9))


def test_a_seat_that_is_given_back_is_left_only_with_the_next_look() -> None:
    room = Room()
    one, two = Share(room.join, 2, leads=True), Share(room.join, 2, leads=True)
    assert one.look() == {LEADER, 1, 2}
    assert two.look() == set()
    assert one.look() == {LEADER, 1}
    # Whoever worked at 2 is ending; nobody else sits there yet.
    assert two.look() == set()
    assert one.look() == {LEADER, 1}
    assert two.look() == {2}


def test_who_loses_the_line_has_no_seat_until_it_is_back() -> None:
    room = Room()
    share = Share(room.join, 2, leads=True)
    assert share.look() == {LEADER, 1, 2}
    room.is_dark = True
    with pytest.raises(StoreError, match="the line is cut"):
        share.look()
    assert share.held == set()
    with pytest.raises(StoreError, match="nobody answers"):
        share.look()
    room.is_dark, room.taken, room.tables = False, {}, []
    assert share.look() == {LEADER, 1, 2}


async def test_work_lasts_as_long_as_its_seat_and_begins_again_with_it() -> None:
    room, said = Room(), []
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        said.append("began")
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            said.append("ended")
            ended.set()

    async def call(look: "functools.partial[set[int]]") -> set[int]:
        return look()

    seating = Seating(Share(room.join, 0, leads=True), call, set(), 0.01)  # type: ignore[arg-type] # as wide as the test needs
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(seating.run()),
            tasks.create_task(seating.sit(LEADER, work)),
        ]
        await began.wait()
        assert seating.holds(LEADER)
        began.clear()
        room.is_dark = True
        await ended.wait()
        assert not seating.holds(LEADER)
        room.is_dark, room.taken = False, {}
        await began.wait()
        for task in running:
            task.cancel()
    assert said == ["began", "ended", "began", "ended"]


async def test_work_that_fails_is_not_begun_again_in_silence() -> None:
    async def work() -> None:
        raise ValueError("a bug")

    async with seating_of(Room().join, 0, leads=True) as seating:
        with pytest.raises(ValueError, match="a bug"):
            await asyncio.wait_for(seating.sit(LEADER, work), 60)


def test_a_ledger_in_a_file_has_one_process(tmp_path: Path) -> None:
    place = tmp_path / "ledger.sqlite"
    first = table(place)
    assert (first.take(LEADER), first.take(5), first.present()) == (True, True, 1)
    with pytest.raises(StoreError, match=r"another plomba-gateway runs.*ledger\.sqlite\.lock"):
        table(place)
    first.close()
    table(place).close()
    with pytest.raises(StoreError, match="cannot open"):
        OwnTable(tmp_path / "none" / "ledger.lock")


class TestOnPostgres:
    @pytest.fixture
    def place(self) -> Iterator[Server]:
        server = postgres.server()
        made = server.database(bare=True)
        yield made
        server.drop(made)

    def test_a_seat_is_one_process_s_until_that_leaves_or_dies(self, place: Server) -> None:
        one, two = Seats(place), Seats(place)
        assert (one.present(), two.present()) == (2, 2)
        assert (one.take(LEADER), two.take(LEADER), two.take(3)) == (True, False, True)
        one.leave(LEADER)
        assert two.take(LEADER)
        # As a kill of its process does, and of its machine after some seconds.
        backend = two._session.info.backend_pid
        one._session.execute("SELECT pg_terminate_backend(%s::int, 60000)", (backend,))
        assert (one.take(LEADER), one.take(3), one.present()) == (True, True, 1)
        with pytest.raises(StoreError, match=r"the seats at PostgreSQL .* are lost: .*terminat"):
            two.present()
        one.close()

    def test_a_share_sits_down_again_after_the_server_was_away(self, place: Server) -> None:
        share = Share(functools.partial(table, place), 2, leads=True)
        assert share.look() == {LEADER, 1, 2}
        killer = Seats(place)
        killer._session.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        killer.close()
        with pytest.raises(StoreError, match="are lost"):
            share.look()
        assert share.look() == {LEADER, 1, 2}
        share.close()
