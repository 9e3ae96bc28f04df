"""Billing that takes HTTP: each event one POST, a structured CloudEvent signed as a webhook.

The signature follows standardwebhooks (HMAC-SHA256 over id, time and body), so a receiver checks
it with that library and drops what it has seen by ``webhook-id``. Any 2xx acknowledges. A 4xx is
the receiver's word that this event will never do, except the three that mean "not now"; a
redirect is refused as well, for a person must decide whether readings go to another address.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus

import httpx
from standardwebhooks import Webhook

from gateway.handoff.event import CONTENT_TYPE
from gateway.handoff.target import ACKNOWLEDGED, ERROR_CHARS_MAX, Answer, DueEvent, failed, refused

NOT_NOW = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
# A reason is read from the beginning of an answer; four bytes are the longest UTF-8 character.
ANSWER_BYTES_MAX = 4 * ERROR_CHARS_MAX
# The longest of the configured waits for any one thing, and again as long for the others: a server
# that sends a byte now and then is not waited for longer.
ANSWER_S = 240.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public beginning of every such secret
SECRET_BYTES_MIN = 24  # standardwebhooks: between 24 and 64 bytes


class SecretError(ValueError):
    """A webhook secret that cannot be used; the text says what is expected."""


class WebhookTarget:
    """Posts to `url` over `client`. `wall_clock` must be true time: receivers refuse old ones."""

    def __init__(
        self,
        name: str,
        url: str,
        secret: str,
        client: httpx.AsyncClient,
        wall_clock: Callable[[], datetime],
        *,
        concurrency_max: int = 4,
        patience_s: float = ANSWER_S,
    ) -> None:
        self.name = name
        self._url = url
        # A query may hold what only the receiver should read; errors are kept and shown.
        self._where = url.partition("?")[0]
        self._webhook = signer(secret)
        self._client = client
        self._wall_clock = wall_clock
        self._patience_s = patience_s
        self._slots = asyncio.Semaphore(concurrency_max)

    async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
        """Each event by itself; one that fails holds up no other."""
        return await asyncio.gather(*(self._post(event) for event in events))

    async def _post(self, event: DueEvent) -> Answer:
        async with self._slots:
            try:
                async with asyncio.timeout(self._patience_s):
                    return await self._answer(event)
            except (TimeoutError, httpx.TimeoutException) as error:
                return failed(f"no answer in time ({type(error).__name__})")
            except httpx.HTTPError as error:
                return failed(f"cannot reach {self._where}: {error or type(error).__name__}")

    async def _answer(self, event: DueEvent) -> Answer:
        async with self._client.stream(
            "POST", self._url, content=event.payload, headers=self._headers(event)
        ) as response:
            if response.is_success:
                return ACKNOWLEDGED
            said = f"HTTP {response.status_code} {await _beginning(response)}".rstrip()
            if response.status_code in NOT_NOW or response.is_server_error:
                return failed(said, retry_after_s(response))
            return refused(said)

    def _headers(self, event: DueEvent) -> dict[str, str]:
        now = self._wall_clock()
        return {
            "content-type": CONTENT_TYPE,
            "webhook-id": event.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(event.event_id, now, event.payload.decode()),
        }


def signer(secret: str) -> Webhook:
    """The signer of a ``whsec_…`` secret; SecretError if it is none."""
    text = secret.strip()
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) < SECRET_BYTES_MIN:
        raise SecretError(
            f"expected a webhook secret: {SECRET_PREFIX} and base64 of {SECRET_BYTES_MIN} bytes"
            " or more"
        )
    return Webhook(key)


@asynccontextmanager
async def http_client(
    timeout_s: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that follows no redirects and waits no longer than `timeout_s` for anything.

    `tls` is None for the certificates this machine trusts. Answers are asked for as they are: a
    packed one could unpack to a thousand times the bytes that were read.
    """
    async with httpx.AsyncClient(
        timeout=timeout_s,
        follow_redirects=False,
        verify=True if tls is None else tls,
        headers={"accept-encoding": "identity"},
    ) as client:
        yield client


async def _beginning(response: httpx.Response) -> str:
    """The first words of an answer."""
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= ANSWER_BYTES_MAX:
            break
    return read[:ANSWER_BYTES_MAX].decode(errors="replace")


def retry_after_s(response: httpx.Response) -> float | None:
    """The delay a server asks for in seconds; its other form, a date, is not worth a parser."""
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() and asked.isascii() else None
