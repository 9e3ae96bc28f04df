"""How the agent is, written down for root, who tries a new version (package/lib/trial.py).

Each process has an instance of its own and counts its beats, so that an agent that hangs, or that
systemd starts again and again, is told from one that runs. While a trial of this very version is
under way it beats every few seconds; else only what changes is written, for a card's sake.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from edge import files
from edge.pulse import Pulse
from edge.update.places import Places, own
from edge.update.standing import trial

log = structlog.get_logger("edge.update")

FILE = "health.json"
# A note is written on a change alone, so looking often wears no card; root compares with it.
BEAT_S, LOOK_S = 3.0, 5.0


class Life(Protocol):
    """What health asks of the agent."""

    @property
    def answering(self) -> int:
        """Meters that answered when they were last asked."""

    @property
    def failing(self) -> int:
        """Meters that did not, and lines that are down."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker."""


class Vital:
    """Who lives in this process now: the agent, or the reason why it waits."""

    def __init__(self) -> None:
        self.agent: Life | None = None
        self.waiting = "starting"


class Health(msgspec.Struct, frozen=True):
    """The file."""

    version: str
    instance: str
    nonce: str
    beat: int
    waiting: str
    answering: int
    failing: int
    connected: bool
    late: list[str]


async def keep_health(
    vital: Vital,
    pulse: Pulse,
    places: Places,
    *,
    beat_s: float = BEAT_S,
    look_s: float = LOOK_S,
) -> None:
    """Write it down until cancelled."""
    instance, beat, before = secrets.token_hex(8), 0, None
    while True:
        tried = trial(places.prefix)
        mine = tried is not None and tried.version == own().version
        nonce = tried.nonce if tried is not None and mine else ""
        now = _health(vital, pulse, instance, nonce)
        if mine or now != before:
            beat += 1
            _write(places.updates / FILE, msgspec.structs.replace(now, beat=beat))
            before = now
        await asyncio.sleep(beat_s if mine else look_s)


def _health(vital: Vital, pulse: Pulse, instance: str, nonce: str) -> Health:
    agent = vital.agent
    return Health(
        version=own().version,
        instance=instance,
        nonce=nonce,
        beat=0,
        waiting="" if agent is not None else vital.waiting,
        answering=0 if agent is None else agent.answering,
        failing=0 if agent is None else agent.failing,
        connected=agent is not None and agent.is_connected,
        late=pulse.overdue(),
    )


def _write(path: Path, health: Health) -> None:
    try:
        files.make_folder(path.parent)
        files.replace(path, msgspec.json.encode(health))
    except OSError as error:
        # Without it a trial ends and the version before comes back: there is nothing to mend here.
        log.warning("health not written", reason=str(error))
