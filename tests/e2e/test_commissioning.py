"""A visit from the wires to the bill: the device's steps, the real door, the registry, a closing.

The bus and the device's time are simulated; the drivers, the steps, the seals and the TLS between
device and gateway are real.
"""

import asyncio
import io
import json
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from cloud_sync import batch, topics
from cloud_sync.batch import GENESIS, Batch
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from edge import config as edge_config
from edge.config import EdgeConfig
from edge.visit import delivering
from edge.visit.core import VisitBook
from edge.visit.steps import Visiting
from gateway import periods
from gateway.closing import close_period
from gateway.handoff.event import event_maker
from gateway.ingest import Incoming, Ingest, Outcome
from gateway.sql.billing import BillingLedger
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock
from tests.e2e.enrolment_house import HOUSE, Office, a_card, enrol, office
from tests.edge.visit.site import START_MS, Site, cold, keys, play

__all__ = ["office"]

DEVICE = "edge-9"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
# The house's meters as the office knows them: one by its serial, one for the installer to bind.
PLANS = f"""\
house,address,timezone,account,dwelling,point,kind,resource,register,unit,exponent,digits,\
rate_max_per_h,place,serial,model
{HOUSE},Lenina 1,Europe/Moscow,112,12,A-12-W,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.125,санузел,\
11223344,
{HOUSE},Lenina 1,Europe/Moscow,113,13,A-13-W,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3.125,кухня,,
"""
MOSCOW = ZoneInfo("Europe/Moscow")


def a_photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (40, 90, 60)).save(out, "JPEG")
    return out.getvalue()


class Riser:
    """The device with its bus, an hour ago: what it seals must not be to come."""

    def __init__(self, folder: Path, office: Office, clock_ms: int, device: str = DEVICE) -> None:
        self.device = device
        self.conf = a_card(folder, device, invitation=office.invite("--device", device))
        self.path = self.conf.device.state_dir.parent / "edge.toml"
        self.site = Site(cold("11223344", 123_456), cold("55667788", 7_000))
        self.site.offset_ms = clock_ms - HOUR_MS - START_MS
        self.sent = 0
        self.previous = GENESIS

    @property
    def key(self) -> SigningKey:
        return SigningKey.load(self.conf.device.key)

    def reload(self) -> EdgeConfig:
        """What the agent would start with after the visit."""
        self.conf = edge_config.load(self.path)
        return self.conf

    def commission(self) -> int:
        """Search, read, bind, a photo, the record; its number."""
        made: list[int] = []

        async def scene() -> None:
            visiting = self.site.visiting(self.path)
            visiting.begin("Петров", "commissioning")
            await visiting.search()
            await visiting.read_all()
            by_serial = keys(visiting)
            expected = visiting.confirm_expected()
            assert expected == (by_serial["11223344"],)
            other = by_serial["55667788"]
            visiting.bind(other, "A-13-W")
            visiting.describe(other, place="кухня", seal="0042117")
            visiting.confirm(other, None)
            visiting.add_photo(other, a_photo())
            made.append((await visiting.finish()).number)

        play(scene)
        return made[0]

    def exchange(self) -> int:
        """Half an hour later: the first meter goes, another comes in its place."""
        made: list[int] = []
        self.site.offset_ms += HOUR_MS // 2

        async def scene() -> None:
            visiting = self.site.visiting(self.path)
            visiting.begin("Петров", "visit")
            self.site.hang(cold("11223344", 123_600), cold("55667788", 7_020))
            await visiting.read_final("11223344")
            self.site.hang(cold("55667788", 7_020), cold("99887766", 5))
            await visiting.search()
            await visiting.read_all()
            new = keys(visiting)["99887766"]
            visiting.replace_with("11223344", new)
            visiting.confirm(new, None)
            made.append((await visiting.finish()).number)

        play(scene)
        return made[0]

    def take_over(self, old: bytes) -> int:
        """The card of another device was exchanged for this one's."""
        made: list[int] = []

        async def scene() -> None:
            visiting = self.site.visiting(self.path)
            visiting.begin("Петров", "visit")
            visiting.take_over(old)
            await visiting.read_all()
            for key in keys(visiting).values():
                visiting.confirm(key, None)
            made.append((await visiting.finish()).number)

        play(scene)
        return made[0]

    def deliver(self) -> list[str]:
        """What the agent does in the background; what became of each thing."""
        conf = self.reload()
        sent = delivering.deliver(conf, VisitBook(conf.device.state_dir))
        assert all(one.ok for one in sent), sent
        return [f"{one.number} {one.what} {one.detail}" for one in sent]

    def batch(self, at_ms: int, **litres: int) -> Incoming:
        """The next batch of the device's chain."""
        readouts = tuple(
            Readout(
                meter=serial.removeprefix("_"),
                captured_at_ms=at_ms,
                clock_state=ClockState.SYNCHRONISED,
                clock_error_s=1,
                status=0,
                source=Source.DAILY,
                evidence=Evidence.of(b"answer"),
                values=(RegisterValue("8-0:1.0.0", value, -3, Unit.M3),),
            )
            for serial, value in litres.items()
        )
        self.sent += 1
        made = Batch(
            1, self.device, self.sent, self.previous, at_ms, ClockState.SYNCHRONISED, 1,
            b"boot-one", at_ms - START_MS + DAY_MS * 10_000, "plomba", readouts,
        )  # fmt: skip
        topic = topics.batch_topic(self.device)
        message = self.key.seal(batch.encode(made), topic)
        self.previous = batch.chain_hash(message)
        return Incoming(topic, message)


