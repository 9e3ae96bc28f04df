"""A new version on trial: root's note of it, and the judgement by what the agent says of itself.

The note (trial.json) is on the disk before `current` points at the new version, and goes only when
its end is written down (update.json). So whenever the power comes back it says what to do: watch
on, or finish going back. A trial is judged by the health the new version writes
(edge/update/health.py): it must repeat the trial's nonce, go on beating, and do as well as the
version before it did. Standard library alone: this must work whatever the new version is like.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

TRIAL = "trial.json"
OUTCOME = "update.json"
HEALTH = "health.json"
NOTE_BYTES_MAX = 64 * 1024
# The slowest card loads the program for a minute, and systemd allows three.
START_S = 180.0
# Meters on a slow bus and a broker over a bad link take their time; meanwhile readings are missing
# only where the new version is broken.
BOUND_S = 600.0
# Well, and beating on, for this long: what fails, fails within the first round of meters.
STEADY_S = 90.0
# An agent that does not beat for so long hangs; it beats every three seconds.
STILL_S = 45.0
# A note that was left behind by an agent that is gone does not beat.
BEATS_MIN = 3
# systemd starts an agent that ends again after five seconds: so often in a trial is a crash loop.
RESTARTS_MAX = 3
# A trial that the power cuts so often is given up: the new version may be why.
RESUMES_MAX = 5
# Versions that failed, the newest ones: no device sees so many.
FAILED_MAX = 32


class Trial(NamedTuple):
    """The note. `phase`: "trying" or "back". `health`: that of the version before, or {}."""

    version: str
    before: str
    number: int
    ready: str
    nonce: str
    phase: str = "trying"
    reason: str = ""
    resumes: int = 0
    health: dict[str, Any] = {}  # noqa: RUF012 - never changed in place


class Bounds(NamedTuple):
    """How long what may take, in seconds."""

    start_s: float = START_S
    bound_s: float = BOUND_S
    steady_s: float = STEADY_S
    still_s: float = STILL_S


class Watch:
    """The judgement of one trial. Its time is any clock in seconds that only goes forward."""

    def __init__(self, trial: Trial, now_s: float, bounds: Bounds = Bounds()) -> None:  # noqa: B008 - immutable
        self._trial = trial
        self._bounds = bounds
        self._began_s = now_s
        self._instances: set[str] = set()
        self._beat = (("", -1), now_s)
        self._well_since_s: float | None = None
        self._beats = 0

    def look(self, health: dict[str, Any], restarts: int, now_s: float) -> str:
        """What is to be done: "" go on watching, "well", or "back: " and why."""
        lacks = self._lacks(health, now_s)
        if len(self._instances) > RESTARTS_MAX or restarts > RESTARTS_MAX:
            return "back: it ended and was started again and again"
        if not self._instances and now_s - self._began_s >= self._bounds.start_s:
            return f"back: no sign of it within {self._bounds.start_s:.0f} s"
        if lacks:
            self._well_since_s = None
            if now_s - self._began_s >= self._bounds.bound_s:
                return f"back: {lacks} after {self._bounds.bound_s:.0f} s"
            return ""
        if self._well_since_s is None:
            self._well_since_s, self._beats = now_s, 0
        is_steady = now_s - self._well_since_s >= self._bounds.steady_s
        return "well" if is_steady and self._beats >= BEATS_MIN else ""

    def _lacks(self, health: dict[str, Any], now_s: float) -> str:
        """What the new version lacks; "" if nothing."""
        said = (health.get("version"), health.get("nonce"))
        if said != (self._trial.version, self._trial.nonce):
            return "no sign of it"
        instance, beat = str(health.get("instance")), health.get("beat")
        if instance not in self._instances:
            self._instances.add(instance)
            self._well_since_s = None
        if (instance, beat) != self._beat[0]:
            self._beat = ((instance, beat), now_s)
            self._beats += 1
        elif now_s - self._beat[1] >= self._bounds.still_s:
            return "it stands still"
        return lacks(health, self._trial.health)


def lacks(health: dict[str, Any], before: dict[str, Any]) -> str:
    """What a version does worse than the one before it did; "" for nothing.

    A network that was away before the update too is not the new version's fault, nor are meters
    that did not answer; half of those that did may be silent for a while on a bad line.
    """
    if health.get("late"):
        return f"parts of it stand still: {', '.join(map(str, health['late']))}"
    if health.get("waiting") and not before.get("waiting"):
        return f"it waits: {health['waiting']}"
    answering, expected = _count(health), -(-_count(before) // 2)
    if answering < expected:
        return f"{answering} meters answer, expected {expected} at least"
    if before.get("connected") and not health.get("connected"):
        return "it is not connected, the version before was"
    return ""


def _count(health: dict[str, Any]) -> int:
    count = health.get("answering", 0)
    return count if isinstance(count, int) else 0


def read(path: Path) -> dict[str, Any]:
    """A note as JSON; {} for none, or one that cannot be read. Nothing of it is believed yet."""
    try:
        # A pipe in its place must not keep root waiting, nor a link lead elsewhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            said = json.loads(file.read(NOTE_BYTES_MAX))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def write(path: Path, said: dict[str, Any]) -> None:
    """Put a note in its place; on the disk when this returns."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(said, file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(0o644)
    fresh.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """New names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def under_way(prefix: Path) -> Trial | None:
    """The trial that was begun and not ended; None if there is none."""
    said = read(prefix / TRIAL)
    try:
        return Trial(**said)
    except TypeError:
        return None


def note(prefix: Path, trial: Trial) -> None:
    """Write a trial down."""
    write(prefix / TRIAL, trial._asdict())


def end(prefix: Path, trial: Trial, outcome: str, reason: str) -> None:
    """Write down how it ended, then forget it. `outcome`: running, rolled-back or refused."""
    failed = read(prefix / OUTCOME).get("failed")
    failed = dict(failed) if isinstance(failed, dict) else {}
    failed.pop(trial.version, None)
    if outcome == "rolled-back":
        failed[trial.version] = trial.number
    said = {
        "ready": trial.ready,
        "number": trial.number,
        "version": trial.version,
        "outcome": outcome,
        "reason": reason[:300],
        "failed": dict(list(failed.items())[-FAILED_MAX:]),
    }
    write(prefix / OUTCOME, said)
    (prefix / TRIAL).unlink(missing_ok=True)
    sync(prefix)
