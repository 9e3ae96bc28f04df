"""How far a step that takes its time is."""

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Progress(NamedTuple):
    """`done` of about `of` (None: not known) questions on the line `where`; `found` meters."""

    what: Literal["check", "search", "read"]
    where: str
    done: int
    of: int | None
    found: int = 0


def added_up(parts: Sequence[Progress]) -> Progress:
    """The progress of work on several lines, of which there is one at least."""
    return Progress(
        parts[0].what,
        ", ".join(one.where for one in parts),
        sum(one.done for one in parts),
        sum(one.of or 0 for one in parts) if all(one.of is not None for one in parts) else None,
        sum(one.found for one in parts),
    )
