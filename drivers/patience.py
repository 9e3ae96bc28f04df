"""How long a unit is waited for: learned from when it used to begin its answers.

A meter that always answers within 30 ms need not be waited for half a second when an answer is
lost; one that needs a second must be, whatever the line was told. So a line keeps, for each unit,
a longest delay that fades: a new longest counts at once, a shorter one only little by little.

The wait is that delay with a margin. It goes below the line's turnaround only for a unit that has
answered many times in a row, and above it only for one whose late answers were seen. What protects
from stale answers (holds, silence after noise) never uses it: see `drivers/bus.py`.
"""

# A delay varies with what the meter measures just then, and with what a USB converter (16 ms) or
# an operating system adds; four times the longest seen is late only for a reason.
MARGIN = 4.0
# Giving up sooner wins little, and costs a reading of a meter that is slow once in a while.
WAIT_S_MIN = 0.2
# How far above the line's turnaround a slow unit may lead: every step of a dead one costs this.
WAIT_TURNAROUNDS_MAX = 4.0
# So many answers in a row make a unit's delays known; one failure makes them unknown again.
ANSWERS_MIN = 16
# What is left of a longest delay after one shorter answer: half after 14 of them.
FADING = 0.95
# What most meters take, for a plan made before the first answer.
USUAL_S = 0.02


class Patience:
    """What is known of one unit's delays, counted from the end of the request.

    `was_late` says that an answer came too late, and none in time since then.
    """

    def __init__(self) -> None:
        self._longest_s = 0.0
        self._usual_s = USUAL_S
        self._in_a_row = 0
        self.was_late = False

    @property
    def usual_s(self) -> float:
        """The delay to count with when a plan is made."""
        return self._usual_s

    def wait_s(self, turnaround_s: float) -> float:
        """How long the unit may take to begin its answer, on a line with `turnaround_s`."""
        wait_s = min(MARGIN * self._longest_s, WAIT_TURNAROUNDS_MAX * turnaround_s)
        if self._in_a_row < ANSWERS_MIN:
            return max(wait_s, turnaround_s)
        return max(wait_s, min(WAIT_S_MIN, turnaround_s))

    def answered(self, delay_s: float) -> None:
        """An answer came in time, after `delay_s`."""
        self._in_a_row += 1
        self._longest_s = max(delay_s, self._fade(self._longest_s, delay_s))
        self.was_late = False
        self._usual_s = self._fade(self._usual_s, delay_s)

    def failed(self) -> None:
        """No answer, or none that could be understood."""
        self._in_a_row = 0

    def late(self, delay_s: float) -> None:
        """An answer came when it was no longer waited for."""
        self._in_a_row = 0
        self._longest_s = max(delay_s, self._longest_s)
        self.was_late = True

    @staticmethod
    def _fade(known_s: float, seen_s: float) -> float:
        return FADING * known_s + (1 - FADING) * seen_s
