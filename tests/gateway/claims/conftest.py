"""The house that the tests of claims begin with."""

from pathlib import Path

import pytest

from tests.gateway.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    return town
