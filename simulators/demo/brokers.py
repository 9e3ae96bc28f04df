"""The broker under the demo: embedded from a wheel, or a real mosquitto as a process.

The embedded one asks for no certificates and keeps nothing on disk, so it listens on the loopback
address only, and starts only for a folder that a demo has marked as its own. mosquitto is
configured like a careful server: persistence, and bounds raised from the defaults that drop queued
messages in silence.
"""

import getpass
import shutil
import socket
from contextlib import suppress
from itertools import chain
from pathlib import Path
from random import SystemRandom

from iotcore import Broker

from cloud_sync.signing import MESSAGE_BYTES_MAX
from simulators.demo.processes import Child

HOST = "127.0.0.1"
DEMO_FILE = "DEMO"
# Below those that Linux gives out by itself: one of these could go to anybody's connection before
# a server binds it. Above those of the tests (tests/servers/ports.py).
_PORTS = range(22_000, 32_000)
_begin = SystemRandom().randrange(len(_PORTS))
_untold = chain(_PORTS[_begin:], _PORTS[:_begin])

_EMBEDDED = """\
id = 0

[router]
id = 0
max_connections = 64
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10

[v5.1]
name = "demo"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {message_bytes_max}
max_inflight_count = 100
dynamic_filters = true
"""

_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {folder}/
user {user}
autosave_interval 1
max_queued_messages 100000
max_inflight_messages 200
message_size_limit {message_bytes_max}
log_dest stderr
"""


class NoDemo(RuntimeError):
    """The embedded broker was asked for outside a demo."""


def mark(data: Path) -> None:
    """Say that a folder is a demo's."""
    (data / DEMO_FILE).write_text("What is here is a demo's: nothing in it is real.\n", "utf-8")


class EmbeddedBroker:
    """iotcore in a child process of this one; NoDemo unless `data` is a demo's folder."""

    def __init__(self, port: int, data: Path) -> None:
        if not (data / DEMO_FILE).is_file():
            raise NoDemo(
                f"{data} is not a demo's folder, and the embedded broker asks nobody for a "
                "certificate: use mosquitto with the rules of plomba-gateway broker rules"
            )
        config = data / "broker.toml"
        limit = MESSAGE_BYTES_MAX + 1024  # the topic and the packet's own header
        config.write_text(
            _EMBEDDED.format(host=HOST, port=port, message_bytes_max=limit), encoding="utf-8"
        )
        self._broker = Broker(config_path=str(config))

    async def start(self) -> None:
        """Listen on the loopback address."""
        self._broker.start()

    async def stop(self) -> None:
        """End the child process."""
        self._broker.stop()


def mosquitto(port: int, data: Path) -> Child:
    """A mosquitto that comes back when it is killed; RuntimeError where there is none."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if program is None:
        raise RuntimeError("mosquitto is not installed: apt-get install mosquitto")
    folder = data / "mosquitto"
    folder.mkdir(exist_ok=True)
    config = data / "mosquitto.conf"
    limit = MESSAGE_BYTES_MAX + 1024
    config.write_text(
        _MOSQUITTO.format(
            host=HOST,
            port=port,
            folder=folder,
            # Started as root it would become another user, who cannot enter a private folder.
            user=getpass.getuser(),
            message_bytes_max=limit,
        ),
        encoding="utf-8",
    )
    return Child("mosquitto", [program, "-c", str(config)], data)


def free_port() -> int:
    """A port that was free a moment ago, another one each time."""
    for port in _untold:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise OSError(f"expected a free port from {_PORTS[0]} to {_PORTS[-1]}, all are taken")
