"""gateway.toml: everything the cloud side can be told, each value checked before anything starts.

Relative paths count from the file's own folder, so that a data directory can be moved whole. Any
value may be overridden by the environment (``PLOMBA_GATEWAY_BROKER__HOST``), which is how a
container is configured. Whatever is wrong with the file is said in one line that names the key.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cloud_sync import private_file
from cloud_sync.doors import DOORS_MAX, DoorText, ProtocolName
from drivers.reading import Resource, Unit
from gateway.config_base import (
    LOOPBACK,
    ConfigError,
    Folder,
    GroupFile,
    Port,
    PrivateFile,
    Section,
    TargetName,
    Tls,
    base,
    http_url,
)
from gateway.config_gis import GisConfig
from gateway.config_identity import EnrolmentConfig
from gateway.config_ledger import LedgerConfig
from gateway.config_mirror import HistoryConfig, MirrorConfig
from gateway.config_resident import ResidentConfig
from gateway.postgres.place import Server

__all__ = [
    "BillingConfig",
    "BrokerConfig",
    "BrokerRulesConfig",
    "ConfigError",
    "CsvTargetConfig",
    "EnrolmentConfig",
    "GatewayConfig",
    "GisConfig",
    "IngestConfig",
    "LedgerConfig",
    "ListenerConfig",
    "ResidentConfig",
    "ReviewConfig",
    "TargetConfig",
    "Tls",
    "WebConfig",
    "WebhookTargetConfig",
    "for_data",
    "load",
    "said",
]

KEY_FILE = "gateway.key"
LEDGER_FILE = "ledger.sqlite"
GIS_TARGET = "gis-zhkh"
"""The name of ГИС ЖКХ in the outbox."""


class BrokerConfig(Section):
    """Where batches arrive. `also` are the other nodes of a cluster, `protocol` what it speaks."""

    host: str
    port: Port = 8883
    also: Annotated[tuple[DoorText, ...], Field(max_length=DOORS_MAX)] = ()
    protocol: ProtocolName = "5"
    client_id: Annotated[str, Field(min_length=1, max_length=64)] = "plomba-gateway"
    tls: Tls | None = None
    without_tls: bool = False
    """In clear, without a name: only to a broker on this machine, for demos and tests."""

    @model_validator(mode="after")
    def _in_clear_on_purpose(self) -> "BrokerConfig":
        if self.without_tls and (self.tls is not None or self.host not in LOOPBACK):
            raise ValueError("without_tls is for a broker on this machine, and no certificates")
        if self.tls is None and not self.without_tls:
            raise ValueError(
                f"{self.host} in clear would let anybody on the way listen and speak:"
                " give broker.tls"
            )
        return self


class ListenerConfig(Section):
    """A door of the broker; without a host on every address of its machine."""

    host: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:-]*$")] = ""
    port: Port
    connections_max: Annotated[int, Field(ge=1, le=1_000_000)]


class BrokerRulesConfig(Section):
    """What is written for the broker into `directory`, and how it is told (docs/broker.md).

    `engine` is which broker; for nodes of NATS that stand alone `replicas` is 1.

    `ca`, `cert` and `key` are where the broker finds whose clients it believes, and its own
    certificate. `crl` is an external authority's revocation list; the gateway's own is known.
    """

    engine: Literal["mosquitto", "nats"] = "mosquitto"
    directory: Folder
    ca: Folder
    cert: Folder
    key: GroupFile
    replicas: Literal[1, 3, 5] = 3
    crl: Folder | None = None
    # A fleet of one collector; a connection costs mosquitto about 1 kB and a file descriptor.
    devices: ListenerConfig = ListenerConfig(port=8883, connections_max=20_000)
    collectors: ListenerConfig = ListenerConfig(host="127.0.0.1", port=8884, connections_max=16)
    collector_names: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] = (
        "plomba-gateway",
    )
    store: Folder | None = None
    pid_file: Folder | None = None
    reload: Annotated[tuple[str, ...], Field(max_length=16)] = ()
    # The rules say "within a minute"; with two looks lost it still is.
    look_every_s: Annotated[float, Field(gt=0, le=20)] = 10.0

    @model_validator(mode="after")
    def _one_way(self) -> "BrokerRulesConfig":
        if self.pid_file is not None and self.reload:
            raise ValueError("give pid_file or reload, not both: the broker is told once")
        return self


class IngestConfig(Section):
    """How many messages share one transaction, and how long the first of them may wait."""

    # A transaction of 100 batches of 100 readings is 10 000 rows, the upper end of what SQLite
    # was measured best at; half a second is the longest a receipt waits for company.
    group_messages_max: Annotated[int, Field(ge=1, le=1000)] = 100
    group_wait_s: Annotated[float, Field(gt=0, le=60)] = 0.2
    queue_messages_max: Annotated[int, Field(ge=1, le=10_000)] = 1000
    # Meters whose last values are kept in memory, some 4 kB each. With room for all that a
    # collector serves the ledger is asked nothing; beyond, all is forgotten and asked anew.
    meters_max: Annotated[int, Field(ge=1000, le=5_000_000)] = 50_000
    # How several collectors divide the devices among them (docs/collectors.md): by a shared
    # subscription under this name, or by seats of so many partitions.
    share: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    partitions: Annotated[int, Field(ge=0, le=64)] = 0

    @model_validator(mode="after")
    def _one_way(self) -> "IngestConfig":
        if self.share and self.partitions:
            raise ValueError(
                "give share or partitions, not both: MQTT 5 brokers share a subscription, NATS has"
                " partitions"
            )
        return self


class WebConfig(Section):
    """The page; on this machine only unless told otherwise."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8080
    allowed_hosts: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    # Where residents reach /check/…; what a paper's QR code begins with.
    public_url: Annotated[str, AfterValidator(http_url)] | None = None

    @property
    def verification_url(self) -> str:
        """What the links of papers begin with: the public address, else this page's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names a browser may ask for this page under."""
        return (*sorted(LOOPBACK), *self.allowed_hosts)

    @model_validator(mode="after")
    def _on_purpose(self) -> "WebConfig":
        if self.host not in LOOPBACK and not self.allowed_hosts:
            raise ValueError(
                f"{self.host} would show accounts and readings to the network without a password:"
                " put a proxy with a login before it and name that proxy's host in"
                " web.allowed_hosts"
            )
        return self


