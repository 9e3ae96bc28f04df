"""Everything an attacker may try, one after the other, on one running house.

A real mosquitto with the rules and certificates that the gateway makes, and the gateway as a
process. Each attack has its refusal and its record; two devices that nobody attacks speak all the
while, in one session each, and every batch of theirs gets its receipt.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import cbor2
import pytest

from cloud_sync import mqtt, signing, topics, visit
from cloud_sync.batch import GENESIS
from cloud_sync.invitation import Invitation, new_secret, parse
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Disconnected
from cloud_sync.visit import Level, Remove, Visit, When
from drivers.reading import ClockState, Unit
from gateway.flood import BURST
from gateway.ingest import Incoming
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST, needs_mosquitto
from tests.e2e import attacker
from tests.e2e.place import until
from tests.e2e.siege import (
    BESIDE,
    BROKER_KB_MAX,
    COLLECTOR,
    GOOD,
    HOUSE,
    LATE,
    LOST,
    LOUD,
    THIEF,
    VICTIM,
    Siege,
)
from tests.gateway.estate import MIDNIGHT_MS, Device, a_readout, kwh

# A minute; many on a machine that has much else to do.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(1200), *needs_mosquitto]
SECOND = 1 / 86_400
GIANT = 100 * 1024 * 1024
FLOOD = 400
AT_ONCE, KNOCKS_MAX = 10, 400
MINUTE_S = 60


async def publish_as_another(siege: Siege) -> None:
    forged = siege.batch(THIEF)
    siege.forget([THIEF])
    said = await siege.say(THIEF, Incoming(topics.batch_topic(VICTIM), forged.payload))
    assert "Not authorized" in said
    assert siege.broker_said(f"Denied PUBLISH from {THIEF}") == 1


async def listen_to_another(siege: Siege) -> None:
    own, theirs = topics.receipt_topic(THIEF), topics.receipt_topic(GOOD)
    async with mqtt.connect(siege.settings(THIEF)) as transport:
        # mosquitto grants any filter; what counts is that nothing comes through it.
        for wanted in (own, theirs, topics.command_topic(GOOD), "#", topics.ALL_BATCHES):
            await transport.subscribe(wanted)
        await siege.peace()
        await transport.publish(*siege.batch(THIEF))
        heard = await anext(aiter(transport.messages()))
    assert heard.topic == own
    assert siege.broker_said(f"{THIEF} 1 {theirs}") == 1


async def take_over(siege: Siege) -> None:
    sessions = {name: siege.sessions(name) for name in (GOOD, COLLECTOR, THIEF)}
    for name in (GOOD, COLLECTOR):
        # At either door the broker takes the name from the certificate, not from the client.
        for port in (siege.place.devices, siege.place.collectors):
            settings = siege.settings(name, THIEF, port)
            assert await attacker.knock(settings, tls=attacker.context(settings))
    assert siege.sessions(THIEF) == sessions[THIEF] + 4
    assert (siege.sessions(GOOD), siege.sessions(COLLECTOR)) == (1, 1)


async def replay(siege: Siege) -> None:
    assert await siege.say(VICTIM, siege.batch(VICTIM), siege.batch(VICTIM)) == ""
    await until(lambda: siege.stored(VICTIM) == 2)
    old = siege.devices[VICTIM].sent[0]
    assert await siege.say(VICTIM, old) == ""
    assert await siege.say(THIEF, Incoming(topics.batch_topic(THIEF), old.payload)) == ""
    await until(lambda: siege.quarantined("wrong-device") == 1)
    await until(lambda: ("repeated_batches", 1) in siege.asked("SELECT name, value FROM tally"))
    assert siege.stored(VICTIM) == 2


async def reorder(siege: Siege) -> None:
    late, soon = siege.batch(VICTIM), siege.batch(VICTIM)
    assert await siege.say(VICTIM, soon, late) == ""
    await until(lambda: siege.stored(VICTIM) == len(siege.devices[VICTIM].sent))


async def unknown_key(siege: Siege) -> None:
    before = siege.stored(THIEF)
    stranger = Device(THIEF)
    stranger.key = SigningKey.generate()
    assert await siege.say(THIEF, stranger.sign(a_readout(MIDNIGHT_MS, kwh(9)))) == ""
    await until(lambda: siege.quarantined("unknown-key") == 1)
    assert siege.stored(THIEF) == before


async def clone(siege: Siege) -> None:
    before = siege.stored(VICTIM)
    copy = Device(VICTIM)
    copy.key = siege.devices[VICTIM].key
    copy.sent = siege.devices[VICTIM].sent[:-1]
    forged = copy.sign(a_readout(MIDNIGHT_MS, kwh(5)), boot=b"\1" * 8)
    assert await siege.say(VICTIM, forged) == ""
    await until(lambda: siege.quarantined("sequence-reused") == 1)
    (found,) = [one for one in await siege.listed("identity", "list") if one["cloned"]]
    assert found["device"] == VICTIM
    assert found["cloned"]["sequence"] == len(copy.sent)
    assert found["cloned"]["other_boot"] == "01" * 8
    assert siege.acts("device cloned?") == [VICTIM]
    assert siege.stored(VICTIM) == before


async def expired_certificate(siege: Siege) -> None:
    siege.place.certify(THIEF, "expired", days=SECOND)
    ended_ms = system_clock() + 2000
    await until(lambda: system_clock() > ended_ms)
    await _shut_out(siege, THIEF, "expired")


async def revoked_device(siege: Siege) -> None:
    assert await siege.say(LOST, siege.batch(LOST)) == ""
    await until(lambda: siege.stored(LOST) == 1)
    settings, late = siege.settings(LOST), siege.batch(LOST)
    siege.forget([LOST])
    async with mqtt.connect(settings) as session:
        before = siege.broker_said("Reloading config")
        await siege.place.run("identity", "revoke", LOST, "--why", "stolen")
        rules = siege.folder / "rules/devices.acl"
        await until(lambda: f"user {LOST}" not in rules.read_text())
        await until(lambda: siege.broker_said("Reloading config") > before)
        # In the session it has it is mute,
        with pytest.raises(Disconnected, match="Not authorized"):
            await session.publish(*late)
    assert siege.broker_said(f"Denied PUBLISH from {LOST}") == 1
    # and with the revocation list, which may come a look later than the rules, no other is opened.
    ((revoked_at_ms,),) = siege.asked("SELECT at_ms FROM audit WHERE act = 'identity revoke'")
    while await attacker.knock(settings, tls=attacker.context(settings)):
        assert system_clock() - revoked_at_ms < MINUTE_S * 1000
        await asyncio.sleep(0.1)
    await _shut_out(siege, LOST, LOST)
    assert siege.acts("identity revoke") == [LOST]
    assert siege.stored(LOST) == 1


async def _shut_out(siege: Siege, name: str, stem: str) -> None:
    """No session under this certificate, and the broker's log tells of the attempt."""
    refused, sessions = siege.handshakes_refused(), siege.sessions(name)
    settings = siege.settings(name, stem)
    assert not await attacker.knock(settings, tls=attacker.context(settings))
    await until(lambda: siege.handshakes_refused() > refused)
    assert siege.sessions(name) == sessions


