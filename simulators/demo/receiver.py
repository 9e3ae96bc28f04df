"""The demo's billing system: takes signed CloudEvents, checks them, and knows each line once.

It behaves as billing systems do: a repeated event is acknowledged and not booked again, an
event whose signature does not hold is refused. Now and then it is busy and says so, so that the
outbox's retry is seen at work.
"""

import json
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY_BYTES_MAX = 64 * 1024
# Every seventh request is turned away once; with up to four in flight all lines still pass soon.
BUSY_EVERY = 7


class Receiver:
    """The lines a billing system has booked, by event id, kept in a file across restarts."""

    def __init__(self, secret: str, book: Path) -> None:
        self._webhook = Webhook(secret)
        self._book = book
        self._requests = 0
        self.lines: dict[str, dict[str, Any]] = {}
        if book.exists():
            for row in book.read_text("utf-8").splitlines():
                event = json.loads(row)
                self.lines[event["id"]] = event

    def app(self) -> Starlette:
        """The HTTP side: one route, POST only."""
        return Starlette(routes=[Route("/billing", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return Response("an event is at most 64 kB", status_code=413)
        self._requests += 1
        if self._requests % BUSY_EVERY == 0:
            return Response("busy, try again", status_code=503)
        try:
            self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            return Response(f"the signature does not hold: {error}", status_code=401)
        event = json.loads(body)
        if event["id"] not in self.lines:
            with self._book.open("a", encoding="utf-8") as book:
                book.write(json.dumps(event, ensure_ascii=False) + "\n")
            self.lines[event["id"]] = event
        return Response(status_code=204)
