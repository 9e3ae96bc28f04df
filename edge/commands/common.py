"""What every command shares: the configuration option, one-line errors, logs on stderr."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
import structlog

from cloud_sync.mqtt import TlsError
from cloud_sync.signing import KeyFileError
from edge import config
from edge.config import ConfigError, EdgeConfig
from edge.spool import SpoolError

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT = Path("/etc/plomba/edge.toml")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def _load(_: click.Context, __: click.Parameter, path: Path) -> EdgeConfig:
    try:
        return config.load(path)
    except ConfigError as error:
        # A wrong file is a refusal (1), not a wrong use of the command (2).
        raise click.ClickException(str(error)) from error


config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    callback=_load,
    default=DEFAULT,
    show_default=True,
    help="The agent's configuration.",
)


def one_line_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Let a command end with one clear line for everything that is wrong around it."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (ConfigError, KeyFileError, SpoolError, TlsError) as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def log_to_stderr() -> None:
    """One line per event; a journal adds its own time, a terminal is given one."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
