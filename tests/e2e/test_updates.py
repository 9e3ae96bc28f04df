"""A device updates itself from its gateway, and goes back where the new version does not do.

Real processes all along: gateway, broker, the agent of an installed version under a supervisor, the
updater that is root's on a device, a meter on a TCP line that is read every second. Whatever comes
over, every number the spool ever gave a batch arrives, once.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cloud_sync.signing import SigningKey
from edge import enrolled
from edge.enrolled import Enrolled
from edge.spool import glance
from tests.cloud_sync.brokers import HOST, free_port, needs_mosquitto
from tests.e2e import releases_made, supervised
from tests.e2e.place import DEVICE, Place, until
from tests.e2e.releases_made import Edit
from tests.e2e.supervised import Supervisor
from tests.edge.installer import a_line
from tests.servers.ledgers import by_hand

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800), *needs_mosquitto]

RUN = "edge/waiting.py", ("    pulse = Pulse()\n", "    raise SystemExit(1)\n")
HANG = (
    "edge/agent.py",
    (
        "        delivering = asyncio.ensure_future(self.uplink.run())\n",
        "        __import__('time').sleep(3600)\n",
    ),
)
SPOOL = (
    "edge/app.py",
    (
        "        stack.callback(spool.close)\n",
        "        spool.close()\n        raise SpoolError('this version cannot read the spool')\n",
    ),
)
DEAF = (
    "edge/poller.py",
    (
        "        if allowance is None:\n            return await self.meter.read()\n",
        "        if allowance is None:\n            raise FrameError('understands none', b'')\n",
    ),
)


class Site(NamedTuple):
    """A gateway and a device."""

    place: Place
    device: Supervisor
    key: Path

    async def add(self, release: Path) -> None:
        """Sign a release and keep it at the gateway."""
        statement = release.with_suffix(".statement")
        words = ("release", "sign", str(release), "--key", str(self.key), "--out", str(statement))
        await self.place.run_bare(*words)
        public = f"{self.key}.pub"
        await self.place.run(
            "release", "add", str(release), str(statement), "--release-key", public
        )

    async def add_changed(
        self, shelf: Path, version: str, edits: Mapping[str, Edit], spool: int | None = None
    ) -> None:
        """The same of a changed release, made aside: the meter here goes on answering."""
        await self.add(await asyncio.to_thread(releases_made.changed, shelf, version, edits, spool))

    async def offer(self, version: str) -> None:
        await self.place.run("release", "offer", version, "--ring", "9")

    async def standing(self, version: str) -> dict[str, Any]:
        (told,) = json.loads(await self.place.run("release", "status", version, "--json"))
        return dict(told)

    async def ends(self, version: str, standing: str) -> dict[str, Any]:
        """Wait until the gateway knows how an update ended."""
        told: dict[str, Any] = {}
        for _ in range(240):
            told = await self.standing(version)
            if told["standing"] in {"running", "rolled-back", "refused"}:
                break
            await asyncio.sleep(0.5)
        assert told["standing"] == standing, (told, tails(self.device.folder))
        return told

    async def reads_on(self, batches: int = 3) -> None:
        """Wait for so many batches more to be delivered."""
        begun = delivered(self.device.state)
        await until(lambda: delivered(self.device.state) >= begun + batches)


def delivered(state: Path) -> int:
    seen = glance(state)
    return 0 if seen is None else seen.state.through


def tails(folder: Path) -> str:
    logs = [folder / "edge.log", folder / "update.log"]
    return "\n".join(log.read_text()[-3000:] for log in logs if log.exists())


@asynccontextmanager
async def site(folder: Path, release: Path) -> AsyncIterator[Site]:
    port = free_port()
    extra = f"""
