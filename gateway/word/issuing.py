"""Giving a command: numbered, sealed and kept until it is answered or its life is over."""

from cloud_sync import command as wire_command
from cloud_sync import topics
from cloud_sync.command import LIFETIME_MS_MAX, Command, Order, ReadNow, Report, Resend, Update
from cloud_sync.release import peek
from cloud_sync.signing import SigningKey
from cloud_sync.wire import WireError
from gateway.word.model import CommandError, NewCommand, WordPort

# A person waits for an answer; a script that gives more at once does not read them.
WAITING_MAX = 16
# A device that is away comes back within the hour, or somebody goes to see.
LIFETIME_MS = 3_600_000


def give(
    word: WordPort,
    key: SigningKey,
    device: str,
    order: Order,
    *,
    by: str,
    now_ms: int,
    lifetime_ms: int = LIFETIME_MS,
) -> NewCommand:
    """Seal and keep a command for `device`; CommandError if it cannot be given."""
    if not 0 < lifetime_ms <= LIFETIME_MS_MAX:
        raise CommandError(f"expected a life of at most {LIFETIME_MS_MAX // 3_600_000} hours")
    if not word.may_speak(device):
        raise CommandError(f"no device {device!r} that may speak: see plomba-gateway registry list")
    if word.waiting_count(device) >= WAITING_MAX:
        raise CommandError(f"{WAITING_MAX} commands to {device} wait already: is it online?")
    # Never below the clock: a ledger that came back from a backup has forgotten its last numbers.
    number = max(word.last_number(device) + 1, now_ms)
    command = Command(1, device, number, now_ms, now_ms + lifetime_ms, order)
    payload = wire_command.encode(command)
    try:
        wire_command.decode(payload)
    except WireError as error:
        raise CommandError(f"{command.kind}: {error}") from error
    message = key.seal(payload, topics.command_topic(device))
    new = NewCommand(
        device, number, command.kind, told(order), now_ms, command.expires_at_ms, by, message
    )
    word.add(new)
    return new


def told(order: Order) -> str:
    """What an order asks for, in words."""
    match order:
        case ReadNow(()):
            return "all meters"
        case ReadNow(meters):
            return ", ".join(meters)
        case Resend(first, last):
            return f"batches {first} to {last}"
        case Report():
            return ""
        case Update(statement):
            return peek(statement).software
