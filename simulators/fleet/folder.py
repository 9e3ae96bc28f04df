"""A fleet's folder: who its devices are, their keys and certificates, and how far each has come.

A run takes its devices' history out of the folder and puts it back when it ends. One that was
killed has not: its devices would give other batches the same numbers, as a copied card does, and
the gateway would rightly refuse them. So such a folder is refused, and another fleet is prepared.
"""

from pathlib import Path

import msgspec

from cloud_sync.signing import VerifyKey
from simulators.fleet.history import Standing
from simulators.fleet.link import Identity
from simulators.fleet.meters import Plan

PLAN_FILE, SEEDS_FILE, GATEWAY_KEY_FILE = "fleet.json", "seeds", "gateway.pem"
HISTORY_FILE, RUNNING_FILE = "history", "running"
TLS_FOLDER, CA_FILE = "tls", "root.pem"
SEED_BYTES = 32
# TLS keys of devices; what a handshake costs does not depend on who else has the key.
TLS_KEYS = 64


class FleetError(ValueError):
    """What stands against a fleet, in one line."""


class Folder:
    """A prepared fleet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.plan = msgspec.json.decode((path / PLAN_FILE).read_bytes(), type=Plan)
            self._seeds = (path / SEEDS_FILE).read_bytes()
            self.gateway_key = VerifyKey.from_pem((path / GATEWAY_KEY_FILE).read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise FleetError(
                f"expected a fleet in {path}: run plomba-sim fleet prepare ({error})"
            ) from error

    def seed(self, number: int) -> bytes:
        """The private key of a device."""
        return self._seeds[SEED_BYTES * number : SEED_BYTES * (number + 1)]

    def identity(self, number: int, tls: Path) -> Identity:
        """The certificate and TLS key of a device."""
        certificate = tls / f"{self.plan.device(number)}.pem"
        return Identity(certificate, tls / key_name(number))

    def take_history(self, devices: int) -> list[Standing]:
        """How far each device has come; FleetError after a run that did not put it back."""
        if devices > self.plan.devices:
            raise FleetError(f"{self.path} has {self.plan.devices} devices, asked for {devices}")
        try:
            (self.path / RUNNING_FILE).touch(exist_ok=False)
        except FileExistsError:
            raise FleetError(
                f"the fleet of {self.path} runs, or was killed and does not know its own history "
                "any more: prepare another"
            ) from None
        return self.history()

    def history(self) -> list[Standing]:
        """How far each device had come when the last run ended."""
        file = self.path / HISTORY_FILE
        if not file.exists():
            return [Standing(kept={}, above={}) for _ in range(self.plan.devices)]
        return msgspec.msgpack.decode(file.read_bytes(), type=list[Standing])

    def put_back(self, standings: list[Standing]) -> None:
        """Keep how far each device has come."""
        whole = standings + self.history()[len(standings) :]
        fresh = self.path / f"{HISTORY_FILE}.new"
        fresh.write_bytes(msgspec.msgpack.encode(whole))
        fresh.replace(self.path / HISTORY_FILE)
        (self.path / RUNNING_FILE).unlink()


def key_name(number: int) -> str:
    """The file of a device's TLS key."""
    return f"key-{number % TLS_KEYS:02}.key"
