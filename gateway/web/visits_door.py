"""Records of visits on the device door: the record, its photos, and the points that wait.

The door's own bounds hold here too: knocks are counted first, bodies bounded, and whoever cannot
prove to be a device is refused and recorded as at enrolment. A picture is decoded by a process
beside this one, between two turns in the thread that writes the ledger.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from fastapi import FastAPI

from cloud_sync import visit_road
from cloud_sync.signing import SigningKey
from cloud_sync.visit_road import PHOTO_BODY_MAX, POINTS_BODY_MAX, VISIT_BODY_MAX
from gateway.config import GatewayConfig
from gateway.handoff.pump import Caller
from gateway.identity.gate import Gate
from gateway.identity.model import NotLetIn
from gateway.identity.wired import doorkeeper_of
from gateway.photo.intake import PhotoError, Why
from gateway.photo.looking import Looker
from gateway.releases.wired import server_of
from gateway.sql.store import SqlStore
from gateway.store import StoreError
from gateway.visits.keeping import Keeper
from gateway.visits.photos import PhotoKeeper, Wanted
from gateway.visits.pointing import Pointer
from gateway.visits.wired import keepers_of
from gateway.web.enrolment import Door
from gateway.web.releases_door import ReleaseDoor

# A photo of 300 kB takes that long over 50 kbit/s; it stays below the life of a connection.
PHOTO_BODY_S = 50.0
# Two photos of each of 60 meters, a house's first visit, at once; then one a second.
PHOTOS_BURST = 125.0
T = TypeVar("T")
log = structlog.get_logger()


def door_of_devices(
    config: GatewayConfig,
    store: SqlStore,
    key: SigningKey,
    looker: Looker,
    *,
    call: Caller,
    clock: Callable[[], int],
) -> FastAPI:
    """All that is behind the door for devices: enrolment, visits, and releases."""
    door = Door(doorkeeper_of(config, store, key), call, clock)
    app = door.app()
    VisitDoor(door, keepers_of(store, key, config.data), looker, call, clock).add_to(app)
    ReleaseDoor(door, server_of(store, key, config.data), call, clock).add_to(app)
    return app


class VisitDoor:
    """The three routes of visits; `clock` tells ms since the epoch."""

    def __init__(
        self,
        door: Door,
        keepers: tuple[Keeper, PhotoKeeper, Pointer],
        looker: Looker,
        call: Caller,
        clock: Callable[[], int],
    ) -> None:
        self._door = door
        self._keeper, self._photos, self._pointer = keepers
        self._looker = looker
        self._call = call
        self._clock = clock

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        route = self._door.route
        app.post(visit_road.VISIT_PATH)(route(self._visit, VISIT_BODY_MAX))
        photos = route(self._photo, PHOTO_BODY_MAX, body_s=PHOTO_BODY_S, gate=Gate(PHOTOS_BURST))
        app.post(visit_road.PHOTO_PATH)(photos)
        app.post(visit_road.POINTS_PATH)(route(self._points, POINTS_BODY_MAX))

    async def _visit(self, body: bytes, source: str) -> bytes:
        return await self._recorded(
            source, self._call(lambda: self._keeper.take(body, source, self._clock()))
        )

    async def _points(self, body: bytes, source: str) -> bytes:
        return await self._recorded(
            source, self._call(lambda: self._pointer.points(body, self._clock()))
        )

    async def _photo(self, body: bytes, source: str) -> bytes:
        wanted = await self._recorded(
            source, self._call(lambda: self._photos.ask(body, source, self._clock()))
        )
        if isinstance(wanted, bytes):
            return wanted
        try:
            sight = await asyncio.to_thread(self._looker.look, wanted.jpeg, None, None, None)
        except PhotoError as error:
            return await self._spoiled(wanted, error)
        try:
            return await self._call(lambda: self._photos.keep(wanted, sight.jpeg, self._clock()))
        except OSError as error:
            raise StoreError(f"a photo cannot be kept: {error.strerror}") from error

    async def _spoiled(self, wanted: Wanted, error: PhotoError) -> bytes:
        if error.why is Why.BUSY:
            raise StoreError(str(error)) from error
        said = str(error)
        return await self._call(lambda: self._photos.spoiled(wanted, said, self._clock()))

    async def _recorded(self, source: str, judged: Awaitable[T]) -> T:
        try:
            return await judged
        except NotLetIn as refusal:
            await self._door.record(refusal, source, "visit")
            raise
