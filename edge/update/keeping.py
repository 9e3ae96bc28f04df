"""Updates beside the agent: fetched slowly, shown to root when whole, their end told the gateway.

Readings go first: a part is asked for every few seconds, and never while a visit has the lines, for
a restart would spoil it. What the gateway was not told yet it is told again.
"""

import asyncio
import threading
import time
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import structlog

from cloud_sync import release_road as road
from cloud_sync.release import Release, ReleaseError, peek
from cloud_sync.release_road import ANSWER_BYTES_MAX, RELEASE_PATH, Asked, RoadError, Told
from edge import config, https
from edge.config import ConfigError, EdgeConfig
from edge.enrolment import Post
from edge.line_owner import are_wanted
from edge.update import standing
from edge.update.fetching import Fetch, FetchError, NoRoom
from edge.update.judging import Unwanted, Wish, judge
from edge.update.places import Own, Places, installed_in, own
from edge.update.shelf import Shelf
from edge.visit.delivering import NotSent, Road, road_of, wait_s

log = structlog.get_logger("edge.update")

_JITTER = 0.5


class Pace(NamedTuple):
    """How long to wait after a part, after a copied file, and where nothing is wanted."""

    # A release whose wheels are mostly here is some ten parts, a new one some hundred: half an
    # hour. A slow line is left to readings.
    part_s: float = 8.0
    # A card writes a wheel in a second, and the spool too.
    copy_s: float = 1.0
    # A look at the folder costs nothing.
    look_s: float = 20.0


class Progress(NamedTuple):
    """What a turn brought: whether more is to be done soon, and why it could not go on."""

    busy: bool
    problem: str = ""
    was_far: bool = False
    """Whether something was asked over the network."""


