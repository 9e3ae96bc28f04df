"""A world under one seed: houses, devices, broker, gateway, billing, and everything going wrong.

The real edge agent, spool, delivery, ingest, ledger, closing and hand-off run in one process in
virtual time. Lines, network and billing system are simulated and fail as often as the weather
says; processes are killed at random moments and started again from their files; a forger works at
the broker. When the days are over the weather clears, everything is given time to settle, and the
invariants are judged from outside. The same seed gives the same world, to the last byte of its
digest.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from cloud_sync.signing import SigningKey
from drivers.reading import to_ms
from simulators import house as houses
from simulators.billing_system import BillingSystem
from simulators.clock import VirtualLoop, run
from simulators.evidence import Evidence
from simulators.forger import Forger
from simulators.invariants import Finding, judge
from simulators.ledger_view import ACCEPTED, LedgerView, spooled_hashes
from simulators.lines import LineFaults
from simulators.mortality import Doom
from simulators.network import Broker, Faults
from simulators.processes import INTERVAL_S, EdgeProcess, GatewayProcess, Parts
from simulators.registrar import Registrar
from simulators.site import Site
from simulators.truth import DAY_MS
from simulators.weather import DAY_S, FOUL, HOUR_S, Weather, outage_s, plague

# One zone whose clocks never change, and one in which a day of autumn has 25 hours.
PLACES = (("north", "Europe/Moscow"), ("south", "Europe/Berlin"))
# The months in which worlds begin, so that they cross month ends, a year's end and clock changes.
_FIRST_MONTH = datetime(2026, 9, 1, tzinfo=UTC)
_MONTHS_DAYS = 240
# After the weather has cleared: what pauses longest is a meter with its back-off of an hour.
SETTLE_S_MIN, SETTLE_S_MAX = 5 * HOUR_S, 72 * HOUR_S
_LOOK_S = 600.0

# Before a device goes dark for long it has read its meters for some nights.
QUIET_DAYS = 3
GATEWAY_AWAY_S_MAX = 12 * HOUR_S
BROKER_AWAY_S_MAX = 12 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a world ended. `digest` is the same for the same seed, days and weather."""

    seed: int
    days: int
    digest: str
    invariants: list[Finding]
    counts: dict[str, int]

    @property
    def held(self) -> bool:
        """Whether all invariants held."""
        return all(finding.held for finding in self.invariants)


def simulate(
    seed: int,
    days: int,
    folder: Path,
    *,
    weather: Weather = FOUL,
    parts: Parts | None = None,
    start: datetime | None = None,
) -> Report:
    """Live through the world of `seed` for `days` days, its files in `folder`.

    Without `start` the seed decides when it begins.
    """
    if start is None:
        day = Random(f"{seed}/calendar").randrange(_MONTHS_DAYS)
        start = _FIRST_MONTH + timedelta(days=day, hours=9)

    async def live(loop: VirtualLoop) -> Report:
        world = World(
            seed=seed,
            days=days,
            folder=folder,
            start=start,
            now_ms=loop.now_ms,
            weather=weather,
            parts=parts or Parts(),
        )
        return await world.run()

    return run(live, to_ms(start))