class CsvTargetConfig(Section):
    """Billing that picks up files."""

    kind: Literal["csv"]
    name: TargetName
    directory: Folder


class WebhookTargetConfig(Section):
    """Billing that takes HTTP requests; `secret_file` holds the shared ``whsec_…`` secret."""

    kind: Literal["webhook"]
    name: TargetName
    url: Annotated[str, AfterValidator(http_url)]
    secret_file: PrivateFile
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    concurrency_max: Annotated[int, Field(ge=1, le=32)] = 4


TargetConfig = Annotated[CsvTargetConfig | WebhookTargetConfig, Field(discriminator="kind")]


class BillingConfig(Section):
    """When periods close, and to whom their lines go."""

    auto_close: bool = False
    # Edges that were offline over midnight drain their spool first; the day's read follows at
    # midnight itself. An hour is far more than either needs on a working line.
    grace_s: Annotated[int, Field(ge=0, le=30 * 86_400)] = 3600
    targets: Annotated[tuple[TargetConfig, ...], Field(max_length=16)] = ()

    @property
    def target_names(self) -> tuple[str, ...]:
        """The targets every closing line is handed to."""
        return tuple(target.name for target in self.targets)


# [P] About a quarter of a flat's use, in the billed units of each resource: a slip of one digit is
# far beyond it, a missed month is not. A house changes them, no law knows them.
_TWO_PERSON_ABOVE: dict[Resource, dict[Unit, Decimal]] = {
    Resource.ELECTRICITY: {Unit.KWH: Decimal(600), Unit.KVARH: Decimal(600)},
    Resource.COLD_WATER: {Unit.M3: Decimal(30)},
    Resource.HOT_WATER: {Unit.M3: Decimal(20)},
    Resource.HEAT: {
        Unit.GCAL: Decimal(3),
        Unit.GJ: Decimal(12),
        Unit.M3: Decimal(300),
        Unit.TONNE: Decimal(300),
        Unit.HCA: Decimal(600),
    },
    Resource.GAS: {Unit.M3: Decimal(300)},
}

Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class ReviewConfig(Section):
    """How far one person may move a register's accepted value, by resource and unit.

    What a file leaves out stays as it is by default; a unit that has no limit takes two people.
    """

    two_person_above: dict[Resource, dict[Unit, Amount]] = Field(default_factory=dict)

    @property
    def limits(self) -> Mapping[tuple[Resource, Unit], Decimal]:
        """The defaults with what the file says over them."""
        return {
            (resource, unit): limit
            for table in (_TWO_PERSON_ABOVE, self.two_person_above)
            for resource, units in table.items()
            for unit, limit in units.items()
        }


