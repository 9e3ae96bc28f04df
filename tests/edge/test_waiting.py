"""`plomba-edge run --wait` beside a visit: real processes, a real lock, a virtual bus."""

import asyncio
import signal
from pathlib import Path

from edge.line_owner import are_wanted
from edge.visit.steps import Visiting
from edge.waiting import keep_up
from simulators.lines import serve
from simulators.mbus_bus import MbusBus
from simulators.modbus_meter import ModbusBus
from simulators.shared_bus import SharedBus
from tests.cloud_sync.brokers import HOST
from tests.edge.installer import Gateway, edge
from tests.edge.visit.site import CONFIG, a_device, cold, keys

NOW_MS = 1_795_326_600_000
SILENCE_S = 1.0


async def test_the_agent_waits_for_meters_and_gives_its_lines_to_visits(tmp_path: Path) -> None:
    # Where no Modbus meter is a gateway says so at once: only what M-Bus leaves silent costs time.
    bus = SharedBus([MbusBus([cold("11223344")]), Gateway(ModbusBus())])
    server = await serve(bus, HOST, 0, lambda: NOW_MS)
    port = server.sockets[0].getsockname()[1]
    text = CONFIG.replace("127.0.0.1:1", f"127.0.0.1:{port}").replace("0.1\n", f"{SILENCE_S}\n")
    path = a_device(tmp_path, text.replace("2400", "115200"))
    agent = await edge("run", "--wait", "--config", str(path))
    try:
        await _said(agent, "no meters to read yet")
        visiting = Visiting(path)
        visiting.begin("Ivan Petrov")
        await visiting.search()
        await _said(agent, "a visit has the lines")
        await visiting.read_all()
        visiting.confirm(keys(visiting)["11223344"])
        await visiting.finish()
        assert not are_wanted(tmp_path / "state")
        await _first_reading(visiting)
        again = Visiting(path)
        again.begin("Ivan Petrov", "visit")
        gone = await again.read_final("11223344")
        assert gone.final[0].mantissa == 123_456
        await _said(agent, "letting go of the lines")
        again.let_go()
        agent.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await agent.wait() == 0
    finally:
        if agent.returncode is None:
            agent.kill()
        await agent.communicate()
        server.close()


async def test_work_beside_the_agent_that_fails_begins_anew() -> None:
    began: list[int] = []
    goes_on = asyncio.Event()

    async def work() -> None:
        began.append(len(began))
        if len(began) == 1:
            raise RuntimeError("nobody foresaw this")
        goes_on.set()
        await asyncio.Event().wait()

    keeping = asyncio.create_task(keep_up("visits", work, again_s=0))
    async with asyncio.timeout(60):
        await goes_on.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert began == [0, 1]


async def _said(agent: asyncio.subprocess.Process, text: str) -> None:
    """Wait for a line of the agent's log."""
    assert agent.stderr is not None
    async with asyncio.timeout(60):
        while text.encode() not in (line := await agent.stderr.readline()):
            assert line, f"the agent ended without saying {text!r}"


async def _first_reading(visiting: Visiting) -> None:
    """Wait until the agent has the new meter's first reading in its spool."""
    async with asyncio.timeout(60):
        while visiting.arrival(1).meters["11223344"] == "not-read":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert visiting.arrival(1).first is not None
