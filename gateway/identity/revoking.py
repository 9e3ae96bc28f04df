"""Revoking a device: from now on nothing it says is believed, for good.

Its signing keys end, its certificates go onto the revocation list, its unused invitations are
withdrawn, and the registry's revision rises, so that a running ingest knows with its next group.
Whoever holds a stolen key can write any time of signing; so by default nothing that arrives after
is taken, whenever it says it was signed. `takes_backlog` is for a device taken down in good order.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_sync.authority import Reason
from gateway import registry
from gateway.audit import Act, By
from gateway.identity.enrolling import Ledger
from gateway.identity.model import IdentityError, InvitationState, Kept, state_of


class Revocation(NamedTuple):
    """What is asked for."""

    by: By
    why: str
    takes_backlog: bool = False


def revoke(ledger: Ledger, name: str, asked: Revocation, now_ms: int) -> int:
    """Revoke a device; how many certificates went onto the list."""
    identities = ledger.identities
    device = identities.device(name)
    if device is None:
        raise IdentityError(f"no device {name!r} in the registry")
    if device.revoked_at_ms is not None:
        raise IdentityError(f"{name} was revoked already")
    for key in device.keys:
        if key.valid_to_ms is None or key.valid_to_ms > now_ms:
            # A key that is to be valid later never is; a row ends after it begins.
            ends_ms = max(now_ms, key.valid_from_ms + 1)
            registry.end_device_key(ledger.store, key.key_id, ends_ms)
    identities.revoke_device(
        *(device.device_no, now_ms, asked.by.actor, asked.why), takes_backlog=asked.takes_backlog
    )
    standing = _standing(identities.device_certificates(device.device_no), now_ms)
    reason = Reason.CESSATION if asked.takes_backlog else Reason.KEY_COMPROMISE
    identities.revoke_certificates([one.certificate_no for one in standing], now_ms, reason)
    for invited in identities.invitations():
        if invited.device == name and state_of(invited, now_ms) is InvitationState.OPEN:
            identities.withdraw(invited.label, now_ms, f"{name} was revoked")
    ledger.store.book.touch()
    after = f"{len(standing)} certificates revoked ({reason}), backlog " + (
        "taken" if asked.takes_backlog else "refused"
    )
    ledger.audit.append(
        Act(now_ms, *asked.by, "identity revoke", name, "speaking", after, asked.why)
    )
    return len(standing)


def revoke_certificate(
    ledger: Ledger, serial: str, asked: Revocation, reason: Reason, now_ms: int
) -> Kept:
    """Put one certificate onto the list, whatever it is for; IdentityError if there is none."""
    found = [one for one in ledger.identities.all_certificates() if one.serial == serial.lower()]
    if len(found) != 1:
        raise IdentityError(f"expected the serial of a certificate of `ca list`, got {serial!r}")
    (certificate,) = found
    if certificate.revoked_at_ms is not None:
        raise IdentityError(f"certificate {serial} was revoked already")
    ledger.identities.revoke_certificates([certificate.certificate_no], now_ms, reason)
    ledger.audit.append(
        Act(
            *(now_ms, *asked.by, "ca revoke", serial),
            *(f"{certificate.profile} {certificate.subject}", reason, asked.why),
        )
    )
    return certificate


def _standing(certificates: Sequence[Kept], now_ms: int) -> list[Kept]:
    return [one for one in certificates if one.revoked_at_ms is None and one.valid_to_ms > now_ms]
