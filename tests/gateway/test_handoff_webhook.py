"""Against a real HTTP server that checks signatures with the receiver's own library."""

import asyncio
import base64
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.gis.client import GisClient
from gateway.gis.model import GisError
from gateway.handoff import pump, target, webhook
from gateway.handoff.target import Answer, Attempt, DueEvent, State

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW_MS = 1_796_040_000_000


def an_event(number: int = 1, attempts: int = 0) -> DueEvent:
    event_id = f"2026-10-{number:06d}"
    return DueEvent(number, event_id, 7, attempts, json.dumps({"id": event_id}).encode())


class Receiver:
    """A billing system: verifies, remembers, and answers as `behaviour` says."""

    def __init__(self, behaviour: Callable[[str], bytes]) -> None:
        self.behaviour = behaviour
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.verified: list[object] = []
        self.at_once = 0
        self.at_once_max = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                await self._request(line.decode(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as some tests make it
        finally:
            writer.close()

    async def _request(
        self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(one.lower().split(": ", 1) for one in head.splitlines() if one)
        exact = dict(one.split(": ", 1) for one in head.splitlines() if one)
        body = await reader.readexactly(int(headers["content-length"]))
        self.at_once += 1
        self.at_once_max = max(self.at_once, self.at_once_max)
        self.seen.append((line, exact, body))
        self.verified.append(Webhook(SECRET).verify(body, exact))
        await asyncio.sleep(0)
        self.at_once -= 1
        writer.write(self.behaviour(headers["webhook-id"]))
        await writer.drain()


def http(status: str, body: str = "", *headers: str) -> bytes:
    extra = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n{body}".encode()


@asynccontextmanager
async def serving(behaviour: Callable[[str], bytes]) -> AsyncIterator[Receiver]:
    receiver = Receiver(behaviour)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver


@asynccontextmanager
async def posting(
    url: str, *, timeout_s: float = 60.0, concurrency_max: int = 4
) -> AsyncIterator[webhook.WebhookTarget]:
    async with webhook.http_client(timeout_s) as client:
        yield webhook.WebhookTarget(
            "erp", url, SECRET, client, lambda: datetime.now(UTC), concurrency_max=concurrency_max
        )


async def answer_to(reply: bytes) -> Answer:
    async with serving(lambda _: reply) as receiver, posting(receiver.url) as hook:
        (answer,) = await hook.deliver([an_event()])
    return answer


async def test_an_event_arrives_signed_as_a_structured_cloudevent() -> None:
    async with serving(lambda _: http("202 Accepted")) as receiver, posting(receiver.url) as hook:
        assert await hook.deliver([an_event()]) == [target.ACKNOWLEDGED]
    line, headers, body = receiver.seen[0]
    assert line.startswith("POST /hook ")
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-id"] == "2026-10-000001"
    assert body == an_event().payload
    assert receiver.verified == [{"id": "2026-10-000001"}]


async def test_the_receivers_check_would_have_seen_a_changed_body() -> None:
    async with serving(lambda _: http("200 OK")) as receiver, posting(receiver.url) as hook:
        await hook.deliver([an_event()])
    _, headers, body = receiver.seen[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"000001", b"000002"), headers)


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
async def test_a_refusal_is_final_and_keeps_its_reason(status: int) -> None:
    answer = await answer_to(http(f"{status} No", "account 77 \r\n is unknown"))
    assert answer == Answer(State.REFUSED, f"HTTP {status} account 77 is unknown")


@pytest.mark.parametrize("status", ["408 X", "425 X", "429 X", "500 X", "503 X"])
async def test_not_now_is_tried_again(status: str) -> None:
    assert (await answer_to(http(status))).state is State.PENDING


async def test_a_redirect_is_not_followed() -> None:
    answer = await answer_to(http("307 Elsewhere", "", "Location: http://127.0.0.1:1/"))
    assert answer.state is State.REFUSED
    assert "307" in answer.error


async def test_the_delay_a_server_asks_for_is_passed_on() -> None:
    answer = await answer_to(http("429 Slow", "", "Retry-After: 120"))
    assert answer.retry_after_s == 120.0


async def test_an_endless_answer_is_read_only_at_its_beginning() -> None:
    body = "x" * 100_000
    answer = await answer_to(http("422 No", body))
    assert answer.state is State.REFUSED
    assert len(answer.error) == target.ERROR_CHARS_MAX


async def test_silence_is_given_up_and_tried_again() -> None:
    async with serving(lambda _: b"") as receiver, posting(receiver.url, timeout_s=0.2) as hook:
        (answer,) = await hook.deliver([an_event()])
    assert answer.state is State.PENDING
    assert "no answer in time" in answer.error


async def test_a_dead_server_is_tried_again() -> None:
    async with posting("http://127.0.0.1:9/hook") as hook:
        (answer,) = await hook.deliver([an_event()])
    assert answer.state is State.PENDING
    assert "cannot reach http://127.0.0.1:9/hook" in answer.error


async def test_no_more_than_the_allowed_requests_run_at_once() -> None:
    events = [an_event(number) for number in range(1, 31)]
    async with (
        serving(lambda _: http("200 OK")) as receiver,
        posting(receiver.url, concurrency_max=3) as hook,
    ):
        answers = await hook.deliver(events)
    assert answers == [target.ACKNOWLEDGED] * 30
    assert 1 <= receiver.at_once_max <= 3


async def test_one_refused_event_holds_up_no_other() -> None:
    def behaviour(event_id: str) -> bytes:
        return http("400 No") if event_id.endswith("2") else http("200 OK")

    async with serving(behaviour) as receiver, posting(receiver.url) as hook:
        answers = await hook.deliver([an_event(1), an_event(2), an_event(3)])
    assert [answer.state for answer in answers] == ["acknowledged", "refused", "acknowledged"]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "correct horse", SECRET[6:]])
