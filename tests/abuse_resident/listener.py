"""The residents' listener in a process of its own, as `plomba-gateway run` has it.

Its clock is the number in the file `clock` of its data folder, which the test turns.
"""

import asyncio
import logging
import sys
from pathlib import Path

from gateway.config import for_data
from gateway.config_resident import ResidentConfig
from gateway.resident_web.server import serve
from gateway.web.server import bound
from tests.gateway.town import GATEWAY_KEY

CLOCK = "clock"
HOST, PUBLIC = "127.0.0.1", "https://meters.example"
RECOGNISER = "tests.gateway.photo.readers:Unsure"


async def main(folder: Path, port: int) -> None:
    """Serve until killed; the proxy with TLS before it is the test."""
    config = for_data(folder)
    resident = ResidentConfig(host=HOST, port=port, public_url=PUBLIC)
    clock = folder / CLOCK
    with bound(resident) as listener:
        await serve(
            *(listener, config, resident, GATEWAY_KEY, lambda: int(clock.read_text("ascii"))),
            recogniser=RECOGNISER,
        )


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
