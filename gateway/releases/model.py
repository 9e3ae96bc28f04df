"""Releases as the gateway keeps them: what a device may fetch, and how far each device is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.identity.model import DeviceNow

# Nine steps from the bench to every house are more than anybody takes.
RING_LAST = 9


class ReleasesError(ValueError):
    """An act on releases that cannot be done; the text says what to do."""


class Kept(NamedTuple):
    """A release whose files are here."""

    release_no: int
    software: str
    arch: str
    manifest: bytes
    statement: bytes
    added_at_ms: int
    added_by: str


class Place(NamedTuple):
    """A device that may speak, and its ring; `arch` is '' while its machine is not known."""

    device_no: int
    device: str
    ring: int
    arch: str


class Offer(NamedTuple):
    """A release offered to a device, and where that stands.

    `step`: offered, fetching, running, rolled-back or refused. `answer` is the outcome of the
    command that offered it, '' while none came.
    """

    device_no: int
    device: str
    ring: int
    release_no: int
    number: int
    step: str
    runs: str
    reason: str
    step_at_ms: int
    answer: str
    answer_reason: str

    @property
    def standing(self) -> str:
        """Where it stands, in one word: silent where the device has said nothing yet."""
        if self.step == "offered":
            if self.answer == "refused":
                return "refused"
            return "offered" if self.answer == "done" else "silent"
        return self.step

    @property
    def is_under_way(self) -> bool:
        """Whether to offer it again would be in vain: it runs, comes, or its command waits yet."""
        waits = self.standing == "silent" and not self.answer
        return waits or self.standing in {"offered", "fetching", "running"}


class ReleasePort(Protocol):
    """Where releases are kept; all act in the transaction that is open around them."""

    def add(self, kept: Kept) -> None:
        """Keep a release; its number is given here."""

    def releases(self, software: str | None) -> list[Kept]:
        """Those of a version, or all, the newest first."""

    def places(self, ring: int | None) -> list[Place]:
        """The devices of a ring, or of all, by name; unheard-of devices are in the last."""

    def place(self, device: str, ring: int, arch: str | None) -> bool:
        """Put a device into a ring, and say its machine if it is known; False for no device."""

    def offer(self, place: Place, release_no: int, number: int, at_ms: int) -> None:
        """Note that a command offers a release."""

    def offers(self, software: str) -> list[Offer]:
        """The last offer of a version to each device."""

    def offered(self, device_no: int, manifest: bytes) -> tuple[int, str, Kept] | None:
        """The last offer of that release to a device: command's number, step, release."""

    def step(self, device_no: int, number: int, said: Sequence[object]) -> None:
        """Note the step, the version that runs, the reason and the time of an offer."""


class Asker(Protocol):
    """Who knows whose seal holds (gateway/visits/keeping.py)."""

    def asked(self, message: bytes, device: str, what: str, now_ms: int) -> "Sender":
        """The sender; NotLetIn for a message that is not `device`'s."""


class Sender(Protocol):
    """Whose seal holds."""

    @property
    def device(self) -> DeviceNow:
        """The device."""
