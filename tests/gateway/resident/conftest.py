from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.resident.block import Block


@pytest.fixture
def block(tmp_path: Path) -> Iterator[Block]:
    block = Block(tmp_path)
    yield block
    block.town.store.close()
