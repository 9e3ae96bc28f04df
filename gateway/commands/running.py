"""Commands that set a gateway up and run it."""

import asyncio
import contextlib
import logging
import signal
import sys

import click

from cloud_sync.signing import SigningKey
from gateway.commands.common import as_json, configured, print_json
from gateway.commands.noting import acting
from gateway.commands.people import by_person
from gateway.config import ConfigError, GatewayConfig
from gateway.sql.engine import exists
from gateway.sql.store import open_store

PUBLIC_KEY_FILE = "gateway.pem"


@click.command()
@by_person
@configured
@as_json
def init(config: GatewayConfig, actor: str, *, as_json: bool) -> None:
    """Create the data directory, the ledger and the gateway's key; keep what is there.

    Prints the public key's fingerprint. Edges need the public key to believe receipts.
    """
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot create {config.data}: {error.strerror}") from error
    made = [
        what
        for what, is_there in (("key", config.key_file.exists()), ("ledger", exists(config.place)))
        if not is_there
    ]
    if not config.key_file.exists():
        SigningKey.generate().save(config.key_file)
    key = SigningKey.load(config.key_file)
    open_store(config.place).close()
    with acting(config, actor, "init", ", ".join(made)) as deed:
        deed.after = f"key {key.public.key_id.hex()}"
        deed.undone = not made
    public = config.data / PUBLIC_KEY_FILE
    public.write_bytes(key.public.to_pem())
    if as_json:
        print_json({"data": config.data, "public_key": public, "key": key.public.key_id.hex()})
    else:
        click.echo(f"gateway key {key.public.fingerprint}, public key in {public}")


@click.command()
@configured
def run(config: GatewayConfig) -> None:
    """Run the gateway until SIGTERM or Ctrl-C.

    On PostgreSQL any number of them may run on one ledger; one of them leads at a time.
    """
    _until_told(config, only_collects=False)


@click.command()
@configured
def collect(config: GatewayConfig) -> None:
    """Only take batches in, beside a gateway that runs, until SIGTERM or Ctrl-C.

    For more collectors than gateways: without page, closing and hand-off (docs/collectors.md).
    """
    _until_told(config, only_collects=True)


def _until_told(config: GatewayConfig, *, only_collects: bool) -> None:
    log_to_stderr()
    if not config.key_file.exists():
        raise ConfigError(f"no gateway key {config.key_file}: run plomba-gateway init")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_living(config, only_collects=only_collects))


async def _living(config: GatewayConfig, *, only_collects: bool) -> None:
    from gateway import app  # noqa: PLC0415 - other commands need neither the page nor HTTP

    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await (app.collect(config) if only_collects else app.run(config))


def log_to_stderr() -> None:
    """A line per event; a defect's traceback is told without values, which may be secret."""
    import structlog  # noqa: PLC0415 - a sixth of the start of commands, and no other one logs

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
