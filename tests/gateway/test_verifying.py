"""Verifying ahead in worker processes changes nothing but who spends the time."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud_sync import topics
from cloud_sync.batch import chain_hash
from cloud_sync.signing import SigningKey
from gateway.ingest import Ingest, Outcome
from gateway.opening import Incoming
from gateway.sql.store import SqlStore
from gateway.verify_worker import Task
from gateway.verifying import Verifier
from tests.gateway import streams
from tests.gateway.test_columns import INTERVALS_MIN, a_store, ledger

NOW_MS = streams.START_MS + 90 * streams.DAY_MS
MESSAGES = streams.mixed(3, streams.stream(3, 25, streams.troubled, INTERVALS_MIN))


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with Verifier(2) as verifier:
        yield verifier


def in_groups(ingest: Ingest) -> list[Outcome]:
    """Each group prepared before the one before it is entered."""
    outcomes, ahead = [], None
    for number, group in enumerate(streams.groups(5, MESSAGES)):
        prepared = ingest.prepare(group)
        if ahead is not None:
            outcomes.append(ingest.process_prepared(ahead, NOW_MS + number))
        ahead = prepared
    if ahead is not None:
        outcomes.append(ingest.process_prepared(ahead, NOW_MS + 1000))
    return outcomes


def test_a_stream_ends_as_without_workers(tmp_path: Path, verifier: Verifier) -> None:
    ahead, here = a_store(tmp_path / "ahead.db"), a_store(tmp_path / "here.db")
    found = in_groups(Ingest(ahead, streams.GATEWAY_KEY, verifier=verifier))
    assert found == in_groups(Ingest(here, streams.GATEWAY_KEY))
    assert ledger(ahead) == ledger(here)


def test_process_is_both_steps(tmp_path: Path, verifier: Verifier) -> None:
    ahead, here = a_store(tmp_path / "ahead.db"), a_store(tmp_path / "here.db")
    found = Ingest(ahead, streams.GATEWAY_KEY, verifier=verifier).process(MESSAGES, NOW_MS)
    assert found == Ingest(here, streams.GATEWAY_KEY).process(MESSAGES, NOW_MS)
    assert ledger(ahead) == ledger(here)


def a_task(*, key: SigningKey | None = None, decode: bool = True) -> Task:
    device = streams.Device("one")
    sealed = device.seal(list(streams.plain(_RANDOM, device, 15)), _KNOWN)
    public = (key or SigningKey.from_seed(b"one".ljust(32, b"."))).public
    return Task(public.public_bytes, sealed.topic, sealed.payload, decode)


_RANDOM = streams.Random(1)
_KNOWN = streams.ClockState.SYNCHRONISED


def sound(verifier: Verifier, *tasks: Task) -> list[bool]:
    parts = verifier.start(tasks)
    return [one is not None for part in parts for one in part.result()]


def test_only_what_is_signed_by_that_key_for_that_topic_is_sound(verifier: Verifier) -> None:
    good = a_task()
    stolen = Task(good.public_key, topics.batch_topic("two"), good.message, decode=True)
    damaged = Task(good.public_key, good.topic, good.message[:-1] + b"\0", decode=True)
    other = a_task(key=SigningKey.from_seed(bytes(32)))
    nobody = Task(b"", good.topic, good.message, decode=True)
    noise = Task(good.public_key, good.topic, b"\xd2\x84", decode=True)
    tasks = (good, stolen, damaged, other, nobody, noise, good)
    assert sound(verifier, *tasks) == [True, False, False, False, False, False, True]


def test_what_is_sound_comes_with_its_hash_and_its_batch(verifier: Verifier) -> None:
    (part,) = verifier.start([a_task(), a_task(decode=False)])
    decoded, plain = part.result()
    assert decoded is not None
    assert plain is not None
    assert decoded.batch is not None
    assert decoded.batch.device == "one"
    assert plain.batch is None
    assert decoded.hash == chain_hash(a_task().message)


def test_a_dead_worker_costs_no_message_and_is_told(tmp_path: Path) -> None:
    ahead, here = a_store(tmp_path / "ahead.db"), a_store(tmp_path / "here.db")
    with Verifier(1) as verifier, capture_logs() as logs:
        ingest, plain = (
            Ingest(ahead, streams.GATEWAY_KEY, verifier=verifier),
            Ingest(here, streams.GATEWAY_KEY),
        )
        assert ingest.process(MESSAGES[:20], NOW_MS) == plain.process(MESSAGES[:20], NOW_MS)
        assert sound(verifier, *[a_task()] * 4) == [True] * 4
        (first,) = workers(verifier)
        os.kill(first, signal.SIGKILL)
        assert ingest.process(MESSAGES[20:], NOW_MS) == plain.process(MESSAGES[20:], NOW_MS)
        assert sound(verifier, *[a_task()] * 4) == [True] * 4
        (second,) = workers(verifier)
    assert second != first
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert "verified here" in logs[0]["event"]
    assert ledger(ahead) == ledger(here)


def test_nothing_is_left_of_the_workers() -> None:
    with Verifier(2) as own:
        sound(own, *[a_task()] * 8)
        pids = workers(own)
        assert len(pids) == 2
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_messages_prepared_before_the_workers_ended_are_verified_here(tmp_path: Path) -> None:
    store = a_store(tmp_path / "ledger.db")
    with Verifier(1) as verifier:
        ingest = Ingest(store, streams.GATEWAY_KEY, verifier=verifier)
        prepared = ingest.prepare(MESSAGES)
    with capture_logs():
        assert ingest.process_prepared(prepared, NOW_MS).counts["batches"] > 40


def test_a_key_that_ended_meanwhile_signs_nothing(tmp_path: Path, verifier: Verifier) -> None:
    store = a_store(tmp_path / "ledger.db")
    ingest = Ingest(store, streams.GATEWAY_KEY, verifier=verifier)
    device = streams.Device("one")
    first, *rest = [seal(device) for _ in range(9)]
    assert ingest.process([first], NOW_MS).counts["batches"] == 1
    prepared = ingest.prepare(rest)
    _end_key(store, a_task().public_key)
    assert ingest.process_prepared(prepared, NOW_MS).counts == {"refused": 8}
    assert {row.reason for row in store.quarantine.kept()} == {"key-not-valid"}


def test_a_group_bound_holds_for_prepared_messages(tmp_path: Path, verifier: Verifier) -> None:
    device = streams.Device("one")
    ingest = Ingest(a_store(tmp_path / "l.db"), streams.GATEWAY_KEY, verifier=verifier)
    prepared = ingest.prepare([seal(device) for _ in range(205)])
    assert [len(group) for group in prepared.groups] == [100, 100, 5]
    assert ingest.process_prepared(prepared, NOW_MS).counts["batches"] == 205


def seal(device: streams.Device) -> Incoming:
    device.now_ms += 15 * streams.MINUTE_MS
    return device.seal(list(streams.plain(_RANDOM, device, 15)), _KNOWN)


def workers(verifier: Verifier) -> list[int]:
    return [worker._process.pid for worker in verifier._running]


def _end_key(store: SqlStore, public_key: bytes) -> None:
    with store.transaction() as connection:
        connection.execute(
            "UPDATE device_key SET valid_to_ms = 1 WHERE public_key = ?", (public_key,)
        )
        connection.execute("UPDATE registry_revision SET revision = revision + 1")
