"""The gateway's word to one device: commands, and the device's signed answers to them.

A command is sealed by the gateway's key for the device's command topic and names the device again
inside, so it can be neither moved nor altered. Its number only rises, and a device keeps the last
one on disk: what was once carried out, or overtaken, is never carried out again. It ends by
itself at `expires_at_ms`, so a broker cannot keep it for a better moment.

Nothing here can change a reading, a key or a configuration. A command asks for meters to be read
now, for batches to be sent again, for a report, or offers a release of the software that another
key than the gateway's has sealed (cloud_sync/release.py) and that is newer than what runs; the
worst that a stolen gateway key can do through it is a few reads more, and an update that was meant
for later.

An answer is sealed by the device's key for its *state* topic. Beside what the device says there as
JSON it is told apart by its first byte, and a batch can never be taken for it nor it for a batch:
their topics are part of what is signed.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud_sync import wire
from cloud_sync.batch import SEQUENCE_MAX
from cloud_sync.release import STATEMENT_BYTES_MAX
from cloud_sync.topics import DeviceId
from drivers.reading import SERIAL_PATTERN, ClockState, TimeMs

# Meters named in one command: a whole M-Bus segment. Without names all of a device are meant.
METERS_MAX = 250
COMMAND_BYTES_MAX = 16 * 1024
# A device that is away for a week is visited; what was wanted of it then is asked anew.
LIFETIME_MS_MAX = 7 * 86_400_000
REASON_CHARS_MAX = 200
# A report is a device's state as on its state topic, cut to what fits beside a batch easily.
REPORT_BYTES_MAX = 32 * 1024
ANSWER_BYTES_MAX = REPORT_BYTES_MAX + 1024
# The first byte of a COSE_Sign1 message (tag 18); no JSON begins with it.
_SEALED = b"\xd2"

Number = Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
"""A command's number: it rises with every command to a device.

A gateway counts from its clock's milliseconds on, so that one that went back to a backup goes on
above the numbers it has forgotten.
"""
Serial = Annotated[str, Meta(pattern=SERIAL_PATTERN, max_length=32)]


class ReadNow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="read-now"):
    """Read these meters now, or all if none is named; the readings come as an ordinary batch."""

    meters: Annotated[tuple[Serial, ...], Meta(max_length=METERS_MAX)]


class Resend(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="resend"):
    """Send these batches again, both ends included: the gateway has lost them."""

    first: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
    last: Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]


class Report(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="report"):
    """Say how you are, signed."""


class Update(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="update"):
    """Fetch and install this release; `statement` is sealed by the release key."""

    statement: Annotated[bytes, Meta(min_length=1, max_length=STATEMENT_BYTES_MAX)]


Order = ReadNow | Resend | Report | Update


class Command(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One command to one device."""

    version: Literal[1]
    device: DeviceId
    number: Number
    issued_at_ms: TimeMs
    expires_at_ms: TimeMs
    order: Order

    @property
    def kind(self) -> str:
        """The order's name."""
        return str(type(self.order).__struct_config__.tag)


class Answer(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What became of a command. `reason` is one line; `report` is a DeviceState as JSON."""

    version: Literal[1]
    device: DeviceId
    number: Number
    answered_at_ms: TimeMs
    clock_state: ClockState
    outcome: Literal["done", "refused"]
    reason: Annotated[str, Meta(max_length=REASON_CHARS_MAX)]
    report: Annotated[bytes, Meta(max_length=REPORT_BYTES_MAX)]


def encode(command: Command) -> bytes:
    """The canonical payload of a command."""
    return wire.encode(command)


def decode(payload: bytes) -> Command:
    """The command of a canonical payload, or WireError."""
    command = wire.decode(payload, Command, limit=COMMAND_BYTES_MAX)
    lifetime_ms = command.expires_at_ms - command.issued_at_ms
    if not 0 < lifetime_ms <= LIFETIME_MS_MAX:
        raise wire.WireError(f"expected a life of 1 to {LIFETIME_MS_MAX} ms, got {lifetime_ms}")
    if isinstance(command.order, Resend) and command.order.last < command.order.first:
        raise wire.WireError(f"resend {command.order.first} to {command.order.last}: backwards")
    return command


def encode_answer(answer: Answer) -> bytes:
    """The canonical payload of an answer."""
    return wire.encode(answer)


def decode_answer(payload: bytes) -> Answer:
    """The answer of a canonical payload, or WireError."""
    return wire.decode(payload, Answer, limit=ANSWER_BYTES_MAX)


def is_answer(message: bytes) -> bool:
    """Whether a message on a state topic means to be an answer; the rest is plain state."""
    return message.startswith(_SEALED)
