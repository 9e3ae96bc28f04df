from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.estate import Estate


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    estate = Estate(tmp_path / "ledger.db")
    yield estate
    estate.store.close()
