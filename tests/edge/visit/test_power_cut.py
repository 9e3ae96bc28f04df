"""A plug pulled at any instant of a visit: what was said stays, and the visit can go on."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.visit import Visit
from edge import config
from edge.visit import recording
from edge.visit.core import ANSWER, RECORD, VisitBook
from edge.visit.journal import FILE
from edge.visit.steps import Visiting
from simulators.lines import LineFaults
from tests.edge.installer import ROOT
from tests.edge.visit.site import Site, a_device, cold, light, play

PHOTO = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xda\x00\x02\x01\xff\xd9"
METERS = ["11223344", "22310042", "55667788"]


def site() -> Site:
    """A house with three meters."""
    meters = (cold("11223344"), cold("55667788", 999), light(5))
    return Site(*meters, faults=LineFaults(answer_s=0.01))


async def bring_to_the_end(visiting: Visiting) -> None:
    """A person who does whatever is still to be done."""
    if not visiting.book.numbers():
        if visiting.draft is None:
            visiting.begin("Ivan Petrov")
        if not visiting.open.checks:
            await visiting.check_lines()
        await visiting.search()
        await visiting.read_all()
        for meter in recording.undecided(visiting.open):
            visiting.describe(meter.key, place=f"flat of {meter.serial}")
            visiting.confirm(meter.key)
        for meter in visiting.open.meters.values():
            if not meter.photos:
                visiting.add_photo(meter.key, PHOTO)
        visiting.remark("all well")
        await visiting.finish()


@cache
def a_finished_visit() -> Path:
    """The folder of a device after an undisturbed visit."""
    folder = Path(mkdtemp(prefix="plomba-visit-"))
    path = a_device(folder)

    async def scene() -> None:
        await bring_to_the_end(site().visiting(path))

    play(scene)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Iterator[None]:
    yield
    shutil.rmtree(a_finished_visit())
    a_finished_visit.cache_clear()


def a_cut_one(tmp: Path, at: int, junk: bytes, *, config_written: bool) -> Path:
    """The same device as a power cut at byte `at` of the journal leaves it."""
    folder = tmp / "device"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(a_finished_visit(), folder)
    place = VisitBook(folder / "state").place(1)
    journal = (place / FILE).read_bytes()
    (place / FILE).write_bytes(journal[:at] + junk)
    (place / RECORD).unlink()
    (place / ANSWER).unlink(missing_ok=True)
    if not config_written:
        (folder / "device.key").unlink()
        a_device(folder)
    return folder / "edge.toml"


def facts(visit: Visit) -> list[object]:
    """What a record says, but for its times and how often was asked."""
    bare = [
        msgspec.structs.replace(one, at=visit.started, asked=0, answered=0, slowest_ms=0)
        for one in visit.installs
    ]
    return [visit.installer, visit.remarks, sorted(bare, key=lambda one: one.serial)]


def test_an_undisturbed_visit_is_what_it_should_be() -> None:
    record = VisitBook(a_finished_visit() / "state").finished(1).visit
    assert sorted(one.serial for one in record.installs) == METERS
    assert all(len(one.photos) == 1 for one in record.installs)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_cut_at_any_byte_of_the_journal_loses_nothing_that_was_said(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = a_finished_visit()
    length = (VisitBook(whole / "state").place(1) / FILE).stat().st_size
    at = data.draw(st.integers(0, length), label="cut at")
    junk = data.draw(st.sampled_from([b"", b"\x00" * 40, b"deadbeef {}\n"]), label="torn end")
    written = data.draw(st.booleans(), label="configuration written")
    path = a_cut_one(tmp_path_factory.mktemp("cut"), at, junk, config_written=written)

    async def scene() -> None:
        await bring_to_the_end(site().visiting(path))

    play(scene)
    expected = VisitBook(whole / "state").finished(1).visit
    found = VisitBook(path.parent / "state").finished(1).visit
    assert msgspec.structs.asdict(found)["number"] == 1
    first, second = facts(found), facts(expected)
    assert first == second
    assert sorted(meter.serial for _, meter in config.load(path).meters) == METERS
    assert path.read_text() == (whole / "edge.toml").read_text()


def test_a_search_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    path = a_device(tmp_path)
    house = site()

    async def scene() -> None:
        visiting = house.visiting(path)
        visiting.begin("Ivan Petrov")
        searching = asyncio.ensure_future(visiting.search())
        while not visiting.open.meters:  # noqa: ASYNC110 - a visit wakes nobody
            await asyncio.sleep(0.05)
        searching.cancel()
        await asyncio.gather(searching, return_exceptions=True)
        assert 0 < len(visiting.open.meters) < 3
        visiting.let_go()
        again = house.visiting(path)
        await again.search()
        assert sorted(one.serial for one in again.open.meters.values()) == METERS

    play(scene)


@pytest.mark.processes
def test_a_process_killed_again_and_again_ends_with_the_same_record(tmp_path: Path) -> None:
    path = a_device(tmp_path)
    words = [sys.executable, "-m", "tests.edge.visit.killed_visit", str(path)]
    chance = Random(8)
    for _ in range(4):
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        # Importing takes most of its life: the clock begins when the visit does.
        process.stdout.readline()
        try:
            process.wait(chance.uniform(0.0, 0.25))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=120)
    expected = VisitBook(a_finished_visit() / "state").finished(1).visit
    found = VisitBook(tmp_path / "state").finished(1).visit
    first, second = facts(found), facts(expected)
    assert first == second
    assert path.read_text() == (a_finished_visit() / "edge.toml").read_text()
