"""edge.toml: everything the agent can be told, each value checked before anything starts.

Relative paths count from the file's own folder. Whatever is wrong with the file is said in one line
that names the file, the key and what was expected.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from cloud_sync import private_file, token_uri
from cloud_sync.doors import DOORS_MAX, DoorText, ProtocolName
from cloud_sync.token_uri import TokenUri
from cloud_sync.topics import DEVICE_PATTERN
from drivers import profile
from drivers.bus import TURNAROUND_S, Framing
from drivers.driver import Address
from drivers.link import LinkUrlError, baud_of, open_link
from drivers.reading import SERIAL_PATTERN
from edge import places
from edge.allowance import check_interval

# The converter's speed where neither the URL nor the line says one; only the length of the pauses
# depends on it, and a slower figure is the careful one.
BAUD = 2400
# 247 addresses on an RS-485 line, 250 on an M-Bus segment.
METERS_MAX = 250
LINES_MAX = 16
# A quarter of an hour: what consumption is settled and compared by.
INTERVAL_S = 900
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class ConfigError(ValueError):
    """A configuration that cannot be used; the text is one line and names the key."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone like Europe/Moscow") from None
    return name


def _link(url: str) -> str:
    try:
        open_link(url)
    except LinkUrlError as error:
        raise ValueError(str(error)) from error
    return url


def _profile(name: str) -> str:
    try:
        profile.load(name)
    except profile.ProfileError as error:
        raise ValueError(str(error)) from error
    return name


def _key_place(value: object) -> Path | TokenUri:
    if isinstance(value, str) and token_uri.is_token(value):
        return token_uri.parse(value)
    if isinstance(value, str | Path):
        return private_file.named(Path(value))
    if isinstance(value, TokenUri):
        return value
    raise ValueError("expected the name of a file, or a pkcs11: URI")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


PathText = Annotated[Path, Field(strict=False)]
PrivateFile = Annotated[Path, Field(strict=False), AfterValidator(private_file.named)]
"""A file with a secret in it."""
KeyPlace = Annotated[Path | TokenUri, PlainValidator(_key_place)]
"""Where the signing key is: a file, or a token (docs/identity.md)."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]


class DeviceConfig(_Section):
    """Who this device is, whose receipts it believes, and where it keeps its state."""

    name: Annotated[str, Field(pattern=DEVICE_PATTERN)]
    key: KeyPlace
    gateway_key: PathText
    state_dir: PathText
    meter_keys: PrivateFile | None = None
    """The keys of meters that encrypt, see `edge/meter_keys.py`."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    package: PathText = Path("/usr/lib/plomba-edge")
    """What the package installed for updates: its release key and its wheels."""


