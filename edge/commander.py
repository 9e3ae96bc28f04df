"""The gateway's commands on this device: believed, noted, carried out once, and answered.

Believed is only what the pinned gateway key has sealed for this device's command topic, that has
not expired, and whose number is above the last one carried out. What does not come from the
gateway is counted and gets no answer, so that nobody else can make the device speak. What does,
and is not carried out, is answered with the reason.

No I/O but the record; the time comes from the agent's clock.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from cloud_sync import command as wire_command
from cloud_sync import signing, state, topics
from cloud_sync.command import REASON_CHARS_MAX, REPORT_BYTES_MAX, Answer, Command
from cloud_sync.signing import KeyUnavailable, Sealer, SealError, VerifyKey
from cloud_sync.state import DeviceState
from cloud_sync.wire import WireError
from drivers.reading import ClockState
from edge.clock import Clock
from edge.command_record import CommandRecord, Kept

log = structlog.get_logger("edge.commander")

# The gateway repeats an unanswered command every quarter of a minute. Twenty at once are more
# than a person asks for; beyond that one in three seconds costs a Pi nothing worth naming.
BURST = 20
REFILL_MS = 3_000
# Answers that wait for a connection. The gateway asks for one at a time, so more are stale.
ANSWERS_MAX = 8
# Of a report too long, each reason is cut to this.
PROBLEM_CHARS = 100
_CLOCKS = (ClockState.SYNCHRONISED, ClockState.INFORMATIVE)


class Refused(Exception):
    """A command that is not carried out; the first word tells which of the reasons it is."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Hands(Protocol):
    """What the agent can do when it is told to; each gives one line on what it did, or Refused."""

    def read_now(self, meters: Sequence[str]) -> str:
        """Have meters read, all if none is named."""

    def resend(self, first: int, last: int) -> str:
        """Have batches sent again."""

    def report(self) -> DeviceState:
        """How the device is."""

    def update(self, number: int, statement: bytes) -> str:
        """Have a release fetched and installed; `number` is the command's."""


