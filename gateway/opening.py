"""Opening messages: from bytes of anybody to a batch of a known device.

The checks run from the cheapest to the dearest, and nothing of a message is believed before its
signature holds. Each refusal has its own reason and touches no other message of the group.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cloud_sync import batch as wire_batch
from cloud_sync import signing, topics
from cloud_sync.batch import Batch
from cloud_sync.signing import Sealed, SealError, VerifyKey
from cloud_sync.wire import WireError
from drivers.reading import ClockState
from gateway.model import DeviceKey, Link
from gateway.quarantine import Reason, Refusal
from gateway.store import RegistryPort

# A key object is about 1 kB; the fleets of one collector have some tens of thousands of devices.
KEYS_CACHED_MAX = 100_000


class Incoming(NamedTuple):
    """A message as a broker gave it."""

    topic: str
    payload: bytes


class Parsed(NamedTuple):
    """A message taken apart, not believed yet."""

    message: bytes
    topic: str
    device: str
    sealed: Sealed


class Opened(NamedTuple):
    """A batch whose signature holds, with its place in the chain and the bytes it came in."""

    device_no: int
    key_id: bytes
    batch: Batch
    link: Link
    message: bytes


class Keyring:
    """The public keys of devices, cached."""

    def __init__(self, registry: RegistryPort) -> None:
        self._registry = registry
        self._keys: dict[bytes, tuple[DeviceKey, VerifyKey]] = {}

    def clear(self) -> None:
        """Forget the cached keys."""
        self._keys.clear()

    def load(self, key_ids: Iterable[bytes]) -> Mapping[bytes, tuple[DeviceKey, VerifyKey]]:
        """The known keys among `key_ids`, and maybe others; unknown ids are not remembered."""
        if len(self._keys) > KEYS_CACHED_MAX:
            self._keys.clear()
        fresh = set(key_ids) - self._keys.keys()
        if fresh:
            for key_id, key in self._registry.device_keys(fresh).items():
                self._keys[key_id] = (key, VerifyKey(key.public_key))
        return self._keys


def parse(incoming: Incoming) -> Parsed:
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
        return Parsed(message, topic, device, signing.parse(message))
    except SealError as error:
        raise Refusal(Reason(error.reason), error.detail) from error


def open_batch(
    parsed: Parsed, keys: Mapping[bytes, tuple[DeviceKey, VerifyKey]], now_ms: int
) -> Opened:
    """Verify and decode; Refusal unless the device of the topic signed it with a valid key."""
    key_id = parsed.sealed.key_id
    if key_id not in keys:
        raise Refusal(Reason.UNKNOWN_KEY, f"no device has the key {key_id.hex()}")
    key, verifier = keys[key_id]
    if key.device != parsed.device:
        raise Refusal(Reason.WRONG_DEVICE, f"a key of {key.device} on the topic of {parsed.device}")
    try:
        verifier.verify(parsed.sealed, parsed.topic)
    except SealError as error:
        raise Refusal(Reason.BAD_SIGNATURE, error.detail) from error
    try:
        batch = wire_batch.decode(parsed.sealed.payload)
    except WireError as error:
        raise Refusal(Reason.NOT_CANONICAL, str(error)) from error
    if batch.device != parsed.device:
        raise Refusal(
            Reason.WRONG_DEVICE, f"a batch of {batch.device} on the topic of {parsed.device}"
        )
    _check_validity(key, batch, now_ms)
    link = Link(wire_batch.chain_hash(parsed.message), batch.previous)
    return Opened(key.device_no, key_id, batch, link, parsed.message)


def _check_validity(key: DeviceKey, batch: Batch, now_ms: int) -> None:
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
