"""What processes use, as the kernel counts it: memory now, and processor time since they began."""

import os
from pathlib import Path
from typing import NamedTuple

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Memory that grows by less than this share over a soak's last ten minutes is flat.
FLAT = 0.02
FLAT_MINUTES = 10


class Used(NamedTuple):
    """What a process and its children use; nothing of one that has ended."""

    rss_mb: float
    cpu_s: float


def used(pid: int) -> Used:
    """A process and all below it."""
    own = alone(pid)
    below = [used(child) for child in _children(pid)]
    return Used(
        round(own.rss_mb + sum(one.rss_mb for one in below), 1),
        own.cpu_s + sum(one.cpu_s for one in below),
    )


def alone(pid: int) -> Used:
    """A process, with the processor time of what it started and has seen end."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        # Behind the name, which may hold anything: proc(5), stat, fields 14 to 17.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return Used(0.0, 0.0)
    ticks = sum(map(int, fields[11:15]))
    return Used(round(pages * _PAGE_BYTES / 1e6, 1), ticks / _TICKS_PER_S)


def _children(pid: int) -> list[int]:
    try:
        listed = [
            text
            for task in Path(f"/proc/{pid}/task").iterdir()
            for text in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    return [int(text) for text in listed]


class Growth(NamedTuple):
    """How a process' memory went, a figure a minute."""

    pid: int
    rss_mb: list[float]

    @property
    def last(self) -> list[float]:
        """The last ten minutes."""
        return self.rss_mb[-FLAT_MINUTES - 1 :]

    @property
    def share(self) -> float:
        """By how much it grew over them, as a share, along the straight line through them."""
        return self.slope * (len(self.last) - 1) / self.last[0] if self.last[0] else 0.0

    @property
    def slope(self) -> float:
        """MB a minute over the last ten minutes: the line of least squares."""
        count = len(self.last)
        if count < 2:
            return 0.0
        middle, mean = (count - 1) / 2, sum(self.last) / count
        above = sum((at - middle) * (value - mean) for at, value in enumerate(self.last))
        return above / sum((at - middle) ** 2 for at in range(count))

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {
            "pid": self.pid,
            "rss_mb": self.rss_mb,
            "mb_per_minute": round(self.slope, 3),
            "grew": round(self.share, 4),
            # A process that has ended uses nothing, which says nothing of its memory.
            "flat": len(self.last) > FLAT_MINUTES and min(self.last) > 0 and self.share < FLAT,
        }
