"""Prepares a fleet: keys, certificates and registry, entered by the gateway's own commands.

The registry goes in as files of FILE_LINES lines, each whole or not at all, so that a million
meters need no more memory than one file does and an interrupted import goes on where it was.
"""

import contextlib
import io
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from cloud_sync import private_file
from cloud_sync.authority import Profile
from cloud_sync.certificates import TlsKey, parse_request
from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway.__main__ import main as gateway
from gateway.commands.running import PUBLIC_KEY_FILE
from gateway.config import GatewayConfig
from gateway.device_csv import COLUMNS as DEVICE_COLUMNS
from gateway.identity.wired import private_authority
from gateway.wiring import system_clock
from simulators.fleet import folder as names
from simulators.fleet import meters
from simulators.fleet.folder import FleetError
from simulators.fleet.meters import Plan

# Some 200 MB while a file is checked.
FILE_LINES = 100_000
CERTIFICATE_DAYS = 30.0


class Step(NamedTuple):
    """What was done, in how many seconds, and how many of it."""

    what: str
    seconds: float
    number: int


def write(path: Path, plan: Plan, gateway_pem: bytes) -> Iterator[Step]:
    """The folder with its keys and registry files."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / names.PLAN_FILE).touch(exist_ok=False)
    except OSError as error:
        raise FleetError(f"expected a new folder for the fleet, got {path}: {error}") from error
    seeds = secrets.token_bytes(names.SEED_BYTES * plan.devices)
    private_file.create(path / names.SEEDS_FILE, seeds)
    (path / names.GATEWAY_KEY_FILE).write_bytes(gateway_pem)
    yield _timed("keys", lambda: _write_devices(path, plan, seeds))
    yield _timed("registry lines", lambda: _write_registry(path, plan))
    # Written last: a folder without a plan is none.
    (path / names.PLAN_FILE).write_bytes(msgspec.json.encode(plan))


def _write_devices(path: Path, plan: Plan, seeds: bytes) -> int:
    since = from_ms(plan.since_ms).isoformat()
    with (path / "devices.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(DEVICE_COLUMNS) + "\n")
        for number in range(plan.devices):
            seed = seeds[names.SEED_BYTES * number : names.SEED_BYTES * (number + 1)]
            public = SigningKey.from_seed(seed).public.public_bytes.hex()
            file.write(f"{plan.device(number)},{public},{since},\n")
    return plan.devices


def _write_registry(path: Path, plan: Plan) -> int:
    count = 0
    for at, numbers in enumerate(_portions(plan)):
        lines = list(plan.lines(numbers))
        (path / f"registry-{at:03}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        count += len(lines) - 1
    return count


def _portions(plan: Plan) -> Iterator[range]:
    """The devices of each file."""
    first, lines = 0, 0
    for number in range(plan.devices):
        more = plan.meters_of(number)
        if lines and lines + more > FILE_LINES:
            yield range(first, number)
            first, lines = number, 0
        lines += more
    yield range(first, plan.devices)


def certify(path: Path, plan: Plan, config: GatewayConfig) -> Step:
    """Certificates of the gateway's own authority, beside the keys of a pool."""
    return _timed("certificates", lambda: _certify(path / names.TLS_FOLDER, plan, config))


def _certify(tls: Path, plan: Plan, config: GatewayConfig) -> int:
    authority = private_authority(config)
    tls.mkdir(mode=0o700)
    (tls / names.CA_FILE).write_text(authority.root.pem, encoding="ascii")
    keys = [TlsKey.generate() for _ in range(min(names.TLS_KEYS, plan.devices))]
    for number, key in enumerate(keys):
        key.save(tls / names.key_name(number))
    now_ms, below = system_clock(), authority.issuing.pem
    for number in range(plan.devices):
        name = plan.device(number)
        asked = parse_request(keys[number % names.TLS_KEYS].request(name))
        made = authority.issue(Profile.DEVICE, asked, now_ms, CERTIFICATE_DAYS, ())
        (tls / f"{name}.pem").write_text(made.pem + below, encoding="ascii")
    return plan.devices


def enter(path: Path, where: list[str]) -> Iterator[Step]:
    """Enter registry and keys by `plomba-gateway registry`; `where` is its --config or --data."""
    files = sorted(path.glob("registry-*.csv"))
    yield _timed("registry import", lambda: sum(_import("import", file, where) for file in files))
    devices = path / "devices.csv"
    yield _timed("registry add-devices", lambda: _import("add-devices", devices, where))


def _import(command: str, file: Path, where: list[str]) -> int:
    ordered("registry", command, str(file), *where)
    with file.open("rb") as lines:
        return sum(1 for _ in lines) - 1


def ordered(*words: str) -> None:
    """A command of plomba-gateway, in this process; FleetError with its words if it fails."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            gateway.main(words, standalone_mode=False)
    except click.ClickException as error:
        said = f"plomba-gateway {' '.join(words)}: {error.format_message()}"
        raise FleetError(said) from error


def public_key(config: GatewayConfig) -> bytes:
    """The gateway's public key, by which devices know a receipt."""
    try:
        return (config.data / PUBLIC_KEY_FILE).read_bytes()
    except OSError as error:
        raise FleetError(f"no gateway in {config.data}: run plomba-gateway init") from error


def planned(name: str, devices: int, count: int) -> Plan:
    """A fleet whose meters stand since some months ago."""
    return meters.plan(name, devices, count, datetime.now(UTC).date())


def _timed(what: str, work: Callable[[], int]) -> Step:
    begun_s = time.perf_counter()
    count = work()
    return Step(what, round(time.perf_counter() - begun_s, 2), count)
