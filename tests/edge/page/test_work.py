import asyncio
import errno
from pathlib import Path

import pytest

from edge.page.refusal import NotDone
from edge.page.work import FILE, Work
from edge.visit.core import VisitError


async def test_one_piece_of_work_at_a_time_and_reads_wait_their_turn(tmp_path: Path) -> None:
    work, go, done = Work(tmp_path), asyncio.Event(), []

    async def first() -> None:
        await go.wait()
        done.append("search")

    async def second() -> None:
        done.append("read")

    work.begin("search", first, kept=True)
    with pytest.raises(NotDone, match="busy"):
        work.begin("check", second)
    for _ in range(2):
        work.begin("read", second, about="m1", queued=True)
    assert work.doing("read", "m1")
    assert work.waits("read", "m1")
    assert work.left() == "search"
    go.set()
    while work.busy:  # noqa: ASYNC110 - what is tested ends by itself
        await asyncio.sleep(0)
    assert done == ["search", "read"]
    assert not (tmp_path / FILE).exists()


async def test_work_that_is_stopped_makes_room_even_before_its_first_step(tmp_path: Path) -> None:
    work, done = Work(tmp_path), []

    async def never() -> None:
        await asyncio.Event().wait()

    async def then() -> None:
        done.append("read")

    work.begin("search", never, kept=True)
    work.begin("read", then, about="m1", queued=True)
    await work.stop()
    while work.busy:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    assert done == ["read"]
    assert work.left() == "", "a person who stops it does not want it back"


async def test_what_is_under_way_at_the_end_goes_on_next_time(tmp_path: Path) -> None:
    work = Work(tmp_path)

    async def never() -> None:
        await asyncio.Event().wait()

    work.begin("search", never, kept=True)
    await asyncio.sleep(0)
    await work.close()
    assert not work.busy
    assert Work(tmp_path).left() == "search"


async def test_what_went_wrong_is_told_until_it_is_tried_again(tmp_path: Path) -> None:
    work = Work(tmp_path)

    async def fails() -> None:
        raise VisitError("the line is gone")

    async def works() -> None:
        """Nothing to do."""

    work.begin("check", fails)
    while work.busy:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    assert work.failed == {"check": "the line is gone"}
    work.begin("check", works)
    assert work.failed == {}
    while work.busy:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)


async def test_a_full_disk_is_told_as_any_other_failure(tmp_path: Path) -> None:
    work = Work(tmp_path)

    async def fails() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    work.begin("search", fails, kept=True)
    while work.busy:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    assert "No space left" in work.failed["search"]
    assert work.ended == set()


async def test_work_of_a_visit_that_is_given_up_does_not_come_back(tmp_path: Path) -> None:
    work = Work(tmp_path)

    async def never() -> None:
        await asyncio.Event().wait()

    work.begin("search", never, kept=True)
    await work.give_up()
    assert not work.busy
    assert Work(tmp_path).left() == ""


def test_notes_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff[")
    assert Work(tmp_path).left() == ""
