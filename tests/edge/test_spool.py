"""The spool keeps what it said it has: over kills, torn files, flipped bits and full disks."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.batch import GENESIS, chain_hash
from edge.head_file import Head, HeadFile
from edge.spool import FILE, HEAD_FILE, Spool, SpoolError, SpoolFull, glance, in_use
from edge.spool_file import DAMAGED_FILES_MAX
from tests.edge.spool_writer import MAX_BYTES, content

ROOT = Path(__file__).parents[2]


def a_spool(folder: Path, *, max_bytes: int = MAX_BYTES) -> Spool:
    return Spool(folder, max_bytes=max_bytes, durability="off")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = a_spool(tmp_path)
    yield opened
    opened.close()


def fill(spool: Spool, count: int, *, readings: int = 10) -> None:
    for _ in range(count):
        spool.append(content, readings=readings)


def chain_of(spool: Spool) -> dict[int, bytes]:
    """What waits, every batch checked to be the one its number promises."""
    held = {}
    for number in spool.waiting(limit=10**6):
        message = spool.message(number)
        if message is not None:
            assert message.startswith(b"batch %d after " % number)
            held[number] = message
    # Looking at a damaged row has removed it.
    assert spool.waiting(limit=10**6) == list(held)
    for number, message in held.items():
        if number - 1 in held:
            assert chain_hash(held[number - 1]) in message
    return held


class TestKeeping:
    def test_batches_are_numbered_and_chained_from_the_beginning(self, spool: Spool) -> None:
        fill(spool, 3)
        assert list(chain_of(spool)) == [1, 2, 3]
        assert spool.message(1) == content(1, GENESIS)
        assert spool.hash_of(3) == chain_hash(content(3, chain_hash(chain_of(spool)[2])))
        assert spool.head == 3

    def test_everything_is_there_after_reopening(self, tmp_path: Path) -> None:
        first = a_spool(tmp_path)
        fill(first, 5)
        first.acknowledge(2, [(4, 4)])
        held = chain_of(first)
        first.close()
        second = a_spool(tmp_path)
        assert chain_of(second) == held
        assert (second.head, second.through, second.count()) == (5, 2, 2)
        assert second.counters == (50, 50, 30, 0)
        assert second.set_aside == []
        second.close()

    def test_a_seal_that_fails_costs_no_number(self, spool: Spool) -> None:
        def broken(sequence: int, previous: bytes) -> bytes:
            raise ValueError(f"{sequence} {previous!r}")

        fill(spool, 1)
        with pytest.raises(ValueError, match=r"^2 "):
            spool.append(broken, readings=1)
        fill(spool, 1)
        assert list(chain_of(spool)) == [1, 2]

    def test_what_is_acknowledged_above_a_gap_leaves_but_its_hash_stays(self, spool: Spool) -> None:
        fill(spool, 5)
        digest = spool.hash_of(4)
        assert spool.acknowledge(1, [(3, 4)]) == 30
        assert spool.waiting(limit=10) == [2, 5]
        assert spool.message(4) is None
        assert spool.hash_of(4) == digest
        assert spool.acknowledge(4) == 10
        assert spool.waiting(limit=10) == [5]
        assert spool.hash_of(4) == digest
        assert spool.hash_of(3) is None

    def test_the_head_s_hash_is_known_when_nothing_waits(self, spool: Spool) -> None:
        fill(spool, 2)
        digest = spool.hash_of(2)
        spool.acknowledge(2)
        assert spool.count() == 0
        assert spool.used_bytes == 0
        assert spool.hash_of(2) == digest

    def test_an_older_acknowledgement_takes_nothing_back(self, spool: Spool) -> None:
        fill(spool, 3)
        spool.acknowledge(3)
        assert spool.acknowledge(1) == 0
        assert spool.through == 3

    def test_readings_taken_and_not_stored_are_counted_with_the_next_batch(
        self, spool: Spool
    ) -> None:
        spool.append(content, readings=10, polled=14)
        assert spool.counters[:2] == (14, 10)

    def test_two_processes_never_number_batches_in_one_folder(
        self, spool: Spool, tmp_path: Path
    ) -> None:
        assert in_use(tmp_path)
        with pytest.raises(SpoolError, match="in use: is the agent running"):
            a_spool(tmp_path)
        fill(spool, 1)

    def test_a_glance_changes_nothing_and_disturbs_nobody(
        self, spool: Spool, tmp_path: Path
    ) -> None:
        fill(spool, 3)
        spool.acknowledge(1)
        seen = glance(tmp_path)
        assert seen is not None
        assert (seen.state.head, seen.state.through, seen.waiting) == (3, 1, 2)
        assert seen.oldest == spool.message(2)
        fill(spool, 1)
        assert glance(tmp_path / "elsewhere") is None
        assert not in_use(tmp_path / "elsewhere")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_rights_is_one_clear_line(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(SpoolError, match="Permission denied"):
            a_spool(tmp_path / "state")

    def test_a_file_where_the_folder_should_be_is_one_clear_line(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("")
        with pytest.raises(SpoolError, match=r"state for the spool: .*exists"):
            a_spool(tmp_path / "state")


class TestBound:
    def test_at_the_bound_nothing_is_stored_and_nothing_is_lost(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, max_bytes=2000)
        filling = []
        with pytest.raises(SpoolFull, match="of 2000 bytes"):  # noqa: PT012 - until it is full
            while True:
                fill(spool, 1)
                filling.append(spool.filling)
        held = chain_of(spool)
        assert spool.head == len(held) == len(filling)
        assert filling[0] is False
        assert filling[-1] is True
        assert spool.used_bytes == sum(map(len, held.values())) <= 2000
        spool.acknowledge(len(held))
        fill(spool, 1)
        assert list(chain_of(spool)) == [len(held) + 1]
        spool.close()

    def test_the_file_does_not_grow_with_what_went_through(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        for _ in range(40):
            fill(spool, 50)
            spool.acknowledge(spool.head)
        size = sum(file.stat().st_size for file in tmp_path.iterdir())
        assert size < 8 * 1024 * 1024
        spool.close()


class TestDamage:
    def test_a_row_whose_bytes_changed_is_given_up_alone(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 3)
        spool.close()
        with sqlite3.connect(tmp_path / FILE) as db:
            db.execute("UPDATE batch SET message = ZEROBLOB(LENGTH(message)) WHERE sequence = 2")
        db.close()
        again = a_spool(tmp_path)
        assert again.message(2) is None
        assert again.waiting(limit=10) == [1, 3]
        assert again.counters.lost_batches == 1
        assert again.used_bytes == sum(map(len, chain_of(again).values()))
        again.close()

    def test_a_file_that_is_no_database_is_set_aside_and_numbering_goes_on(
        self, tmp_path: Path
    ) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 7)
        digest = spool.hash_of(7)
        spool.close()
        (tmp_path / FILE).write_bytes(Random(1).randbytes(5000))
        again = a_spool(tmp_path)
        assert [path.name for path in again.set_aside] == [f"{FILE}.damaged-1"]
        assert again.set_aside[0].stat().st_size == 5000
        assert (again.head, again.hash_of(7), again.count()) == (7, digest, 0)
        fill(again, 1)
        assert list(chain_of(again)) == [8]
        again.close()

    def test_a_vanished_database_is_taken_for_lost_not_for_new(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 7)
        spool.close()
        (tmp_path / FILE).unlink()
        again = a_spool(tmp_path)
        fill(again, 1)
        assert list(chain_of(again)) == [8]
        again.close()

    def test_a_database_put_back_from_a_backup_gives_no_number_twice(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 3)
        spool.close()
        old = (tmp_path / FILE).read_bytes()
        spool = a_spool(tmp_path)
        fill(spool, 4)
        spool.close()
        (tmp_path / FILE).write_bytes(old)
        again = a_spool(tmp_path)
        assert again.waiting(limit=10) == [1, 2, 3]
        assert again.counters.lost_batches == 4
        fill(again, 1)
        assert again.head == 8
        again.close()

    def test_without_the_head_file_a_sound_database_is_enough(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 3)
        spool.close()
        (tmp_path / HEAD_FILE).write_bytes(b"")
        again = a_spool(tmp_path)
        assert (again.head, again.set_aside) == (3, [])
        again.close()
        (tmp_path / FILE).write_bytes(b"gone")
        third = a_spool(tmp_path)
        assert third.head == 3
        third.close()

    def test_with_both_lost_no_number_is_guessed(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 3)
        spool.close()
        (tmp_path / FILE).write_bytes(b"no database at all")
        (tmp_path / HEAD_FILE).write_bytes(b"")
        with pytest.raises(SpoolError, match="enroll anew"):
            a_spool(tmp_path)

    def test_damage_found_while_running_is_healed_on_the_spot(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 400)
        spool.close()
        spool = a_spool(tmp_path)
        tear(tmp_path / FILE, Random(5), pages=30)
        fill(spool, 400)
        spool.acknowledge(3, [(5, 10)])
        chain = chain_of(spool)
        assert spool.head == 800
        assert 800 in chain
        spool.close()

    def test_damaged_files_do_not_pile_up(self, tmp_path: Path) -> None:
        for _ in range(DAMAGED_FILES_MAX + 2):
            spool = a_spool(tmp_path)
            fill(spool, 1)
            spool.close()
            (tmp_path / FILE).write_bytes(b"torn")
        a_spool(tmp_path).close()
        assert len(list(tmp_path.glob("*.damaged-*"))) == DAMAGED_FILES_MAX

    @pytest.mark.parametrize("complete", [True, False])
    def test_a_crash_while_a_file_is_exchanged_loses_nothing(
        self, tmp_path: Path, *, complete: bool
    ) -> None:
        spool = a_spool(tmp_path)
        fill(spool, 3)
        spool.close()
        new = tmp_path / f"{FILE}.new"
        if complete:
            # Killed between the two renames: the old file is aside, the new one not yet in place.
            (tmp_path / FILE).rename(new)
        else:
            new.write_bytes(b"half a file")
        again = a_spool(tmp_path)
        assert list(chain_of(again)) == [1, 2, 3]
        assert not new.exists()
        again.close()

    @settings(max_examples=int(os.environ.get("PLOMBA_EXAMPLES", "150")), deadline=None)
    @given(seed=st.integers(0, 2**32), count=st.integers(1, 60), flips=st.integers(1, 40))
    def test_whatever_bytes_change_no_number_is_reused_and_nothing_wrong_is_sent(
        self, seed: int, count: int, flips: int
    ) -> None:
        chance = Random(seed)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spool = a_spool(folder)
            fill(spool, count)
            spool.acknowledge(count // 3)
            original = chain_of(spool)
            if chance.random() < 0.5:
                # As a power cut leaves it: with its log.
                for file in [folder / FILE, folder / f"{FILE}-wal"]:
                    (folder / f"{file.name}.kept").write_bytes(file.read_bytes())
                spool.close()
                for file in folder.glob("*.kept"):
                    file.rename(folder / file.name.removesuffix(".kept"))
            else:
                spool.close()
            victims = sorted(folder.glob(f"{FILE}*"))
            for _ in range(flips):
                flip(chance.choice(victims), chance)
            again = a_spool(folder)
            assert again.head == count
            held = chain_of(again)
            for number in held.keys() & original.keys():
                assert held[number] == original[number]
            fill(again, 2)
            assert {count + 1, count + 2} <= chain_of(again).keys()
            again.close()


@pytest.mark.processes
def test_a_killed_writer_has_kept_everything_it_said_it_had(tmp_path: Path) -> None:
    chance = Random(7)
    told: list[int] = []
    rounds = int(os.environ.get("PLOMBA_KILL_ROUNDS", "12"))
    for _ in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.edge.spool_writer", str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            told += [int(writer.stdout.readline()) for _ in range(chance.randint(1, 60))]
            writer.send_signal(signal.SIGKILL)
            told += [int(line) for line in writer.stdout.read().split()]
        spool = Spool(tmp_path, max_bytes=MAX_BYTES)
        assert spool.set_aside == []
        # Every number was told once, none twice; at most the last one was stored and not told.
        assert told == sorted(set(told))
        assert told[-1] <= spool.head <= told[-1] + 1
        held = chain_of(spool)
        assert set(held) == set(range(spool.through + 1, spool.head + 1))
        told.extend(range(told[-1] + 1, spool.head + 1))
        spool.close()


def test_a_torn_head_record_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / HEAD_FILE
    file = HeadFile(path, durable=True)
    for number in range(1, 4):
        file.write(Head(number, bytes([number]) * 32))
    assert file.read() == Head(3, bytes([3]) * 32)
    file.close()
    torn = bytearray(path.read_bytes())
    torn[4096 + 20] ^= 0xFF
    path.write_bytes(torn)
    file = HeadFile(path, durable=True)
    assert file.read() == Head(2, bytes([2]) * 32)
    file.close()


def flip(path: Path, chance: Random) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)


def tear(path: Path, chance: Random, *, pages: int) -> None:
    """Overwrite pages in place, as a dying card does under an open file."""
    with path.open("r+b") as file:
        size = path.stat().st_size
        for _ in range(pages):
            file.seek(chance.randrange(1, size // 4096) * 4096)
            file.write(chance.randbytes(4096))
