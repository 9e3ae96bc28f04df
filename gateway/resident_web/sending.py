"""The routes of an upload: made, asked after, continued, done. uploads.py tells the protocol."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from gateway.photo.frame import Frame
from gateway.resident_web import forms
from gateway.resident_web.front import Front, Visit
from gateway.resident_web.limits import PHOTOS, AtOnce
from gateway.resident_web.ports import NotDone
from gateway.resident_web.uploads import OPEN_MAX, PIECE_BYTES_MAX

OFFSET, LENGTH, PROOF = "upload-offset", "upload-length", "x-proof"
# 64 KB take two minutes on the slowest line on which a page opens at all.
_PIECE_S = 120.0
_NUMBER_CHARS_MAX = 12


class Sending:
    """An upload's routes, for a session's own uploads."""

    def __init__(self, front: Front) -> None:
        self._front = front
        # All of them may be read at once, each by one who asks: it is the same photo.
        self._read = AtOnce(OPEN_MAX, 1)

    def add_to(self, app: FastAPI) -> None:
        """Add them."""
        app.post("/upload")(self.create)
        app.head("/upload/{name}")(self.offset)
        app.patch("/upload/{name}")(self.add)
        app.post("/upload/{name}/done")(self.done)

    async def create(self, request: Request) -> Response:
        """Begin one for a register of the dwelling's: fields `register`, `size`, `sha256`.

        And `frame`, where the register stands within a frame of a camera's view.
        """
        front = self._front
        visit = await front.visit(request)
        sent = await front.form(request)
        front.pace(request, PHOTOS, visit.secret)
        register_no, size = (_number(sent.get(name, "")) for name in ("register", "size"))
        items = await front.ask(lambda: front.desk.items(visit.home))
        if not any(one.register_no == register_no for one in items):
            raise NotDone("no_meter", 404)
        sha256, now_ms = sent.get("sha256", ""), front.clock()
        frame = framed(sent.get("frame", ""))
        name = await front.ask(
            lambda: front.uploads.create(
                visit.secret, register_no, size, sha256, now_ms, frame=frame
            )
        )
        headers = {"location": f"/upload/{name}", OFFSET: "0"}
        return JSONResponse({"upload": name, "piece": PIECE_BYTES_MAX}, 201, headers)

    async def offset(self, request: Request, name: str) -> Response:
        """How much of it is there."""
        front = self._front
        visit = await front.visit(request)
        there, size = await front.missing(request, lambda: front.uploads.offset(name, visit.secret))
        return Response(status_code=200, headers={OFFSET: str(there), LENGTH: str(size)})

    async def add(self, request: Request, name: str) -> Response:
        """Add a piece."""
        front = self._front
        front.require_ours(request, request.headers.get(PROOF, ""))
        visit = await front.visit(request)
        at = _number(request.headers.get(OFFSET, ""))
        piece = await forms.body(request, PIECE_BYTES_MAX, _PIECE_S)
        try:
            there = await front.missing(
                request, lambda: front.uploads.add(name, visit.secret, at, piece)
            )
        except NotDone as refusal:
            if refusal.kind != "offset":
                raise
            return Response(status_code=409, headers={OFFSET: refusal.detail})
        return Response(status_code=204, headers={OFFSET: str(there)})

    async def done(self, request: Request, name: str) -> Response:
        """Have the photo kept and read; asked again, the same answer."""
        front = self._front
        await front.form(request)
        visit = await front.visit(request)
        with self._read.taken(name):
            page, number = await self._done(request, name, visit)
        return JSONResponse({"page": page, "photo": number})

    async def _done(self, request: Request, name: str, visit: Visit) -> tuple[str, int]:
        """Where its digits are checked, and its number."""
        front, (home, secret) = self._front, visit
        upload = await front.missing(request, lambda: front.uploads.find(name, secret))
        number = upload.photo_no
        if number is None:
            data = await front.ask(lambda: front.uploads.whole(name, secret))
            try:
                frame = framed(upload.frame)
                number = await front.photo(home, upload.register_no, data, frame)
            except NotDone as refusal:
                if refusal.kind != "busy":
                    await front.ask(lambda: front.uploads.drop(name))
                raise
            await self._remember(name, secret, number)
        return f"/meter/{upload.register_no}/check?photo={number}", number

    async def _remember(self, name: str, secret: str, number: int) -> None:
        await self._front.ask(lambda: self._front.uploads.done(name, secret, number))


def framed(text: str) -> Frame | None:
    """A camera's frame; None for a photo that was taken without."""
    try:
        return Frame.of(text, is_loose=True) if text else None
    except ValueError:
        raise NotDone("not_understood") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _NUMBER_CHARS_MAX:
        raise NotDone("not_understood")
    return int(text)
