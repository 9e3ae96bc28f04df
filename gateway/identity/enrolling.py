"""Letting devices in: the judgement over enrolments, renewals and rotations.

Each request is judged and carried out in one transaction that holds the write lock from its start:
of two that come at once with the same invitation or name, the second sees what the first did.
What is refused changes nothing and is recorded in a transaction of its own.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from cloud_sync import enrolment as words
from cloud_sync.authority import Profile, Reason
from cloud_sync.certificates import CertificateError, Request, parse_request
from cloud_sync.enrolment import Answer, Enrol, EnrolmentError
from cloud_sync.invitation import secret_hash
from cloud_sync.ladder import is_due
from cloud_sync.signing import VerifyKey
from gateway import registry
from gateway.audit import Act, AuditPort
from gateway.identity.authority import Certifier
from gateway.identity.model import (
    DeviceNow,
    Enrolled,
    InvitationState,
    Invited,
    Kept,
    NotLetIn,
    Why,
    state_of,
)
from gateway.identity.ports import IdentityPort
from gateway.model import FOREVER_MS, DeviceKey
from gateway.store import Store

# A device's clock may be this far behind the gateway's: what it signs in its first minutes counts.
CLOCK_SLACK_MS = 3_600_000
VIA = "enrolment endpoint"
# A device exchanges its key some times in its life and has a certificate or two; one that goes on
# asking for more is none of ours any more, and does not fill the ledger.
KEYS_MAX = 64
CERTIFICATES_MAX = 16


class Terms(NamedTuple):
    """What every answer says, and for how long an exchanged key still signs."""

    gateway_key: bytes
    broker_host: str
    broker_port: int
    overlap_ms: int
    reserved: frozenset[str] = frozenset()
    """Names of collectors: a device's certificate under one of them would open their door."""


