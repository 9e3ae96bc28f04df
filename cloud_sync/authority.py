"""The authority: who issues certificates, and says which of them are not to be believed any more.

The builders of X.509 beside `cloud_sync.certificates`, which reads it. Nothing here reads a clock.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from cloud_sync import private_file
from cloud_sync.certificates import (
    Certificate,
    CertificateError,
    Request,
    common_name,
    facts,
    load_private,
    loaded,
    read_text,
    save_private,
    spki_sha256,
    subject_name,
)

# A certificate counts from a little before it was made: clocks of cabinets are minutes off.
BACKDATED = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CRL = re.compile(r"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?")


class Profile(StrEnum):
    """What a certificate is for."""

    DEVICE = "device"
    SERVER = "server"
    COLLECTOR = "collector"
    NODE = "node"
    """A broker's, which is a server to clients and to the other nodes a client as well."""


class Reason(StrEnum):
    """Why a certificate is revoked: the names of RFC 5280, 5.3.1."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    SUPERSEDED = "superseded"
    CESSATION = "cessationOfOperation"


class Revoked(NamedTuple):
    """A line of a revocation list."""

    serial: str
    at_ms: int
    reason: Reason


class Authority:
    """A certificate with the private key that issues under it."""

    def __init__(self, certificate: x509.Certificate, private: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._private = private
        if spki_sha256(private.public_key()) != spki_sha256(certificate.public_key()):
            raise CertificateError("the authority's key is not that of its certificate")

    @classmethod
    def root(cls, name: str, now_ms: int, days: int) -> "Authority":
        """A new authority that signs itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = subject_name(name)
        builder = _authority(subject, key.public_key(), now_ms, days, below=1)
        return cls(builder.issuer_name(subject).sign(key, hashes.SHA256()), key)

    def subordinate(self, name: str, now_ms: int, days: int) -> "Authority":
        """A new authority below this one, which makes none below itself."""
        self._check_valid(now_ms)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _authority(subject_name(name), key.public_key(), now_ms, days, below=0)
        return Authority(self._sign(builder), key)

    @classmethod
    def load(cls, certificate: Path, key: Path) -> "Authority":
        """The authority of two files; KeyFileError or CertificateError otherwise."""
        return cls(loaded(read_text(certificate)), load_private(key))

    def save(self, certificate: Path, key: Path) -> None:
        """Write both files, neither of which may exist yet."""
        save_private(self._private, key)
        private_file.create(certificate, self.certificate.pem.encode("ascii"), 0o644)

    @property
    def certificate(self) -> Certificate:
        """The authority's own certificate."""
        return facts(self._certificate)

    def issue(
        self,
        profile: Profile,
        request: Request,
        now_ms: int,
        days: float,
        names: Sequence[str] = (),
    ) -> Certificate:
        """A certificate for the key of `request`; `names` are a server's host names and addresses.

        It ends with the authority at the latest. Of the request only its name and key are taken.
        """
        self._check_valid(now_ms)
        asked = x509.load_pem_x509_csr(request.pem.encode("ascii"))
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] * (profile in (Profile.SERVER, Profile.NODE))
        if profile is not Profile.SERVER:
            usages.append(ExtendedKeyUsageOID.CLIENT_AUTH)
        builder = (
            _dated(asked.public_key(), now_ms, days, until=self._ends)
            .subject_name(subject_name(request.common_name))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_alternatives(names or [request.common_name]), critical=False)
        )
        return facts(self._sign(builder))

    def revocation_list(
        self, revoked: Iterable[Revoked], number: int, now_ms: int, days: int
    ) -> str:
        """The CRL, PEM: who of this authority's subjects is not to be believed."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(_instant(now_ms) - BACKDATED)
            .next_update(_instant(now_ms) + timedelta(days=days))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(self._key_identifier(), critical=False)
        )
        for one in revoked:
            builder = builder.add_revoked_certificate(_revoked(one))
        signed = builder.sign(self._private, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def listed(self, crls: str) -> list[Revoked]:
        """What the list of this authority among `crls` (PEM) names; CertificateError if damaged."""
        found = []
        for pem in _CRL.findall(crls):
            try:
                crl = x509.load_pem_x509_crl(pem.encode("ascii"))
                if crl.is_signature_valid(self._private.public_key()):
                    found += [_entry(one) for one in crl]
            except (ValueError, UnsupportedAlgorithm) as error:
                raise CertificateError("expected revocation lists in PEM form") from error
        return found

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return (
            builder.issuer_name(self._certificate.subject)
            .add_extension(self._key_identifier(), critical=False)
            .sign(self._private, hashes.SHA256())
        )

    def _check_valid(self, now_ms: int) -> None:
        if not self._certificate.not_valid_before_utc <= _instant(now_ms) < self._ends:
            raise CertificateError(
                f"the authority {common_name(self._certificate.subject)} is valid from "
                f"{self._certificate.not_valid_before_utc:%Y-%m-%d} to {self._ends:%Y-%m-%d} only"
            )

    @property
    def _ends(self) -> datetime:
        return self._certificate.not_valid_after_utc

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._private.public_key())


def _authority(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, now_ms: int, days: int, *, below: int
) -> x509.CertificateBuilder:
    return (
        _dated(key, now_ms, days)
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )


def _dated(
    key: CertificatePublicKeyTypes,
    now_ms: int,
    days: float,
    *,
    until: datetime | None = None,
) -> x509.CertificateBuilder:
    now = _instant(now_ms)
    ends = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends if until is None else min(ends, until))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Iterable[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(name) for name in names])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        if _HOST.fullmatch(name) is None:
            raise CertificateError(f"expected a host name or an address, got {name!r}") from None
        return x509.DNSName(name)


def _revoked(one: Revoked) -> x509.RevokedCertificate:
    reason = x509.CRLReason(x509.ReasonFlags(one.reason.value))
    built = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(one.serial, 16))
        .revocation_date(_instant(one.at_ms))
    )
    if one.reason is Reason.UNSPECIFIED:  # RFC 5280, 5.3.1: then the reason is left out
        return built.build()
    return built.add_extension(reason, critical=False).build()


def _entry(one: x509.RevokedCertificate) -> Revoked:
    try:
        said = one.extensions.get_extension_for_class(x509.CRLReason).value.reason
        reason = Reason(said.value)
    except x509.ExtensionNotFound:
        reason = Reason.UNSPECIFIED
    at_ms = (one.revocation_date_utc - _EPOCH) // timedelta(milliseconds=1)
    return Revoked(f"{one.serial_number:x}", at_ms, reason)


def _instant(ms: int) -> datetime:
    # X.509 knows whole seconds.
    return _EPOCH + timedelta(seconds=ms // 1000)
