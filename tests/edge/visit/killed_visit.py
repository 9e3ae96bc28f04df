"""A program that does whatever is left of a visit, to be killed at any moment."""

import sys
from pathlib import Path

from tests.edge.visit.site import play
from tests.edge.visit.test_power_cut import bring_to_the_end, site


def main(path: Path) -> None:
    """Go on with the visit of the device that `path` configures."""

    async def scene() -> None:
        await bring_to_the_end(site().visiting(path))

    print("begins", flush=True)  # noqa: T201 - whoever kills waits for it
    play(scene)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