async def older_tls_or_no_name(siege: Siege) -> None:
    settings, sessions = siege.settings(THIEF), siege.sessions(THIEF)
    for tls in (attacker.older(settings), attacker.nameless(settings), None):
        refused = siege.handshakes_refused()
        assert not await attacker.knock(settings, tls=tls)
        await until(lambda refused=refused: siege.handshakes_refused() > refused)  # type: ignore[misc] # a default binds the loop's value
    assert siege.sessions(THIEF) == sessions


async def giant_message(siege: Siege) -> None:
    before = siege.broker_said(f"Client {THIEF} disconnected due to")
    assert await attacker.giant(siege.settings(THIEF), GIANT) < GIANT
    await until(lambda: siege.broker_said(f"Client {THIEF} disconnected due to") > before)
    assert siege.broker_kb() < BROKER_KB_MAX


async def bombs(siege: Siege) -> None:
    topic, key = topics.batch_topic(THIEF), siege.devices[THIEF].key
    before = siege.stored(THIEF)
    whole = siege.batch(THIEF)
    siege.forget([THIEF])
    inside = [
        b"\x81" * 5000 + b"\x01",
        b"\x9b" + b"\xff" * 8,
        b"\x5b" + (2**40).to_bytes(8, "big"),
        b"\xa2\x61a\x01\x61a\x02",
        b"\xd8\x1c" + cbor2.dumps([1, 2]),
        cbor2.dumps(float("nan")),
        _longer(signing.parse(whole.payload).payload),
    ]
    outside = [*inside[:4], b"", whole.payload + b"\0", b"\xd8\x1c" + whole.payload]
    sealed = [Incoming(topic, key.seal(content, topic)) for content in inside]
    assert await siege.say(THIEF, *sealed, *(Incoming(topic, one) for one in outside)) == ""
    await until(lambda: siege.quarantined("not-canonical") == len(inside))
    await until(lambda: siege.quarantined("malformed") == len(outside))
    assert siege.stored(THIEF) == before


