"""What identities ask of the storage; every method acts in the transaction open around it."""

from collections.abc import Collection
from typing import Protocol

from cloud_sync.authority import Profile, Reason, Revoked
from cloud_sync.certificates import Certificate
from gateway.identity.model import (
    Asked,
    DeviceNow,
    Enrolled,
    IdentityRow,
    Invited,
    Kept,
    NewInvitation,
    NotLetIn,
    RefusalRow,
    RevokedDevice,
)


class IdentityPort(Protocol):
    """Invitations, certificates, refusals."""

    def house_no(self, name: str) -> int | None:
        """The number of a house of the registry."""

    def invite(self, new: NewInvitation) -> None:
        """Keep an invitation."""

    def invited(self, secret_sha256: bytes) -> Invited | None:
        """The invitation of a secret's hash."""

    def invitations(self, house: str | None = None) -> list[Invited]:
        """All invitations, or a house's, the newest first."""

    def withdraw(self, label: str, at_ms: int, why: str) -> None:
        """Make an invitation worthless."""

    def expect(self, house_no: int, devices: Collection[str], at_ms: int, by: str) -> None:
        """Put names on a house's list."""

    def expected(self, house_no: int) -> frozenset[str]:
        """The names a house expects; empty if it has no list."""

    def device(self, name: str) -> DeviceNow | None:
        """A device of the registry."""

    def add_enrolment(self, row: Enrolled) -> None:
        """Note the use of an invitation."""

    def add_certificate(
        self, certificate: Certificate, profile: Profile, device_no: int | None, now_ms: int
    ) -> int:
        """Keep a certificate; its number."""

    def certificates(self, key_sha256: bytes) -> list[Kept]:
        """The certificates of a key, the one that is valid longest first."""

    def all_certificates(self) -> list[Kept]:
        """Every certificate, the newest first."""

    def certificate_owner(self, key_sha256: bytes) -> str | None:
        """The device that a TLS key was certified or asked for, None if for none."""

    def is_server_or_collector(self, name: str) -> bool:
        """Whether a server or a collector has, or had, a certificate under that name."""

    def revoke_certificates(self, numbers: Collection[int], at_ms: int, reason: Reason) -> None:
        """From then on they are not believed; those revoked before stay as they are."""

    def device_certificates(self, device_no: int) -> list[Kept]:
        """All certificates of a device."""

    def ask(self, device_no: int, key_sha256: bytes, csr: str, now_ms: int) -> None:
        """Keep a request for an external authority; asking again for a key renews it."""

    def asked(self) -> list[Asked]:
        """What waits for an external authority, the oldest first."""

    def answer(self, request_no: int, certificate_no: int) -> None:
        """A request has its certificate."""

    def revoked(self, issuer: str, now_ms: int) -> list[Revoked]:
        """What an issuer's revocation list holds: revoked and not expired for long."""

    def revoked_serials(self) -> frozenset[str]:
        """The serials of every certificate that was revoked."""

    def last_revoked_ms(self) -> int:
        """When a certificate was revoked last, 0 if none was."""

    def next_crl_number(self) -> int:
        """The number of the next list."""

    def revoke_device(
        self, device_no: int, at_ms: int, by: str, why: str, *, takes_backlog: bool
    ) -> None:
        """Note that a device may speak no more."""

    def revoked_devices(self) -> list[RevokedDevice]:
        """All devices that may speak no more."""

    def refuse(self, refusal: NotLetIn, source: str, now_ms: int) -> bool:
        """Count a refusal; whether it is the first of its kind and invitation in this hour."""

    def refusals(self, limit: int) -> list[RefusalRow]:
        """The last ones."""

    def identities(self, house: str | None = None) -> list[IdentityRow]:
        """Every device with a key, by house and name; '' for those of no house."""
