"""Opening messages: from bytes of anybody to a batch of a known device.

The checks run from the cheapest to the dearest, and nothing of a message is believed before its
signature holds. Each refusal has its own reason and touches no other message of the group.

What a worker has verified ahead (gateway/verifying.py) is not verified again; what it did not
find sound is looked at here as if nobody had, so that there is one place that refuses.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cloud_sync import batch as wire_batch
from cloud_sync import signing, topics
from cloud_sync.batch import Batch
from cloud_sync.signing import Sealed, SealError, VerifyKey
from cloud_sync.wire import WireError
from drivers.reading import ClockState
from gateway.layout import Columns, Layouts
from gateway.model import DeviceKey, Link
from gateway.quarantine import Reason, Refusal
from gateway.store import RegistryPort

# A key object is about 1 kB; the fleets of one collector have some tens of thousands of devices.
KEYS_CACHED_MAX = 100_000


Taken = Batch | Columns
"""A decoded batch: as objects, or as columns where many like it have come."""


class Incoming(NamedTuple):
    """A message as a broker gave it."""

    topic: str
    payload: bytes


class Sound(NamedTuple):
    """A message whose envelope and signature hold and whose payload is canonical.

    `public_key` has verified it. `batch` is None where its payload was not decoded.
    """

    public_key: bytes
    hash: bytes
    batch: Batch | None


class Parsed(NamedTuple):
    """A message taken apart, not believed yet unless it is `sound`."""

    message: bytes
    topic: str
    device: str
    sealed: Sealed
    sound: Sound | None


class Opened(NamedTuple):
    """A batch whose signature holds, with its place in the chain and the bytes it came in."""

    device_no: int
    key_id: bytes
    batch: Taken
    link: Link
    message: bytes


class Keyring:
    """The public keys of devices, cached."""

    def __init__(self, registry: RegistryPort) -> None:
        self._registry = registry
        self._keys: dict[bytes, tuple[DeviceKey, VerifyKey]] = {}
        self._seen: dict[bytes, bytes] = {}

    def clear(self) -> None:
        """Forget the cached keys."""
        self._keys.clear()

    def seen(self, key_id: bytes) -> bytes:
        """The public key an id belonged to when it was loaded last, empty if never; any thread.

        It is only good for verifying ahead: whether it still may sign, `load` says.
        """
        return self._seen.get(key_id, b"")

    def load(self, key_ids: Iterable[bytes]) -> Mapping[bytes, tuple[DeviceKey, VerifyKey]]:
        """The known keys among `key_ids`, and maybe others; unknown ids are not remembered."""
        if len(self._seen) > KEYS_CACHED_MAX:  # as many as the keys, or more
            self._keys.clear()
            self._seen.clear()
        fresh = set(key_ids) - self._keys.keys()
        if fresh:
            for key_id, key in self._registry.device_keys(fresh).items():
                self._keys[key_id] = (key, VerifyKey(key.public_key))
                self._seen[key_id] = key.public_key
        return self._keys


def parse(incoming: Incoming, sound: Sound | None = None) -> Parsed:
    """The size, the topic and the envelope; Refusal if one of them is not sound."""
    topic, message = incoming
    if len(message) > signing.MESSAGE_BYTES_MAX:
        raise Refusal(
            Reason.OVERSIZED, f"{len(message)} bytes, at most {signing.MESSAGE_BYTES_MAX}"
        )
    device = topics.device_of(topic)
    if device is None or topic != topics.batch_topic(device):
        raise Refusal(Reason.UNKNOWN_TOPIC, f"expected plomba/v1/{{device}}/batch, got {topic!r}")
    try:
        sealed = signing.parse(message) if sound is None else signing.cut(message)
        return Parsed(message, topic, device, sealed, sound)
    except SealError as error:
        raise Refusal(Reason(error.reason), error.detail) from error


def open_batch(
    parsed: Parsed,
    keys: Mapping[bytes, tuple[DeviceKey, VerifyKey]],
    layouts: Layouts,
    now_ms: int,
) -> Opened:
    """Verify and decode; Refusal unless the device of the topic signed it with a valid key."""
    key_id = parsed.sealed.key_id
    if key_id not in keys:
        raise Refusal(Reason.UNKNOWN_KEY, f"no device has the key {key_id.hex()}")
    key, verifier = keys[key_id]
    if key.device != parsed.device:
        raise Refusal(Reason.WRONG_DEVICE, f"a key of {key.device} on the topic of {parsed.device}")
    sound = parsed.sound
    if sound is None or sound.public_key != key.public_key:
        try:
            verifier.verify(parsed.sealed, parsed.topic)
        except SealError as error:
            raise Refusal(Reason.BAD_SIGNATURE, error.detail) from error
        sound = Sound(key.public_key, wire_batch.chain_hash(parsed.message), None)
    batch = _decode(parsed, sound, layouts)
    if batch.device != parsed.device:
        raise Refusal(
            Reason.WRONG_DEVICE, f"a batch of {batch.device} on the topic of {parsed.device}"
        )
    _check_validity(key, batch, now_ms)
    link = Link(sound.hash, batch.previous)
    return Opened(key.device_no, key_id, batch, link, parsed.message)


def _decode(parsed: Parsed, sound: Sound, layouts: Layouts) -> Taken:
    payload, kind = parsed.sealed.payload, (parsed.sealed.key_id, len(parsed.message))
    batch = sound.batch
    if batch is None:
        columns = layouts.read(kind, payload)
        if columns is not None:
            return columns
        try:
            batch = wire_batch.decode(payload)
        except WireError as error:
            raise Refusal(Reason.NOT_CANONICAL, str(error)) from error
    layouts.learn(kind, payload, batch)
    return batch


def _check_validity(key: DeviceKey, batch: Taken, now_ms: int) -> None:
    """The key must be valid when it signed; without a clock there, when the batch arrives."""
    if key.is_shut:
        raise Refusal(
            Reason.KEY_NOT_VALID, f"{key.device} was revoked: nothing that arrives from it counts"
        )
    relative = batch.clock_state is ClockState.RELATIVE
    at_ms = now_ms if relative else batch.signed_at_ms
    if key.valid_from_ms <= at_ms and (key.valid_to_ms is None or at_ms < key.valid_to_ms):
        return
    until = "further on" if key.valid_to_ms is None else str(key.valid_to_ms)
    raise Refusal(
        Reason.KEY_NOT_VALID,
        f"signed at {at_ms}, the key {key.key_id.hex()} is valid from {key.valid_from_ms} "
        f"to {until} (ms since the epoch)",
    )
