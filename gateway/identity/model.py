"""The words of identities: who was invited, who was let in, who was not and why."""

from enum import StrEnum
from typing import NamedTuple


class IdentityError(ValueError):
    """An act on identities that cannot be done; the text says what to do."""


class Why(StrEnum):
    """Why a device is not let in. The words do not change between versions."""

    MALFORMED = "malformed"
    UNKNOWN_INVITATION = "unknown-invitation"
    EXPIRED = "expired-invitation"
    WITHDRAWN = "withdrawn-invitation"
    USED = "used-invitation"
    WRONG_HOUSE = "wrong-house"
    NOT_EXPECTED = "device-not-expected"
    NAME_TAKEN = "name-taken"
    KEY_TAKEN = "key-taken"
    UNKNOWN_KEY = "unknown-key"
    KEY_NOT_VALID = "key-not-valid"
    REVOKED = "device-revoked"
    TOO_OFTEN = "too-often"
    NOT_OFFERED = "release-not-offered"


class NotLetIn(Exception):
    """A device that is refused. `invitation` is the label of one that is known here."""

    def __init__(
        self,
        why: Why,
        detail: str,
        *,
        invitation: str = "",
        device: str = "",
        fingerprint: str = "",
    ) -> None:
        super().__init__(f"{why}: {detail}")
        self.why = why
        self.detail = detail
        self.invitation = invitation
        self.device = device
        self.fingerprint = fingerprint


class Invited(NamedTuple):
    """An invitation as it is kept; `used_by` is the device that enrolled with it, '' if none."""

    invitation_no: int
    label: str
    house_no: int
    house: str
    device: str
    made_at_ms: int
    made_by: str
    expires_at_ms: int
    revoked_at_ms: int | None
    revoked_why: str
    used_by: str
    used_at_ms: int | None
    key_id: bytes
    key_sha256: bytes


class InvitationState(StrEnum):
    """How an invitation stands."""

    OPEN = "open"
    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


def state_of(invited: Invited, now_ms: int) -> InvitationState:
    """How it stands now; a used one stays used."""
    if invited.used_at_ms is not None:
        return InvitationState.USED
    if invited.revoked_at_ms is not None:
        return InvitationState.WITHDRAWN
    return InvitationState.EXPIRED if now_ms >= invited.expires_at_ms else InvitationState.OPEN


class NewInvitation(NamedTuple):
    """An invitation to be kept."""

    label: str
    secret_sha256: bytes
    house_no: int
    device: str
    made_at_ms: int
    made_by: str
    expires_at_ms: int


class KeyNow(NamedTuple):
    """A signing key of a device."""

    key_id: bytes
    public_key: bytes
    valid_from_ms: int
    valid_to_ms: int | None


class DeviceNow(NamedTuple):
    """A device as the registry knows it; `house` is '' where it hangs in none."""

    device_no: int
    name: str
    house: str
    keys: tuple[KeyNow, ...]
    revoked_at_ms: int | None


class RevokedDevice(NamedTuple):
    """A device that may speak no more; `takes_backlog`: what it signed before still counts."""

    name: str
    why: str
    takes_backlog: bool


class Enrolled(NamedTuple):
    """The use of an invitation."""

    invitation_no: int
    device_no: int
    key_id: bytes
    key_sha256: bytes
    enrolled_at_ms: int
    source: str


class Kept(NamedTuple):
    """A certificate of the table."""

    certificate_no: int
    serial: str
    issuer: str
    profile: str
    subject: str
    key_sha256: bytes
    valid_from_ms: int
    valid_to_ms: int
    pem: str
    revoked_at_ms: int | None
    revoked_for: str


class Asked(NamedTuple):
    """A certificate that an external authority has not made yet."""

    request_no: int
    device_no: int
    device: str
    key_sha256: bytes
    csr: str
    asked_at_ms: int


class RefusalRow(NamedTuple):
    """Who was not let in, as counted within an hour."""

    first_at_ms: int
    last_at_ms: int
    reason: str
    invitation: str
    device: str
    fingerprint: str
    source: str
    detail: str
    times: int


class IdentityRow(NamedTuple):
    """A device with what it speaks by: its newest standing certificate and its keys."""

    device: str
    house: str
    keys: tuple[KeyNow, ...]
    enrolled_at_ms: int | None
    serial: str
    valid_from_ms: int | None
    valid_to_ms: int | None
    is_waiting: bool
    revoked_at_ms: int | None
    revoked_why: str