class Commander:
    """Takes the messages of the command topic; `next_answer` is what to publish as state."""

    def __init__(
        self,
        *,
        device: str,
        key: Sealer,
        gateway_key: VerifyKey,
        record: CommandRecord,
        clock: Clock,
        hands: Hands,
    ) -> None:
        self._device = device
        self._key = key
        self._gateway_key = gateway_key
        self._record = record
        self._clock = clock
        self._hands = hands
        self._topic = topics.command_topic(device)
        self._answer_topic = topics.state_topic(device)
        self._answers: deque[bytes] = deque(maxlen=ANSWERS_MAX)
        self._tokens = float(BURST)
        self._refilled_ms = clock.now().uptime_ms
        self.refused: Counter[str] = Counter(record.kept.refused)
        """Messages that were not carried out, by their reason, over the device's life."""

    @property
    def last(self) -> int:
        """The number of the last command carried out."""
        return self._record.kept.last

    def on_message(self, message: bytes) -> None:
        """Carry out what is to be carried out; nothing that comes here is ever an error."""
        if not self._take_token():
            self.refused["too-many"] += 1
            return
        command = self._opened(message)
        if command is None:
            return
        try:
            self._answer(command)
        except KeyUnavailable as error:
            # Before it is carried out an answer is sealed, so nothing was done; asked again later.
            self.refused["cannot-sign"] += 1
            log.warning("command not answered", number=command.number, reason=str(error))

    def _answer(self, command: Command) -> None:
        if command.number == self.last and self._record.kept.answer:
            self._answers.append(self._by_this_key(self._record.kept.answer))
            return
        try:
            self._check(command)
            done = self._carry_out(command)
        except Refused as refusal:
            self.refused[refusal.reason] += 1
            log.warning("command refused", number=command.number, reason=str(refusal))
            self._answers.append(self._sealed(command, "refused", str(refusal)))
            return
        log.info("command carried out", kind=command.kind, number=command.number)
        self._answers.append(done)

    def next_answer(self) -> bytes | None:
        """The next sealed answer for the state topic, None if there is none."""
        return self._answers.popleft() if self._answers else None

    def keep_counts(self) -> None:
        """Write the refusals down if there were new ones; for `doctor`, so a loss is no matter."""
        kept = self._record.kept
        if self._record.is_broken or dict(self.refused) == kept.refused:
            return
        try:
            self._record.write(Kept(kept.last, kept.answer, dict(self.refused)))
        except OSError as error:
            log.warning("cannot note refused commands", reason=str(error))

    def _take_token(self) -> bool:
        now_ms = self._clock.now().uptime_ms
        self._tokens = min(BURST, self._tokens + (now_ms - self._refilled_ms) / REFILL_MS)
        self._refilled_ms = now_ms
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _opened(self, message: bytes) -> Command | None:
        try:
            sealed = signing.parse(message)
            if sealed.key_id != self._gateway_key.key_id:
                self.refused["unknown-key"] += 1
                return None
            self._gateway_key.verify(sealed, self._topic)
            command = wire_command.decode(sealed.payload)
        except SealError as error:
            self.refused[error.reason] += 1
            return None
        except WireError:
            self.refused["malformed"] += 1
            return None
        if command.device != self._device:
            self.refused["wrong-device"] += 1
            return None
        return command

    def _check(self, command: Command) -> None:
        now = self._clock.now()
        knows_time = now.state in _CLOCKS
        # A report does nothing, and is what one wants of a device that has lost its clock.
        if not knows_time and not isinstance(command.order, wire_command.Report):
            raise Refused("no-clock", "this device cannot tell whether the command has expired")
        if knows_time and now.utc_ms >= command.expires_at_ms:
            raise Refused("expired", f"at {command.expires_at_ms}, it is {now.utc_ms} here")
        if self._record.is_broken:
            # Whatever was given before now may have been carried out.
            log.error("the record of commands was broken: begun anew")
            self._write(Kept(now.utc_ms, b"", dict(self.refused)))
        if command.number <= self.last:
            raise Refused("old", f"number {command.number}, the last one was {self.last}")

    def _carry_out(self, command: Command) -> bytes:
        cut = self._sealed(command, "refused", "interrupted: this device was restarted meanwhile")
        self._note(command, cut)
        try:
            reason, report = self._obey(command)
        except Refused as refusal:
            self._note(command, self._sealed(command, "refused", str(refusal)))
            raise
        answer = self._sealed(command, "done", reason, report)
        self._note(command, answer)
        return answer

    def _obey(self, command: Command) -> tuple[str, bytes]:
        match command.order:
            case wire_command.ReadNow(meters):
                return self._hands.read_now(meters), b""
            case wire_command.Resend(first, last):
                return self._hands.resend(first, last), b""
            case wire_command.Report():
                return "report", _report(self._hands.report())
            case wire_command.Update(statement):
                return self._hands.update(command.number, statement), b""

    def _note(self, command: Command, answer: bytes) -> None:
        self._write(Kept(command.number, answer, dict(self.refused)))

    def _write(self, kept: Kept) -> None:
        try:
            self._record.write(kept)
        except OSError as error:
            raise Refused("not-noted", f"cannot write it down: {error.strerror}") from error

    def _by_this_key(self, answer: bytes) -> bytes:
        """A kept answer; sealed anew where the key was exchanged since, so that it is believed."""
        if signing.key_id_of(answer) == self._key.public.key_id:
            return answer
        return self._key.seal(signing.cut(answer).payload, self._answer_topic)

    def _sealed(self, command: Command, outcome: str, reason: str, report: bytes = b"") -> bytes:
        now = self._clock.now()
        answer = Answer(
            version=1,
            device=self._device,
            number=command.number,
            answered_at_ms=now.time_ms,
            clock_state=now.state,
            outcome="done" if outcome == "done" else "refused",
            reason=reason[:REASON_CHARS_MAX],
            report=report,
        )
        return self._key.seal(wire_command.encode_answer(answer), self._answer_topic)


def _report(told: DeviceState) -> bytes:
    """The state as JSON, its reasons cut where it would be too long."""
    report = state.encode(told)
    if len(report) <= REPORT_BYTES_MAX:
        return report
    return state.encode(state.shortened(told, PROBLEM_CHARS))
