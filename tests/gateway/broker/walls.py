"""A mosquitto as docs/broker.md sets it up: rules from a ledger, certificates of an authority."""

import asyncio
import getpass
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cloud_sync import mqtt
from cloud_sync.authority import Authority, Profile, Reason, Revoked
from cloud_sync.certificates import Certificate, TlsKey, parse_request
from cloud_sync.mqtt import Settings, Tls
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Disconnected, Message, Transport
from gateway import registry
from gateway.broker.keeper import Keeper
from gateway.broker.model import Listener, Plan
from gateway.broker.model import Tls as ServerTls
from gateway.broker.reload import by_signal
from gateway.sql.broker import SpeakersLedger
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST, MOSQUITTO
from tests.servers.ledgers import open_store
from tests.servers.ports import free_port

COLLECTOR = "plomba-gateway"
_HOSTS = {Profile.SERVER: [HOST], Profile.NODE: [HOST, "localhost"]}
DAY_MS = 86_400_000
# How long a broker may take for anything on a busy machine.
SOON_S = 60
# Several test processes look for free ports at once.
PORTS_TRIED = 3


class Realm:
    """An authority: root, issuing authority, and its revocation list, in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        now_ms = system_clock()
        root = Authority.root(f"Throw-away {folder.name}", now_ms - 5 * DAY_MS, 30)
        self._issuing = root.subordinate(f"Issuing {folder.name}", now_ms - 5 * DAY_MS, 20)
        self.root = folder / "root.pem"
        self.root.write_text(root.certificate.pem)
        self.crl = folder / "crl.pem"
        self._revoked: list[Revoked] = []
        self._number = 0
        self.issued: dict[Path, Certificate] = {}
        self.write_crl()

    def issue(
        self, name: str, profile: Profile = Profile.DEVICE, *, ago_days: float = 0, days: float = 2
    ) -> Tls:
        """A certificate with its key, made so long ago for so long."""
        key = TlsKey.generate()
        at_ms = system_clock() - int(ago_days * DAY_MS)
        names = _HOSTS.get(profile, [])
        made = self._issuing.issue(profile, parse_request(key.request(name)), at_ms, days, names)
        stem = f"{profile}-{name}-{len(self.issued)}"
        certificate, key_file = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        certificate.write_text(made.pem + self._issuing.certificate.pem)
        key.save(key_file)
        self.issued[certificate] = made
        return Tls(ca=self.root, certificate=certificate, key=key_file)

    def revoke(self, tls: Tls) -> None:
        """Put a certificate on a new revocation list."""
        serial = self.issued[tls.certificate].serial
        self._revoked.append(Revoked(serial, system_clock(), Reason.KEY_COMPROMISE))
        self.write_crl()

    def write_crl(self) -> None:
        """A new list; a second later than the one before, since openssl takes the newest."""
        self._number += 1
        at_ms = system_clock() + self._number * 1000
        self.crl.write_text(self._issuing.revocation_list(self._revoked, self._number, at_ms, 7))


class BrokerEndedError(Exception):
    """The broker ended by itself."""


class Walls:
    """The broker, the ledger its rules come from, and the keeper between them."""

    def __init__(self, folder: Path, collectors: tuple[str, ...] = (COLLECTOR,)) -> None:
        self.realm = Realm(folder / "realm")
        self.store = open_store(folder / "ledger.sqlite", "off")
        server = self.realm.issue("broker", Profile.SERVER)
        self.plan = Plan(
            folder=folder / "rules",
            tls=ServerTls(server.ca, server.certificate, server.key),
            devices=Listener(HOST, free_port(), 20),
            collectors=Listener(HOST, free_port(), 4),
            collector_names=collectors,
            store=folder / "store",
        )
        (folder / "store").mkdir()
        self._pid = folder / "pid"
        self.log = folder / "log"
        speakers = SpeakersLedger(self.store.database.connection)

        async def reload() -> None:
            before = self.log.read_text().count("Reloading config")
            await by_signal(self._pid)
            await self._logged("Reloading config", before + 1)
            await self._has_read()

        self.keeper = Keeper(self.plan, self.realm.crl, speakers, reload)
        self._main = folder / "mosquitto.conf"
        self._main.write_text(
            f"pid_file {self._pid}\nlog_dest file {self.log}\nlog_type all\n"
            f"user {getpass.getuser()}\ninclude_dir {self.plan.folder}\n"
        )
        self._process: asyncio.subprocess.Process | None = None

    def admit(self, *names: str) -> None:
        """Register devices."""
        with self.store.transaction():
            for name in names:
                key = SigningKey.generate().public
                registry.add_device_key(self.store, name, key, system_clock())

    def dismiss(self, name: str) -> None:
        """A device may speak no more."""
        with self.store.transaction() as sql:
            sql.execute(
                "INSERT INTO device_revocation"
                " (device_no, revoked_at_ms, by, why, takes_backlog)"
                " SELECT device_no, 1, 'Orlova', 'stolen', 0 FROM device WHERE name = ?",
                (name,),
            )

    async def look(self) -> list[str]:
        """What the running gateway does every few seconds."""
        changed = self.keeper.bring_up()
        await self.keeper.tell()
        return changed

    async def start(self) -> None:
        assert MOSQUITTO is not None
        self.keeper.bring_up()
        self.log.touch()
        self._process = await asyncio.create_subprocess_exec(
            MOSQUITTO, "-c", str(self._main), stderr=asyncio.subprocess.DEVNULL
        )
        await self._logged("mosquitto version", 1, then="running")

    async def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    def device(self, name: str, tls: Tls, **more: object) -> Settings:
        """Settings for the devices' listener."""
        port = self.plan.devices.port
        return Settings(host=HOST, port=port, client_id=name, tls=tls, **more)  # type: ignore[arg-type] # a test's own keywords

    def collector(self, tls: Tls, name: str = COLLECTOR) -> Settings:
        """Settings for the collectors' listener."""
        return Settings(host=HOST, port=self.plan.collectors.port, client_id=name, tls=tls)

    async def _has_read(self) -> None:
        """Wait for the end of a reload: within one, mosquitto greets nobody and hears no signal."""
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        _, line = await asyncio.open_connection(HOST, self.plan.devices.port, ssl=anybody)
        line.transport.abort()

    async def denied(self, what: str) -> None:
        """Wait until the broker's log says that it denied something."""
        await self._logged(f"Denied {what}", 1)

    async def _logged(self, words: str, count: int, *, then: str = "") -> None:
        async with asyncio.timeout(SOON_S):
            while True:
                lines = [line for line in self.log.read_text().splitlines() if words in line]
                if len([line for line in lines if then in line]) >= count:
                    return
                if self._process is not None and self._process.returncode is not None:
                    raise BrokerEndedError
                await asyncio.sleep(0.02)


