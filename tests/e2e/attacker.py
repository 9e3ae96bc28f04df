"""An attacker's hands: connections below our own client, which would not do such things."""

import asyncio
import ssl

from cloud_sync import enrolment as words
from cloud_sync import topics, visit_road
from cloud_sync.certificates import TlsKey
from cloud_sync.enrolment import Enrol
from cloud_sync.invitation import Invitation
from cloud_sync.mqtt import Settings
from cloud_sync.signing import SigningKey
from edge import https

# A peer that neither answers nor hangs up would hold the test for ever.
ANSWER_S = 60.0
PIECE = 64 * 1024
_CONNACK, _PUBLISH_QOS_0 = 0x20, 0x30
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def knock(settings: Settings, *, tls: ssl.SSLContext | None) -> bool:
    """Whether the broker answers a CONNECT. With TLS 1.3 a client hears of a refusal only then."""
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await _session(settings, tls)
    except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
        return False
    writer.transport.abort()
    return True


def context(settings: Settings) -> ssl.SSLContext:
    """The device's own TLS, as our client has it."""
    assert settings.tls is not None
    return settings.tls.context()


def older(settings: Settings) -> ssl.SSLContext:
    """The same with TLS 1.2 at most."""
    made = context(settings)
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


def nameless(settings: Settings) -> ssl.SSLContext:
    """TLS of whoever believes the broker and shows no certificate."""
    assert settings.tls is not None
    return ssl.create_default_context(cafile=settings.tls.ca)


async def giant(settings: Settings, size: int) -> int:
    """Send one packet of `size` bytes; how many went out before the broker hung up."""
    _, writer = await _session(settings, context(settings))
    topic = _text(topics.batch_topic(settings.client_id))
    writer.write(bytes([_PUBLISH_QOS_0]) + _length(size) + topic + b"\0")
    sent = 0
    try:
        async with asyncio.timeout(ANSWER_S):
            while sent < size and not writer.is_closing():
                writer.write(bytes(PIECE))
                await writer.drain()
                await asyncio.sleep(0)  # a lost connection is only told then
                sent += PIECE
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.transport.abort()
    return sent


async def enrol(
    invitation: Invitation, name: str, *, secret: bytes | None = None, key: SigningKey | None = None
) -> str:
    """Knock with an invitation; 'in', or the reason of the refusal."""
    key = key or SigningKey.generate()
    asked = Enrol(
        version=1,
        device=name,
        house=invitation.house,
        signing_key=key.public.public_bytes,
        csr=TlsKey.generate().request(name),
        secret=secret or invitation.secret_bytes,
    )
    where = (invitation.gateway, words.ENROL_PATH)
    response = await asyncio.to_thread(
        https.post,
        *where,
        words.seal_enrol(asked, key),
        invitation.ca,
        words.ANSWER_BYTES_MAX,
    )
    return "in" if response.status == 200 else words.decode_refused(response.body).reason


async def bring(gateway: str, root: str, body: bytes) -> tuple[str, bytes]:
    """Bring a record of a visit; the reason of the refusal ('' for none), and the answer."""
    where = (gateway, visit_road.VISIT_PATH)
    response = await asyncio.to_thread(https.post, *where, body, root, visit_road.ANSWER_BYTES_MAX)
    reason = "" if response.status == 200 else words.decode_refused(response.body).reason
    return reason, response.body


async def _session(settings: Settings, tls: ssl.SSLContext | None) -> Streams:
    reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=tls)
    body = b"\0\4MQTT\5\2\0\x3c\0" + _text(settings.client_id)
    writer.write(b"\x10" + _length(len(body)) + body)
    try:
        await _welcomed(reader)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def _welcomed(reader: asyncio.StreamReader) -> None:
    packet, _, _, reason = await reader.readexactly(4)
    if (packet, reason) != (_CONNACK, 0):
        raise ConnectionError


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def _length(value: int) -> bytes:
    """A length as MQTT writes it."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)
