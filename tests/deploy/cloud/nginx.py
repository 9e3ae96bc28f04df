"""A file of deploy/cloud/nginx in the real nginx, before a page that tells what it was asked."""

import json
import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from tests.cloud_sync.brokers import HOST, Authority, free_port

FILES = Path(__file__).parents[3] / "deploy/cloud/nginx"
ANSWERS_WITHIN_S = 60
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin") or "nginx"


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
    """One of the files, at free ports, before a page; `name` is what it is asked as.

    Without a port of a `page` nginx stands for that itself.
    """

    def __init__(self, folder: Path, page: int | None, file: str, name: str) -> None:
        self.name = name
        self._last = 0
        self.clear, self.port, self.quick = free_port(), free_port(), free_port()
        self.folder = folder
        authority = Authority(folder)
        issued = authority.issue(HOST)
        changes = {
            r"listen \[::\]:.*\n": "",
            r"listen 80;": f"listen {HOST}:{self.clear};",
            r"listen 443 ": f"listen {HOST}:{self.port} ",
            r"server 127\.0\.0\.1:\d+;": f"server 127.0.0.1:{page or self.quick};",
            r"/etc/nginx/plomba/[\w.]+\.pem": str(issued.certificate),
            r"/etc/nginx/plomba/[\w.]+\.key": str(issued.key),
            r"/var/log/nginx/\w+\.log": str(folder / "access.log"),
        }
        text = (FILES / file).read_text("utf-8")
        for pattern, instead in changes.items():
            assert re.search(pattern, text), pattern
            text = re.sub(pattern, instead, text)
        text = text.replace("/etc/nginx/plomba/people", str(folder / "people"))
        text = text.replace("/var/log/nginx/", f"{folder}/")
        (folder / "plomba.conf").write_text(text)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.config = folder / "nginx.conf"
        self.config.write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
            f"events {{}}\nhttp {{\n{temporary}include {folder}/plomba.conf;\n"
            f"server {{ listen {HOST}:{self.quick}; access_log off; return 200; }}\n}}\n"
        )
        self.trust = ssl.create_default_context(cafile=str(authority.file))

    def checked(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NGINX, "-t", "-c", self.config], capture_output=True, text=True, check=False
        )

    def get(self, path: str, **headers: str) -> Answer:
        connection = HTTPSConnection(HOST, self.port, context=self.trust, timeout=ANSWERS_WITHIN_S)
        return answered(connection, path, {"Host": self.name} | headers)

    def log(self) -> str:
        """What it wrote of all that was asked so far.

        It answers first and writes then, one request after the other: the line of a last one is
        there once all others are.
        """
        self._last += 1
        last, deadline = f"/static/last-{self._last}", time.monotonic() + ANSWERS_WITHIN_S
        self.get(last)
        while last not in (log := (self.folder / "access.log").read_text("utf-8")):
            assert time.monotonic() < deadline, log
            time.sleep(0.01)
        return log


@contextmanager
def before_a_page(folder: Path, file: str, name: str) -> Iterator[Proxy]:
    """The file of deploy/cloud/nginx in a running nginx, before a page."""
    page = ThreadingHTTPServer((HOST, 0), Page)
    quick = {"poll_interval": 0.01}
    threading.Thread(target=page.serve_forever, kwargs=quick, daemon=True).start()
    try:
        with _running(Proxy(folder, page.server_address[1], file, name)) as proxy:
            yield proxy
    finally:
        page.shutdown()
        page.server_close()


@contextmanager
def before_none(folder: Path, file: str, name: str) -> Iterator[Proxy]:
    """The same where limits are looked at: no machine is too slow to be beyond them."""
    with _running(Proxy(folder, None, file, name)) as proxy:
        yield proxy


@contextmanager
def _running(proxy: Proxy) -> Iterator[Proxy]:
    process = subprocess.Popen([NGINX, "-c", str(proxy.config)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while not _listens(proxy):
            assert process.poll() is None, proxy.checked().stderr
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield proxy
    finally:
        process.kill()
        process.wait()


def _listens(proxy: Proxy) -> bool:
    try:
        proxy.get("/healthz")
    except OSError:
        return False
    return True
