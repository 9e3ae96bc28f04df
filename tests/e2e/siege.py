"""A running house under attack: what an attacker does, and where it is recorded."""

import asyncio
import json
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any

from cloud_sync import enrolment as words
from cloud_sync import mqtt, topics
from cloud_sync.certificates import TlsKey
from cloud_sync.enrolment import Enrol
from cloud_sync.invitation import Invitation, parse
from cloud_sync.mqtt import Settings, Tls
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Disconnected
from edge import https
from gateway.ingest import Incoming
from tests.cloud_sync.brokers import HOST, free_port
from tests.e2e.place import Place, until
from tests.gateway.estate import (
    LINES,
    MIDNIGHT_MS,
    QUARTER_MS,
    Device,
    a_readout,
    csv,
    kwh,
)

HOUSE = "A"
# A broker that took a packet of 100 MB whole would need more than this.
BROKER_KB_MAX = 64 * 1024
GOOD, THIEF, LOST, LOUD = "edge-1", "edge-2", "edge-3", "edge-4"


class Siege:
    """The gateway, the broker, four devices with certificates, and an attacker's hands."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.place = Place(
            folder,
            extra=f"""\
[enrolment]
host = "{HOST}"
port = {self.port}
url = "https://{HOST}:{self.port}"
cert = "broker/{HOST}.pem"
key = "broker/{HOST}.key"
""",
        )
        self.folder = folder
        self.devices: dict[str, Device] = {}

    async def set_up(self) -> None:
        await self.place.authorise()
        (self.folder / "registry.csv").write_bytes(csv(*LINES))
        await self.place.run("registry", "import", str(self.folder / "registry.csv"))
        for name in (GOOD, THIEF, LOST, LOUD):
            device = self.devices[name] = Device(name)
            device.key = await self.place.add_device(name, name)
        await self.place.open()

    def batch(self, name: str, **changes: object) -> Incoming:
        """The next batch of a device."""
        device = self.devices[name]
        turn = len(device.sent)
        at_ms = MIDNIGHT_MS + turn * QUARTER_MS
        return device.sign(a_readout(at_ms, kwh(1001 + turn)), **changes)

    def settings(self, name: str, stem: str = "") -> Settings:
        """How a device, or a thief with its files, reaches the broker."""
        stem = stem or name
        folder = self.folder
        tls = Tls(
            ca=folder / "data/ca/root.pem",
            certificate=folder / f"{stem}-tls.pem",
            key=folder / f"{stem}-tls.key",
        )
        return Settings(host=HOST, port=self.place.devices, client_id=name, tls=tls)

    async def say(self, name: str, *messages: Incoming, stem: str = "") -> str:
        """Publish under a certificate; why the broker refused, '' if it did not."""
        try:
            async with mqtt.connect(self.settings(name, stem)) as transport:
                for topic, payload in messages:
                    await transport.publish(topic, payload)
        except Disconnected as error:
            return str(error) or "refused"
        return ""

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """What the ledger's file says."""
        with closing(sqlite3.connect(self.folder / "data/ledger.sqlite")) as ledger:
            return ledger.execute(query).fetchall()

    def stored(self, name: str) -> int:
        """How many batches of a device are in the ledger."""
        ((count,),) = self.asked(
            f"SELECT count(*) FROM batch JOIN device USING (device_no) WHERE name = '{name}'"  # noqa: S608 - a test's name
        )
        return int(count)

    def quarantined(self, reason: str) -> int:
        """How many messages were refused for a reason."""
        rows = self.asked("SELECT reason, refused FROM quarantine_count")
        return int(dict(rows).get(reason, 0))

    async def good(self, count: int = 2) -> None:
        """The good device speaks, and is heard."""
        assert await self.say(GOOD, *(self.batch(GOOD) for _ in range(count))) == ""
        await until(lambda: self.stored(GOOD) == len(self.devices[GOOD].sent))

    def broker_said(self, what: str) -> int:
        return (self.folder / "mosquitto.log").read_text().count(what)

    def broker_kb(self) -> int:
        """The most memory the broker ever had."""
        status = Path(f"/proc/{(self.folder / 'pid').read_text().strip()}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])

    async def giant(self, name: str, size: int) -> int:
        """Send one packet of `size` bytes under a certificate; how many went out."""
        context = self.settings(name).tls
        assert context is not None
        reader, writer = await asyncio.open_connection(
            HOST, self.place.devices, ssl=context.context(), server_hostname=HOST
        )
        client = name.encode()
        body = b"\0\4MQTT\5\2\0\x3c\0" + len(client).to_bytes(2, "big") + client
        writer.write(b"\x10" + bytes([len(body)]) + body)
        assert (await reader.readexactly(2))[0] == 0x20
        topic = topics.batch_topic(name).encode()
        writer.write(b"\x30" + _length(size) + len(topic).to_bytes(2, "big") + topic + b"\0")
        sent = 0
        piece = bytes(64 * 1024)
        try:
            while sent < size and not writer.is_closing():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # a lost connection is only told then
                sent += len(piece)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()
        return sent

    async def old_tls(self, name: str) -> str:
        """A handshake of TLS 1.2; why it failed."""
        tls = self.settings(name).tls
        assert tls is not None
        context = tls.context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            await asyncio.open_connection(HOST, self.place.devices, ssl=context)
        except (ssl.SSLError, ConnectionError) as error:
            return type(error).__name__
        return ""

    async def invite(self) -> Invitation:
        out = self.folder / "cards"
        before = set(out.glob("*"))
        await self.place.run("invite", "--house", HOUSE, "--out", str(out))
        (made,) = set(out.glob("*")) - before
        return parse(made.read_bytes())

    async def enrol(self, invitation: Invitation, name: str, secret: bytes | None = None) -> str:
        """Knock with an invitation; 'in', or the reason of the refusal."""
        key = SigningKey.generate()
        body = words.seal_enrol(
            Enrol(
                version=1,
                device=name,
                house=invitation.house,
                signing_key=key.public.public_bytes,
                csr=TlsKey.generate().request(name),
                secret=secret or invitation.secret_bytes,
            ),
            key,
        )
        limit = words.ANSWER_BYTES_MAX
        response = await asyncio.to_thread(
            https.post, invitation.gateway, words.ENROL_PATH, body, invitation.ca, limit
        )
        return "in" if response.status == 200 else words.decode_refused(response.body).reason

    async def listed(self, *command: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.place.run(*command, "--json"))
        return found


def _length(value: int) -> bytes:
    """A length as MQTT writes it."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)