@asynccontextmanager
async def walls(
    folder: Path, *devices: str, collectors: tuple[str, ...] = (COLLECTOR,)
) -> AsyncIterator[Walls]:
    """The broker running, with these devices registered."""
    made = await _standing(folder, devices, collectors)
    try:
        yield made
    finally:
        await made.end()
        made.store.close()


async def _standing(folder: Path, devices: Sequence[str], collectors: tuple[str, ...]) -> Walls:
    """A broker that stands; a port that was free may be another's by the time it is bound."""
    for attempt in range(PORTS_TRIED):
        place = folder / f"walls-{attempt}"
        place.mkdir()
        made = Walls(place, collectors)
        made.admit(*devices)
        try:
            await made.start()
        except BrokerEndedError:
            made.store.close()
        else:
            return made
    raise BrokerEndedError


async def heard(transport: Transport, until: bytes) -> list[Message]:
    """What arrives up to the message with that payload, which is left out."""
    arrived: list[Message] = []
    async with asyncio.timeout(SOON_S):
        async for message in transport.messages():
            if message.payload == until:
                return arrived
            arrived.append(message)
    raise AssertionError(arrived)


async def cut_off(transport: Transport, topic: str, payload: bytes) -> None:
    """Publish what ends the connection: reading tells of that at once, a PUBACK is waited for."""
    publishing = asyncio.ensure_future(transport.publish(topic, payload))
    with pytest.raises(Disconnected):
        await anext(aiter(transport.messages()))
    publishing.cancel()
    await asyncio.wait([publishing])


connect = mqtt.connect
