"""The TLS proxy before the pages for residents, in the real nginx."""

import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection

import pytest

from tests.cloud_sync.brokers import HOST
from tests.deploy.cloud.nginx import ANSWERS_WITHIN_S, Proxy, answered, before_a_page, before_none

LINK = "AbCdEf0123456789_-AbCdEf0123456789_-AbCdEf0123"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with before_a_page(folder, "residents.conf", "meters.example") as running:
        yield running


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Proxy]:
    """A proxy of one test's own, which is asked too often: another's questions do not count."""
    with before_none(tmp_path, "residents.conf", "meters.example") as running:
        yield running


def test_nginx_finds_nothing_wrong_with_it(proxy: Proxy) -> None:
    checked = proxy.checked()
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


def test_the_pages_hear_the_address_that_asks_and_no_other(proxy: Proxy) -> None:
    lies = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "http", "Forwarded": "for=10.1.2.3"}
    asked = proxy.get("/meters", **lies).asked
    assert (asked["X-Forwarded-For"], asked["X-Forwarded-Proto"]) == (HOST, "https")
    assert asked["Host"] == "meters.example"
    assert "Forwarded" not in asked


@pytest.mark.parametrize("path", [f"/l/{LINK}", f"/u/{LINK}", f"/l/{LINK}/enter"])
def test_links_and_what_providers_answer_stay_out_of_the_log(proxy: Proxy, path: str) -> None:
    assert proxy.get(path).asked["path"] == path
    assert proxy.get(f"/signin/bank/back?code={LINK}").status == 200
    log = proxy.log()
    assert f"GET {path[:3]}- 200" in log
    assert "GET /signin/bank/back 200" in log
    assert LINK not in log


def test_in_clear_there_is_only_the_way_to_tls(proxy: Proxy) -> None:
    answer = answered(HTTPConnection(HOST, proxy.clear, timeout=ANSWERS_WITHIN_S), f"/l/{LINK}", {})
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://meters.example/l/{LINK}"


def a_line(proxy: Proxy) -> ssl.SSLSocket:
    """A connection of somebody who speaks HTTP by hand."""
    plain = create_connection((HOST, proxy.port), timeout=ANSWERS_WITHIN_S)
    return proxy.trust.wrap_socket(plain, server_hostname=HOST)


def test_one_address_holds_sixty_four_lines(busy: Proxy) -> None:
    head = f"POST /l/{LINK}/enter HTTP/1.1\r\nHost: meters.example\r\nContent-Length: 9\r\n\r\n"
    with ExitStack() as stack:
        lines = []
        for _ in range(80):
            line = stack.enter_context(a_line(busy))
            line.sendall(head.encode())
            line.setblocking(False)
            lines.append(line)
        said = [b""] * len(lines)
        deadline = time.monotonic() + 30
        while sum(map(bool, said)) < len(lines) - 64:
            assert time.monotonic() < deadline
            for at, line in enumerate(lines):
                # Whoever has his answer may be hung up on.
                with suppress(ssl.SSLWantReadError):
                    said[at] = said[at] or line.recv(100)
            time.sleep(0.01)
        assert {one[:12] for one in said} == {b"", b"HTTP/1.1 429"}


def test_who_asks_too_often_is_told_to_wait_and_no_log_tells_the_link(busy: Proxy) -> None:
    one, heard = f"GET /l/{LINK} HTTP/1.1\r\nHost: meters.example\r\n\r\n", b""
    with a_line(busy) as line:
        # All at once, so that no machine is too slow for it.
        line.sendall(one.encode() * 400)
        while b"HTTP/1.1 429" not in heard:
            heard += (piece := line.recv(65_536))
            assert piece, "the line ended"
    assert heard.startswith(b"HTTP/1.1 200")
    log = busy.log()
    assert " 429 " in log
    assert LINK not in log
    for file in ("residents-error.log", "error.log"):
        assert LINK not in (busy.folder / file).read_text()