def test_a_secret_that_is_none_is_one_line(secret: str) -> None:
    with pytest.raises(webhook.SecretError, match="expected a webhook secret"):
        webhook.signer(secret)


class Shelf:
    """An outbox of one event in memory."""

    def __init__(self) -> None:
        self.waiting = [an_event()]
        self.next_at_ms = 0
        self.kept: list[Attempt] = []

    def due(self, target: str, now_ms: int) -> list[DueEvent]:
        assert target == "erp"
        return self.waiting if now_ms >= self.next_at_ms else []

    def record(self, target: str, attempts: list[Attempt], now_ms: int) -> None:
        assert (target, now_ms) != ("", 0)
        (attempt,) = attempts
        self.kept.append(attempt)
        self.next_at_ms = attempt.next_at_ms
        tried = self.waiting[0].attempts + 1
        pending = attempt.answer.state is State.PENDING
        self.waiting = [an_event(attempts=tried)] if pending else []


async def delays(hook: webhook.WebhookTarget, shelf: Shelf, rounds: int) -> list[float]:
    """How long the pump waits after each of `rounds` attempts, in seconds."""
    waits, now_ms = [], NOW_MS
    mover = pump.Pump(shelf, [hook], Random(5))
    for _ in range(rounds):
        assert await mover.once(now_ms) == 1
        waits.append((shelf.next_at_ms - now_ms) / 1000)
        assert await mover.once(shelf.next_at_ms - 1) == 0
        now_ms = shelf.next_at_ms
    return waits


async def test_retries_wait_twice_as_long_each_time_with_jitter_and_a_bound() -> None:
    async with serving(lambda _: http("500 X")) as receiver, posting(receiver.url) as hook:
        waits = await delays(hook, Shelf(), 16)
    for number, wait in enumerate(waits):
        full = min(pump.LAST_DELAY_S, pump.FIRST_DELAY_S * 2**number)
        assert full / 2 <= wait <= full
    assert len({round(wait / min(3600, 2 * 2**n), 3) for n, wait in enumerate(waits)}) > 8


async def test_a_servers_wish_for_a_longer_pause_is_met() -> None:
    reply = http("503 X", "", "Retry-After: 600")
    async with serving(lambda _: reply) as receiver, posting(receiver.url) as hook:
        assert await delays(hook, Shelf(), 1) == [600.0]


async def test_an_event_that_finally_arrives_is_not_sent_again() -> None:
    replies = iter([http("500 X"), http("503 X"), http("200 OK")])
    shelf = Shelf()
    async with serving(lambda _: next(replies)) as receiver, posting(receiver.url) as hook:
        mover = pump.Pump(shelf, [hook], Random(5))
        for _ in range(5):
            await mover.once(shelf.next_at_ms + NOW_MS)
    assert len(receiver.seen) == 3
    assert {headers["webhook-id"] for _, headers, _ in receiver.seen} == {"2026-10-000001"}
    assert shelf.kept[-1].answer == target.ACKNOWLEDGED


@asynccontextmanager
async def dripping() -> AsyncIterator[str]:
    """A server that sends a byte of its answer every now and then, for ever."""
    served: list[asyncio.Task[object] | None] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        # A client whose patience ends early asks for nothing.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(), 0.02)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        await asyncio.gather(*(task for task in served if task is not None))


async def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for() -> None:
    async with dripping() as url, webhook.http_client(60.0) as client:
        hook = webhook.WebhookTarget(
            "erp", url, SECRET, client, lambda: datetime.now(UTC), patience_s=0.2
        )
        (answer,) = await hook.deliver([an_event()])
        assert answer == target.failed("no answer in time (TimeoutError)")
        with pytest.raises(GisError, match="no answer in time"):
            await GisClient(url, client, 0.2).call("urn:getState", b"<a/>")


async def test_a_packed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b"x" * 10_000_000)
    reply = (
        f"HTTP/1.1 400 No\r\nContent-Length: {len(packed)}\r\nContent-Encoding: gzip\r\n\r\n"
    ).encode() + packed
    async with serving(lambda _: reply) as receiver, posting(receiver.url) as hook:
        (answer,) = await hook.deliver([an_event()])
    assert receiver.seen[0][1]["accept-encoding"] == "identity"
    assert answer.state is State.REFUSED
    assert "xxx" not in answer.error
