"""What the demo's house needs before anything starts: meters, keys, registry, configurations.

Everything is made as an installer and an operator would make it: the device's key is born in the
edge's folder, the gateway gets its public half, the house comes from a registry file.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cloud_sync.signing import SigningKey
from edge import identity
from simulators import house as houses
from simulators.demo.brokers import HOST, free_port, mark
from simulators.house import Exchange, House
from simulators.mbus_bus import MbusBus
from simulators.modbus_meter import ModbusBus
from simulators.registrar import Registrar
from simulators.virtual_meter import hang

TIMEZONE = "Europe/Moscow"
NAME = "demo"
# The house's events (a stuck meter, a back-flow, an exchange) fall into its first days, so that a
# visitor of a few minutes sees some of them.
EVENTFUL_DAYS = 4
# The demo begins in the afternoon of a month's last day. The first period closes soon, and a busy
# machine has twenty seconds to start all processes: a meter first read after the month's end has
# nothing to close in it.
AFTERNOON_H = 14
INTERVAL_S = 3600
# Fast lines: an hour of the house passes in two seconds of the world, with all meters read in it.
BAUDS = {"modbus": 115_200, "mbus": 38_400}


class Ports(NamedTuple):
    """Where everything listens, on the loopback address."""

    broker: int
    page: int
    billing: int
    lines: dict[str, int]

    @classmethod
    def free(cls, *, page: int | None) -> "Ports":
        """Free ports, but for the page's if one is asked for."""
        lines = {name: free_port() for name in BAUDS}
        return cls(free_port(), page or free_port(), free_port(), lines)


@dataclass(frozen=True)
class Premises:
    """A prepared data directory and the house it is about."""

    data: Path
    house: House
    ports: Ports
    secret: str
    starts_ms: int
    buses: dict[str, ModbusBus | MbusBus]

    @property
    def edge_dir(self) -> Path:
        """The agent's state."""
        return self.data / "edge"

    @property
    def ledger(self) -> Path:
        """The gateway's ledger."""
        return self.data / "gateway" / "ledger.sqlite"

    @property
    def book(self) -> Path:
        """What the billing system has booked."""
        return self.data / "billing" / "booked.jsonl"

    @property
    def page_url(self) -> str:
        """Where a browser finds the house."""
        return f"http://{HOST}:{self.ports.page}/"

    def exchange(self, exchange: Exchange) -> None:
        """Hang the new meter, enter the exchange in the registry, tell the agent's configuration.

        The agent reads its configuration when it starts; the caller stops it before and starts it
        afterwards.
        """
        hang(exchange.point, exchange.new, self.buses)
        Registrar(self.ledger).exchange(exchange)
        write_edge_toml(self, exchange.at_ms)


def prepare(data: Path, seed: str, ports: Ports, *, today: datetime) -> Premises:
    """Make everything in an empty or new folder; FileExistsError if it is neither."""
    data.mkdir(parents=True, exist_ok=True)
    if any(data.iterdir()):
        raise FileExistsError(data)
    first = today.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_day = first - timedelta(days=1)
    house = houses.build(seed, NAME, TIMEZONE, last_day, EVENTFUL_DAYS)
    starts_ms = houses.local_midnight(last_day, TIMEZONE) + AFTERNOON_H * 3_600_000
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    buses: dict[str, ModbusBus | MbusBus] = {"modbus": ModbusBus([]), "mbus": MbusBus([])}
    for point in house.points:
        meter = point.meter_at(starts_ms)
        if meter is not None:
            hang(point, meter, buses)
    premises = Premises(data.resolve(), house, ports, secret, starts_ms, buses)
    for folder in ("edge", "gateway", "billing"):
        (data / folder).mkdir(mode=0o700)
    mark(data)
    _make_keys_and_registry(premises)
    _write_gateway_toml(premises)
    write_edge_toml(premises, starts_ms)
    return premises


def _make_keys_and_registry(premises: Premises) -> None:
    device_key = identity.enroll(premises.edge_dir / "device.key")
    gateway_key = SigningKey.generate()
    gateway_key.save(premises.data / "gateway" / "gateway.key")
    (premises.edge_dir / "gateway.pem").write_bytes(gateway_key.public.to_pem())
    registrar = Registrar(premises.ledger)
    registrar.register([premises.house], {premises.house.device: device_key})
    registrar.describe(premises.house)


def _write_gateway_toml(premises: Premises) -> None:
    secret_file = premises.data / "billing" / "secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(premises.secret, "ascii")
    webhook = {
        "kind": "webhook",
        "name": "billing",
        "url": f"http://{HOST}:{premises.ports.billing}/billing",
        "secret_file": str(secret_file),
    }
    files = {"kind": "csv", "name": "files", "directory": str(premises.data / "billing/csv")}
    table = {
        "data": str(premises.data / "gateway"),
        "broker": {"host": HOST, "port": premises.ports.broker, "without_tls": True},
        "web": {"port": premises.ports.page},
        "billing": {"auto_close": True, "targets": [files, webhook]},
    }
    (premises.data / "gateway.toml").write_text(_toml(table), "utf-8")


def write_edge_toml(premises: Premises, now_ms: int) -> None:
    """The agent's configuration for the meters that hang at `now_ms`."""
    folder = premises.edge_dir
    table = {
        "device": {
            "name": premises.house.device,
            "key": str(folder / "device.key"),
            "gateway_key": str(folder / "gateway.pem"),
            "state_dir": str(folder),
            "timezone": TIMEZONE,
        },
        "broker": {"host": HOST, "port": premises.ports.broker, "without_tls": True},
        "lines": [_line(premises, name, baud, now_ms) for name, baud in BAUDS.items()],
    }
    (premises.data / "edge.toml").write_text(_toml(table), "utf-8")


def _line(premises: Premises, name: str, baud: int, now_ms: int) -> dict[str, Any]:
    standing = [(point, point.meter_at(now_ms)) for point in premises.house.points]
    return {
        "name": name,
        "url": f"tcp://{HOST}:{premises.ports.lines[name]}",
        "baud": baud,
        "meters": [
            {
                "serial": meter.serial,
                "profile": meter.profile,
                "address": point.address,
                "interval_s": INTERVAL_S,
            }
            for point, meter in standing
            if meter is not None and point.line == name
        ],
    }


def _toml(table: dict[str, Any], path: str = "") -> str:
    """TOML of nested tables of texts, numbers and truths; JSON's literals are TOML's."""
    plain = {k: v for k, v in table.items() if not _is_table(v)}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
    for key, value in table.items():
        name = f"{path}{key}"
        if isinstance(value, dict):
            text += f"\n[{name}]\n{_toml(value, name + '.')}"
        elif _is_table(value):
            text += "".join(f"\n[[{name}]]\n{_toml(entry, name + '.')}" for entry in value)
    return text


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )
