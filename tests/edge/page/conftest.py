from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.edge.page.browser import client, come_in
from tests.edge.page.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as site:
        yield site


@pytest.fixture
def http(site: Site) -> Iterator[httpx.Client]:
    with client(site) as http:
        yield http


@pytest.fixture
def inside(http: httpx.Client) -> httpx.Client:
    """A browser that has given the code."""
    assert come_in(http).status_code == 200
    return http