[enrolment]
host = "{HOST}"
port = {port}
url = "https://{HOST}:{port}"
cert = "broker/{HOST}.pem"
key = "broker/{HOST}.key"
"""
    house, home = folder / "house", folder / "device"
    house.mkdir()
    home.mkdir()
    place = Place(house, extra=extra)
    async with a_line() as line:
        device = Supervisor(home, home / "edge.toml")
        try:
            await place.authorise()
            await place.add_device(DEVICE)
            await place.open()
            key = folder / "release.key"
            await place.run_bare("release", "key", "--out", str(key))
            await device.install(release)
            (device.package / "release-key.pem").write_bytes(
                key.with_suffix(".key.pub").read_bytes()
            )
            text = supervised.configuration(DEVICE, house, place.devices, line, 1)
            (home / "edge.toml").write_text(text)
            device.state.mkdir()
            enrolled.save(device.state, Enrolled(DEVICE, "", f"https://{HOST}:{port}", HOST, port))
            device.start()
            await until(lambda: device.has_said("connected"))
            await until(lambda: delivered(device.state) >= 2)
            yield Site(place, device, key)
        finally:
            await device.power_cut()
            await place.end()


def no_gap(made: Site) -> int:
    """Every number of the spool is in the ledger, once; how many there are."""
    # The device goes on: what is receipted by now is in the ledger, what comes later may not be.
    seen = glance(made.device.state)
    with by_hand(made.place.folder / "data/ledger.sqlite") as sql:
        numbers = [number for (number,) in sql.execute("SELECT sequence FROM batch ORDER BY 1")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert seen is not None
    assert seen.state.lost_batches == 0
    assert len(numbers) >= seen.state.through
    return len(numbers)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return releases_made.base(tmp_path_factory.mktemp("releases"))


async def test_a_good_version_goes_over_and_broken_ones_come_back(
    tmp_path: Path, shelf: Path
) -> None:
    async with site(tmp_path, shelf) as made:
        device = made.device
        await made.add_changed(shelf, "0.3.0", {})
        await made.offer("0.3.0")
        told = await made.ends("0.3.0", "running")
        assert (told["runs"], device.current) == ("0.3.0", "0.3.0")
        await made.reads_on()

        broken = {"0.3.1": RUN, "0.3.2": HANG, "0.3.3": SPOOL, "0.3.4": DEAF}
        for version, (file, edit) in broken.items():
            await made.add_changed(shelf, version, {file: edit})
            await made.offer(version)
            told = await made.ends(version, "rolled-back")
            assert (told["runs"], device.current) == ("0.3.0", "0.3.0")
            await made.reads_on()
        assert no_gap(made) > 20


async def test_what_is_not_vouched_for_or_leads_nowhere_back_is_refused(
    tmp_path: Path, shelf: Path
) -> None:
    async with site(tmp_path, shelf) as made:
        other = tmp_path / "other.key"
        SigningKey.generate().save(other)
        stolen = made._replace(key=other)
        other.with_suffix(".key.pub").write_bytes(SigningKey.load(other).public.to_pem())
        await stolen.add_changed(shelf, "0.4.0", {})
        await made.offer("0.4.0")
        told = await made.ends("0.4.0", "refused")
        assert told["reason"].startswith("bad-release: not sealed by the release key")
        await made.add_changed(shelf, "0.1.9", {})
        await made.offer("0.1.9")
        told = await made.ends("0.1.9", "refused")
        assert told["reason"] == "not-newer: 0.1.9 is offered, 0.2.0 runs"
        await made.add_changed(shelf, "0.5.0", {}, spool=2)
        await made.offer("0.5.0")
        told = await made.ends("0.5.0", "refused")
        assert told["reason"].startswith("no-way-back: ")
        assert made.device.current == "0.2.0"


async def test_a_power_cut_in_a_trial_is_watched_on_or_undone(tmp_path: Path, shelf: Path) -> None:
    async with site(tmp_path, shelf) as made:
        device = made.device
        await made.add_changed(shelf, "0.6.0", {})
        await made.offer("0.6.0")
        await device.updating()
        await device.power_cut()
        device.start()
        await made.ends("0.6.0", "running")
        file, edit = RUN
        await made.add_changed(shelf, "0.6.1", {file: edit})
        await made.offer("0.6.1")
        await device.updating()
        await device.power_cut()
        device.start()
        told = await made.ends("0.6.1", "rolled-back")
        assert (told["runs"], device.current) == ("0.6.0", "0.6.0")
        await made.reads_on()
        no_gap(made)