def take(store: SqlStore, office: Office, message: Incoming, now_ms: int) -> Outcome:
    return Ingest(store, SigningKey.load(office.config.key_file)).process([message], now_ms)


def standing(office: Office) -> dict[str, tuple[str, str, str]]:
    """By point: meter, device and first value."""
    lines = [json.loads(line) for line in office.ok("registry", "list", "--json").splitlines()]
    return {one["point"]: (one["meter"], one["device"], one["initial_value"]) for one in lines}


def months_around(now_ms: int) -> list[str]:
    """The months to be closed after a visit.

    In a month's first hour it was in the month before, which closes as well; on the last day there
    is no time left to use much, and the next one closes too.
    """
    days = (now_ms - HOUR_MS, now_ms, now_ms + DAY_MS)
    return sorted({periods.containing(at_ms, MOSCOW) for at_ms in days})


async def test_a_visit_is_commissioned_delivered_applied_and_billed(
    office: Office, tmp_path: Path
) -> None:
    plans = tmp_path / "points.csv"
    plans.write_text(PLANS, encoding="utf-8")
    office.ok("registry", "points", str(plans))
    now_ms = system_clock()
    riser = Riser(tmp_path / "pi", office, now_ms)
    async with office.door(lambda: now_ms) as store:
        # A key counts from an hour before the enrolment on; the visit's record is of that time.
        await enrol(riser.conf)
        riser.site.offset_ms += 5 * MINUTE_MS
        assert await asyncio.to_thread(delivering.fetch_points, riser.reload(), now_ms) == 5
        first = await asyncio.to_thread(riser.commission)
        # The agent's first batch is here before the record, and waits as rejected.
        early = riser.batch(now_ms - 40 * MINUTE_MS, _11223344=123_460, _55667788=7_001)
        assert take(store, office, early, now_ms).counts["rejected"] == 2
        sent = await asyncio.to_thread(riser.deliver)
        assert sent == [f"{first} record kept", f"{first} photo kept"]
        assert await asyncio.to_thread(riser.deliver) == []
        assert standing(office)["A-12-W"] == ("11223344", DEVICE, "123.456")
        assert standing(office)["A-13-W"] == ("55667788", DEVICE, "7.000")
        record = json.loads(office.ok("visit", "show", f"{DEVICE}/{first}", "--json"))
        assert [one["outcome"] for one in record["events"]] == ["applied", "applied"]
        assert [one["came"] for one in record["photos"]] == [True]
        assert any("judged anew" in one["said"] for one in record["events"])
        later = riser.batch(now_ms - 35 * MINUTE_MS, _11223344=123_500, _55667788=7_010)
        assert take(store, office, later, now_ms).counts["accepted"] == 2

        second = await asyncio.to_thread(riser.exchange)
        assert await asyncio.to_thread(riser.deliver) == [f"{second} record kept"]
        assert standing(office)["A-12-W"] == ("99887766", DEVICE, "0.005")
        served = {meter.serial for line in riser.reload().lines for meter in line.meters}
        assert served == {"55667788", "99887766"}

        months = months_around(now_ms)
        end_ms = periods.bounds(months[-1], MOSCOW).end_ms
        last = riser.batch(end_ms, _99887766=1_005, _55667788=9_000)
        assert take(store, office, last, end_ms + HOUR_MS).counts["accepted"] == 2
        closings = [
            close_period(
                BillingLedger(store.database), HOUSE, month, end_ms + DAY_MS, targets=(),
                event_of=event_maker("urn:plomba:gateway:test"),
            )
            for month in months
        ]  # fmt: skip
    used: dict[str, Decimal] = {}
    for line in (line for closing in closings for line in closing.lines):
        used[line.point] = used.get(line.point, Decimal()) + line.consumption
    # From 123.456 to 123.600 with the old meter, then from 0.005 to 1.005 with the new one.
    assert used["A-12-W"] == Decimal("1.144")
    assert used["A-13-W"] == Decimal("2.000")


