"""The demo's gateway process: the real gateway on the demo's clock.

python -m simulators.demo.gateway DATA
"""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from cloud_sync.signing import KeyFileError
from gateway import app
from gateway.config import ConfigError, GatewayConfig, load
from gateway.store import StoreError
from simulators.demo.clock import ScaledClock


async def _run(config: GatewayConfig, clock: ScaledClock) -> None:
    running = asyncio.ensure_future(app.run(config, clock.now_ms))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main() -> None:
    """Run until SIGTERM."""
    data = Path(sys.argv[1])
    try:
        asyncio.run(_run(load(data / "gateway.toml"), ScaledClock.load(data)))
    except (ConfigError, KeyFileError, StoreError) as error:
        sys.exit(f"demo gateway: {error}")


if __name__ == "__main__":
    main()