class Updates:
    """The updates of one device. `wish` is the commander's hand; `turn` is called again and again.

    Both may run in threads of their own: what they share is on the disk.
    """

    def __init__(self, places: Places, post: Post = https.post, runs: Own | None = None) -> None:
        self._places = places
        self._own = runs or own()
        self._post = post
        self._shelf = Shelf(places)
        self._fetch: tuple[Wish, Fetch] | None = None
        self._said_ready = False
        # A new wish must not be forgotten with the one that has just ended.
        self._lock = threading.Lock()
        self.status = ""
        """The release offered last and where it stands, for the report."""

    def offer(self, number: int, statement: bytes) -> str:
        """Note what a command offers; one line on what will be. Unwanted, OSError."""
        if self._places.prefix is None:
            raise Unwanted("not-packaged", "this program was not installed by its package")
        wish = Wish(1, number, statement)
        release = self._judged(wish)
        with self._lock:
            self._shelf.want(wish)
            self._shelf.make_place(release.manifest)
        self.status = f"{release.software} wanted"
        return f"{release.software} will be fetched"

    def turn(self, conf: EdgeConfig) -> Progress:
        """Do one small thing for what is wanted."""
        wish = self._shelf.wish()
        if wish is None or self._places.prefix is None:
            return Progress(busy=False)
        try:
            way = road_of(conf, self._post)
            if self._ended(wish, way) or self._waits(wish):
                return Progress(busy=False)
            return self._go_on(conf, wish, self._judged(wish), way)
        except Unwanted as error:
            return self._refuse(conf, wish, str(error))
        except (NotSent, FetchError, NoRoom) as error:
            return Progress(busy=True, problem=str(error))
        except OSError as error:
            return Progress(busy=True, problem=f"cannot keep the release: {error}")

    def _judged(self, wish: Wish) -> Release:
        failed = standing.outcome(self._places.prefix).failed
        return judge(wish, self._own, self._shelf.key(), failed)

    def _ended(self, wish: Wish, way: Road) -> bool:
        """Whether root has said what became of it; then the gateway knows too."""
        ready, said = self._shelf.ready(), standing.outcome(self._places.prefix)
        if not ready or said.ready != ready:
            return False
        release = peek(wish.statement)
        step: road.Step = "refused"
        if said.outcome in {"running", "rolled-back"}:
            step = "running" if said.outcome == "running" else "rolled-back"
        self._tell(way, wish, release, step, said.reason)
        with self._lock:
            self._shelf.forget(wish)
        # The wheels of what runs are the next release's, for the most part.
        self._shelf.keep([release.manifest] if step == "running" else [])
        return True

    def _waits(self, wish: Wish) -> bool:
        """Whether it is root's turn; this may be the new version itself, on trial."""
        if not self._shelf.ready():
            return False
        if not self._said_ready and standing.trial(self._places.prefix) is None:
            # A power cut may have come between the note and root's look at it.
            self._shelf.say_ready(wish)
            self._said_ready = True
        self.status = f"{peek(wish.statement).software} ready"
        return True

    def _go_on(self, conf: EdgeConfig, wish: Wish, release: Release, way: Road) -> Progress:
        if self._fetch is None or self._fetch[0] != wish:
            self._fetch = (wish, self._fetching(release, way))
            log.info("update wanted", version=release.software, bytes=release.bytes)
        fetch = self._fetch[1]
        whole = fetch.step()
        self.status = f"{release.software} fetching {fetch.percent} %"
        if whole and not are_wanted(conf.device.state_dir):
            log.info("update is whole", version=release.software)
            self._shelf.say_ready(wish)
            self._said_ready, self._fetch = True, None
        return Progress(busy=True, was_far=fetch.was_far)

    def _fetching(self, release: Release, way: Road) -> Fetch:
        def ask(name: str, offset: int) -> tuple[bytes, int]:
            asked = Asked(1, way.device, _now_ms(), release.manifest, name, offset)
            body = way.ask(RELEASE_PATH, road.sealed_ask(asked, way.key), ANSWER_BYTES_MAX)
            try:
                return road.opened_part(body, asked, way.gateway_key)
            except RoadError as error:
                raise NotSent(f"{way.url} answered something else: {error}") from error

        folder = self._shelf.release(release.manifest)
        return Fetch(release, folder, self._shelf.known(release.manifest), ask)

    def _refuse(self, conf: EdgeConfig, wish: Wish, reason: str) -> Progress:
        """What is wanted no more, an update by hand came first, say: told, and forgotten."""
        log.warning("update refused", reason=reason)
        self.status = f"refused: {reason}"
        try:
            self._tell(road_of(conf, self._post), wish, peek(wish.statement), "refused", reason)
        except NotSent as error:
            return Progress(busy=True, problem=str(error))
        except ReleaseError as error:
            log.warning("update forgotten", reason=str(error))
        with self._lock:
            self._shelf.forget(wish)
        return Progress(busy=False)

    def _tell(self, way: Road, wish: Wish, release: Release, step: road.Step, reason: str) -> None:
        reason = reason[: road.REASON_MAX]
        told = Told(
            *(1, way.device, _now_ms(), wish.number, release.manifest, release.software),
            *(self._own.version, step, reason),
        )
        body = way.ask(RELEASE_PATH, road.sealed_ask(told, way.key), road.HEAD_BYTES_MAX)
        try:
            road.check_heard(body, told, way.gateway_key)
        except RoadError as error:
            raise NotSent(f"{way.url} answered something else: {error}") from error
        self.status = f"{release.software} {step} {reason}".strip()
        log.info("update ended", version=release.software, outcome=step, reason=reason)


def updates_of(conf: EdgeConfig, post: Post = https.post) -> Updates:
    """The updates of this device."""
    return Updates(places_of(conf), post)


def places_of(conf: EdgeConfig) -> Places:
    """Where they lie."""
    return Places(conf.device.state_dir, installed_in(), conf.device.package)


async def keep_updating(
    path: Path,
    updates: Updates,
    *,
    random: Random | None = None,
    pace: Pace = Pace(),  # noqa: B008 - immutable
) -> None:
    """Take turns until cancelled."""
    chance = random or SystemRandom()
    failures, said = 0, ""
    while True:
        done = await asyncio.to_thread(_turn, path, updates)
        failures = failures + 1 if done.problem else 0
        if done.problem and done.problem != said:
            log.warning("update waits", reason=done.problem)
        said = done.problem
        pause_s = pace.part_s if done.was_far else pace.copy_s
        pause_s = pause_s * (1 + _JITTER * chance.random()) if done.busy else pace.look_s
        await asyncio.sleep(wait_s(failures, chance) if failures else pause_s)


def _turn(path: Path, updates: Updates) -> Progress:
    try:
        return updates.turn(config.load(path))
    except ConfigError as error:
        return Progress(busy=False, problem=str(error))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
