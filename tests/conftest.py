"""Fixtures that tests of several packages share."""

import logging
from collections.abc import Iterator
from types import ModuleType

import pytest
import structlog


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
