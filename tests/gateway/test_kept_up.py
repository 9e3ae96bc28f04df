"""Work beside intake that fails as nobody foresaw: told, begun anew, ended when it is to end."""

import asyncio

import pytest

from gateway.commands.running import log_to_stderr
from gateway.upkeep import kept_up


def test_it_begins_anew_after_a_defect_and_the_log_says_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr()
    begun = 0
    arrived = asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ArithmeticError("of a meter")
        arrived.set()
        await asyncio.Event().wait()

    async def live() -> None:
        task = asyncio.create_task(kept_up(work, again_s=0.0))
        await asyncio.wait_for(arrived.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(live())
    told = capsys.readouterr().err
    assert told.count("a defect: work beside intake failed, it begins anew") == 2
    assert told.count("ArithmeticError: of a meter") == 2
    assert "in work" in told
