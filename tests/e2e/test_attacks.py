"""Everything an attacker may try, one after the other, on one running house.

A real mosquitto with the rules and certificates that the gateway makes, and the gateway as a
process. Each attack has its refusal and its record; after each the good device is heard as before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import cbor2
import pytest

from cloud_sync import topics
from cloud_sync.batch import GENESIS
from cloud_sync.invitation import new_secret
from cloud_sync.signing import SigningKey
from gateway.flood import BURST
from gateway.ingest import Incoming
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import needs_mosquitto
from tests.e2e.place import until
from tests.e2e.siege import BROKER_KB_MAX, GOOD, LOST, LOUD, THIEF, Siege
from tests.gateway.estate import MIDNIGHT_MS, Device, a_readout, kwh

pytestmark = [pytest.mark.processes, *needs_mosquitto]
SECOND = 1 / 86_400
GIANT = 100 * 1024 * 1024
FLOOD = 400
KNOCKS = 40


async def another_topic(siege: Siege) -> None:
    forged = siege.batch(THIEF)
    siege.devices[THIEF].sent.clear()
    said = await siege.say(THIEF, Incoming(topics.batch_topic(GOOD), forged.payload))
    assert "Not authorized" in said
    assert siege.broker_said(f"Denied PUBLISH from {THIEF}") == 1


async def replay(siege: Siege) -> None:
    old = siege.devices[GOOD].sent[0]
    before = siege.stored(GOOD)
    assert await siege.say(GOOD, old) == ""
    assert await siege.say(THIEF, Incoming(topics.batch_topic(THIEF), old.payload)) == ""
    await until(lambda: siege.quarantined("wrong-device") == 1)
    await until(lambda: ("repeated_batches", 1) in siege.asked("SELECT name, value FROM tally"))
    assert siege.stored(GOOD) == before


async def reorder(siege: Siege) -> None:
    late, soon = siege.batch(GOOD), siege.batch(GOOD)
    assert await siege.say(GOOD, soon, late) == ""
    await until(lambda: siege.stored(GOOD) == len(siege.devices[GOOD].sent))


async def unknown_key(siege: Siege) -> None:
    stranger = Device(THIEF)
    stranger.key = SigningKey.generate()
    assert await siege.say(THIEF, stranger.sign(a_readout(MIDNIGHT_MS, kwh(9)))) == ""
    await until(lambda: siege.quarantined("unknown-key") == 1)
    assert siege.stored(THIEF) == 0


async def clone(siege: Siege) -> None:
    copy = Device(GOOD)
    copy.key = siege.devices[GOOD].key
    copy.sent = siege.devices[GOOD].sent[:-1]
    forged = copy.sign(a_readout(MIDNIGHT_MS, kwh(5)), boot=b"\1" * 8)
    assert await siege.say(GOOD, forged) == ""
    await until(lambda: siege.quarantined("sequence-reused") == 1)
    (found,) = [one for one in await siege.listed("identity", "list") if one["cloned"]]
    assert found["device"] == GOOD
    assert found["cloned"]["sequence"] == len(copy.sent)
    assert found["cloned"]["other_boot"] == "01" * 8
    acts = siege.asked("SELECT count(*) FROM audit WHERE act = 'device cloned?'")
    assert acts == [(1,)]


async def expired_certificate(siege: Siege) -> None:
    siege.place.certify(THIEF, "expired", days=SECOND)
    ends_ms = system_clock() + 1000
    await until(lambda: system_clock() > ends_ms + 1000)
    before = siege.broker_said("OpenSSL Error")
    assert await siege.say(THIEF, siege.batch(THIEF), stem="expired") != ""
    siege.devices[THIEF].sent.clear()
    await until(lambda: siege.broker_said("OpenSSL Error") > before)


async def revoked_device(siege: Siege) -> None:
    assert await siege.say(LOST, siege.batch(LOST)) == ""
    await until(lambda: siege.stored(LOST) == 1)
    before = siege.broker_said("Reloading config")
    await siege.place.run("identity", "revoke", LOST, "--why", "stolen")
    rules = siege.folder / "rules/devices.acl"
    await until(lambda: f"user {LOST}" not in rules.read_text())
    await until(lambda: siege.broker_said("Reloading config") > before)
    assert await siege.say(LOST, siege.batch(LOST)) != ""
    acts = siege.asked("SELECT subject FROM audit WHERE act = 'identity revoke'")
    assert acts == [(LOST,)]
    assert siege.stored(LOST) == 1


async def older_tls(siege: Siege) -> None:
    before = siege.broker_said("OpenSSL Error")
    assert await siege.old_tls(THIEF) != ""
    await until(lambda: siege.broker_said("OpenSSL Error") > before)


async def giant_message(siege: Siege) -> None:
    assert await siege.giant(THIEF, GIANT) < GIANT
    assert siege.broker_kb() < BROKER_KB_MAX


async def bombs(siege: Siege) -> None:
    topic, key = topics.batch_topic(THIEF), siege.devices[THIEF].key
    twice = b"\xa2\x61a\x01\x61a\x02"
    whole = siege.batch(THIEF)
    siege.devices[THIEF].sent.clear()
    inside = [
        b"\x81" * 5000 + b"\x01",
        b"\x9b" + b"\xff" * 8,
        b"\x5b" + (2**40).to_bytes(8, "big"),
        twice,
        b"\xd8\x1c" + cbor2.dumps([1, 2]),
        cbor2.dumps(float("nan")),
    ]
    outside = [*inside[:4], b"", whole.payload + b"\0", b"\xd8\x1c" + whole.payload]
    sealed = [Incoming(topic, key.seal(content, topic)) for content in inside]
    assert await siege.say(THIEF, *sealed, *(Incoming(topic, one) for one in outside)) == ""
    await until(lambda: siege.quarantined("not-canonical") == len(inside))
    await until(lambda: siege.quarantined("malformed") == len(outside))
    assert siege.stored(THIEF) == 0


async def flood(siege: Siege) -> None:
    topic, key = topics.batch_topic(LOUD), siege.devices[LOUD].key
    sound = key.seal(GENESIS, topic)
    forged = [Incoming(topic, sound[:-2] + at.to_bytes(2, "big")) for at in range(FLOOD)]
    before_s = asyncio.get_running_loop().time()
    assert await siege.say(LOUD, *forged) == ""

    def counted() -> int:
        return siege.quarantined("bad-signature") + siege.quarantined("flood")

    # What was not heard is written with the next group, so somebody has to speak.
    while counted() < FLOOD:
        await siege.good(1)
    lasted_s = asyncio.get_running_loop().time() - before_s
    assert siege.quarantined("bad-signature") <= BURST + lasted_s + 1
    assert siege.quarantined("flood") > 0


async def brute_force(siege: Siege) -> None:
    invitation = await siege.invite()
    said = [await siege.enrol(invitation, f"guess-{at}", new_secret()) for at in range(KNOCKS)]
    assert set(said) == {"unknown-invitation", "too-often"}
    refused = {one["reason"] for one in await siege.listed("identity", "refused")}
    assert refused >= {"unknown-invitation", "too-often"}


async def race(siege: Siege) -> None:
    invitation = await siege.invite()
    names = ["left", "right", "third"]
    said = await asyncio.gather(*(siege.enrol(invitation, name) for name in names))
    assert sorted(said) == ["in", "used-invitation", "used-invitation"]
    known = {one["device"] for one in await siege.listed("identity", "list")}
    assert len(known & set(names)) == 1


# The race stands before the knocking: it comes from the same address.
ATTACKS: tuple[Callable[[Siege], Awaitable[None]], ...] = (
    another_topic,
    replay,
    reorder,
    unknown_key,
    expired_certificate,
    revoked_device,
    older_tls,
    giant_message,
    bombs,
    flood,
    race,
    brute_force,
    clone,
)


async def test_each_attack_is_refused_and_recorded_and_the_good_device_is_heard(
    tmp_path: Path,
) -> None:
    siege = Siege(tmp_path)
    try:
        await siege.set_up()
        await siege.good()
        for attack in ATTACKS:
            await attack(siege)
            await siege.good()
        good = siege.devices[GOOD].sent
        ranges = siege.asked(
            "SELECT name, first, last FROM chain_range JOIN device USING (device_no) ORDER BY name"
        )
        assert ranges == [(GOOD, 1, len(good)), (LOST, 1, 1)]
        readings = siege.asked("SELECT count(*) FROM reading")
        assert readings == [(len(good) + siege.stored(LOST),)]
        assert "Traceback" not in (tmp_path / "gateway.log").read_text()
    finally:
        await siege.place.end()
