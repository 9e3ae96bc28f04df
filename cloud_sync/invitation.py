"""An invitation: the file that lets one device of one house enrol, once.

One line of JSON, so that it can be put on a card, mailed or pasted. It carries whom to believe (the
root certificate itself, so no connection is ever made without checking the other side) and a
secret of which the gateway keeps only the hash. Nothing but these fields may be in it.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from cloud_sync.certificates import CertificateError, parse_certificates
from cloud_sync.enrolment import SECRET_BYTES, House
from cloud_sync.topics import DEVICE_PATTERN
from drivers.reading import TimeMs

# A root of ours is 700 bytes, an RSA one of an external authority some 2000.
INVITATION_BYTES_MAX = 16 * 1024
_LABEL_BYTES = 4
_ADDRESS = re.compile(r"https://([A-Za-z0-9.\-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(:[0-9]{1,5})?")


class InvitationError(ValueError):
    """Not an invitation that can be used; the text says why."""


class Invitation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to enrol, whom to believe there, and what to show."""

    plomba_invitation: Literal[1] = 1
    gateway: Annotated[str, Meta(min_length=9, max_length=300)]
    """An https address."""
    house: House
    device: Annotated[str, Meta(pattern=DEVICE_PATTERN + "|^$", max_length=63)] = ""
    """The only device it is for; empty for any that the house expects."""
    expires_at_ms: TimeMs
    ca_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    """The fingerprint of the root, as the operator's screen shows it."""
    ca: Annotated[str, Meta(max_length=8 * 1024)]
    """The root, PEM."""
    secret: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}$")]
    """16 random bytes, base64url without padding."""

    @property
    def secret_bytes(self) -> bytes:
        """The secret as it is sent."""
        return urlsafe_b64decode(self.secret + "==")

    def __repr__(self) -> str:
        return f"Invitation({label_of(self.secret_bytes)}, house={self.house!r})"


def new_secret() -> bytes:
    """A secret nobody can guess."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """A secret as it stands in the file."""
    return urlsafe_b64encode(secret).decode("ascii").rstrip("=")


def secret_hash(secret: bytes) -> bytes:
    """What the gateway keeps of a secret. It is random, so a plain hash cannot be searched."""
    return hashlib.sha256(b"plomba invitation" + secret).digest()


def label_of(secret: bytes) -> str:
    """What lists and logs call an invitation; it tells nothing of the secret."""
    return secret_hash(secret)[:_LABEL_BYTES].hex()


def to_text(invitation: Invitation) -> str:
    """The line of the file."""
    return msgspec.json.encode(invitation).decode("utf-8") + "\n"


def parse(data: bytes) -> Invitation:
    """The invitation of a file's bytes; InvitationError otherwise."""
    if len(data) > INVITATION_BYTES_MAX:
        raise InvitationError(
            f"expected an invitation of at most {INVITATION_BYTES_MAX} bytes, got {len(data)}"
        )
    try:
        invitation = msgspec.json.decode(data, type=Invitation)
        invitation.house.encode("utf-8")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        # What msgspec says names the field and never quotes a value.
        raise InvitationError(f"expected an invitation: {error}") from error
    _check(invitation)
    return invitation


def _check(invitation: Invitation) -> None:
    if _ADDRESS.fullmatch(invitation.gateway) is None:
        raise InvitationError("expected an invitation: gateway is not an https:// address")
    if secret_text(invitation.secret_bytes) != invitation.secret:
        raise InvitationError("expected an invitation: its secret has stray bits")
    try:
        (root,) = parse_certificates(invitation.ca)
    except (CertificateError, UnicodeError, ValueError):
        raise InvitationError("expected an invitation: ca is not one certificate") from None
    if root.fingerprint != invitation.ca_sha256:
        raise InvitationError("expected an invitation: its ca is not the one of ca_sha256")
