"""X.509: the TLS identities of devices and servers, their keys and requests.

The reading side of X.509; `cloud_sync.authority` issues. With `cloud_sync.signing` the only users
of the crypto library. TLS keys are ECDSA over P-256: every
TLS 1.2/1.3 stack, broker, TPM 2.0 and smart card takes them, while Ed25519 certificates are still
refused by many of these; who seals readings stays Ed25519, which only our own code verifies.

Nothing here reads a clock: the time is an argument, in ms since the epoch.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_sync import private_file
from cloud_sync.private_file import KeyFileError

# A request of ours has some 300 bytes; the bounds leave room for other programs' attributes, and
# for an external authority's RSA certificates.
REQUEST_BYTES_MAX = 8 * 1024
CERTIFICATES_BYTES_MAX = 64 * 1024
# Leaf, two intermediates and a root, and one more.
CHAIN_MAX = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# RFC 5280, appendix A.1: ub-common-name.
_COMMON_NAME_MAX = 64
# What the library raises for what it cannot read; not all of it is a ValueError.
_UNSOUND = (
    ValueError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


# One that is written just now ends anywhere: each list that begins has to end, and to be read.
_CRL_BEGIN = b"-----BEGIN X509 CRL-----"
_CRL = re.compile(_CRL_BEGIN + rb"[^-]*-----END X509 CRL-----")


class CertificateError(ValueError):
    """A certificate, request or authority that cannot be used; the text says why."""


class Certificate(NamedTuple):
    """What one certificate says; `serial` is lower-case hex, `key_sha256` over its key's SPKI."""

    serial: str
    issuer: str
    name: str
    """The subject as RFC 4514 writes it, as `issuer` is."""
    subject: str
    """Its common name."""
    key_sha256: bytes
    valid_from_ms: int
    valid_to_ms: int
    is_authority: bool
    for_clients: bool
    for_servers: bool
    pem: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex, as openssl and browsers count it."""
        return hashlib.sha256(loaded(self.pem).public_bytes(serialization.Encoding.DER)).hexdigest()


class Request(NamedTuple):
    """A certificate request whose own signature holds."""

    common_name: str
    key_sha256: bytes
    pem: str


class TlsKey:
    """A private P-256 key for TLS; it leaves this class only into its own file."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.key_sha256 = spki_sha256(private.public_key())

    @classmethod
    def generate(cls) -> "TlsKey":
        """A new key from the system's random source."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path: Path) -> "TlsKey":
        """Read a PKCS#8 PEM that only its owner can read; KeyFileError otherwise."""
        return cls(load_private(path))

    def save(self, path: Path) -> None:
        """Write a new file that only its owner can read; an existing file is never replaced."""
        save_private(self._private, path)

    def request(self, common_name: str) -> str:
        """A PKCS#10 request for a certificate under that name, PEM."""
        built = x509.CertificateSigningRequestBuilder().subject_name(subject_name(common_name))
        signed = built.sign(self._private, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")


def parse_request(text: str) -> Request:
    """A PEM request whose signature holds and whose key is on P-256; CertificateError otherwise."""
    if len(text) > REQUEST_BYTES_MAX:
        raise CertificateError(f"a request has at most {REQUEST_BYTES_MAX} bytes, got {len(text)}")
    try:
        request = x509.load_pem_x509_csr(text.encode("ascii"))
        key = request.public_key()
        holds = request.is_signature_valid
        name = common_name(request.subject)
    except _UNSOUND as error:
        raise CertificateError("expected a certificate request (PKCS#10) in PEM form") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError("expected a request for a key on P-256")
    if not holds:
        raise CertificateError("the request is not signed by the key it names")
    pem = request.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return Request(name, spki_sha256(key), pem)


def parse_certificates(text: str) -> list[Certificate]:
    """The certificates of a PEM text, in its order; CertificateError if there is none."""
    if len(text) > CERTIFICATES_BYTES_MAX:
        raise CertificateError(
            f"certificates have at most {CERTIFICATES_BYTES_MAX} bytes together, got {len(text)}"
        )
    try:
        found = x509.load_pem_x509_certificates(text.encode("ascii"))
        return [facts(one) for one in found]
    except _UNSOUND as error:
        raise CertificateError("expected certificates in PEM form") from error


def load_certificates(path: Path) -> list[Certificate]:
    """The certificates of a file; CertificateError with its name otherwise."""
    try:
        return parse_certificates(read_text(path))
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from error


def check_revocation_lists(pem: bytes) -> None:
    """CertificateError unless these are revocation lists, one at least, each of them whole."""
    found = _CRL.findall(pem)
    if not found or len(found) != pem.count(_CRL_BEGIN):
        raise CertificateError("expected whole revocation lists in PEM form")
    for one in found:
        try:
            x509.load_pem_x509_crl(one)
        except _UNSOUND as error:
            raise CertificateError(f"expected a revocation list: {error}") from error


def chain_of(leaf: Certificate, bundle: Iterable[Certificate]) -> list[Certificate]:
    """`leaf` and its issuers up to one that signed itself; CertificateError if one is missing.

    Signatures, authority marks and the order are checked, not the dates.
    """
    others = [loaded(one.pem) for one in bundle]
    chain = [loaded(leaf.pem)]
    while chain[-1].issuer != chain[-1].subject:
        above = next((one for one in others if _issued(chain[-1], one)), None)
        if above is None or len(chain) == CHAIN_MAX:
            name = chain[-1].issuer.rfc4514_string()
            raise CertificateError(f"no authority {name} that signed {leaf.subject} is known here")
        chain.append(above)
    if len(chain) > 1 and not _issued(chain[-1], chain[-1]):
        raise CertificateError(f"the root above {leaf.subject} did not sign itself")
    return [facts(one) for one in chain]


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if not facts(issuer).is_authority:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def facts(certificate: x509.Certificate) -> Certificate:
    """What a certificate says, as far as anybody here asks."""
    usages = _extended(certificate)
    return Certificate(
        serial=f"{certificate.serial_number:x}",
        issuer=certificate.issuer.rfc4514_string(),
        name=certificate.subject.rfc4514_string(),
        subject=common_name(certificate.subject),
        key_sha256=spki_sha256(certificate.public_key()),
        valid_from_ms=_ms(certificate.not_valid_before_utc),
        valid_to_ms=_ms(certificate.not_valid_after_utc),
        is_authority=_is_authority(certificate),
        for_clients=ExtendedKeyUsageOID.CLIENT_AUTH in usages,
        for_servers=ExtendedKeyUsageOID.SERVER_AUTH in usages,
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
    )


def _extended(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def subject_name(common_name: str) -> x509.Name:
    """A name of nothing but a common name; CertificateError if that cannot be one."""
    if not 0 < len(common_name) <= _COMMON_NAME_MAX or not common_name.isprintable():
        raise CertificateError(
            f"expected a name of 1 to {_COMMON_NAME_MAX} characters, got {common_name!r}"
        )
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def common_name(name: x509.Name) -> str:
    """The common name, empty unless there is exactly one."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def spki_sha256(key: CertificatePublicKeyTypes) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo: what a key is known by."""
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).digest()


def loaded(pem: str) -> x509.Certificate:
    """The library's object of a PEM; CertificateError otherwise."""
    try:
        return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except _UNSOUND as error:
        raise CertificateError("expected a certificate in PEM form") from error


def read_text(path: Path) -> str:
    """The text of a PEM file; CertificateError with its name otherwise."""
    try:
        return path.read_bytes().decode("ascii")
    except OSError as error:
        raise CertificateError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CertificateError(f"{path}: expected certificates in PEM form") from error


def load_private(path: Path) -> ec.EllipticCurvePrivateKey:
    """A P-256 key of a PEM that only its owner can read; KeyFileError otherwise."""
    try:
        private_file.check(path)
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"cannot read key file {path}: {error.strerror}") from error
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"key file {path} is not a private key in PEM form") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"key file {path}: expected a P-256 key, got {type(key).__name__}")
    return key


def save_private(key: ec.EllipticCurvePrivateKey, path: Path) -> None:
    """Write a new file that only its owner can read."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    private_file.create(path, pem)


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
