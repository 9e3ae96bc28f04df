"""What the commands share: where the data is, how results are printed, how refusals are said."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from cloud_sync.certificates import CertificateError
from cloud_sync.points import PointsError
from cloud_sync.signing import KeyFileError
from gateway import config as configuration
from gateway.audit import AuditError
from gateway.balance.model import BalanceError
from gateway.broker.model import RulesError
from gateway.cards.model import CardError
from gateway.claims.model import ClaimError
from gateway.closing import ClosingError
from gateway.config import ConfigError, GatewayConfig
from gateway.evidence import EvidenceError
from gateway.explain.model import ExplainError
from gateway.export.closed import ExportError
from gateway.gis.model import GisError
from gateway.handoff.pull import PullError
from gateway.history.model import HistoryError
from gateway.identity.model import IdentityError
from gateway.mirror.model import MirrorError
from gateway.people.words import PeopleError
from gateway.periods import PeriodError
from gateway.profile.model import ProfileError
from gateway.registry import RegistryError
from gateway.releases.model import ReleasesError
from gateway.resident.act import ActError
from gateway.resident.dispute import DisputeError
from gateway.resident.model import ResidentError
from gateway.review.words import ReviewError
from gateway.sql.engine import exists
from gateway.sql.overview import LedgerOverview, look
from gateway.sql.store import SqlStore, open_store
from gateway.store import StoreError
from gateway.too_late import Closed, told
from gateway.visits.model import VisitError
from gateway.word.model import CommandError

# What a person can put right, said in one line; anything else is a bug and shows its trace.
EXPECTED = (
    ActError,
    AuditError,
    BalanceError,
    CardError,
    CertificateError,
    ClaimError,
    ClosingError,
    CommandError,
    ConfigError,
    DisputeError,
    EvidenceError,
    ExplainError,
    ExportError,
    GisError,
    HistoryError,
    IdentityError,
    KeyFileError,
    MirrorError,
    PeopleError,
    PeriodError,
    PointsError,
    ProfileError,
    PullError,
    RegistryError,
    ReleasesError,
    ResidentError,
    ReviewError,
    RulesError,
    StoreError,
    VisitError,
)
DEFAULT_CONFIG = Path("gateway.toml")

F = TypeVar("F", bound=Callable[..., Any])


class Commands(click.Group):
    """A group whose refusals are said in a line (each, of a bad file) and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a refusal becomes click's one-line error."""
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            # A Pi installs nothing of the cloud, and has this program all the same.
            raise click.ClickException(
                f"{error.name} is not installed here: install plomba with its gateway extra"
            ) from error


def configured(command: F) -> F:
    """Give a command its `config`, from ``--config``, ``--data`` or ./gateway.toml."""
    return _with_config(command, _config)


def configurable(command: F) -> F:
    """Give a command its `config` where one is named, else None."""
    return _with_config(command, lambda data, file: _config(data, file) if data or file else None)


def _with_config(
    command: F, config_of: Callable[[Path | None, Path | None], GatewayConfig | None]
) -> F:
    @click.option(
        "--data", type=click.Path(path_type=Path), help="The data directory, with defaults."
    )
    @click.option(
        "--config", "config_file", type=click.Path(path_type=Path), help="A gateway.toml."
    )
    @functools.wraps(command)
    def with_config(*args: Any, data: Path | None, config_file: Path | None, **kwargs: Any) -> Any:
        return command(*args, config=config_of(data, config_file), **kwargs)

    return cast(F, with_config)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@contextmanager
def ledger(config: GatewayConfig) -> Iterator[SqlStore]:
    """The ledger of a gateway that was initialised, open for writing."""
    _must_exist(config)
    store = open_store(config.place)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def looking(config: GatewayConfig) -> Iterator[LedgerOverview]:
    """The ledger of a gateway that was initialised, to look at."""
    with ledger(config):
        pass  # an older schema is brought up to date first
    with look(config.place) as overview:
        yield overview


def print_json(document: object) -> None:
    """One JSON document on one line."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under a header, in columns as wide as they need."""
    cells = [[("" if cell is None else str(cell)) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def warn_of(concerned: Sequence[Closed]) -> None:
    """Say on stderr which closed periods something came too late for; nothing where none did."""
    said = told(concerned)
    if said is not None:
        click.echo(said, err=True)


def _config(data: Path | None, config_file: Path | None) -> GatewayConfig:
    if data is not None and config_file is not None:
        raise click.UsageError("give --data or --config, not both")
    if data is not None:
        return configuration.for_data(data)
    return default_config() if config_file is None else configuration.load(config_file)


def default_config() -> GatewayConfig:
    """./gateway.toml, where a command is given nothing else."""
    if not DEFAULT_CONFIG.exists():
        raise click.UsageError("give --data DIR or --config gateway.toml")
    return configuration.load(DEFAULT_CONFIG)


def _must_exist(config: GatewayConfig) -> None:
    if exists(config.place):
        return
    if config.ledger is not None:
        raise ConfigError(f"no ledger in {config.place}: run plomba-gateway init")
    raise ConfigError(f"no ledger in {config.data}: run plomba-gateway init --data {config.data}")