class Ledger(NamedTuple):
    """The storage seen from here."""

    store: Store
    identities: IdentityPort
    audit: AuditPort

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, and nobody else meanwhile."""
        return self.store.transaction()


class Doorkeeper:
    """Judges who may come in. Everything is synchronous: it runs where the ledger is written."""

    def __init__(self, ledger: Ledger, certifier: Certifier, terms: Terms) -> None:
        self._ledger = ledger
        self._certifier = certifier
        self._terms = terms

    def enrol(self, body: bytes, source: str, now_ms: int) -> Answer:
        """Let a device in, once; asked again with the same keys the answer is the same."""
        return self._judged(lambda: self._enrol(body, source, now_ms), source, now_ms)

    def renew(self, body: bytes, source: str, now_ms: int) -> Answer:
        """A new certificate for a device that is in."""
        return self._judged(lambda: self._renew(body, now_ms), source, now_ms)

    def rotate(self, body: bytes, source: str, now_ms: int) -> Answer:
        """A new signing key, vouched for by the old one."""
        return self._judged(lambda: self._rotate(body, now_ms), source, now_ms)

    def refused(self, refusal: NotLetIn, source: str, now_ms: int, what: str = "enrolment") -> None:
        """Record who was not let in; the audit log hears of each kind once an hour."""
        with self._ledger.transaction():
            first = self._ledger.identities.refuse(refusal, source, now_ms)
            if first:
                who = refusal.device or "somebody"
                subject = f"invitation {refusal.invitation}" if refusal.invitation else who
                self._ledger.audit.append(
                    Act(
                        *(
                            now_ms,
                            who,
                            f"{what} endpoint, from {source}",
                            f"{what} refused",
                            subject,
                        ),
                        *("", refusal.why, refusal.detail),
                    )
                )

    def _judged(self, judge: Callable[[], Answer], source: str, now_ms: int) -> Answer:
        try:
            with self._ledger.transaction():
                return judge()
        except NotLetIn as refusal:
            self.refused(refusal, source, now_ms)
            raise

    def _enrol(self, body: bytes, source: str, now_ms: int) -> Answer:
        asked, request = _opened(body)
        invited = self._ledger.identities.invited(secret_hash(asked.secret))
        try:
            return self._let_in(asked, request, _known_here(invited), source, now_ms)
        except NotLetIn as refusal:
            refusal.device = asked.device
            refusal.fingerprint = VerifyKey(asked.signing_key).fingerprint
            refusal.invitation = "" if invited is None else invited.label
            raise

    def _let_in(
        self, asked: Enrol, request: Request, invited: Invited, source: str, now_ms: int
    ) -> Answer:
        if invited.used_at_ms is not None:
            return self._again(asked, request, invited, now_ms)
        self._check(asked, invited, now_ms)
        key = VerifyKey(asked.signing_key)
        device = self._enter(asked, key, invited, now_ms)
        if self._ledger.identities.certificate_owner(request.key_sha256) not in (None, device.name):
            raise NotLetIn(Why.KEY_TAKEN, "its TLS key is that of another")
        self._ledger.identities.add_enrolment(
            Enrolled(
                *(invited.invitation_no, device.device_no, key.key_id, request.key_sha256),
                *(now_ms, source),
            )
        )
        self._certify(device, request, now_ms)
        self._note(
            *(now_ms, asked.device, key, "enrol"),
            f"house {invited.house}, invitation {invited.label}, from {source}",
        )
        return self._answer(device, request.key_sha256)

    def _again(self, asked: Enrol, request: Request, invited: Invited, now_ms: int) -> Answer:
        """The answer was lost on its way: same device, same keys, within the invitation's time."""
        same = (asked.device, VerifyKey(asked.signing_key).key_id, request.key_sha256)
        if same != (invited.used_by, invited.key_id, invited.key_sha256):
            raise NotLetIn(
                Why.USED, f"the invitation {invited.label} was used by {invited.used_by} already"
            )
        if now_ms >= invited.expires_at_ms:
            raise NotLetIn(Why.EXPIRED, f"the invitation {invited.label} has expired")
        device = self._known(asked.device)
        return self._answer(device, request.key_sha256)

    def _check(self, asked: Enrol, invited: Invited, now_ms: int) -> None:
        """Whether this device may use this invitation."""
        state = state_of(invited, now_ms)
        if state is InvitationState.WITHDRAWN:
            raise NotLetIn(Why.WITHDRAWN, f"the invitation {invited.label} was withdrawn")
        if state is InvitationState.EXPIRED:
            raise NotLetIn(Why.EXPIRED, f"the invitation {invited.label} has expired")
        if asked.house != invited.house:
            raise NotLetIn(
                Why.WRONG_HOUSE, f"an invitation to {invited.house}, shown for {asked.house!r}"
            )
        if invited.device not in ("", asked.device):
            raise NotLetIn(
                Why.NOT_EXPECTED, f"an invitation for {invited.device}, shown by {asked.device}"
            )
        expected = self._ledger.identities.expected(invited.house_no)
        if expected and asked.device not in expected:
            raise NotLetIn(
                Why.NOT_EXPECTED, f"{asked.device} is not among the devices {invited.house} expects"
            )

    def _enter(self, asked: Enrol, key: VerifyKey, invited: Invited, now_ms: int) -> DeviceNow:
        """The device with its signing key in the registry."""
        self._check_free(asked.device)
        known = self._ledger.identities.device(asked.device)
        if known is not None:
            _check_name(known, key, invited, now_ms)
        owner = self._ledger.store.registry.device_keys([key.key_id]).get(key.key_id)
        if owner is not None and owner.device != asked.device:
            raise NotLetIn(Why.KEY_TAKEN, f"its signing key is that of {owner.device}")
        if owner is None:
            registry.add_device_key(self._ledger.store, asked.device, key, now_ms - CLOCK_SLACK_MS)
        registry.place_device(self._ledger.store, asked.device, invited.house)
        return self._known(asked.device)

    def _check_free(self, name: str) -> None:
        if name in self._terms.reserved or self._ledger.identities.is_server_or_collector(name):
            raise NotLetIn(Why.NAME_TAKEN, f"{name} is the name of a server or a collector")

    def _renew(self, body: bytes, now_ms: int) -> Answer:
        try:
            asked, key_id = words.peek_renew(body)
            key = self._standing_key(asked.device, key_id, now_ms)
            words.check_renew(body, asked.device, VerifyKey(key.public_key))
            request = _requested(asked.csr, asked.device)
        except EnrolmentError as error:
            raise NotLetIn(Why.MALFORMED, _said(error)) from error
        owner = self._ledger.identities.certificate_owner(request.key_sha256)
        if owner not in (None, asked.device):
            raise NotLetIn(Why.KEY_TAKEN, f"the TLS key is that of {owner}", device=asked.device)
        device = self._known(asked.device)
        newest = self._newest(request.key_sha256)
        if newest is None or is_due(newest.valid_from_ms, newest.valid_to_ms, now_ms):
            self._check_certificates(device, now_ms)
            self._certify(device, request, now_ms)
            self._note(now_ms, device.name, VerifyKey(key.public_key), "certificate renew", "")
        return self._answer(device, request.key_sha256)

    def _rotate(self, body: bytes, now_ms: int) -> Answer:
        try:
            asked, old_id = words.peek_rotate(body)
            new = VerifyKey(asked.signing_key)
            taken = self._key(new.key_id)
            if taken is not None and taken.device != asked.device:
                raise NotLetIn(
                    *(Why.KEY_TAKEN, f"the new key is that of {taken.device}"), device=asked.device
                )
            # Once the new key is known here the old one may have ended: the answer was lost.
            old = (
                self._standing_key(asked.device, old_id, now_ms)
                if taken is None
                else self._own_key(asked.device, old_id)
            )
            words.check_rotate(body, asked.device, VerifyKey(old.public_key))
        except EnrolmentError as error:
            raise NotLetIn(Why.MALFORMED, _said(error)) from error
        if taken is None:
            if len(self._known(asked.device).keys) >= KEYS_MAX:
                raise NotLetIn(
                    *(Why.TOO_OFTEN, f"{asked.device} had {KEYS_MAX} keys already"),
                    device=asked.device,
                )
            ends_ms = min(now_ms + self._terms.overlap_ms, old.valid_to_ms or FOREVER_MS)
            registry.add_device_key(self._ledger.store, asked.device, new, now_ms - CLOCK_SLACK_MS)
            registry.end_device_key(self._ledger.store, old_id, ends_ms)
            self._note(
                *(now_ms, asked.device, VerifyKey(old.public_key), "key rotate"),
                f"new key {new.fingerprint}, the old one ends at {ends_ms}",
            )
        return self._answer(self._known(asked.device), None)

    def _key(self, key_id: bytes) -> DeviceKey | None:
        return self._ledger.store.registry.device_keys([key_id]).get(key_id)

    def _own_key(self, device: str, key_id: bytes) -> DeviceKey:
        key = self._key(key_id)
        if key is None or key.device != device:
            raise NotLetIn(Why.UNKNOWN_KEY, f"{device} has no key {key_id.hex()}", device=device)
        self._known(device)
        return key

    def _standing_key(self, device: str, key_id: bytes, now_ms: int) -> DeviceKey:
        key = self._own_key(device, key_id)
        if not key.valid_from_ms <= now_ms < (key.valid_to_ms or FOREVER_MS):
            raise NotLetIn(
                Why.KEY_NOT_VALID, f"the key {key_id.hex()} of {device} has ended", device=device
            )
        # Whoever copied a key must not vouch for one of his own once it was exchanged.
        if key.valid_to_ms and any(one.valid_to_ms is None for one in self._known(device).keys):
            raise NotLetIn(
                *(Why.KEY_NOT_VALID, f"the key {key_id.hex()} of {device} was exchanged already"),
                device=device,
            )
        return key

    def _known(self, name: str) -> DeviceNow:
        device = self._ledger.identities.device(name)
        if device is None:
            raise NotLetIn(Why.UNKNOWN_KEY, f"no device {name} is known here", device=name)
        if device.revoked_at_ms is not None:
            raise NotLetIn(Why.REVOKED, f"{name} was revoked", device=name)
        return device

    def _certify(self, device: DeviceNow, request: Request, now_ms: int) -> None:
        identities = self._ledger.identities
        if any(
            one.revoked_for not in ("", Reason.SUPERSEDED)
            for one in identities.certificates(request.key_sha256)
        ):
            raise NotLetIn(
                *(Why.KEY_NOT_VALID, f"a certificate of this TLS key of {device.name} was revoked"),
                device=device.name,
            )
        certificate = self._certifier.certify(request, now_ms)
        if certificate is None:
            identities.ask(device.device_no, request.key_sha256, request.pem, now_ms)
        else:
            identities.add_certificate(certificate, Profile.DEVICE, device.device_no, now_ms)

    def _newest(self, key_sha256: bytes) -> Kept | None:
        found = self._ledger.identities.certificates(key_sha256)
        return next((one for one in found if one.revoked_at_ms is None), None)

    def _check_certificates(self, device: DeviceNow, now_ms: int) -> None:
        kept = self._ledger.identities.device_certificates(device.device_no)
        if sum(one.valid_to_ms > now_ms for one in kept) >= CERTIFICATES_MAX:
            raise NotLetIn(
                *(Why.TOO_OFTEN, f"{device.name} has {CERTIFICATES_MAX} certificates already"),
                device=device.name,
            )

    def _answer(self, device: DeviceNow, key_sha256: bytes | None) -> Answer:
        newest = None if key_sha256 is None else self._newest(key_sha256)
        return Answer(
            version=1,
            device=device.name,
            house=device.house,
            chain="" if newest is None else self._certifier.chain(newest.pem),
            authorities=self._certifier.roots,
            gateway_key=self._terms.gateway_key,
            broker_host=self._terms.broker_host,
            broker_port=self._terms.broker_port,
        )

    def _note(self, now_ms: int, device: str, key: VerifyKey, act: str, after: str) -> None:
        self._ledger.audit.append(
            Act(now_ms, device, f"{VIA}, key {key.fingerprint}", act, device, "", after, "")
        )


