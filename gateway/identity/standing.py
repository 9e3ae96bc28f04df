"""How a device stands with its identity: one word, the same on the screen and in the list."""

from enum import StrEnum

from cloud_sync.ladder import Step, step_of
from cloud_sync.signing import VerifyKey
from gateway.identity.model import IdentityRow


class Standing(StrEnum):
    """What an operator looks for, the steps of a certificate's end among it."""

    REVOKED = "revoked"
    WAITING = "waiting"
    KEYS_ENDED = "keys-ended"
    BY_HAND = "by-hand"
    VALID = "valid"
    FIRST = "90"
    SECOND = "30"
    LAST = "7"
    EXPIRED = "expired"


# A running renewal passes the first step; from the second on a person is to look.
ALARMING = {Standing.SECOND, Standing.LAST, Standing.EXPIRED, Standing.KEYS_ENDED}


def standing_of(row: IdentityRow, now_ms: int) -> Standing:
    """How a device stands. `by-hand`: its key was entered by a person, it has no certificate."""
    if row.revoked_at_ms is not None:
        return Standing.REVOKED
    if not any(key.valid_to_ms is None or key.valid_to_ms > now_ms for key in row.keys):
        return Standing.KEYS_ENDED
    if row.valid_from_ms is None or row.valid_to_ms is None:
        return Standing.WAITING if row.is_waiting else Standing.BY_HAND
    return Standing(Step(step_of(row.valid_from_ms, row.valid_to_ms, now_ms)).value)


def fingerprint_of(row: IdentityRow, now_ms: int) -> str:
    """The short fingerprint of the newest signing key, as the device itself shows it."""
    standing = [key for key in row.keys if key.valid_to_ms is None or key.valid_to_ms > now_ms]
    newest = (standing or row.keys)[0]
    return VerifyKey(newest.public_key).fingerprint
