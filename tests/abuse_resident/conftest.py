from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse_resident.house import House


@pytest.fixture(scope="session")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One listener for all attacks of a run: what one leaves behind, the next one meets."""
    with House(Path(tmp_path_factory.mktemp("house"))) as house:
        yield house


@pytest.fixture
def house(besieged: House) -> Iterator[House]:
    """The house, and after each attack the proof that nothing was let in and nothing lost."""
    yield besieged
    besieged.holds()
