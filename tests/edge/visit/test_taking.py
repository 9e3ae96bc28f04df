"""The lines of a device between its agent and a visit."""

import asyncio
from pathlib import Path

import pytest

from edge.line_owner import LinesInUse, are_wanted, owning_lines
from edge.visit.taking import Lines
from tests.edge.visit.site import play


def test_lines_are_held_for_a_while_after_they_were_used(tmp_path: Path) -> None:
    async def scene() -> None:
        lines = Lines(tmp_path, linger_s=10)
        assert not are_wanted(tmp_path)
        async with lines.held():
            assert lines.are_used
            lines.let_go()
            assert lines.are_held
        assert (lines.are_held, lines.are_used) == (True, False)
        assert are_wanted(tmp_path)
        with pytest.raises(LinesInUse), owning_lines(tmp_path):
            pass
        await asyncio.sleep(9)
        async with lines.held():
            pass
        await asyncio.sleep(9)
        assert lines.are_held
        await asyncio.sleep(2)
        assert not lines.are_held
        assert not are_wanted(tmp_path)

    play(scene)


def test_a_second_visit_is_told_of_the_first(tmp_path: Path) -> None:
    async def scene() -> None:
        first, second = Lines(tmp_path), Lines(tmp_path)
        async with first.held():
            with pytest.raises(LinesInUse, match="another visit has the lines"):
                async with second.held():
                    pass
        first.let_go()
        async with second.held():
            pass
        second.let_go()

    play(scene)


def test_whoever_never_lets_go_is_waited_for_and_then_named(tmp_path: Path) -> None:
    async def scene() -> None:
        lines = Lines(tmp_path, wait_s=30)
        began_s = asyncio.get_running_loop().time()
        with owning_lines(tmp_path), pytest.raises(LinesInUse, match="wait for its end"):
            async with lines.held():
                pass
        assert asyncio.get_running_loop().time() - began_s >= 30
        assert not are_wanted(tmp_path)

    play(scene)


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")

    async def scene() -> None:
        with pytest.raises(LinesInUse, match="cannot use"):
            async with Lines(tmp_path / "state").held():
                pass

    play(scene)