class BrokerConfig(_Section):
    """The broker: mutual TLS with the three files, or in clear on this machine on purpose."""

    host: Annotated[str, Field(pattern=r"^[^\s/]*$")] = ""
    """May be left out with [enrolment]: the gateway names it."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    also: Annotated[tuple[DoorText, ...], Field(strict=False, max_length=DOORS_MAX)] = ()
    """The other nodes of a cluster, ``host:port``: whichever lets this device in will do."""
    protocol: ProtocolName = "5"
    ca: PathText | None = None
    cert: PathText | None = None
    cert_key: PrivateFile | None = None
    without_tls: bool = False
    """In clear, without a name: only to a broker on this machine, for trying things out."""

    @model_validator(mode="after")
    def _in_clear_on_purpose(self) -> "BrokerConfig":
        if self.without_tls and (self.ca is not None or self.host not in _LOOPBACK):
            raise ValueError("without_tls is for a broker on this machine, and no certificates")
        if self.ca is self.cert is self.cert_key is None and not self.without_tls:
            raise ValueError(
                f"{self.host} in clear would let anybody on the way listen and speak: "
                "give ca, cert and cert_key"
            )
        return self

    @model_validator(mode="after")
    def _all_or_none(self) -> "BrokerConfig":
        given = {"ca": self.ca, "cert": self.cert, "cert_key": self.cert_key}
        missing = [name for name, value in given.items() if value is None]
        if 0 < len(missing) < len(given):
            raise ValueError(f"TLS needs ca, cert and cert_key: {missing[0]} is missing")
        return self


class EnrolmentConfig(_Section):
    """How this device comes by its certificate: the invitation put on its card (docs/identity.md).

    What it gets is written where [device] and [broker] look for it.
    """

    invitation: PathText
    house: Annotated[str, Field(max_length=200)] = ""
    """The house it is meant for, as a check on the invitation; any if left out."""


class SpoolConfig(_Section):
    """How much may wait for the gateway."""

    # Four lines need 1.2 MB; below 16 MB a week without a network is not held.
    max_bytes: Annotated[int, Field(ge=16 * 1024 * 1024, le=2**40)] = 1_000_000_000


class MeterConfig(_Section):
    """One meter: which, of which model, at which address, how often."""

    serial: Annotated[str, Field(pattern=SERIAL_PATTERN)]
    profile: Annotated[str, AfterValidator(_profile)]
    address: Annotated[Address, PlainValidator(places.parse)]
    interval_s: Annotated[int, Field(ge=1, le=86_400)] = INTERVAL_S
    expect_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    raw: bool = False
    """Keep the meter's answer itself also for interval readings."""

    @property
    def protocol(self) -> str:
        """What the meter speaks."""
        return profile.load(self.profile).protocol

    @property
    def reads_max(self) -> int | None:
        """How many reads a day the meter allows, if that has a bound."""
        return profile.load(self.profile).reads_per_day_max


class LineConfig(_Section):
    """One line: a serial port or a TCP converter, with the meters on it, if any are known yet."""

    name: Name
    url: Annotated[str, AfterValidator(_link)]
    framing: Framing = "rtu"
    baud: Annotated[int, Field(ge=300, le=115_200)] | None = None
    turnaround_s: Annotated[float, Field(gt=0, le=30)] = TURNAROUND_S
    echo: bool = False
    meters: Annotated[tuple[MeterConfig, ...], Field(max_length=METERS_MAX, strict=False)] = ()

    @model_validator(mode="after")
    def _one_speed(self) -> "LineConfig":
        opened = baud_of(self.url)
        if self.baud is not None and opened is not None and self.baud != opened:
            raise ValueError(
                f"baud is {self.baud}, but the port is opened with {opened}: "
                f"write ?baud={self.baud} into the url"
            )
        return self

    @model_validator(mode="after")
    def _places(self) -> "LineConfig":
        for number, meter in enumerate(self.meters):
            try:
                places.check(meter.protocol, self.framing, meter.address)
            except ValueError as error:
                raise ValueError(f"meter {meter.serial}: {error}") from error
            for other in self.meters[:number]:
                if meter.protocol == other.protocol and places.clash(meter.address, other.address):
                    both = f"meters {other.serial} and {meter.serial}"
                    raise ValueError(f"{both} share the address {meter.address}: one answers")
        return self

    @property
    def bits_per_s(self) -> int:
        """The speed of the wires."""
        return self.baud or baud_of(self.url) or BAUD


