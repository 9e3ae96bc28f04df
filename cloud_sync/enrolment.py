"""What a device and the gateway say to each other before there is a certificate, and to renew it.

A device sends one sealed message (COSE_Sign1, as batches are), bound to a purpose of its own, so
that no seal made for one purpose can serve another. To enrol it seals with the very key it asks to
register: the proof that it has it. To renew or to rotate it seals with its registered key. All of
it travels over HTTPS; the secret of an invitation is inside.
"""

from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from cloud_sync import signing, wire
from cloud_sync.certificates import CERTIFICATES_BYTES_MAX, REQUEST_BYTES_MAX
from cloud_sync.signing import KeyFileError, Sealer, SealError, VerifyKey
from cloud_sync.topics import DeviceId
from cloud_sync.wire import WireError

SECRET_BYTES = 16
"""128 bits: not to be guessed, however often somebody tries."""
# A request, names and keys; twice the largest certificate request.
MESSAGE_BYTES_MAX = 2 * REQUEST_BYTES_MAX
ANSWER_BYTES_MAX = 3 * CERTIFICATES_BYTES_MAX

T = TypeVar("T")

ENROL_PATH = "/enroll/v1"
RENEW_PATH = "/renew/v1"
ROTATE_PATH = "/rotate/v1"

Secret = Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
House = Annotated[str, Meta(min_length=1, max_length=200)]
Csr = Annotated[str, Meta(min_length=1, max_length=REQUEST_BYTES_MAX)]
Pem = Annotated[str, Meta(max_length=CERTIFICATES_BYTES_MAX)]


class Enrol(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A device asks to be let in: sealed by the key of `signing_key`."""

    version: Literal[1]
    device: DeviceId
    house: House
    signing_key: PublicKey
    csr: Csr
    secret: Secret


class Renew(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A device asks for a new certificate, sealed by its registered key."""

    version: Literal[1]
    device: DeviceId
    csr: Csr


class Rotate(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A device exchanges its signing key: sealed by the new one, and that again by the old one."""

    version: Literal[1]
    device: DeviceId
    signing_key: PublicKey


class Answer(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the gateway gives. `chain` is empty while an external authority takes its time."""

    version: Literal[1]
    device: DeviceId
    house: Annotated[str, Meta(max_length=200)]
    chain: Pem
    authorities: Pem
    """Roots whose servers the device believes."""
    gateway_key: PublicKey
    broker_host: Annotated[str, Meta(max_length=255)]
    broker_port: Annotated[int, Meta(ge=0, le=65535)]


class Refused(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Why the gateway does not do it: one stable word, and a line for people."""

    version: Literal[1]
    reason: Annotated[str, Meta(max_length=64)]
    detail: Annotated[str, Meta(max_length=500)]


class EnrolmentError(ValueError):
    """A message that is not what it should be; the text is for the log of the other side."""


def purpose(device: str, what: Literal["enrol", "renew", "rotate", "rotate-to"]) -> str:
    """What a seal is bound to; none of these is a topic of a broker."""
    return f"plomba/v1/{device}/identity/{what}"


def seal_enrol(message: Enrol, key: Sealer) -> bytes:
    """The body of an enrolment."""
    return key.seal(wire.encode(message), purpose(message.device, "enrol"))


def open_enrol(body: bytes) -> Enrol:
    """An enrolment whose seal is of the key it names; EnrolmentError otherwise."""
    payload = _payload(body)
    message = _decoded(payload, Enrol)
    _verify(body, _key(message.signing_key), purpose(message.device, "enrol"))
    return message


def seal_renew(message: Renew, key: Sealer) -> bytes:
    """The body of a renewal."""
    return key.seal(wire.encode(message), purpose(message.device, "renew"))


def peek_renew(body: bytes) -> tuple[Renew, bytes]:
    """A renewal that is not believed yet, and the id of the key to check it with."""
    return _decoded(_payload(body), Renew), signing.parse(body).key_id


def check_renew(body: bytes, device: str, key: VerifyKey) -> None:
    """EnrolmentError unless `key` sealed this renewal for `device`."""
    _verify(body, key, purpose(device, "renew"))


def seal_rotate(message: Rotate, old: Sealer, new: Sealer) -> bytes:
    """The body of a rotation."""
    inner = new.seal(wire.encode(message), purpose(message.device, "rotate-to"))
    return old.seal(inner, purpose(message.device, "rotate"))


def peek_rotate(body: bytes) -> tuple[Rotate, bytes]:
    """A rotation proved by the new key, and the id of the old one, which is not checked yet."""
    inner = _payload(body)
    message = _decoded(_payload(inner), Rotate)
    _verify(inner, _key(message.signing_key), purpose(message.device, "rotate-to"))
    return message, signing.parse(body).key_id


def check_rotate(body: bytes, device: str, old: VerifyKey) -> None:
    """EnrolmentError unless `old` sealed this rotation for `device`."""
    _verify(body, old, purpose(device, "rotate"))


def encode_answer(answer: Answer | Refused) -> bytes:
    """The canonical bytes."""
    return wire.encode(answer)


def decode_answer(data: bytes) -> Answer:
    """An answer; EnrolmentError otherwise."""
    return _decoded(data, Answer, ANSWER_BYTES_MAX)


def decode_refused(data: bytes) -> Refused:
    """A refusal; EnrolmentError otherwise."""
    return _decoded(data, Refused)


def _payload(body: bytes) -> bytes:
    if len(body) > MESSAGE_BYTES_MAX:
        raise EnrolmentError(f"at most {MESSAGE_BYTES_MAX} bytes, got {len(body)}")
    try:
        return signing.parse(body).payload
    except SealError as error:
        raise EnrolmentError(str(error)) from error


def _decoded(data: bytes, shape: type[T], limit: int = MESSAGE_BYTES_MAX) -> T:
    try:
        return wire.decode(data, shape, limit=limit)
    except WireError as error:
        raise EnrolmentError(str(error)) from error


def _key(public: bytes) -> VerifyKey:
    try:
        return VerifyKey(public)
    except ValueError as error:
        raise EnrolmentError("not an Ed25519 key") from error


def _verify(body: bytes, key: VerifyKey, bound_to: str) -> None:
    try:
        key.verify(signing.parse(body), bound_to)
    except (SealError, KeyFileError) as error:
        raise EnrolmentError(str(error)) from error
