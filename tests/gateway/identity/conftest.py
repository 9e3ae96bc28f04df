from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.identity.town_hall import TownHall


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[TownHall]:
    hall = TownHall(tmp_path)
    yield hall
    hall.store.close()
