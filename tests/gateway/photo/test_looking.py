"""Photos are looked at by processes that may die of it; nobody else notices."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from gateway.photo.frame import Frame
from gateway.photo.intake import BYTES_MAX, PhotoError, Why, picture
from gateway.photo.looking import ANSWER_S, Looking
from gateway.photo.looking_worker import CPU_S_MAX, MEMORY_BYTES_MAX, Sight
from gateway.photo.mask import Kind, Mask, Prior
from tests.gateway.photo.photos import encoded, png, scene
from tests.gateway.photo.readers import FOUND

pytestmark = pytest.mark.processes

MASK = Mask(Kind.ODOMETER, 5, 3)
PRIOR = Prior(12_345, 20_000)
PHOTO = encoded(scene())


def plain(colour: str) -> bytes:
    return encoded(Image.new("RGB", (320, 240), colour), "png")


@pytest.fixture(autouse=True)
def _readers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes look for recognisers where these tests are."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.fixture
def looking() -> Iterator[Looking]:
    with Looking(1, "tests.gateway.photo.readers:Plain") as looking:
        yield looking


def look(looking: Looking, data: bytes, frame: Frame | None = None) -> Sight:
    return looking.look(data, MASK, frame, PRIOR)


def test_what_a_process_sees_is_what_intake_makes_and_the_reader_reads(looking: Looking) -> None:
    sight, taken = look(looking, PHOTO), picture(PHOTO)
    assert (sight.jpeg, sight.sha256, sight.phash) == (taken.jpeg, taken.sha256, taken.phash)
    assert [cell.digit for cell in sight.cells] == [0, 0, 0, 1, 2, 3, 4, 5]
    assert (sight.points, sight.serial_seen) == (FOUND.points, "1234567")
    own = Frame(((100, 250), (500, 250), (500, 500), (100, 500)))
    assert look(looking, PHOTO, own).points == own.corners(640, 480).points


def test_a_photo_without_a_register_is_a_photo_all_the_same(looking: Looking) -> None:
    sight = looking.look(PHOTO, None, None, None)
    assert (sight.cells, sight.points, sight.serial_seen) == ((), (), "")
    assert sight.jpeg.startswith(b"\xff\xd8\xff")


def test_what_is_refused_is_refused_in_the_same_words(looking: Looking) -> None:
    for data in (b"<svg>", PHOTO[:2000], png(50_000, 50_000), b"\0" * (BYTES_MAX + 1)):
        with pytest.raises(PhotoError) as here:
            picture(data)
        with pytest.raises(PhotoError) as there:
            look(looking, data)
        assert (there.value.why, str(there.value)) == (here.value.why, str(here.value))
    assert look(looking, PHOTO).cells


def test_a_photo_that_kills_its_process_is_refused_and_the_next_one_is_read() -> None:
    with Looking(1, "tests.gateway.photo.readers:Bad") as looking:
        for _ in range(2):
            with pytest.raises(PhotoError, match="cannot be looked at") as caught:
                look(looking, plain("red"))
            assert caught.value.why is Why.DAMAGED
            assert look(looking, plain("white")).cells


def test_a_photo_whose_reading_takes_all_memory_is_taken_unread() -> None:
    with Looking(1, "tests.gateway.photo.readers:Bad") as looking:
        sight = look(looking, plain("blue"))
        assert (sight.cells, sight.jpeg) == ((), picture(plain("blue")).jpeg)
        assert look(looking, plain("white")).cells


@pytest.mark.parametrize("name", ["no.such.module:Reader", "tests.gateway.photo.readers:Nobody"])
def test_without_a_recogniser_photos_are_taken_unread(name: str) -> None:
    with Looking(1, name) as looking:
        assert look(looking, PHOTO)._replace(cells=()) == look(looking, PHOTO)


def test_what_a_library_prints_is_no_answer() -> None:
    with Looking(1, "tests.gateway.photo.readers:Loud") as looking:
        assert look(looking, PHOTO).cells


def test_a_process_that_hangs_is_killed_and_the_next_photo_is_read() -> None:
    with Looking(1, "tests.gateway.photo.readers:Bad") as looking:
        assert look(looking, plain("white")).cells
        looking._answer_s = 2.0
        with pytest.raises(PhotoError, match="cannot be looked at") as caught:
            look(looking, plain("lime"))
        assert caught.value.why is Why.DAMAGED
        looking._answer_s = ANSWER_S
        assert look(looking, plain("white")).cells


def test_whoever_waits_too_long_for_a_process_is_told_to_come_again() -> None:
    with Looking(1, "tests.gateway.photo.readers:Bad", turn_s=0.1) as looking:
        assert look(looking, plain("white")).cells
        worker = looking._seats.get()
        looking._seats.put(worker)
        assert worker is not None
        said: list[Why] = []

        def hang() -> None:
            with pytest.raises(PhotoError) as caught:
                look(looking, plain("lime"))
            said.append(caught.value.why)

        thread = threading.Thread(target=hang)
        thread.start()
        while not looking._seats.empty():
            time.sleep(0.01)
        with pytest.raises(PhotoError, match="send it again") as caught:
            look(looking, PHOTO)
        assert caught.value.why is Why.BUSY
        worker._process.kill()
        thread.join()
        assert said == [Why.DAMAGED]
        assert look(looking, plain("white")).cells


def test_a_process_has_limits_of_memory_and_time() -> None:
    with Looking(1, "tests.gateway.photo.readers:Curious") as looking:
        told = [look(looking, PHOTO).serial_seen.split() for _ in range(2)]
    for memory, core, _ in told:
        assert (int(memory), int(core)) == (MEMORY_BYTES_MAX, 0)
    assert CPU_S_MAX < int(told[0][2]) <= int(told[1][2]) < 3 * CPU_S_MAX


def test_the_model_that_ships_reads_within_the_limits() -> None:
    frame = Frame(((150, 200), (800, 200), (800, 380), (150, 380)))
    with Looking(1, "tests.gateway.photo.framed:Framed") as looking:
        sight = look(looking, PHOTO, frame)
    assert len(sight.cells) == MASK.cells
    assert sight.points == frame.corners(640, 480).points
    assert all(0 <= cell.sure <= 1 for cell in sight.cells)


def test_processes_end_with_the_looking() -> None:
    with Looking(2, "tests.gateway.photo.readers:Plain") as looking:
        look(looking, PHOTO)
        workers = [looking._seats.get() for _ in range(2)]
        for worker in workers:
            looking._seats.put(worker)
    (process,) = [worker._process for worker in workers if worker is not None]
    assert process.returncode is not None