class GatewayConfig(BaseSettings):
    """The whole of gateway.toml. `broker` may be left out by commands that need none."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="PLOMBA_GATEWAY_",
        env_nested_delimiter="__",
    )

    data: Folder
    key: PrivateFile | None = None
    ledger: LedgerConfig | None = None
    broker: BrokerConfig | None = None
    broker_rules: BrokerRulesConfig | None = None
    ingest: IngestConfig = IngestConfig()
    web: WebConfig = WebConfig()
    billing: BillingConfig = BillingConfig()
    review: ReviewConfig = ReviewConfig()
    gis_zhkh: GisConfig | None = None
    enrolment: EnrolmentConfig | None = None
    mirror: MirrorConfig | None = None
    history: HistoryConfig = HistoryConfig()
    resident: ResidentConfig | None = None

    @property
    def target_names(self) -> tuple[str, ...]:
        """Whom every closing line is handed to: the billing systems, and ГИС ЖКХ if it is told."""
        return (*self.billing.target_names, *[GIS_TARGET] * (self.gis_zhkh is not None))

    @property
    def key_file(self) -> Path:
        """The gateway's private key, in the data directory unless configured."""
        return self.key or self.data / KEY_FILE

    @property
    def ca_folder(self) -> Path:
        """The private authority."""
        return self.data / "ca"

    @property
    def ledger_file(self) -> Path:
        """The embedded ledger."""
        return self.data / LEDGER_FILE

    @property
    def place(self) -> Path | Server:
        """Where the ledger is: the embedded one, unless a server is named."""
        return self.ledger_file if self.ledger is None else self.ledger.writer_place

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings


def load(path: Path) -> GatewayConfig:
    """The configuration of a file; ConfigError with one line otherwise."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    # A number of thousands of digits is a plain ValueError, tables too deep a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    return _checked(table, path.parent, str(path))


def for_data(folder: Path) -> GatewayConfig:
    """The defaults over a data directory, for commands called with ``--data``."""
    return _checked({"data": str(folder)}, Path(), f"--data {folder}")


def _checked(table: dict[str, Any], folder: Path, name: str) -> GatewayConfig:
    token = base.set(folder)
    try:
        config = GatewayConfig(**table)
    except ValidationError as error:
        raise ConfigError(f"{name}: {'; '.join(said(item) for item in error.errors())}") from error
    finally:
        base.reset(token)
    names = config.target_names
    if len(set(names)) < len(names):
        raise ConfigError(f"{name}: billing.targets: two targets share a name: {', '.join(names)}")
    return config


def said(item: Any) -> str:
    """One finding of pydantic as a person would put it."""
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "missing":
        return f"{key}: missing, please add it"
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key, please remove or correct it"
    said = item["msg"].removeprefix("Value error, ")
    return (
        f"{key}: {said}"
        if isinstance(item["input"], dict)
        else f"{key}: {said}, got {private_file.shown(item['input'])}"
    )
