"""A real mosquitto for a test: on a free port, with a configuration and certificates of its own."""

import asyncio
import getpass
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloud_sync.mqtt import Tls
from tests.servers.ports import free_port

__all__ = ["free_port"]

HOST = "127.0.0.1"
START_S = 60.0
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")

needs_mosquitto = [
    pytest.mark.mosquitto,
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt-get install it"),
]

# The default holds 1000 messages for a slow reader and drops the rest.
OPEN = "allow_anonymous true\nmax_queued_messages 100000"
ACL = """\
pattern write plomba/v1/%u/batch
pattern write plomba/v1/%u/state
pattern read plomba/v1/%u/receipt
"""


class Mosquitto:
    """The broker as a process that can be killed and started again on its port."""

    def __init__(self, folder: Path, *, extra: str = OPEN) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        # Started as root it would become another user, who cannot read the test's folder.
        user = f"user {getpass.getuser()}"
        self._config.write_text(f"listener {self.port} {HOST}\n{user}\nlog_dest none\n{extra}\n")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", str(self._config))
        async with asyncio.timeout(START_S):
            while not await self._listens():
                assert self._process.returncode is None, "mosquitto refused its configuration"
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


@asynccontextmanager
async def mosquitto(folder: Path, *, extra: str = OPEN) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(folder, extra=extra)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.kill()


class Authority:
    """A throw-away certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"throw-away {name}")])
        self.file = folder / f"{name}.pem"
        certificate = self._signed(self._name, self._key, authority=True)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, common_name: str) -> Tls:
        """A certificate for a client, or for the server on the loopback address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate_file = self._folder / f"{self.file.stem}-{common_name}.pem"
        key_file = certificate_file.with_suffix(".key")
        certificate_file.write_bytes(
            self._signed(name, key, authority=False).public_bytes(serialization.Encoding.PEM)
        )
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Tls(ca=self.file, certificate=certificate_file, key=key_file)

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(loopback, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def tls_listener(server: Tls, acl_file: Path) -> str:
    """A broker as it stands in a cabinet: a certificate asked for, rules by its name."""
    acl_file.write_text(ACL)
    return f"""\
cafile {server.ca}
certfile {server.certificate}
keyfile {server.key}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
acl_file {acl_file}
"""
