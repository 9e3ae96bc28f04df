from pathlib import Path

import pytest

from tests.gateway.test_corrections import WATER, Flat
from tests.gateway.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


@pytest.fixture
def flat(town: Town) -> Flat:
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return Flat(town, WATER)
