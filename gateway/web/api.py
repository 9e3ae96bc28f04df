"""The pull API: a billing system draws what was closed, and says how far it has it.

Unlike the pages it has a password: every request carries the token of a client made by
``plomba-gateway api-token``. A token is good for this and nothing else, is compared in constant
time by its hash, and is never written anywhere, an answer included. Who asks is settled before
anything else is read, and everything is bounded: the events of a page, the length of a cursor,
the body of an acknowledgement, the requests of a minute.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from gateway.handoff import pull
from gateway.handoff.pull import (
    EVENTS_DEFAULT,
    EVENTS_MAX,
    FOLDER,
    Pace,
    PullError,
    TokenFileError,
    Tokens,
)
from gateway.sql.engine import Place
from gateway.sql.pull import looking, writing

# Longer ones are nobody's; they are not told back as the framework would.
_TOKEN_CHARS_MAX = 200
_SCHEME = "bearer "
# A cursor between its quotation marks has 80 bytes; a body beyond this is something else.
ACK_BYTES_MAX = 1000

Authorization = Annotated[str, Header()]
Cursor = Annotated[str, Query(max_length=pull.CURSOR_CHARS_MAX)]
Limit = Annotated[int, Query(ge=1, le=EVENTS_MAX)]
Seen = Annotated[str, Header(alias="if-none-match", max_length=1000)]

log = structlog.get_logger()


class Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    """What a client says: it has everything up to this cursor."""

    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=pull.CURSOR_CHARS_MAX)]


class Api:
    """The routes, over the ledger at `ledger` and the clients beside it."""

    def __init__(self, ledger: Place, clock: Callable[[], int], data: Path) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tokens = Tokens(data / FOLDER)
        self._pace = Pace()

    def add_to(self, app: FastAPI) -> None:
        """Serve them."""
        app.get("/api/v1/lines")(self.lines)
        app.post("/api/v1/ack")(self.acknowledge)
        app.exception_handler(PullError)(_refused)

    def lines(
        self,
        after: Cursor = pull.START,
        limit: Limit = EVENTS_DEFAULT,
        authorization: Authorization = "",
        seen: Seen = "",
    ) -> Response:
        """The events after a cursor, oldest first, and the cursor to go on from."""
        self._client(authorization)
        with looking(self._ledger) as ledger:
            found = ledger.events(pull.place(after, ledger), limit)
            more = bool(found) and found[-1].event_no < ledger.last_no()
        body = msgspec.json.encode(
            {
                "events": [msgspec.Raw(one.payload) for one in found],
                "next": pull.cursor(found[-1]) if found else after,
                "more": more,
            }
        )
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        # A proxy that packs answers calls its copy a weak one.
        if etag in (one.strip().removeprefix("W/") for one in seen.split(",")):
            return Response(status_code=304, headers={"etag": etag})
        return Response(body, media_type="application/json", headers={"etag": etag})

    async def acknowledge(
        self, request: Request, authorization: Authorization = ""
    ) -> JSONResponse:
        """Keep how far a client is; it never goes back."""
        name = await run_in_threadpool(self._client, authorization)
        told = acknowledgement(await _body(request))
        return await run_in_threadpool(self._acknowledge, name, told.cursor)

    def _acknowledge(self, name: str, cursor: str) -> JSONResponse:
        with writing(self._ledger) as ledger:
            reached = ledger.acknowledge(name, pull.place(cursor, ledger), self._clock())
            event = ledger.event(reached)
        return JSONResponse({"acknowledged": pull.START if event is None else pull.cursor(event)})

    def _client(self, authorization: str) -> str:
        """Who asks; 401 without a token that is good now, 429 for one who asks too often."""
        scheme, token = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :].strip()
        is_one = scheme.lower() == _SCHEME and len(token) <= _TOKEN_CHARS_MAX
        name = self._owner(token) if is_one else None
        if name is None or not self._is_served(name):
            raise HTTPException(
                401, "expected a bearer token made by api-token", {"www-authenticate": "Bearer"}
            )
        if not self._pace.allows(name, self._clock()):
            said = f"expected at most {pull.REQUESTS_PER_MINUTE_MAX} requests a minute"
            raise HTTPException(429, said, {"retry-after": "60"})
        return name

    def _owner(self, token: str) -> str | None:
        try:
            return self._tokens.client_of(token)
        except TokenFileError as error:
            log.warning("token cannot be used", error=str(error))
            raise HTTPException(503, "the gateway's set-up is wrong: see its log") from None

    def _is_served(self, name: str) -> bool:
        with looking(self._ledger) as ledger:
            return ledger.client(name) is not None


async def _body(request: Request) -> bytes:
    """The body of a request, read no further than it may be long."""
    read = b""
    async for chunk in request.stream():
        read += chunk
        if len(read) > ACK_BYTES_MAX:
            raise HTTPException(413, f"expected at most {ACK_BYTES_MAX} bytes")
    return read


def acknowledgement(body: bytes) -> Acknowledgement:
    """What a client says it has; PullError for anything else."""
    try:
        return msgspec.json.decode(body, type=Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PullError(f'expected {{"cursor":"…"}}: {error}') from error


async def _refused(_request: object, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=400)
