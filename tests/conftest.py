"""Fixtures that tests of several packages share."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import structlog

HERE = Path(__file__).parent
# Files whose tests take long, mostly waiting for real programs, the longest first: begun at the
# end of a run one of them keeps a worker while the others have nothing left to take.
BEGIN_WITH = (
    "e2e/test_updates.py",
    "e2e/test_attacks.py",
    "deploy/test_package.py",
    "e2e/test_demo.py",
    "e2e/test_kills.py",
    "e2e/test_collectors.py",
    "deploy/test_card_on_device.py",
    "simulators/test_bench_ingest.py",
    "simulators/fleet/test_fleet.py",
    "deploy/test_first_boot.py",
    "simulators/photo/test_digits.py",
    "simulators/photo/test_bench_photo.py",
    "security/test_secrets.py",
    "deploy/test_releases.py",
    "deploy/test_apply_update.py",
    "e2e/test_installer.py",
    "gateway/test_app.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those first; otherwise the order stays, and with it a file's tests together.

    Each worker of xdist (worksteal) is given a piece of the list, the first one that with these,
    and who has nothing left takes half of the longest rest, from its end.
    """
    places = {HERE / name: place for place, name in enumerate(BEGIN_WITH)}
    gone = [str(path) for path in places if not path.exists()]
    if gone:
        raise pytest.UsageError(f"BEGIN_WITH in {__file__} names what is not there: {gone}")
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command run within a test sets logging up for its process, which the next test shares."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()


@pytest.fixture(scope="module")
def meterbus() -> Iterator[ModuleType]:
    """pymeterbus, a foreign M-Bus; importing it configures the root logger, which is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import meterbus as library  # noqa: PLC0415 - its import has a side effect to contain

    root.handlers[:] = handlers
    root.setLevel(level)
    yield library
    root.handlers[:] = handlers
