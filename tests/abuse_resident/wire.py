"""Raw HTTP: what no well-behaved client would send, and much of it at once."""

import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from tests.abuse_resident.listener import HOST, PUBLIC

# So many are on the line before their answers are read.
_AHEAD = 50
_TIMEOUT_S = 180.0
NAME = PUBLIC.removeprefix("https://")


class Heard(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def request(
    method: str,
    path: str,
    at: str = "10.255.0.1",
    form: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    **headers: str,
) -> bytes:
    """A request as a script would send it through the proxy; `headers` with _ for -."""
    body = b"" if form is None else urlencode(form).encode()
    lines = {
        "host": NAME,
        "origin": PUBLIC,
        "accept": "application/json",
        "x-forwarded-for": at,
        "x-forwarded-proto": "https",
    }
    if cookies:
        lines["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    if form is not None:
        lines["content-type"] = "application/x-www-form-urlencoded"
        lines["content-length"] = str(len(body))
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def line_to(port: int) -> socket.socket:
    """A connection."""
    return socket.create_connection((HOST, port), timeout=_TIMEOUT_S)


def told(port: int, *requests: bytes) -> list[Heard]:
    """The answers to requests on one line, as far as the other side gives any."""
    found: list[Heard] = []
    with line_to(port) as line, line.makefile("rb") as stream:
        for at in range(0, len(requests), _AHEAD):
            some = requests[at : at + _AHEAD]
            try:
                line.sendall(b"".join(some))
                for _ in some:
                    if (heard := _answer(stream)) is None:
                        return found
                    found.append(heard)
            except (ConnectionError, TimeoutError):
                return found
    return found


def many(port: int, requests: Sequence[bytes]) -> list[Heard]:
    """As `told`, of requests each of which must be answered, whatever the line's length of life."""
    found: list[Heard] = []
    while len(found) < len(requests):
        more = told(port, *requests[len(found) :])
        assert more, "the listener answers no more"
        found += more
    return found


def _answer(stream: socket.SocketIO | object) -> Heard | None:
    read = stream.readline  # type: ignore[union-attr]
    first = read(4096)
    if not first:
        return None
    headers: dict[str, str] = {}
    while (line := read(8192)) not in {b"\r\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]
    return Heard(int(first.split()[1]), body, headers)
