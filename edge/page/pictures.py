"""Photos of a meter: taken by the phone's camera, made smaller there, kept with the visit."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.visit import PHOTO_BYTES_MAX, PHOTOS_MAX
from edge.page.desk import Desk
from edge.page.front import to
from edge.page.refusal import NotDone

# A dial is legible at this, and a picture of it is some 300 kB.
SIDE_MAX = 1600
_DIGEST_CHARS = 64


class Pictures:
    """The photo of a meter."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._front = desk, desk.front

    def routes(self) -> list[Route]:
        """The routes."""
        inside = self._front.inside
        return [
            *inside("/meter/{at}/photo", get=self.ask, post=self.take),
            *inside("/meter/{at}/photo/drop", post=self.drop),
            *inside("/meter/{at}/photo/{digest}", get=self.picture),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask for a photo, and show those there are."""
        return self._front.draw(
            request, "photo.html", card=self._desk.card(request), side=SIDE_MAX, most=PHOTOS_MAX,
            most_bytes=PHOTO_BYTES_MAX,
        )  # fmt: skip

    async def take(self, request: Request) -> Response:
        """Keep one."""
        card = self._desk.card(request)
        data = await self._front.file(request, "photo", PHOTO_BYTES_MAX)
        if not data:
            raise NotDone("no_photo", 422)
        self._desk.visiting.add_photo(card.meter.key, data)
        return to(f"/meter/{card.at}/photo")

    async def drop(self, request: Request) -> Response:
        """Let one go."""
        sent = await self._front.form(request)
        card = self._desk.card(request)
        digest = sent.get("photo", "")
        if digest in card.meter.photos:
            self._desk.visiting.drop_photo(card.meter.key, digest)
        return to(f"/meter/{card.at}/photo")

    async def picture(self, request: Request) -> Response:
        """The photo itself."""
        card = self._desk.card(request)
        digest = str(request.path_params["digest"])
        if digest not in card.meter.photos or len(digest) != _DIGEST_CHARS:
            raise NotDone("no_page", 404)
        data = self._desk.visiting.book.photo(self._desk.draft.number, digest)
        if data is None:
            raise NotDone("no_page", 404)
        return Response(data, media_type="image/jpeg")
