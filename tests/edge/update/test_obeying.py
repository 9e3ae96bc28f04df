"""The command to update, given to an agent that nothing updates."""

import asyncio
from pathlib import Path

from cloud_sync.command import Report, Update
from simulators.clock import VirtualLoop
from tests.edge.devices import FakeMeter, run
from tests.edge.test_obeying import Told
from tests.edge.update.releases import Shop


def test_an_agent_that_is_not_a_service_says_that_it_is_not_updated(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = Told(tmp_path, loop)
        agent = world.agent([FakeMeter("m1", loop).plan()])
        async with world.running(agent):
            await asyncio.sleep(60)
            (answer,) = await world.say(Update(Shop().wish().statement))
            assert answer.outcome == "refused"
            assert answer.reason.startswith("no-updates: ")
            (answer,) = await world.say(Report())
            assert answer.outcome == "done"
            assert agent.answering == 1
            assert agent.is_connected
            assert b'"refused_commands":{"no-updates":1}' in answer.report

    run(scene)
