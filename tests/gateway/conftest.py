from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.estate import Estate
from tests.servers import ledgers

_left_out: Counter[str] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about SQLite itself where the ledgers are on PostgreSQL."""
    about = {item: mark for item in items if (mark := item.get_closest_marker("sqlite_only"))}
    if any(len(mark.args) != 1 for mark in about.values()):
        raise pytest.UsageError("sqlite_only wants one argument: why")
    if ledgers.ON_POSTGRES:
        _left_out.update(mark.args[0] for mark in about.values())
        config.hook.pytest_deselected(items=[*about])
        items[:] = [item for item in items if item not in about]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was left out, and why."""
    for reason, count in _left_out.items():
        terminalreporter.write_line(f"not on PostgreSQL, {count}: {reason}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `both_engines` (and not with False) runs on SQLite and on PostgreSQL."""
    both = metafunc.definition.get_closest_marker("both_engines")
    if both is None or both.args == (False,) or ledgers.ON_POSTGRES:
        return
    if metafunc.definition.get_closest_marker("sqlite_only") is None:
        metafunc.parametrize("engine", ["sqlite", "postgres"], indirect=True)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PostgreSQL under the test's ledgers where it or PLOMBA_TEST_LEDGER says so, else SQLite."""
    if not ledgers.ON_POSTGRES and getattr(request, "param", "sqlite") == "sqlite":
        yield
        return
    with ledgers.on_postgres(monkeypatch):
        yield


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    estate = Estate(tmp_path / "ledger.db")
    yield estate
    estate.store.close()
