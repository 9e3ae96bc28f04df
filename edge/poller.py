"""One line, one queue: which meter is asked next, and what becomes of its answer.

A meter that fails is asked again after a time that doubles, so that a dead one costs the line one
timeout now and then while the others keep their slots. What it missed stays due. A link that is
down is nobody's fault but its own: the line waits a little and everything due is read after that.
A refusal (a meter that says no, another meter at the address) waits for the longest time at once:
asking again soon would not help.

A meter that allows only so many reads a day is left alone when they are used up, however often it
is due; `edge/allowance.py` keeps one of them for midnight.

What a round brought is handed over in packs that fit a batch and are never older than a minute,
so a power cut in the middle of a slow round costs a minute at most.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from cloud_sync import wire
from cloud_sync.batch import READOUTS_MAX
from drivers.driver import Answer, DriverError, FrameError, LinkDown
from drivers.reading import ClockState, Evidence, Readout, Source
from edge.allowance import Allowance
from edge.clock import Clock, Stamp
from edge.pulse import Pulse
from edge.read_log import NotNoted
from edge.schedule import Due, Timetable

log = structlog.get_logger("edge.poller")

# Above the time for which most lines hold a silent meter (drivers/bus.py, rule 4); where a line
# holds it for longer, that counts.
RETRY_MS = 30_000
RETRY_MS_MAX = 3_600_000
LINE_RETRY_MS = 1_000
LINE_RETRY_MS_MAX = 60_000
# The longest read: several telegrams at 300 baud, each asked for three times, are minutes.
READ_S_MAX = 600.0
# A pack becomes one batch: half of a batch's bound, so that one more readout always fits.
PACK_BYTES = 128 * 1024
PACK_AGE_MS = 60_000
# A readout is at most its evidence, and 128 values of about 30 bytes.
READOUT_BYTES_MAX = 16 * 1024

Read = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A meter as the agent sees it. `read` asks it once (see drivers/driver.py for its errors).

    `raw` keeps the meter's answer itself also for interval readings, instead of its SHA-256.
    `allowance` is that of a meter which may be read only so often.
    """

    serial: str
    read: Read
    interval_s: int
    raw: bool = False
    allowance: Allowance | None = None


@dataclass(frozen=True, kw_only=True)
class LinePlan:
    """The meters of one line, in the order in which they are asked."""

    name: str
    meters: tuple[Meter, ...]


class Sink(Protocol):
    """Where readouts go."""

    def may_sample(self) -> bool:
        """Whether there is room for what a read would bring."""

    def skipped(self, meters: int) -> None:
        """That many due reads were left out because there was no room."""

    def store(self, readouts: Sequence[Readout]) -> None:
        """Seal and keep them; on the disk when this returns."""


class _Member:
    """A meter with its plan and its luck."""

    def __init__(self, meter: Meter, zone: ZoneInfo, now: Stamp) -> None:
        self.meter = meter
        self.table = Timetable(meter.interval_s, zone)
        # Once at the start: what came or went while nobody was asking shows at once.
        self.due = Due(now.time_ms, Source.ON_DEMAND)
        self.quiet_until_ms = 0  # On the uptime clock, which is never set.
        self.failures = 0
        self.problem: str | None = None
        self.has_answered = False
        self.is_told_held = False

    def wait_ms(self, now: Stamp) -> int:
        wait_ms = max(self.due.at_ms - now.time_ms, self.quiet_until_ms - now.uptime_ms)
        return wait_ms if wait_ms > 0 else self.hold_ms(now)

    def hold_ms(self, now: Stamp) -> int:
        """How long the meter's allowance forbids the read that is due."""
        allowance = self.meter.allowance
        if allowance is None:
            return 0
        if now.state is ClockState.RELATIVE:
            return allowance.wait_ms(now, to_midnight_ms=None)
        return allowance.wait_ms(
            now,
            to_midnight_ms=self.table.to_midnight_ms(now.time_ms),
            since_midnight_ms=self.table.since_midnight_ms(self.due, now.time_ms),
        )

    def hurry(self, now: Stamp) -> bool:
        """Make the meter due now; False, and nothing changed, where its allowance forbids it."""
        if self.due.at_ms <= now.time_ms:
            return True
        planned, self.due = self.due, Due(now.time_ms, Source.ON_DEMAND)
        if self.hold_ms(now) > 0:
            self.due = planned
            return False
        return True

    async def read(self, now: Stamp) -> Answer:
        """Ask the meter, and count that where reads are counted."""
        allowance = self.meter.allowance
        if allowance is None:
            return await self.meter.read()
        allowance.take(now)
        try:
            return await self.meter.read()
        except LinkDown as error:
            if not error.asked:
                # If that cannot be written down the read counts: the battery is none the worse.
                with suppress(NotNoted):
                    allowance.give_back()
            raise

    def plan(self, now: Stamp) -> None:
        relative = now.state is ClockState.RELATIVE
        table = self.table
        self.due = table.next_interval(now.time_ms) if relative else table.next(now.time_ms)


