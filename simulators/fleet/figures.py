"""What a fleet counts, in a bounded room however long it runs."""

import math
from collections import Counter
from typing import Any

# Receipt times are kept in steps of 5 %: percentiles as exact as anybody needs, some 300 counters.
_STEP = math.log(1.05)
_REASONS_MAX = 20


class Figures:
    """Counters of a whole fleet."""

    def __init__(self) -> None:
        self.up = self.connecting = 0
        self.connections = 0
        self.batches_signed = self.readings_signed = 0
        self.batches_receipted = self.readings_receipted = 0
        self.reasons: Counter[str] = Counter()
        """Why connections ended or did not come about."""
        self._times: Counter[int] = Counter()

    def came_up(self) -> None:
        """A connection stands."""
        self.up += 1
        self.connecting -= 1
        self.connections += 1

    def went_down(self, reason: str, *, was_up: bool) -> None:
        """A connection ended, or a try to get one."""
        if was_up:
            self.up -= 1
        else:
            self.connecting -= 1
        if reason in self.reasons or len(self.reasons) < _REASONS_MAX:
            self.reasons[reason] += 1

    def signed(self, readings: int) -> None:
        """A batch was sealed."""
        self.batches_signed += 1
        self.readings_signed += readings

    def receipted(self, readings: int, took_s: float | None) -> None:
        """A batch was let go of; `took_s` since it was sent first."""
        self.batches_receipted += 1
        self.readings_receipted += readings
        if took_s is not None:
            self._times[round(math.log(max(took_s, 1e-6)) / _STEP)] += 1

    def percentiles(self) -> dict[str, float]:
        """How long receipts took, in seconds."""
        return {f"receipt_p{share}_s": self._percentile(share) for share in (50, 95, 99, 100)}

    def _percentile(self, share: int) -> float:
        left = math.ceil(self._times.total() * share / 100)
        for step in sorted(self._times):
            left -= self._times[step]
            if left <= 0:
                return round(math.exp(step * _STEP), 3)
        return 0.0

    def document(self) -> dict[str, Any]:
        """All of it."""
        return {
            "connected": self.up,
            "connections": self.connections,
            "batches_signed": self.batches_signed,
            "readings_signed": self.readings_signed,
            "batches_receipted": self.batches_receipted,
            "readings_receipted": self.readings_receipted,
            **self.percentiles(),
            "ended": dict(self.reasons),
        }
