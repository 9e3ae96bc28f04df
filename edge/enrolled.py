"""What enrolment left behind: the gateway's and the broker's address, in the state directory."""

from pathlib import Path

import msgspec
from msgspec import Struct

from edge import files
from edge.config import BrokerConfig, ConfigError, EdgeConfig

FILE = "enrolled.json"


class Enrolled(Struct, frozen=True, forbid_unknown_fields=True):
    """Written last: where it is, the certificate and the keys are."""

    device: str
    house: str
    gateway: str
    broker_host: str
    broker_port: int


def load(state_dir: Path) -> Enrolled | None:
    """What was written; None before the first enrolment. ConfigError for a damaged file."""
    path = state_dir / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolled)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"cannot use {path}: {error}; enrol again with a new invitation"
        ) from error


def save(state_dir: Path, enrolled: Enrolled) -> None:
    """Write it; OSError if that cannot be done."""
    files.replace(state_dir / FILE, msgspec.json.encode(enrolled) + b"\n")


def broker_of(config: EdgeConfig) -> BrokerConfig:
    """The broker to speak to: the configured one, else the one the gateway named."""
    if config.broker.host:
        return config.broker
    known = load(config.device.state_dir)
    if known is None:
        raise ConfigError("not enrolled yet, so the broker is not known: run plomba-edge enroll")
    if not known.broker_host:
        raise ConfigError("broker.host: missing, the gateway named no broker: please add it")
    named = {"host": known.broker_host, "port": known.broker_port}
    return config.broker.model_copy(update=named)
