"""A bucket of tokens: so many at once, then so many a second."""


class Bucket:
    """Filled to `burst` at first; the time is any clock, one that goes back gives nothing."""

    def __init__(self, burst: float, per_s: float, now_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at_s = burst, now_s

    def has(self, now_s: float) -> bool:
        """Whether there is a token."""
        passed_s = max(now_s - self._at_s, 0.0)
        self._left = min(self._burst, self._left + passed_s * self._per_s)
        self._at_s = now_s
        return self._left >= 1

    def take(self, now_s: float) -> bool:
        """Take a token; False if there is none."""
        if not self.has(now_s):
            return False
        self._left -= 1
        return True

    def give(self) -> None:
        """Give a token back that was taken for nothing."""
        self._left = min(self._burst, self._left + 1)