def _longer(content: bytes) -> bytes:
    """The same batch with its version, 1, in two bytes instead of one."""
    head, version, rest = content[:1], content[1:2], content[2:]
    assert version == b"\x01"
    return head + b"\x18\x01" + rest


async def flood(siege: Siege) -> None:
    """Batches first, and then what should be answers to commands."""
    key, forged = siege.devices[LOUD].key, []
    for topic in (topics.batch_topic(LOUD), topics.state_topic(LOUD)):
        sound = key.seal(GENESIS, topic)
        forged += [Incoming(topic, sound[:-2] + at.to_bytes(2, "big")) for at in range(FLOOD // 2)]
    began_s = asyncio.get_running_loop().time()
    assert await siege.say(LOUD, *forged) == ""
    # What was not heard is written with the next group: the neighbours bring it about.
    await until(lambda: siege.quarantined("bad-signature") + siege.quarantined("flood") == FLOOD)
    lasted_s = asyncio.get_running_loop().time() - began_s
    assert siege.quarantined("bad-signature") <= BURST + lasted_s + 1
    assert siege.quarantined("flood") > 0


async def race_for_an_invitation(siege: Siege) -> None:
    invitation = await invited(siege)
    names = ["left", "right", "third"]
    said = await asyncio.gather(*(attacker.enrol(invitation, name) for name in names))
    assert sorted(said) == ["in", "used-invitation", "used-invitation"]
    assert len(await siege.known() & set(names)) == 1
    refused = await siege.listed("identity", "refused")
    assert sum(one["times"] for one in refused if one["reason"] == "used-invitation") == 2


async def revoke_while_it_enrols(siege: Siege) -> None:
    invitation = await invited(siege, "--device", LATE)
    key = siege.devices[LATE].key
    revoking = siege.place.run("identity", "revoke", LATE, "--why", "stolen")
    said, _ = await asyncio.gather(attacker.enrol(invitation, LATE, key=key), revoking)
    # Whichever came first, it is out with all it has, and stays out.
    assert said in {"in", "device-revoked", "withdrawn-invitation"}
    again = await attacker.enrol(invitation, LATE, key=key)
    assert again in {"device-revoked", "withdrawn-invitation", "used-invitation"}
    refused = await siege.listed("identity", "refused")
    assert again in {one["reason"] for one in refused if one["device"] == LATE}
    own = [one for one in await siege.listed("ca", "list") if one["subject"] == LATE]
    assert own
    assert all(one["revoked_for"] for one in own)


async def bring_anothers_visit(siege: Siege) -> None:
    """A stranger's record, one in another's name, and one that takes away another's meter."""
    gateway, root = f"https://{HOST}:{siege.port}", (siege.folder / "data/ca/root.pem").read_text()
    standing = siege.asked("SELECT * FROM installation")
    thief, victim = siege.devices[THIEF].key, topics.visit_topic(VICTIM)
    record = visit.encode(a_visit(VICTIM))
    for body, why in (
        (SigningKey.generate().seal(record, victim), "unknown-key"),
        (thief.seal(record, victim), "malformed"),
    ):
        assert (await attacker.bring(gateway, root, body))[0] == why
    own = thief.seal(visit.encode(a_visit(THIEF)), topics.visit_topic(THIEF))
    _, first = await attacker.bring(gateway, root, own)
    assert await attacker.bring(gateway, root, own) == ("", first)
    (listed,) = (await siege.place.run("visit", "list", "--waiting", "--json")).splitlines()
    (event,) = json.loads(listed)["events"]
    assert (event["outcome"], event["code"]) == ("needs-a-person", "other-house")
    assert siege.asked("SELECT * FROM installation") == standing
    refused = await siege.listed("identity", "refused")
    assert {"unknown-key", "malformed"} <= {one["reason"] for one in refused}
    assert siege.acts("visit keep") == [f"{THIEF}/1"]


def a_visit(device: str) -> Visit:
    """A record by which the victim's meter is gone."""
    at = When(MIDNIGHT_MS, ClockState.SYNCHRONISED, bytes(8))
    gone = Remove("H1", (Level("6-0:1.0.0", 1, -3, Unit.GCAL, 7),), "read", "", at)
    return Visit(1, device, 1, "visit", HOUSE, "Mallory", at, at, "test", (), (gone,), "")


async def guess_an_invitation(siege: Siege) -> None:
    invitation, said = await invited(siege), set[str]()
    known = await siege.known()
    for first in range(0, KNOCKS_MAX, AT_ONCE):
        names = (f"guess-{at}" for at in range(first, first + AT_ONCE))
        guesses = (attacker.enrol(invitation, name, secret=new_secret()) for name in names)
        said.update(await asyncio.gather(*guesses))
        if "too-often" in said:
            break
    assert said == {"unknown-invitation", "too-often"}
    refused = {one["reason"] for one in await siege.listed("identity", "refused")}
    assert refused >= said
    assert siege.acts("enrolment refused")
    # Nobody came in, and the invitation is as good as before.
    assert await siege.known() == known
    newest, *_ = await siege.listed("invite", "list")
    assert (newest["state"], newest["used_by"]) == ("open", "")


async def invited(siege: Siege, *for_whom: str) -> Invitation:
    out = siege.folder / "cards"
    before = set(out.glob("*"))
    # A list of expected names would admit no other: who is expected comes last.
    await siege.place.run("invite", "--house", HOUSE, *for_whom, "--out", str(out))
    (made,) = set(out.glob("*")) - before
    return parse(made.read_bytes())


# The races stand before the guessing: all of it comes from one address.
ATTACKS: tuple[Callable[[Siege], Awaitable[None]], ...] = (
    publish_as_another,
    listen_to_another,
    take_over,
    replay,
    reorder,
    unknown_key,
    expired_certificate,
    revoked_device,
    older_tls_or_no_name,
    giant_message,
    bombs,
    flood,
    clone,
    bring_anothers_visit,
    race_for_an_invitation,
    revoke_while_it_enrols,
    guess_an_invitation,
)


async def test_each_attack_is_refused_and_recorded_and_others_are_heard_all_the_while(
    tmp_path: Path,
) -> None:
    siege = Siege(tmp_path)
    try:
        await siege.set_up()
        await siege.peace()
        for attack in ATTACKS:
            await attack(siege)
            await siege.peace()
        # At rest, so that nothing of theirs is stored between two of these looks at the ledger.
        await asyncio.gather(*(one.rest() for one in siege.neighbours))
        for one in siege.neighbours:
            assert siege.sessions(one.name) == 1
        assert siege.sessions(COLLECTOR) == 1
        ranges = siege.asked(
            "SELECT name, first, last FROM chain_range JOIN device USING (device_no) ORDER BY name"
        )
        sent = {name: siege.stored(name) for name in (GOOD, VICTIM, THIEF, LOST, BESIDE)}
        assert ranges == [(name, 1, count) for name, count in sorted(sent.items())]
        assert sent | {VICTIM: 4, THIEF: 1, LOST: 1} == sent
        assert all(one.receipted == one.said for one in siege.neighbours)
        readings = siege.asked("SELECT count(*) FROM reading")
        assert readings == [(sum(sent.values()),)]
        assert "Traceback" not in (tmp_path / "gateway.log").read_text()
    finally:
        await siege.end()