class EdgeConfig(_Section):
    """The whole of edge.toml."""

    device: DeviceConfig
    broker: BrokerConfig
    spool: SpoolConfig = SpoolConfig()
    enrolment: EnrolmentConfig | None = None
    lines: Annotated[
        tuple[LineConfig, ...], Field(min_length=1, max_length=LINES_MAX, strict=False)
    ]

    @model_validator(mode="after")
    def _no_name_twice(self) -> "EdgeConfig":
        _refuse_twice("lines.name", [line.name for line in self.lines])
        _refuse_twice("lines.url", [line.url for line in self.lines])
        _refuse_twice("meters.serial", [meter.serial for _, meter in self.meters])
        return self

    @model_validator(mode="after")
    def _broker_known(self) -> "EdgeConfig":
        if not self.broker.host and self.enrolment is None:
            raise ValueError("broker.host: missing, please add it")
        if self.enrolment is not None and self.broker.cert is None:
            raise ValueError(
                "enrolment needs broker.ca, cert and cert_key: what it gets goes there"
            )
        return self

    @model_validator(mode="after")
    def _no_battery_emptied(self) -> "EdgeConfig":
        for _, meter in self.meters:
            try:
                check_interval(meter.interval_s, meter.reads_max, self.zone)
            except ValueError as error:
                raise ValueError(f"meter {meter.serial}: {error}") from error
        return self

    @property
    def meters(self) -> list[tuple[LineConfig, MeterConfig]]:
        """Every meter with its line."""
        return [(line, meter) for line in self.lines for meter in line.meters]

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose midnight is the meters'."""
        return ZoneInfo(self.device.timezone)


def load(path: Path) -> EdgeConfig:
    """The configuration of a file; ConfigError with one line otherwise."""
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a configuration file; ConfigError with one line if it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except PermissionError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}, try it with sudo") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def parse(text: str, path: Path) -> EdgeConfig:
    """The configuration that `text`, the content of `path`, says; ConfigError otherwise."""
    try:
        table = tomllib.loads(text)
    # A number of thousands of digits is a plain ValueError, tables too deep a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        config = _from_folder(EdgeConfig.model_validate(table), path.parent)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first(error)}") from error
    _refuse_open(config, path)
    return config


def _refuse_open(config: EdgeConfig, path: Path) -> None:
    """Refuse files with secrets that others may read."""
    mine, both = private_file.OWNER_ONLY, private_file.OWNER_AND_GROUP
    key = config.device.key
    signing = (Path(key.pin_source), "PIN file") if isinstance(key, TokenUri) else (key, "key file")
    files = (
        (*signing, mine),
        (config.broker.cert_key, "key file", mine),
        (config.device.meter_keys, "meter keys", both),
    )
    for file, what, others in files:
        try:
            if file is not None:
                private_file.refuse_open(file, what, others)
        except private_file.KeyFileError as error:
            raise ConfigError(f"{path}: {error}") from error


def with_only(line: LineConfig, meter: dict[str, str | int]) -> LineConfig:
    """`line` with nothing but one meter, which stands in no file; ConfigError if it cannot be."""
    try:
        return LineConfig.model_validate(line.model_dump() | {"meters": [meter]})
    except ValidationError as error:
        raise ConfigError(_first(error).removeprefix("meters.0.")) from error


def _first(error: ValidationError) -> str:
    findings = error.errors()
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return _said(findings[0]) + more


def _said(finding: ErrorDetails) -> str:
    """One finding of pydantic as a person would put it."""
    key = ".".join(str(part) for part in finding["loc"])
    if finding["type"] == "missing":
        return f"{key}: missing, please add it"
    if finding["type"] == "extra_forbidden":
        return f"{key}: unknown key, please remove or correct it"
    message = finding["msg"].removeprefix("Value error, ")
    if isinstance(finding["input"], dict):
        return f"{key}: {message}" if key else message
    return f"{key}: {message}, got {private_file.shown(finding['input'])}"


def _refuse_twice(what: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what}: {twice[0]!r} stands there twice")


def _from_folder(config: EdgeConfig, folder: Path) -> EdgeConfig:
    """The same with every path seen from the file's folder."""

    def moved(section: _Section) -> dict[str, Any]:
        return {
            name: folder / value.expanduser() if isinstance(value, Path) else value
            for name, value in section
        }

    return config.model_copy(
        update={
            "device": DeviceConfig(**moved(config.device)),
            "broker": BrokerConfig(**moved(config.broker)),
            "enrolment": config.enrolment and EnrolmentConfig(**moved(config.enrolment)),
        }
    )
