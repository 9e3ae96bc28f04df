"""The configured billing systems, made ready to be handed events."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from cloud_sync import private_file
from cloud_sync.private_file import KeyFileError
from gateway.config import ConfigError, CsvTargetConfig, GatewayConfig, TargetConfig
from gateway.handoff.csv import CsvTarget
from gateway.handoff.target import Target
from gateway.handoff.webhook import SecretError, WebhookTarget, http_client


@asynccontextmanager
async def targets_of(config: GatewayConfig) -> AsyncIterator[list[Target]]:
    """The configured billing systems, ready to be handed events."""
    async with AsyncExitStack() as stack:
        yield [await _target(one, stack) for one in config.billing.targets]


async def _target(config: TargetConfig, stack: AsyncExitStack) -> Target:
    if isinstance(config, CsvTargetConfig):
        return CsvTarget(config.name, config.directory)
    try:
        secret = _private_text(config.secret_file)
        client = await stack.enter_async_context(http_client(config.timeout_s))
        return WebhookTarget(
            config.name,
            config.url,
            secret,
            client,
            lambda: datetime.now(UTC),
            concurrency_max=config.concurrency_max,
        )
    except (OSError, UnicodeDecodeError, KeyFileError, SecretError) as error:
        raise ConfigError(f"target {config.name}: {config.secret_file}: {error}") from error


def _private_text(file: Path) -> str:
    """The text of a file that only its owner may read; KeyFileError if others may."""
    private_file.check(file, "secret")
    return file.read_text(encoding="ascii")
