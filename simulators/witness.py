"""What really was sealed: kept beside the devices, out of reach of the code under test.

A device in a simulated world signs with a key that remembers. Whatever the spool, the road and the
ledger later claim is compared with that memory, byte for byte.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple, Self

from cloud_sync import batch
from cloud_sync.batch import Batch
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState
from simulators.mortality import Doom, Executioner


class Sealed(NamedTuple):
    """One sealed batch: its SHA-256, and what was in it."""

    digest: bytes
    batch: Batch


class WitnessKey(SigningKey):
    """A signing key that keeps what it sealed, by sequence number.

    A number may be sealed more than once: a crash between the seal and the disk makes the batch
    unknown to everybody, and its number is given again.
    """

    @classmethod
    def of(cls, seed: bytes) -> Self:
        """The key of a 32-byte seed, with an empty memory."""
        key = cls.from_seed(seed)
        if not isinstance(key, cls):
            raise TypeError("from_seed made another kind of key")
        key.sealed = {}
        key.executioner = Executioner()
        return key

    sealed: dict[int, dict[bytes, Sealed]]
    executioner: Executioner

    def untimed(self) -> Iterator[tuple[str, str, int]]:
        """Serial, OBIS name and time of the readings it sealed by an unsynchronised clock."""
        for seals in self.sealed.values():
            for sealed in seals.values():
                for readout in sealed.batch.readouts:
                    if readout.clock_state is ClockState.UNSYNCHRONISED:
                        for value in readout.values:
                            yield readout.meter, value.register, readout.captured_at_ms

    def seal(self, payload: bytes, topic: str) -> bytes:
        """Seal and remember; a condemned process dies before anybody else knows of it."""
        message = super().seal(payload, topic)
        sealed = Sealed(hashlib.sha256(message).digest(), batch.decode(payload))
        self.sealed.setdefault(sealed.batch.sequence, {})[sealed.digest] = sealed
        self.executioner.strike(Doom.BEFORE_COMMIT)
        return message
