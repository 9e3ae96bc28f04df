"""Invitations: made for a person to carry, kept as hashes, withdrawn while unused."""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_sync import invitation as paper
from cloud_sync.certificates import Certificate
from cloud_sync.invitation import Invitation
from gateway.audit import Act, AuditPort, By
from gateway.identity.model import (
    IdentityError,
    InvitationState,
    Invited,
    NewInvitation,
    state_of,
)
from gateway.identity.ports import IdentityPort

# A house has a handful of devices; a slip of the keyboard makes no thousand secrets.
COUNT_MAX = 200


class Terms(NamedTuple):
    """What all invitations of one call have in common."""

    gateway: str
    root: Certificate
    house: str
    expires_at_ms: int
    by: By


def invite(
    identities: IdentityPort,
    audit: AuditPort,
    terms: Terms,
    devices: Sequence[str],
    now_ms: int,
) -> list[Invitation]:
    """An invitation per name in `devices`, where '' is any name the house expects.

    A name that is given goes on the house's list. Only hashes of the secrets are kept.
    """
    if not 0 < len(devices) <= COUNT_MAX:
        raise IdentityError(f"expected 1 to {COUNT_MAX} invitations, got {len(devices)}")
    house_no = identities.house_no(terms.house)
    if house_no is None:
        raise IdentityError(f"expected a house of the registry, got {terms.house!r}")
    if terms.expires_at_ms <= now_ms:
        raise IdentityError("expected a time in the future at which the invitation expires")
    named = [device for device in devices if device]
    if len(set(named)) < len(named):
        raise IdentityError("expected every device once")
    identities.expect(house_no, named, now_ms, terms.by.actor)
    made = []
    for device in devices:
        _check_not_revoked(identities, device)
        new, carried = _made(terms, house_no, device, now_ms)
        identities.invite(new)
        whom = device or "any device that is expected"
        after = f"{new.label} for {whom}"
        audit.append(Act(now_ms, *terms.by, "invite", terms.house, "", after, ""))
        made.append(carried)
    return made


def _check_not_revoked(identities: IdentityPort, device: str) -> None:
    known = identities.device(device) if device else None
    if known is not None and known.revoked_at_ms is not None:
        raise IdentityError(f"{device} was revoked: its successor needs a name of its own")


def _made(
    terms: Terms, house_no: int, device: str, now_ms: int
) -> tuple[NewInvitation, Invitation]:
    """What is kept, and what is carried."""
    secret = paper.new_secret()
    label, expires_ms = paper.label_of(secret), terms.expires_at_ms
    kept = NewInvitation(
        label, paper.secret_hash(secret), house_no, device, now_ms, terms.by.actor, expires_ms
    )
    carried = Invitation(
        gateway=terms.gateway,
        house=terms.house,
        device=device,
        expires_at_ms=expires_ms,
        ca_sha256=terms.root.fingerprint,
        ca=terms.root.pem,
        secret=paper.secret_text(secret),
    )
    return kept, carried


def withdraw(
    identities: IdentityPort, audit: AuditPort, label: str, *, by: By, why: str, now_ms: int
) -> Invited:
    """Make an unused invitation worthless; IdentityError for any other."""
    found = next((one for one in identities.invitations() if one.label == label), None)
    if found is None:
        raise IdentityError(f"no invitation {label!r}: plomba-gateway invite list shows them")
    state = state_of(found, now_ms)
    if state is not InvitationState.OPEN:
        raise IdentityError(f"invitation {label} is {state} already")
    identities.withdraw(label, now_ms, why)
    audit.append(Act(now_ms, *by, "invite withdraw", label, "open", "withdrawn", why))
    return found
