"""Two hundred devices over a real mosquitto with TLS and a real gateway; cut off, and back."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cloud_sync.signing import SigningKey
from gateway.__main__ import main as gateway
from gateway.sql.engine import snapshot
from simulators.__main__ import main
from simulators.demo.brokers import HOST
from simulators.fleet.check import check
from simulators.fleet.fleet import Fleet, Terms
from simulators.fleet.folder import RUNNING_FILE, FleetError, Folder
from simulators.fleet.place import Place, standing

DEVICES = 200
ROOT = Path(__file__).parents[3]


async def played(place: Place) -> None:
    """A run in which the broker is killed; everything sealed has its receipt in the end."""
    terms = Terms(HOST, place.device_port, DEVICES, 30.0, tls=place.tls, backlog_h=0.05, seed=1)
    fleet = Fleet(place.fleet, terms)

    async def fall() -> None:
        await place.kill("mosquitto")
        await place.start_broker()

    async def work() -> None:
        await fleet.all_up()
        storm = await fleet.storm(fall)
        assert storm.cut == DEVICES <= storm.connections
        await fleet.drain(240)

    await fleet.run(work)
    told = fleet.document()
    assert told["batches_signed"] == told["batches_receipted"] > DEVICES
    assert (told["batches_without_receipt"], told["receipts_refused"]) == (0, 0)


async def commanded(place: Place) -> dict[str, Any]:
    """The same by the command, cut at the devices' end, with nothing that MQTT 5 has.

    Behind the second door nobody is: half of the devices begin there.
    """
    words = (
        *("fleet", "--state", str(place.fleet_folder), "--interval-s", "5", "--minutes", "0.1"),
        *(
            "--broker",
            f"{HOST}:{place.device_port}",
            "--also",
            f"{HOST}:1",
            "--protocol",
            "3.1.1",
            "--storm",
            "--json",
        ),
        *("--watch", str(place.pids["collector-1"])),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", *words, stdout=PIPE, cwd=ROOT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.processes
@pytest.mark.mosquitto
@pytest.mark.timeout(600)
async def test_two_hundred_devices_come_back_from_two_storms_with_every_receipt(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, DEVICES, 1)
    place.set_up(0, lambda _: None)
    async with standing(place):
        await played(place)
        # The second run goes on where the first ended.
        told = await commanded(place)
        assert told["storm"]["all_back_s"] > 0
        assert told["batches_signed"] == told["batches_receipted"]
        assert told["watched"][0]["rss_mb"][0] > 10
    with snapshot(place.config.place) as sql:
        told = check(sql, place.fleet.plan, place.fleet.history())
    assert told["receipted"] == told["batches"] > 2 * DEVICES
    assert [told[what] for what in ("lost", "doubled", "broken", "readings_missing")] == [0] * 4


def ran(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["fleet", *words])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_what_a_fleet_was_told_and_is_not_in_the_ledger_is_found(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "fleet"
    ran("prepare", "--devices", "1", "--out", str(out), "--data", str(data), code=1)
    place = Place(tmp_path, 1, 1)
    place.config_file.write_text('data = "data"\n')
    assert CliRunner().invoke(gateway, ["init", "--data", str(data)]).exit_code == 0
    where = ("--config", str(place.config_file))
    steps = json.loads(
        ran("prepare", "--devices", "3", "--meters", "4", "--out", str(out), *where, "--json")
    )
    assert (steps["registry import"]["number"], steps["registry add-devices"]["number"]) == (12, 3)
    assert json.loads(ran("check", "--state", str(out), *where, "--json"))["lost"] == 0
    folder = Folder(out)
    standings = folder.take_history(3)
    standings[1].through = standings[1].head = 2
    folder.put_back(standings)
    assert '"lost": 2' in ran("check", "--state", str(out), *where, "--json", code=1)


def of_one(path: Path) -> Folder:
    (path / "fleet.json").write_text('["fleet",1,1,"2026-09-01"]')
    (path / "seeds").write_bytes(bytes(32))
    (path / "gateway.pem").write_bytes(SigningKey.from_seed(bytes(32)).public.to_pem())
    return Folder(path)


async def test_who_waits_hears_of_what_cannot_be(tmp_path: Path) -> None:
    fleet = Fleet(of_one(tmp_path), Terms(HOST, 70_000, 1, 30.0))
    with pytest.raises(OverflowError, match="port"):
        await fleet.run(fleet.all_up)


def test_a_fleet_that_was_killed_is_not_played_again(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="run plomba-sim fleet prepare"):
        Folder(tmp_path)
    folder = of_one(tmp_path)
    with pytest.raises(FleetError, match="has 1 devices, asked for 2"):
        folder.take_history(2)
    folder.take_history(1)
    assert (tmp_path / RUNNING_FILE).exists()
    with pytest.raises(FleetError, match="prepare another"):
        folder.take_history(1)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--state", "x"),
        ("--state", "x", "--broker", "nowhere"),
        ("prepare", "--devices", "1", "--meters", "501", "--out", "x", "--data", "y"),
        ("prepare", "--devices", "0", "--out", "x", "--data", "y"),
    ],
)
def test_wrong_usage_is_told(words: tuple[str, ...]) -> None:
    ran(*words, code=2)
