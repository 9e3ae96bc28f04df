"""What a ledger had taken back before an older copy took its place: that stays taken back.

A backup knows neither who was revoked since it was made nor which invitations are used by now. Only
what closes is carried over: a ledger is replaced also because somebody wrote into it, so by the
replaced one nobody is let in.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_sync.authority import Profile, Reason
from cloud_sync.certificates import Certificate, parse_certificates
from cloud_sync.signing import VerifyKey
from gateway import registry
from gateway.audit import By
from gateway.identity import revoking
from gateway.identity.enrolling import Ledger
from gateway.identity.model import (
    DeviceNow,
    InvitationState,
    Invited,
    Kept,
    KeyNow,
    RevokedDevice,
    state_of,
)
from gateway.identity.ports import IdentityPort
from gateway.identity.revoking import Revocation

_CLOSED = (InvitationState.USED, InvitationState.WITHDRAWN)


class TakenBack(NamedTuple):
    """What a ledger believes no more; certificates with what they say."""

    devices: Sequence[tuple[RevokedDevice, DeviceNow]]
    keys: Sequence[KeyNow]
    certificates: Sequence[tuple[Kept, Certificate]]
    invitations: Sequence[Invited]


class Carried(NamedTuple):
    """How much of it was new to the copy."""

    devices: int
    keys: int
    certificates: int
    invitations: int


def taken_back(old: IdentityPort, now_ms: int) -> TakenBack:
    """All of it; StoreError or ValueError where a ledger is damaged."""
    known = {one.name: old.device(one.name) for one in old.revoked_devices()}
    return TakenBack(
        [(one, device) for one in old.revoked_devices() if (device := known[one.name])],
        [key for row in old.identities() for key in row.keys if key.valid_to_ms is not None],
        [
            (one, parse_certificates(one.pem)[0])
            for one in old.all_certificates()
            if one.revoked_at_ms is not None
        ],
        [one for one in old.invitations() if state_of(one, now_ms) in _CLOSED],
    )


def carry(taken: TakenBack, copy: Ledger, by: By, now_ms: int) -> Carried:
    """Take it back in `copy` too, in the transaction that is open; what is new there."""
    for _, device in taken.devices:
        _make_known(copy, device)
    keys = sum(_ended(copy, key, now_ms) for key in taken.keys)
    certificates = _revoked(copy, taken.certificates, now_ms)
    devices = sum(_silenced(copy, one, by, now_ms) for one, _ in taken.devices)
    return Carried(devices, keys, certificates, _closed(copy, taken.invitations, now_ms))


def _make_known(copy: Ledger, device: DeviceNow) -> None:
    """A device let in since, only to be revoked: its name is not to be had by another."""
    if copy.identities.device(device.name) is not None:
        return
    for key in device.keys:
        if not copy.store.registry.device_keys([key.key_id]):
            public = VerifyKey(key.public_key)
            times = (key.valid_from_ms, key.valid_to_ms)
            registry.add_device_key(copy.store, device.name, public, *times)


def _ended(copy: Ledger, key: KeyNow, now_ms: int) -> bool:
    here = copy.store.registry.device_keys([key.key_id]).get(key.key_id)
    if here is None or here.valid_to_ms is not None or key.valid_to_ms is None:
        return False
    # Its successor is not known here, so nothing of what it has left to it is needed any more.
    ends_ms = min(key.valid_to_ms, max(now_ms, key.valid_from_ms + 1))
    registry.end_device_key(copy.store, key.key_id, ends_ms)
    return True


def _revoked(copy: Ledger, certificates: Sequence[tuple[Kept, Certificate]], now_ms: int) -> int:
    identities, count = copy.identities, 0
    found = {(one.issuer, one.serial): one for one in identities.all_certificates()}
    for kept, certificate in certificates:
        here = found.get((kept.issuer, kept.serial))
        if here is not None and here.revoked_at_ms is not None:
            continue
        profile = Profile(kept.profile)
        device = identities.device(kept.subject) if profile is Profile.DEVICE else None
        if here is None and device is None and profile is Profile.DEVICE:
            continue  # of a device that is not known here, so the broker has no rules for it
        device_no = None if device is None else device.device_no
        number = (
            identities.add_certificate(certificate, profile, device_no, now_ms)
            if here is None
            else here.certificate_no
        )
        identities.revoke_certificates(
            [number], kept.revoked_at_ms or now_ms, Reason(kept.revoked_for)
        )
        count += 1
    return count


def _silenced(copy: Ledger, one: RevokedDevice, by: By, now_ms: int) -> bool:
    here = copy.identities.device(one.name)
    if here is None or here.revoked_at_ms is not None:
        return False
    revoking.revoke(copy, one.name, Revocation(by, one.why, one.takes_backlog), now_ms)
    return True


def _closed(copy: Ledger, invitations: Sequence[Invited], now_ms: int) -> int:
    here = {one.label: one for one in copy.identities.invitations()}
    closed = [
        one
        for one in invitations
        if one.label in here and state_of(here[one.label], now_ms) is InvitationState.OPEN
    ]
    for one in closed:
        why = one.revoked_why or f"used by {one.used_by}, in the ledger that was replaced"
        copy.identities.withdraw(one.label, now_ms, why)
    return len(closed)
