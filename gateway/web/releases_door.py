"""Releases of the edge on the devices' door: one route, whose bounds are the door's own."""

from collections.abc import Callable

from fastapi import FastAPI

from cloud_sync.release_road import ASK_BYTES_MAX, RELEASE_PATH
from gateway.handoff.pump import Caller
from gateway.identity.model import NotLetIn
from gateway.releases.serving import Server
from gateway.web.enrolment import Door


class ReleaseDoor:
    """The route; `clock` tells ms since the epoch."""

    def __init__(self, door: Door, server: Server, call: Caller, clock: Callable[[], int]) -> None:
        self._door = door
        self._server = server
        self._call = call
        self._clock = clock

    def add_to(self, app: FastAPI) -> None:
        """Add the route."""
        app.post(RELEASE_PATH)(self._door.route(self._release, ASK_BYTES_MAX))

    async def _release(self, body: bytes, source: str) -> bytes:
        try:
            return await self._call(lambda: self._server.answer(body, source, self._clock()))
        except NotLetIn as refusal:
            await self._door.record(refusal, source)
            raise