async def test_a_new_device_reads_the_meters_of_the_old_one_on(
    office: Office, tmp_path: Path
) -> None:
    plans = tmp_path / "points.csv"
    plans.write_text(PLANS, encoding="utf-8")
    office.ok("registry", "points", str(plans))
    now_ms = system_clock()
    old = Riser(tmp_path / "old", office, now_ms)
    new = Riser(tmp_path / "new", office, now_ms, "edge-10")
    async with office.door(lambda: now_ms) as store:
        for riser in (old, new):
            await enrol(riser.conf)
        old.site.offset_ms += 5 * MINUTE_MS
        new.site.offset_ms += 45 * MINUTE_MS
        await asyncio.to_thread(delivering.fetch_points, old.reload(), now_ms)
        await asyncio.to_thread(old.commission)
        await asyncio.to_thread(old.deliver)
        last = old.batch(now_ms - 30 * MINUTE_MS, _11223344=123_456, _55667788=7_000)
        assert take(store, office, last, now_ms).counts["accepted"] == 2

        number = await asyncio.to_thread(new.take_over, old.path.read_bytes())
        await asyncio.to_thread(new.deliver)
        record = json.loads(office.ok("visit", "show", f"edge-10/{number}", "--json"))
        assert {one["outcome"] for one in record["events"]} == {"applied"}, record["events"]
        assert record["events"][0]["kind"] == "device-exchange"
        assert {standing(office)[point][1] for point in ("A-12-W", "A-13-W")} == {"edge-10"}
        fresh = new.batch(now_ms - MINUTE_MS, _11223344=123_460, _55667788=7_001)
        assert take(store, office, fresh, now_ms).counts["accepted"] == 2
        stale = old.batch(now_ms - MINUTE_MS // 2, _11223344=123_461)
        assert take(store, office, stale, now_ms).counts["rejected"] == 1


def test_nothing_of_a_visit_needs_the_gateway_until_its_record_is_sealed(
    office: Office, tmp_path: Path
) -> None:
    riser = Riser(tmp_path / "pi", office, system_clock())
    made: list[str] = []

    async def scene() -> None:
        visiting: Visiting = riser.site.visiting(riser.path)
        visiting.begin("Петров", "commissioning")
        await visiting.search()
        await visiting.read_all()
        for key in keys(visiting).values():
            visiting.confirm(key, None)
        made.append(str((await visiting.finish()).number))

    play(scene)
    conf = riser.reload()
    (sent,) = delivering.deliver(conf, VisitBook(conf.device.state_dir))
    assert made == ["1"]
    assert not sent.ok
    assert "not enrolled" in sent.detail


async def test_a_forged_gateway_is_not_believed(office: Office, tmp_path: Path) -> None:
    """A list of points with another seal does not take the place of the one that is there."""
    now_ms = system_clock()
    riser = Riser(tmp_path / "pi", office, now_ms)
    async with office.door(lambda: now_ms):
        await enrol(riser.conf)
        other = SigningKey.from_seed(b"o" * 32).public.to_pem()
        riser.reload().device.gateway_key.write_bytes(other)
        with pytest.raises(delivering.NotSent, match="something else"):
            await asyncio.to_thread(delivering.fetch_points, riser.reload(), now_ms)
