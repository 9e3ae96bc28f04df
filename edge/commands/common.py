"""What every command shares: the configuration option, one-line errors, logs on stderr."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
import structlog

from cloud_sync.certificates import CertificateError
from cloud_sync.mqtt import TlsError
from cloud_sync.signing import KeyFileError
from edge import config
from edge.config import ConfigError, EdgeConfig, LineConfig
from edge.enrolment import NotEnrolled, NotYet
from edge.line_owner import LinesInUse
from edge.spool import SpoolError

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT = Path("/etc/plomba/edge.toml")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


_PATH = "plomba.config-path"


def _load(context: click.Context, _: click.Parameter, path: Path) -> EdgeConfig:
    context.meta[_PATH] = path
    try:
        return config.load(path)
    except ConfigError as error:
        # A wrong file is a refusal (1), not a wrong use of the command (2).
        raise click.ClickException(str(error)) from error


def config_path(context: click.Context) -> Path:
    """Where the configuration that `config_option` loaded came from."""
    path: Path = context.meta[_PATH]
    return path


def find_line(config: EdgeConfig, name: str) -> LineConfig:
    """The line called `name`; one line of error with those there are otherwise."""
    known = {line.name: line for line in config.lines}
    if name not in known:
        raise click.ClickException(f"no line {name!r}; there are: {', '.join(known)}")
    return known[name]


config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    callback=_load,
    default=DEFAULT,
    show_default=True,
    help="The agent's configuration.",
)


_ERRORS = (
    CertificateError,
    ConfigError,
    KeyFileError,
    LinesInUse,
    NotEnrolled,
    NotYet,
    SpoolError,
    TlsError,
)


def one_line_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Let a command end with one clear line for everything that is wrong around it."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except _ERRORS as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def log_to_stderr() -> None:
    """One line per event; a journal adds its own time, a terminal is given one."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
