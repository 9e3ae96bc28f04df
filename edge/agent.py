"""The agent: what the lines bring becomes signed batches in the spool, and goes up from there.

Everything that could differ between a Pi and a simulated world is handed in: the lines' reads,
the clock, the connection, the randomness. The agent itself knows one rule by heart: a reading is
sealed and on the disk before anything else happens to it.
"""

import asyncio
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from cloud_sync import batch, topics
from cloud_sync.delivery import Sender
from cloud_sync.signing import KeyUnavailable, Sealer, VerifyKey
from cloud_sync.state import PROBLEMS_MAX, DeviceState
from drivers.reading import Readout
from edge.clock import Clock
from edge.command_record import CommandRecord
from edge.commander import Commander, Refused
from edge.poller import PACK_BYTES, READOUT_BYTES_MAX, LinePlan, Poller
from edge.pulse import Pulse
from edge.spool import Spool, SpoolFull
from edge.update.judging import Unwanted
from edge.update.keeping import Updates
from edge.uplink import REPORT_S, Dial, Uplink

log = structlog.get_logger("edge.agent")

# What one line may bring between two looks at the room in the spool: a pack, the readout that
# closes it, and the seal.
LINE_BYTES_MAX = PACK_BYTES + READOUT_BYTES_MAX + 1024
# After a full disk the next try comes with the next minute; nothing is asked of meters in between.
FULL_MS = 60_000
_KEY_PROBLEM = "signing key"
# A goodbye to a broker that does not answer is not worth more; everything is on the disk.
GOODBYE_S = 6.0


def software() -> str:
    """What signs: name and version, as carried in every batch."""
    try:
        return f"plomba {version('plomba')}"
    except PackageNotFoundError:
        return "plomba unpackaged"


