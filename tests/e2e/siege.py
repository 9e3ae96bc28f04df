"""A running house under attack: its gateway, its broker, its devices, and where things are written.

Two of its devices are nobody's target: they speak all the time (neighbours.py), so that each attack
shows at once whether it costs others anything.
"""

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from cloud_sync import mqtt
from cloud_sync.mqtt import Settings, Tls
from cloud_sync.signing import SigningKey, VerifyKey
from cloud_sync.transport import Disconnected
from gateway import registry
from gateway.ingest import Incoming
from gateway.sql.store import open_store
from tests.cloud_sync.brokers import HOST, free_port
from tests.e2e.neighbours import Neighbour
from tests.e2e.place import Place, until
from tests.gateway.estate import LINES, MIDNIGHT_MS, QUARTER_MS, Device, a_readout, csv, kwh, litres

HOUSE = "A"
COLLECTOR = "plomba-gateway"
GOOD, BESIDE = "edge-1", "edge-5"
VICTIM, THIEF, LOST, LOUD, LATE = "edge-2", "edge-3", "edge-4", "edge-6", "edge-7"
# A broker that took a packet of 100 MB whole would need more than this.
BROKER_KB_MAX = 64 * 1024
# The gateway writes all the while, and may stand still over it.
LOCKED_S = 60.0
# A handshake that failed: mosquitto says it one way at the door and another one a moment later.
_REFUSED = re.compile(r"OpenSSL Error|Client connection from \S+ failed")


class Siege:
    """The house, and what its records say."""

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
        self.neighbours: list[Neighbour] = []

    async def set_up(self) -> None:
        await self.place.authorise()
        lines = [
            line.replace("0,edge-1", f"0,{BESIDE}") if ",W1," in line else line for line in LINES
        ]
        (self.folder / "registry.csv").write_bytes(csv(*lines))
        await self.place.run("registry", "import", str(self.folder / "registry.csv"))
        self._add_devices(GOOD, BESIDE, VICTIM, THIEF, LOST, LOUD, LATE)
        await self.place.open()
        gateway = VerifyKey.from_pem((self.folder / "data/gateway.pem").read_bytes())
        for name, meter, value in ((GOOD, "E1", kwh), (BESIDE, "W1", litres)):
            one = Neighbour(self.devices[name], self.settings(name), gateway, meter, value)
            one.begin()
            self.neighbours.append(one)

    def _add_devices(self, *names: str) -> None:
        """What enrolling does (tests/gateway/identity shows that), for all of them at once."""
        store = open_store(self.folder / "data/ledger.sqlite")
        with closing(store), store.transaction():
            for name in names:
                device = self.devices[name] = Device(name)
                device.key = SigningKey.generate()
                registry.add_device_key(store, name, device.key.public, 0)
        for name in names:
            self.place.certify(name, name)

    async def end(self) -> None:
        for one in self.neighbours:
            await one.end()
        await self.place.end()

    async def peace(self) -> None:
        """The neighbours go on: each has said something since now, and got a receipt for it."""
        goals = [(one, one.said + 2) for one in self.neighbours]
        await until(lambda: all(one.receipted >= goal for one, goal in goals))

    def batch(self, name: str, **changes: object) -> Incoming:
        """The next batch of a device; each device reads at seconds of its own."""
        device = self.devices[name]
        turn = len(device.sent)
        at_ms = MIDNIGHT_MS + turn * QUARTER_MS + list(self.devices).index(name) * 1000
        return device.sign(a_readout(at_ms, kwh(1001 + turn, "1-0:1.8.2")), **changes)

    def settings(self, name: str, stem: str = "", port: int = 0) -> Settings:
        """How a device, or a thief with its files, reaches the broker."""
        stem = stem or name
        tls = Tls(
            ca=self.folder / "data/ca/root.pem",
            certificate=self.folder / f"{stem}-tls.pem",
            key=self.folder / f"{stem}-tls.key",
        )
        return Settings(host=HOST, port=port or self.place.devices, client_id=name, tls=tls)

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
        file = self.folder / "data/ledger.sqlite"
        with closing(sqlite3.connect(file, timeout=LOCKED_S)) as ledger:
            return ledger.execute(query).fetchall()

    def stored(self, name: str) -> int:
        """How many batches of a device are in the ledger."""
        rows = self.asked(
            "SELECT name, count(*) FROM batch JOIN device USING (device_no) GROUP BY name"
        )
        return int(dict(rows).get(name, 0))

    def quarantined(self, reason: str) -> int:
        """How many messages were refused for a reason."""
        rows = self.asked("SELECT reason, refused FROM quarantine_count")
        return int(dict(rows).get(reason, 0))

    def acts(self, act: str) -> list[str]:
        """Of whom the audit log tells that act."""
        rows = self.asked("SELECT act, subject FROM audit")
        return [subject for what, subject in rows if what == act]

    def broker_said(self, what: str) -> int:
        return (self.folder / "mosquitto.log").read_text().count(what)

    def handshakes_refused(self) -> int:
        """How often the broker's log tells of one, in either wording."""
        return len(_REFUSED.findall((self.folder / "mosquitto.log").read_text()))

    def sessions(self, name: str) -> int:
        """How often a certificate's name was let in."""
        return self.broker_said(f" as {name} (")

    def broker_kb(self) -> int:
        """The most memory the broker ever had."""
        status = Path(f"/proc/{(self.folder / 'pid').read_text().strip()}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])

    async def listed(self, *command: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.place.run(*command, "--json"))
        return found

    async def known(self) -> set[str]:
        """The devices that are in."""
        return {one["device"] for one in await self.listed("identity", "list")}

    def forget(self, names: Iterable[str]) -> None:
        """What these devices signed last never counted: their chains go on before it."""
        for name in names:
            self.devices[name].sent.pop()
