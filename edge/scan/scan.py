"""The scan of one line: its searches one after the other, every step noted.

What came is in the notes before it is shown, and the notes are on the disk soon after: with every
meter found, and a few seconds late at most for the addresses where nobody was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from drivers.bus import Line
from drivers.driver import Found, Step
from edge.scan.notebook import Notebook
from edge.scan.searches import Search

# A pulled plug costs this much of a search; an SD card should not be written more often.
SAVE_S = 5.0


class Progress(NamedTuple):
    """A step of a search, and the meter it brought if that was not known before."""

    search: Search
    step: Step
    found: Found | None


async def scan(
    line: Line, searches: Sequence[Search], notes: Notebook, save: Callable[[], None]
) -> AsyncIterator[Progress]:
    """Go on where `notes` are, to the end. Raises what the line raises; the notes stay true."""
    now_s = asyncio.get_running_loop().time
    saved_s = now_s()
    while not notes.complete:
        search = searches[notes.at]
        # A search stopped right after its last step has nothing left, which is not its start.
        if notes.todo != ():
            async for step in search.begin(line, notes.todo):
                progress = _note(notes, search, step)
                if progress.found is not None or now_s() - saved_s >= SAVE_S:
                    save()
                    saved_s = now_s()
                yield progress
        notes.at, notes.todo = notes.at + 1, None
    save()


def _note(notes: Notebook, search: Search, step: Step) -> Progress:
    notes.todo = step.todo
    notes.asked += 1
    new = step.found is not None and notes.add(step.found)
    return Progress(search, step, step.found if new else None)
