"""Requests out, certificates in: an external authority, which takes its time."""

from typing import NamedTuple

from cloud_sync.authority import Profile
from gateway.audit import Act, By
from gateway.identity.authority import ExternalAuthority
from gateway.identity.enrolling import Ledger
from gateway.identity.model import Asked, IdentityError


class Taken(NamedTuple):
    """A certificate that came in, and whose it is."""

    device: str
    serial: str
    valid_to_ms: int


def take(ledger: Ledger, authority: ExternalAuthority, pem: str, by: By, now_ms: int) -> Taken:
    """Enter a certificate that answers a request; IdentityError or CertificateError if it does not.

    Checked: its authority, its name, its key, that it is for clients, no authority, and valid now.
    """
    certificate = authority.checked(pem)
    request = _request_of(certificate.key_sha256, ledger.identities.asked())
    wrong = [
        said
        for ok, said in (
            (certificate.subject == request.device, f"its name is {certificate.subject!r}"),
            (not certificate.is_authority, "it is an authority's"),
            (certificate.for_clients, "it is not for clients (extended key usage clientAuth)"),
            (certificate.valid_from_ms <= now_ms < certificate.valid_to_ms, "it is not valid now"),
        )
        if not ok
    ]
    if wrong:
        raise IdentityError(
            f"expected a client certificate for {request.device}: {', '.join(wrong)}"
        )
    number = ledger.identities.add_certificate(
        certificate, Profile.DEVICE, request.device_no, now_ms
    )
    ledger.identities.answer(request.request_no, number)
    ledger.audit.append(
        Act(now_ms, *by, "ca import", request.device, "", f"certificate {certificate.serial}", "")
    )
    return Taken(request.device, certificate.serial, certificate.valid_to_ms)


def _request_of(key_sha256: bytes, asked: list[Asked]) -> Asked:
    for one in asked:
        if one.key_sha256 == key_sha256:
            return one
    raise IdentityError(
        "expected a certificate for a key that waits here: plomba-gateway ca csr list shows them"
    )