class World:
    """One world; made inside its loop and run once."""

    def __init__(
        self,
        *,
        seed: int,
        days: int,
        folder: Path,
        start: datetime,
        now_ms: Callable[[], int],
        weather: Weather,
        parts: Parts,
    ) -> None:
        self.seed, self.days, self.weather, self.now_ms = seed, days, weather, now_ms
        self._end_ms = now_ms() + days * DAY_MS
        self.blows: Counter[str] = Counter()
        self._killer = self._random("killer")
        self.broker = Broker(self._random("broker"), weather.network)
        self.billing = parts.billing(
            self._random("billing"),
            away=weather.billing_away,
            forgets_to_answer=weather.billing_forgets,
        )
        key = SigningKey.from_seed(self._random("gateway key").randbytes(32))
        self.gateway = GatewayProcess(
            folder,
            key=key,
            broker=self.broker,
            billing=self.billing,
            now_ms=now_ms,
            random=self._random("gateway"),
            parts=parts,
        )
        self.sites = [
            Site(
                houses.build(str(seed), name, zone, start.date(), days),
                folder / name,
                gateway_key=key.public,
                broker=self.broker,
                now_ms=now_ms,
                random=self._random,
                weather=weather,
                parts=parts,
            )
            for name, zone in PLACES
        ]
        self.registrar = Registrar(self.gateway.ledger_file, "off")
        devices = [site.house.device for site in self.sites]
        self.forger = Forger(self._random("forger"), devices, now_ms, parts.forger_key)

    async def run(self) -> Report:
        """Live through the days, settle, and judge."""
        keys = {site.house.device: site.edge.key.public for site in self.sites}
        self.registrar.register([site.house for site in self.sites], keys)
        for site in self.sites:
            self.registrar.set_norms(site.house)
        self.gateway.start()
        for site in self.sites:
            site.edge.start(self.now_ms())
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(self.days * DAY_S))
            for fate in self._fates():
                group.create_task(fate)
        await self._settle()
        report = self._report()
        await self._end()
        return report

    def _random(self, name: str) -> Random:
        """A source of its own for each part, so that none of them shifts another's luck."""
        return Random(f"{self.seed}/{name}")

    def _fates(self) -> list[Coroutine[Any, Any, None]]:
        """What happens to this world; all of it ends with its days."""
        weather = self.weather
        found = [
            self._struck("gateway kills", self._kill_gateway, weather.gateway_killed_every_s),
            self._struck("broker outages", self._stop_broker, weather.broker_down_every_s),
        ]
        for site in self.sites:
            name = site.house.name
            found += [
                self._struck(f"{name} kills", site.kill, weather.edge_killed_every_s),
                self._struck(f"{name} power cuts", site.cut_power, weather.power_cut_every_s),
            ]
            for exchange in site.house.exchanges():
                enter = partial(self.registrar.exchange, exchange)
                found.append(site.exchange(exchange.at_ms, exchange.point, enter))
        if weather.dark_days:
            found.append(self.sites[-1].go_dark(QUIET_DAYS * DAY_S, weather.dark_days * DAY_S))
        if weather.forgery_every_s:
            found.append(self._forge(weather.forgery_every_s))
        return found

    async def _forge(self, every_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.days * DAY_S):
                await self.forger.run(partial(self.broker.connect, "forger"), every_s)

    async def _struck(
        self, name: str, blow: Callable[[], Coroutine[Any, Any, None]], every_s: float
    ) -> None:
        async def strike() -> None:
            self.blows[name] += 1
            await blow()

        await plague(
            strike,
            every_s,
            self._random(name),
            self.now_ms,
            round_s=INTERVAL_S,
            end_ms=self._end_ms,
        )

    async def _kill_gateway(self) -> None:
        await self.gateway.kill(self._killer.choice(tuple(Doom)))
        await asyncio.sleep(outage_s(self._killer, GATEWAY_AWAY_S_MAX))
        self.gateway.start()

    async def _stop_broker(self) -> None:
        self.broker.down()
        await asyncio.sleep(outage_s(self._killer, BROKER_AWAY_S_MAX))
        self.broker.up()

    async def _settle(self) -> None:
        """Clear weather, and time until nothing is on its way any more."""
        self.broker.faults = Faults()
        self.billing.away = self.billing.forgets_to_answer = 0.0
        for site in self.sites:
            for link in site.links.values():
                link.faults = LineFaults()
        await asyncio.sleep(SETTLE_S_MIN)
        for _ in range(int((SETTLE_S_MAX - SETTLE_S_MIN) / _LOOK_S)):
            if all(site.edge.waiting() == 0 for site in self.sites):
                break
            await asyncio.sleep(_LOOK_S)
        # Once more the time in which the gateway hands over what it closed last.
        await asyncio.sleep(2 * HOUR_S)

    async def _end(self) -> None:
        for site in self.sites:
            await site.edge.kill()
        await self.gateway.kill()

    def _report(self) -> Report:
        processes: list[GatewayProcess | EdgeProcess] = [self.gateway]
        processes += [site.edge for site in self.sites]
        for process in processes:
            process.look()
        ledger = LedgerView(self.gateway.ledger_file)
        edges = {site.house.device: site.edge for site in self.sites}
        evidence = Evidence(
            houses=[site.house for site in self.sites],
            keys={device: edge.key for device, edge in edges.items()},
            heads={device: edge.head() for device, edge in edges.items()},
            spooled={device: spooled_hashes(edge.spool_file) for device, edge in edges.items()},
            delivered={device: edge.delivered() for device, edge in edges.items()},
            forged=self.forger.forged,
            billing=self.billing,
            ledger=ledger,
            deaths=[death for process in processes for death in process.deaths],
        )
        counts = self._counts(ledger)
        return Report(
            seed=self.seed,
            days=self.days,
            digest=_digest(ledger, self.billing, counts),
            invariants=judge(evidence),
            counts=counts,
        )

    def _counts(self, ledger: LedgerView) -> dict[str, int]:
        states = Counter(reading.state == ACCEPTED for reading in ledger.readings)
        rules = Counter(verdict.rule for verdict in ledger.verdicts)
        network = vars(self.broker.counters)
        return {
            "batches": len(ledger.batches),
            "readings": len(ledger.readings),
            "accepted": states[True],
            "doubted": states[False],
            "lines": len(ledger.lines),
            **{
                f"lines_{method}": times
                for method, times in sorted(Counter(line.method for line in ledger.lines).items())
            },
            "corrections": sum(len(line.corrections) for line in ledger.lines),
            "events_repeated": self.billing.repeats,
            **{f"verdicts_{rule}": times for rule, times in sorted(rules.items())},
            **{f"refused_{reason}": times for reason, times in sorted(ledger.refusals.items())},
            "tricks": self.forger.tricks,
            **{name.replace(" ", "_"): times for name, times in sorted(self.blows.items())},
            **{f"messages_{name}": times for name, times in sorted(network.items())},
        }


_AUDIT_HEAD = re.compile(r'"audithead":"[^"]*",')


def _digest(ledger: LedgerView, billing: BillingSystem, counts: dict[str, int]) -> str:
    """SHA-256 over everything a world has left, but the heads of an audit log with true salts."""
    found = hashlib.sha256()
    for part in (
        ledger.batches,
        ledger.readings,
        ledger.verdicts,
        ledger.lines,
        sorted(ledger.events.items()),
        sorted(ledger.refusals.items()),
        sorted(billing.booked.items()),
        sorted(counts.items()),
    ):
        found.update(_AUDIT_HEAD.sub("", repr(part)).encode())
    return found.hexdigest()