class Poller:
    """The owner of one line's schedule."""

    def __init__(
        self,
        plan: LinePlan,
        *,
        clock: Clock,
        sink: Sink,
        zone: ZoneInfo,
        pulse: Pulse | None = None,
    ) -> None:
        self.name = plan.name
        self._pulse = pulse or Pulse()
        self._part = f"line {plan.name}"
        self._clock = clock
        self._sink = sink
        now = clock.now()
        self._members = [_Member(meter, zone, now) for meter in plan.meters]
        self._relative = now.state is ClockState.RELATIVE
        self._pack: list[Readout] = []
        self._pack_bytes = 0
        self._pack_since_ms = 0
        self._line_quiet_until_ms = 0
        self._line_failures = 0
        self._line_problem: str | None = None
        self._stopping = False
        self._nap: asyncio.Future[None] | None = None

    @property
    def problems(self) -> dict[str, str]:
        """The meters that fail, by serial, and the line if it is down, with the latest reason."""
        failing = {m.meter.serial: m.problem for m in self._members if m.problem is not None}
        if self._line_problem is not None:
            failing[f"line {self.name}"] = self._line_problem
        return failing

    @property
    def answering(self) -> int:
        """How many meters answered when they were last asked."""
        return sum(m.has_answered and m.problem is None for m in self._members)

    @property
    def serials(self) -> list[str]:
        """The meters of the line."""
        return [member.meter.serial for member in self._members]

    def read_now(self, serials: Collection[str]) -> tuple[list[str], list[str]]:
        """Have meters read before their time, all of the line if none is named.

        Gives those that will be, and those whose allowance forbids it. A meter that fails keeps
        its pause.
        """
        now = self._clock.now()
        asked: list[str] = []
        held: list[str] = []
        for member in self._members:
            if not serials or member.meter.serial in serials:
                (asked if member.hurry(now) else held).append(member.meter.serial)
        if self._nap is not None:
            self._nap.cancel()
        return asked, held

    def stop(self) -> None:
        """Finish the read under way, hand over what is there, and return from `run`."""
        self._stopping = True
        if self._nap is not None:
            self._nap.cancel()

    async def run(self) -> None:
        """Ask the meters until stopped."""
        try:
            await self._turn()
        finally:
            self._pulse.forget(self._part)

    async def _turn(self) -> None:
        while self._members and not self._stopping:
            now = self._look()
            self._tell_held(now)
            wait_ms = min(member.wait_ms(now) for member in self._members)
            wait_ms = max(wait_ms, self._line_quiet_until_ms - now.uptime_ms)
            if wait_ms > 0:
                await self._sleep(wait_ms)
            else:
                await self._round(now)

    async def _sleep(self, wait_ms: int) -> None:
        self._pulse.expect(self._part, wait_ms / 1000)
        self._nap = asyncio.ensure_future(self._clock.sleep(wait_ms))
        try:
            # Waiting for a nap, unlike awaiting it, survives its being cancelled by `stop`.
            await asyncio.wait({self._nap})
        finally:
            self._nap.cancel()
            self._nap = None

    def _look(self) -> Stamp:
        """The time; plans that a set clock has made meaningless are made anew."""
        now = self._clock.now()
        relative = now.state is ClockState.RELATIVE
        for member in self._members:
            if relative is not self._relative:
                member.due = Due(now.time_ms, Source.ON_DEMAND)
            elif not member.table.is_reachable(member.due, now.time_ms):
                member.plan(now)
        self._relative = relative
        return now

    def _tell_held(self, now: Stamp) -> None:
        """Say once of each meter that its allowance is why it is not read when it is due."""
        for member in self._members:
            allowance = member.meter.allowance
            if allowance is None or member.is_told_held or member.due.at_ms > now.time_ms:
                continue
            if member.hold_ms(now) > 0:
                member.is_told_held = True
                log.warning(
                    "meter is left alone: its reads of the day are used up or kept for midnight",
                    line=self.name,
                    meter=member.meter.serial,
                    reads_per_day_max=allowance.reads_max,
                )

    async def _round(self, now: Stamp) -> None:
        """Read every meter that is due, the longest waiting first."""
        due = sorted(
            (member for member in self._members if member.wait_ms(now) <= 0),
            key=lambda member: member.due.at_ms,
        )
        try:
            for member in due:
                if self._stopping:
                    break
                if not self._sink.may_sample():
                    self._skip(member)
                    continue
                await self._ask(member)
        except LinkDown as error:
            self._line_failed(error)
        finally:
            self._hand_over()

    def _skip(self, member: _Member) -> None:
        self._sink.skipped(1)
        member.plan(self._clock.now())

    async def _ask(self, member: _Member) -> None:
        self._pulse.expect(self._part, READ_S_MAX)
        began = self._clock.now()
        try:
            answer = await member.read(began)
            now = self._clock.now()
            readout, encoded_bytes = _readout(member, answer, began, now)
        except LinkDown:
            raise
        except DriverError as error:
            self._failed(member, error)
            return
        self._succeeded(member, now)
        self._put(readout, encoded_bytes, now)

    def _failed(self, member: _Member, error: DriverError) -> None:
        if member.problem is None:
            log.warning("meter fails", line=self.name, meter=member.meter.serial, reason=str(error))
        member.problem = str(error)
        wait_ms = RETRY_MS_MAX
        if error.retryable:
            # 2**12 times half a minute is beyond the bound already.
            wait_ms = min(RETRY_MS << min(member.failures, 12), RETRY_MS_MAX)
        # While the line holds the meter, asking would only keep the others waiting.
        wait_ms = max(wait_ms, math.ceil(error.hold_s * 1000))
        member.failures += 1
        member.quiet_until_ms = self._clock.now().uptime_ms + wait_ms
        self._line_works()

    def _succeeded(self, member: _Member, now: Stamp) -> None:
        if member.problem is not None:
            log.info("meter answers again", line=self.name, meter=member.meter.serial)
        member.problem = None
        member.has_answered = True
        member.failures = 0
        member.plan(now)
        self._line_works()

    def _line_failed(self, error: LinkDown) -> None:
        if not self._line_failures:
            log.warning("line is down", line=self.name, reason=str(error))
        self._line_problem = str(error)
        wait_ms = min(LINE_RETRY_MS << min(self._line_failures, 12), LINE_RETRY_MS_MAX)
        self._line_failures += 1
        self._line_quiet_until_ms = self._clock.now().uptime_ms + wait_ms

    def _line_works(self) -> None:
        if self._line_failures:
            log.info("line is back", line=self.name)
        self._line_failures = 0
        self._line_problem = None

    def _put(self, readout: Readout, encoded_bytes: int, now: Stamp) -> None:
        if not self._pack:
            self._pack_since_ms = now.uptime_ms
        self._pack.append(readout)
        self._pack_bytes += encoded_bytes
        if (
            self._pack_bytes >= PACK_BYTES
            or len(self._pack) >= READOUTS_MAX
            or now.uptime_ms - self._pack_since_ms >= PACK_AGE_MS
        ):
            self._hand_over()

    def _hand_over(self) -> None:
        if self._pack:
            pack, self._pack, self._pack_bytes = self._pack, [], 0
            self._sink.store(pack)


def _readout(member: _Member, answer: Answer, began: Stamp, now: Stamp) -> tuple[Readout, int]:
    """The answer as it will be signed, and its size; FrameError if it does not fit the format.

    The capture time is the end of the read; the meter took its value somewhere within it.
    """
    source = member.due.source
    if now.state is not ClockState.RELATIVE:
        source = member.table.source_now(member.due, now.time_ms)
    evidence = Evidence.of(answer.raw)
    took_s = -(-max(now.uptime_ms - began.uptime_ms, 0) // 1000)
    readout = Readout(
        meter=member.meter.serial,
        captured_at_ms=now.time_ms,
        clock_state=now.state,
        clock_error_s=min(now.error_s + took_s, 2**31 - 1),
        status=int(answer.status),
        source=source,
        evidence=evidence.hashed()
        if source is Source.INTERVAL and not member.meter.raw
        else evidence,
        values=answer.values,
    )
    try:
        # One readout out of bounds would make the gateway refuse the whole batch.
        encoded = wire.encode(readout)
        return wire.decode(encoded, Readout, limit=READOUT_BYTES_MAX), len(encoded)
    except wire.WireError as error:
        raise FrameError(f"the answer does not fit the wire format: {error}", answer.raw) from error
