"""Where the live view's numbers come from: the agent's spool, the ledger, the book, the dials.

Everything is looked at from outside and read-only, as a person with a terminal could. Files that
are not there yet, or are being written, show as nothing for one refresh.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from edge import spool
from edge.spool import SpoolError
from gateway.overview import Counts, RegisterRow
from gateway.sql.overview import look
from gateway.store import StoreError
from simulators.demo.clock import ScaledClock
from simulators.demo.premises import TIMEZONE, Premises
from simulators.demo.processes import Child
from simulators.demo.receiver import Receiver
from simulators.demo.view import Dial, Snapshot
from simulators.truth import Register

_STATES = {None: "", 0: "accepted", 1: "suspect", 2: "rejected"}
_NOTHING = Counts(0, 0, 0, 0, 0, 0, 0, 0, 0)
REGISTERS_MAX = 100


class Watcher:
    """Takes snapshots of a running demo."""

    def __init__(
        self,
        premises: Premises,
        receiver: Receiver,
        clock: ScaledClock,
        children: Sequence[Child],
        broker: str,
    ) -> None:
        self._premises = premises
        self._receiver = receiver
        self._clock = clock
        self._children = children
        self._broker = broker

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        now_ms = self._clock.now_ms()
        counts, rows = self._ledger()
        polled, waiting, delivered = self._edge()
        return Snapshot(
            house=f"{self._premises.house.name}, {TIMEZONE}",
            time=_local(now_ms),
            speed=self._clock.speed,
            url=self._premises.page_url,
            broker=self._broker,
            polled=polled,
            spooled=waiting,
            delivered=delivered,
            accepted=counts.accepted,
            suspect=counts.suspect,
            rejected=counts.rejected,
            booked=len(self._receiver.lines),
            dials=self._dials(now_ms, rows),
            processes=tuple((child.name, child.starts - 1) for child in self._children),
        )

    def _ledger(self) -> tuple[Counts, dict[tuple[str, str], RegisterRow]]:
        try:
            with look(self._premises.ledger) as overview:
                rows = overview.registers(self._premises.house.name, REGISTERS_MAX)
                return overview.counts(), {(row.meter, row.register): row for row in rows}
        except StoreError:
            return _NOTHING, {}

    def _edge(self) -> tuple[int, int, int]:
        try:
            found = spool.glance(self._premises.edge_dir)
        except SpoolError:
            found = None
        if found is None:
            return 0, 0, 0
        return found.state.polled, found.waiting, found.state.delivered

    def _dials(self, now_ms: int, rows: dict[tuple[str, str], RegisterRow]) -> tuple[Dial, ...]:
        dials = []
        for point in self._premises.house.points:
            meter = point.meter_at(now_ms)
            for register in meter.registers if meter else ():
                row = rows.get((meter.serial, register.obis)) if meter else None
                dials.append(
                    Dial(
                        point=point.name,
                        resource=point.resource,
                        serial=meter.serial if meter else "",
                        register=register.obis,
                        shows=_shown(register, now_ms),
                        unit=register.unit,
                        in_ledger="" if row is None or row.value is None else f"{row.value}",
                        state=_STATES[row.state if row else None],
                    )
                )
        return tuple(dials)


def _shown(register: Register, now_ms: int) -> str:
    return str(Decimal(register.shown(now_ms)).scaleb(register.exponent))


def _local(now_ms: int) -> datetime:
    return from_ms(now_ms).astimezone(ZoneInfo(TIMEZONE))
