"""The TLS proxy of deploy/cloud in the real nginx, before a page that tells what it was asked."""

import base64
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cloud_sync.brokers import HOST
from tests.deploy.cloud.nginx import ANSWERS_WITHIN_S, Proxy, answered, before_a_page, before_none

NAME, WORD = "orlova", "s3cret word"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    crypted = subprocess.run(
        ["openssl", "passwd", "-6", WORD], capture_output=True, text=True, check=True
    )
    (folder / "people").write_text(f"{NAME}:{crypted.stdout}")
    with before_a_page(folder, "plomba.conf", "plomba.example") as running:
        yield running


def _login(word: str = WORD) -> str:
    return "Basic " + base64.b64encode(f"{NAME}:{word}".encode()).decode()


def test_nginx_finds_nothing_wrong_with_it(proxy: Proxy) -> None:
    checked = proxy.checked()
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


def test_the_page_asks_for_a_login_and_keeps_it_to_itself(proxy: Proxy) -> None:
    assert proxy.get("/lines").status == 401
    assert proxy.get("/lines", Authorization=_login("another")).status == 401
    answer = proxy.get("/lines", Authorization=_login())
    assert answer.status == 200
    assert (answer.asked["path"], answer.asked["Host"]) == ("/lines", "plomba.example")
    assert "Authorization" not in answer.asked


def test_residents_come_without_a_login_and_their_codes_stay_out_of_the_log(proxy: Proxy) -> None:
    assert proxy.get("/check/2026-10-000001?d=c0de").asked["path"].endswith("d=c0de")
    assert proxy.get("/static/page.css").status == 200
    log = proxy.log()
    assert "/check/2026-10-000001" in log
    assert "c0de" not in log


def test_nobody_tries_codes_in_a_row(tmp_path: Path) -> None:
    # A proxy of its own: nobody would be let in to the other tests' for a minute.
    with before_none(tmp_path, "plomba.conf", "plomba.example") as proxy:
        assert 429 in {proxy.get(f"/check/1?d=c0de{turn}").status for turn in range(20)}
        assert "c0de" not in (proxy.folder / "error.log").read_text()


def test_billing_systems_come_with_their_token(proxy: Proxy) -> None:
    answer = proxy.get("/api/v1/lines", Authorization="Bearer t0ken")
    assert answer.asked["Authorization"] == "Bearer t0ken"


def test_in_clear_there_is_only_the_way_to_tls(proxy: Proxy) -> None:
    answer = answered(HTTPConnection(HOST, proxy.clear, timeout=ANSWERS_WITHIN_S), "/lines?a=b", {})
    assert answer.status == 301
    assert answer.headers["Location"] == "https://plomba.example/lines?a=b"


def test_less_than_tls_1_2_is_not_spoken(proxy: Proxy) -> None:
    old = subprocess.run(
        ["openssl", "s_client", "-connect", f"{HOST}:{proxy.port}", "-tls1_1", "-cipher",
         "ALL:@SECLEVEL=0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert old.returncode != 0
    assert proxy.get("/static/x").headers["Strict-Transport-Security"].startswith("max-age=")
