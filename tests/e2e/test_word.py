"""The gateway's word over a real broker, as an operator sets it up, with real processes.

Authority, broker rules, gateway, broker, agent and a virtual meter: a command goes out and comes
back signed; a revocation closes the door while everything runs.
"""

import json
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.spool import glance
from tests.cloud_sync.brokers import needs_mosquitto
from tests.e2e.place import DEVICE, Place, until
from tests.edge.installer import ROOT, a_line

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600), *needs_mosquitto]


def delivered(folder: Path) -> int:
    """How many batches have gone for good."""
    seen = glance(folder / "state")
    return 0 if seen is None else seen.state.through


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with a_line() as port:
        made = Place(folder, port)
        try:
            await made.set_up()
            yield made
        finally:
            await made.end()


async def test_commands_come_back_signed_and_a_revocation_closes_the_door(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        told = await here.command("report", DEVICE)
        assert (told["outcome"], told["reason"]) == ("done", "report")
        assert told["report"]["state"] == "online"
        assert told["report"]["software"].startswith("plomba ")
        told = await here.command("read-now", DEVICE, "22310042")
        assert told["reason"] == "1 meters to be read now"
        told = await here.command("read-now", DEVICE, "1", code=1)
        assert told["reason"] == "unknown-meter: no meter 1 on the lines of edge-1"
        await until(lambda: delivered(tmp_path) >= 2)
        told = await here.command("resend", DEVICE, "1", "1")
        assert told["reason"] == "1 of 1 batches will be sent again"
        listed = json.loads(await here.run("command", "list", "--json"))
        assert [one["kind"] for one in listed] == ["resend", "read-now", "read-now", "report"]
        assert [one["outcome"] for one in listed] == ["done", "refused", "done", "done"]

        await here.run("identity", "revoke", DEVICE, "--why", "stolen")
        rules = tmp_path / "rules/devices.acl"
        await until(lambda: "user" not in rules.read_text())
        # It learns of it with its next report, which it makes once a minute.
        await here.logged("edge.log", "not connected", within_s=180)
        assert "Traceback" not in (tmp_path / "gateway.log").read_text()


def test_the_example_of_the_page_is_the_configuration_shown_here() -> None:
    page = (ROOT / "docs/broker.md").read_text()
    shown = page.split("```toml\n")[1].split("```")[0]
    assert "broker_rules" in tomllib.loads(shown)
