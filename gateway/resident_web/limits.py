"""How often one address or one session may ask, and how often it may be wrong.

A link has 128 bits and a code is counted by the house itself; this keeps the trying from costing
time, and one phone from keeping the others out. A mobile network puts many people behind one
address, so what an honest person does is bounded widely, and what only guessing does narrowly.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gateway.bucket import Bucket
from gateway.resident_web.ports import NotDone


class Pace(NamedTuple):
    """So many at once, then so many a second."""

    burst: float
    per_s: float


PAGES = Pace(300, 10)
"""Requests of an address: a page is up to five of them, an upload of 4 MB is 64."""
MISSES = Pace(20, 1 / 60)
"""Links and sessions that there are not: nobody mistypes twenty."""
CODES = Pace(30, 1 / 20)
"""Codes an address asks for or tries; each link has its own, narrower count in the house."""
PHOTOS = Pace(30, 1 / 60)
"""Photos of a session: a dwelling has some five registers, and a photo is taken twice or thrice."""
WORDS = Pace(10, 1 / 600)
"""Disputes and readings of a session that a person would have to look at."""
PAPERS = Pace(10, 1 / 10)
"""Documents of a session: each is set anew, which takes a core some tenths of a second."""
# About 1 MB each; whoever was quiet longest is forgotten, and nothing but a debt with it.
KEPT_MAX = 10_000


class AtOnce:
    """How many may be at something at the same time: all together, and each."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._in: Counter[Hashable] = Counter()

    @contextmanager
    def taken(self, who: Hashable) -> Iterator[None]:
        """A place for `who`; NotDone where there is none."""
        if self._in.total() >= self._most or self._in[who] >= self._each:
            raise NotDone("busy", 503)
        self._in[who] += 1
        try:
            yield
        finally:
            self._in[who] -= 1
            self._in += Counter()  # who is gone is not kept


class Limits:
    """Buckets by who asks; `clock_s` only goes forward."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._kept: dict[Pace, OrderedDict[Hashable, Bucket]] = {}

    def take(self, pace: Pace, who: Hashable) -> bool:
        """Whether `who` may once more."""
        return self._bucket(pace, who).take(self._clock_s())

    def has(self, pace: Pace, who: Hashable) -> bool:
        """Whether `who` could; nothing is taken."""
        return self._bucket(pace, who).has(self._clock_s())

    def _bucket(self, pace: Pace, who: Hashable) -> Bucket:
        kept = self._kept.setdefault(pace, OrderedDict())
        bucket = kept.pop(who, None) or Bucket(pace.burst, pace.per_s, self._clock_s())
        kept[who] = bucket
        if len(kept) > KEPT_MAX:
            kept.popitem(last=False)
        return bucket