def _known_here(invited: Invited | None) -> Invited:
    if invited is None:
        raise NotLetIn(Why.UNKNOWN_INVITATION, "no such invitation was made here")
    return invited


def _opened(body: bytes) -> tuple[Enrol, Request]:
    try:
        asked = words.open_enrol(body)
        return asked, _requested(asked.csr, asked.device)
    except EnrolmentError as error:
        raise NotLetIn(Why.MALFORMED, _said(error)) from error


def _requested(csr: str, device: str) -> Request:
    try:
        request = parse_request(csr)
    except CertificateError as error:
        raise NotLetIn(Why.MALFORMED, str(error), device=device) from error
    if request.common_name != device:
        raise NotLetIn(
            Why.MALFORMED, f"a request for {request.common_name!r} by {device}", device=device
        )
    return request


def _check_name(known: DeviceNow, key: VerifyKey, invited: Invited, now_ms: int) -> None:
    """Whether a name the registry knows already may be taken by this key."""
    if known.revoked_at_ms is not None:
        raise NotLetIn(Why.REVOKED, f"{known.name} was revoked: take another name")
    if known.house not in ("", invited.house):
        raise NotLetIn(Why.WRONG_HOUSE, f"{known.name} hangs in another house")
    # One that was exchanged still signs for a while, and opens no door any more.
    standing = {one.key_id for one in known.keys if one.valid_to_ms is None} or {
        one.key_id for one in known.keys if (one.valid_to_ms or 0) > now_ms
    }
    # A name's batches are numbered without gaps: another device would number them anew.
    if known.keys and key.key_id not in standing:
        raise NotLetIn(Why.NAME_TAKEN, f"{known.name} is another device already")


def _said(error: EnrolmentError) -> str:
    # What a stranger sent may be quoted in it.
    return str(error)[:300]
