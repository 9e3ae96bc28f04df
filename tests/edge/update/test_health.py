"""What the agent writes down of itself while it is tried, and while it is not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge.pulse import Pulse
from edge.update.health import FILE, Vital, keep_health
from edge.update.places import Places, own
from edge.update.standing import TRIAL


class Well:
    """An agent that runs."""

    answering = 3
    failing = 1
    is_connected = True


def read(path: Path) -> dict[str, Any]:
    """The note; {} before the first."""
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


async def noted(path: Path, before: list[dict[str, Any]]) -> dict[str, Any]:
    """The next note that is none of those before."""
    async with asyncio.timeout(30):
        while True:
            if (said := read(path)) and said not in before:
                return said
            await asyncio.sleep(0.005)


@asynccontextmanager
async def alive(places: Places, vital: Vital) -> AsyncIterator[Path]:
    """One process that writes down how it is; where."""
    task = asyncio.create_task(keep_health(vital, Pulse(), places, beat_s=0.01, look_s=0.01))
    try:
        yield places.updates / FILE
    finally:
        task.cancel()


async def test_only_changes_are_written_while_nothing_is_tried(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    places, vital = Places(tmp_path / "state", tmp_path, tmp_path), Vital()
    async with alive(places, vital) as path:
        first = await noted(path, [])
        assert (first["waiting"], first["nonce"], first["beat"]) == ("starting", "", 1)
        await asyncio.sleep(0.1)
        assert read(path) == first
        vital.agent = Well()
        second = await noted(path, [first])
    assert (second["waiting"], second["answering"], second["connected"]) == ("", 3, True)
    assert second["failing"] == 1
    assert (second["instance"], second["beat"]) == (first["instance"], 2)


async def test_on_trial_it_beats_with_the_nonce(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    places, vital = Places(tmp_path / "state", tmp_path, tmp_path), Vital()
    note = {"version": own().version, "nonce": "n", "more": 1}
    (tmp_path / TRIAL).write_text(json.dumps(note))
    found: list[dict[str, Any]] = []
    for _ in range(2):
        async with alive(places, vital) as path:
            for _ in range(2):
                found.append(await noted(path, found))
    assert {one["nonce"] for one in found} == {"n"}
    assert len({one["instance"] for one in found}) == 2
    assert found[1]["beat"] > found[0]["beat"]
    (tmp_path / TRIAL).write_text(json.dumps(note | {"version": "99.0.0"}))
    async with alive(places, vital) as path:
        assert (await noted(path, found))["nonce"] == ""
