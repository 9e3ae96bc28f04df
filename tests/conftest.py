"""Fixtures that tests of several packages share."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import structlog
from hypothesis import HealthCheck, settings

# Whether an example took long says how busy the machine is. And a change is judged by the examples
# that those before it were judged by; PLOMBA_ANEW=1 looks for others.
settings.register_profile(
    "plomba",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="PLOMBA_ANEW" not in os.environ,
    print_blob=True,
)
settings.load_profile("plomba")

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

    Each worker of xdist (worksteal) is given a piece of the list, and who has nothing left takes
    half of the longest rest, from its end. Two pieces begin with these, file by file in turn: in
    one alone they would be the end of the run, in all of them every worker would wait at once.
    """
    places = {HERE / name: place for place, name in enumerate(BEGIN_WITH)}
    gone = [str(path) for path in places if not path.exists()]
    if gone:
        raise pytest.UsageError(f"BEGIN_WITH in {__file__} names what is not there: {gone}")
    long = sorted((one for one in items if one.path in places), key=lambda one: places[one.path])
    one, other = ([item for item in long if places[item.path] % 2 == turn] for turn in (0, 1))
    rest = [item for item in items if item.path not in places]
    piece = len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    between = max(0, piece - len(one))
    items[:] = [*one, *rest[:between], *other, *rest[between:]]


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
