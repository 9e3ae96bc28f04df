"""Which source stands behind a settled line: said in its `source`, and in its reason in words.

A line that an inspection closes, after one that was closed by what somebody had submitted, makes
good what the two differ by, in the period of the inspection (ПП 354 п. 61).
"""

from collections.abc import Sequence

from gateway.billing import Mark, Settled
from gateway.claims.model import SUBMITTED, WORDS, ClaimSource
from gateway.claims.ports import Brought, ChoosingPort

_ACT = "makes good what was submitted before and what was found (ПП 354 п. 61)"


def sourced(port: ChoosingPort, lines: Sequence[Settled]) -> list[Settled]:
    """The lines with their sources, where a person brought the reading that closes them."""
    ends = [mark for one in lines for mark in (one.opening, one.closing)]
    brought = port.brought([mark for mark in ends if mark.reading is not None])
    if not brought:
        return list(lines)
    return [_sourced(one, brought) for one in lines]


def _sourced(line: Settled, brought: dict[tuple[int, int, int], Brought]) -> Settled:
    by = _behind(line.closing, brought)
    if by is None or line.closing == line.opening:
        return line
    source = ClaimSource(by.source)
    said = [line.reason] if line.reason else []
    said.append(f"closed by {WORDS[source]} ({by.reference})")
    before = _behind(line.opening, brought)
    if source is ClaimSource.INSPECTION and before is not None and before.source in SUBMITTED:
        said.append(_ACT)
    return line._replace(source=by.source, reason="; ".join(said))


def _behind(mark: Mark, brought: dict[tuple[int, int, int], Brought]) -> Brought | None:
    return None if mark.reading is None else brought.get((mark.register_no, *mark.reading))
