"""The TLS proxy of deploy/cloud in the real nginx, before a page that tells what it was asked."""

import base64
import json
import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cloud_sync.brokers import HOST, Authority, free_port

PROXY = Path(__file__).parents[3] / "deploy/cloud/nginx/plomba.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin") or "nginx"
NAME, WORD = "orlova", "s3cret word"


class Page(BaseHTTPRequestHandler):
    """Answers with what it was asked, and with which headers."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, **dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not in a test's output."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def asked(self) -> dict[str, str]:
        """What the page was asked."""
        told: dict[str, str] = json.loads(self.body)
        return told


def answered(connection: HTTPConnection, path: str, headers: dict[str, str]) -> Answer:
    with closing(connection):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())


class Proxy:
    def __init__(self, folder: Path, page: int) -> None:
        self.clear, self.port = free_port(), free_port()
        self.folder = folder
        authority = Authority(folder)
        issued = authority.issue(HOST)
        crypted = subprocess.run(
            ["openssl", "passwd", "-6", WORD], capture_output=True, text=True, check=True
        )
        (folder / "people").write_text(f"{NAME}:{crypted.stdout}")
        changes = {
            r"listen \[::\]:.*\n": "",
            r"listen 80;": f"listen {HOST}:{self.clear};",
            r"listen 443 ": f"listen {HOST}:{self.port} ",
            r"server 127.0.0.1:8080;": f"server 127.0.0.1:{page};",
            r"/etc/nginx/plomba/plomba.example.pem": str(issued.certificate),
            r"/etc/nginx/plomba/plomba.example.key": str(issued.key),
            r"/etc/nginx/plomba/people": str(folder / "people"),
            r"/var/log/nginx/plomba.log": str(folder / "access.log"),
        }
        text = PROXY.read_text("utf-8")
        for pattern, instead in changes.items():
            assert re.search(pattern, text), pattern
            text = re.sub(pattern, instead, text)
        (folder / "plomba.conf").write_text(text)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.config = folder / "nginx.conf"
        self.config.write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
            f"events {{}}\nhttp {{\n{temporary}include {folder}/plomba.conf;\n}}\n"
        )
        self.trust = ssl.create_default_context(cafile=str(authority.file))

    def checked(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NGINX, "-t", "-c", self.config], capture_output=True, text=True, check=False
        )

    def get(self, path: str, **headers: str) -> Answer:
        connection = HTTPSConnection(HOST, self.port, context=self.trust, timeout=10)
        return answered(connection, path, {"Host": "plomba.example"} | headers)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    page = ThreadingHTTPServer((HOST, 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    proxy = Proxy(tmp_path_factory.mktemp("nginx"), page.server_address[1])
    process = subprocess.Popen([NGINX, "-c", str(proxy.config)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not _listens(proxy):
        assert process.poll() is None, proxy.checked().stderr
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield proxy
    process.kill()
    process.wait()
    page.shutdown()
    page.server_close()


def _listens(proxy: Proxy) -> bool:
    try:
        proxy.get("/healthz")
    except OSError:
        return False
    return True


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
    log = (proxy.folder / "access.log").read_text()
    assert "/check/2026-10-000001" in log
    assert "c0de" not in log


def test_nobody_tries_codes_in_a_row(proxy: Proxy) -> None:
    assert 429 in {proxy.get(f"/check/1?d=c0de{turn}").status for turn in range(20)}
    assert "c0de" not in (proxy.folder / "error.log").read_text()


def test_billing_systems_come_with_their_token(proxy: Proxy) -> None:
    answer = proxy.get("/api/v1/lines", Authorization="Bearer t0ken")
    assert answer.asked["Authorization"] == "Bearer t0ken"


def test_in_clear_there_is_only_the_way_to_tls(proxy: Proxy) -> None:
    answer = answered(HTTPConnection(HOST, proxy.clear, timeout=10), "/lines?a=b", {})
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