class Agent:
    """One device. `run` returns after `stop`, or raises SpoolError."""

    def __init__(
        self,
        *,
        device: str,
        key: Sealer,
        gateway_key: VerifyKey,
        spool: Spool,
        lines: Sequence[LinePlan],
        clock: Clock,
        dial: Dial,
        zone: ZoneInfo,
        random: Random,
        commands: CommandRecord | None = None,
        report_s: float = REPORT_S,
        pulse: Pulse | None = None,
        updates: Updates | None = None,
    ) -> None:
        pulse = pulse or Pulse()
        self._updates = updates
        self._reserve_bytes = len(lines) * LINE_BYTES_MAX
        if spool.max_bytes < 2 * self._reserve_bytes:
            raise ValueError(
                f"a spool for {len(lines)} lines needs at least {2 * self._reserve_bytes} bytes, "
                f"got {spool.max_bytes}"
            )
        self._device = device
        self._key = key
        self._spool = spool
        self._clock = clock
        self._software = software()
        self._topic = topics.batch_topic(device)
        self._closed_until_ms = 0
        self._sampling = True
        self._key_problem: str | None = None
        self._skipped_reads = 0
        self._unstored = 0
        self.sender = Sender(spool, device=device, gateway_key=gateway_key, random=random)
        self.commander = None
        if commands is not None:
            self.commander = Commander(
                device=device,
                key=key,
                gateway_key=gateway_key,
                record=commands,
                clock=clock,
                hands=self,
            )
        self.uplink = Uplink(
            device=device,
            sender=self.sender,
            dial=dial,
            random=random,
            report=self.report,
            commander=self.commander,
            report_s=report_s,
            pulse=pulse,
        )
        self.pollers = [
            Poller(plan, clock=clock, sink=self, zone=zone, pulse=pulse) for plan in lines
        ]

    async def run(self) -> None:
        """Poll and deliver until stopped: then finish the reads under way, send, say goodbye."""
        self._tell_of_damage()
        pollers = [asyncio.ensure_future(poller.run()) for poller in self.pollers]
        polling = asyncio.gather(*pollers)
        delivering = asyncio.ensure_future(self.uplink.run())
        try:
            both: set[asyncio.Future[Any]] = {polling, delivering}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
                self.uplink.stop()
                await asyncio.wait({delivering}, timeout=GOODBYE_S)
            if delivering.done():
                delivering.result()
        finally:
            # The first failure ends a gathering, and would leave the other lines to go on alone.
            for task in (*pollers, delivering):
                task.cancel()
            await asyncio.gather(polling, *pollers, delivering, return_exceptions=True)

    def stop(self) -> None:
        """Ask `run` to come to its end."""
        for poller in self.pollers:
            poller.stop()

    def report(self) -> DeviceState:
        """How the device is, for the operator."""
        problems = {s: why for poller in self.pollers for s, why in poller.problems.items()}
        first = {} if self._key_problem is None else {_KEY_PROBLEM: self._key_problem}
        problems = first | dict(sorted(problems.items()))
        now = self._clock.now()
        return DeviceState(
            state="online",
            software=self._software,
            at_ms=now.utc_ms,
            clock_state=now.state,
            waiting_batches=self._spool.count(),
            spool_bytes=self._spool.used_bytes,
            spool_bytes_max=self._spool.max_bytes,
            sampling=self._sampling,
            skipped_reads=self._skipped_reads,
            lost_batches=self._spool.counters.lost_batches,
            problems=dict(list(problems.items())[:PROBLEMS_MAX]),
            refused_receipts=dict(self.sender.refused),
            last_command=self.commander.last if self.commander else 0,
            refused_commands=dict(self.commander.refused) if self.commander else {},
            update="" if self._updates is None else self._updates.status,
        )

    @property
    def answering(self) -> int:
        """How many meters answered when they were last asked."""
        return sum(poller.answering for poller in self.pollers)

    @property
    def failing(self) -> int:
        """How many meters and lines did not, or are down."""
        return sum(len(poller.problems) for poller in self.pollers)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker."""
        return self.uplink.connected

    def update(self, number: int, statement: bytes) -> str:
        """Note a release that is to be installed; Refused with the reason why it will not be."""
        if self._updates is None:
            raise Refused("no-updates", "this agent does not run as a service that is updated")
        try:
            return self._updates.offer(number, statement)
        except Unwanted as error:
            raise Refused(error.reason, error.detail) from error
        except OSError as error:
            raise Refused("not-noted", f"cannot write it down: {error.strerror}") from error

    def read_now(self, meters: Sequence[str]) -> str:
        """Have meters read before their time, all if none is named; Refused for a foreign one."""
        here = {serial for poller in self.pollers for serial in poller.serials}
        foreign = [serial for serial in meters if serial not in here]
        if foreign:
            raise Refused("unknown-meter", f"no meter {foreign[0]} on the lines of {self._device}")
        if not self.may_sample():
            if self._key_problem is not None:
                raise Refused("cannot-sign", self._key_problem)
            raise Refused("spool-full", "no meter is asked until there is room")
        answers = [poller.read_now(meters) for poller in self.pollers]
        asked = sum(len(now) for now, _ in answers)
        held = [serial for _, later in answers for serial in later]
        left = f"; left alone, their reads of the day are used up: {len(held)}" if held else ""
        return f"{asked} meters to be read now{left}"

    def resend(self, first: int, last: int) -> str:
        """Let acknowledged batches wait again; Refused if none of them is there any more."""
        if first > self._spool.head:
            raise Refused("no-batch", f"the last batch of {self._device} is {self._spool.head}")
        wanted = min(last, self._spool.head) - first + 1
        again = self._spool.restore(first, last)
        if not again:
            raise Refused("not-kept", f"of these {wanted} batches none is kept that is not waiting")
        return f"{again} of {wanted} batches will be sent again"

    def may_sample(self) -> bool:
        """Whether the key signs, and the spool has room for whatever all lines may bring at once.

        What cannot be signed is worth nothing, and a battery meter's answers are numbered: a meter
        is not asked in vain.
        """
        used = self._spool.used_bytes
        room = used + self._reserve_bytes <= self._spool.max_bytes
        waited = self._clock.now().uptime_ms >= self._closed_until_ms
        sampling = room and waited and self._signs()
        if sampling is not self._sampling:
            self._sampling = sampling
            say = log.info if sampling else log.error
            why = "spool full" if self._key_problem is None else "cannot sign"
            event = "sampling again" if sampling else f"{why}: no meter is asked any more"
            say(event, spool_bytes=used, spool_bytes_max=self._spool.max_bytes)
        return sampling

    def _signs(self) -> bool:
        """Whether a key that failed is back; asked once a minute."""
        if self._key_problem is None:
            return True
        try:
            self._key.probe()
        except KeyUnavailable as error:
            self._key_fails(error)
            return False
        self._key_problem = None
        return True

    def _key_fails(self, error: KeyUnavailable) -> None:
        self._key_problem = str(error)
        self._closed_until_ms = self._clock.now().uptime_ms + FULL_MS

    def skipped(self, meters: int) -> None:
        """That many due reads were left out because there was no room."""
        self._skipped_reads += meters

    def store(self, readouts: Sequence[Readout]) -> None:
        """Seal the readouts as one batch and put it on the disk."""
        readings = sum(len(readout.values) for readout in readouts)
        was_filling = self._spool.filling

        def seal(sequence: int, previous: bytes) -> bytes:
            return self._seal(sequence, previous, tuple(readouts))

        try:
            sequence = self._spool.append(seal, readings=readings, polled=readings + self._unstored)
        except SpoolFull as error:
            self._unstored += readings
            self._closed_until_ms = self._clock.now().uptime_ms + FULL_MS
            log.error("readings lost: no room", readings=readings, reason=str(error))  # noqa: TRY400 - the reason is the whole story
            return
        except KeyUnavailable as error:
            self._unstored += readings
            self._key_fails(error)
            log.error("readings lost: cannot sign", readings=readings, reason=str(error))  # noqa: TRY400 - the reason is the whole story
            return
        self._unstored = 0
        if self._spool.filling and not was_filling:
            log.warning("spool is filling up", spool_bytes=self._spool.used_bytes)
        self.uplink.on_appended(sequence)

    def _seal(self, sequence: int, previous: bytes, readouts: tuple[Readout, ...]) -> bytes:
        now = self._clock.now()
        payload = batch.encode(
            batch.Batch(
                version=1,
                device=self._device,
                sequence=sequence,
                previous=previous,
                signed_at_ms=now.time_ms,
                clock_state=now.state,
                clock_error_s=now.error_s,
                boot=now.boot,
                uptime_ms=now.uptime_ms,
                software=self._software,
                readouts=readouts,
            )
        )
        return self._key.seal(payload, self._topic)

    def _tell_of_damage(self) -> None:
        for path in self._spool.set_aside:
            log.error(
                "the spool was damaged and set aside",
                kept_as=str(path),
                lost_batches=self._spool.counters.lost_batches,
                waiting=self._spool.count(),
            )
