"""Parsers of what phones send to a device's own page: forms, a photo in a form, names of hosts."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from starlette.requests import Request
from starlette.types import Message

from edge.page import door, forms, label
from edge.page.refusal import NotDone
from simulators.fuzz.engine import Parser

_FORM = "application/x-www-form-urlencoded"
_PHOTO_TYPE = "multipart/form-data; boundary=XX"
_PHOTO_MAX = 4096
_PHOTO = (
    b'--XX\r\nContent-Disposition: form-data; name="proof"\r\n\r\nabc\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xd9\r\n--XX--\r\n"
)
_WORDS = (
    b"--XX", b"--XX--", b"\r\n", b"\r\n\r\n", b'name="', b"Content-Disposition: form-data; ",
    b"&", b"=", b"%", b"%FF", b"%00", b"+", b"\xff", b"\x00",
)  # fmt: skip


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    errors = (NotDone,)
    yield Parser("device-form", _fields, errors, (b"proof=abc&place=%D1%89&seal=",), _WORDS)
    yield Parser("device-photo", _photo, errors, (_PHOTO,), _WORDS)
    yield Parser("device-photo-type", _typed, errors, (_PHOTO_TYPE.encode(),), _WORDS)
    yield Parser(
        "device-host", lambda data: door.host_of(data.decode("latin-1")), (),
        (b"10.42.0.1:8080", b"[fe80::1%25wlan0]:80", b"[::ffff:10.42.0.1]", b"riser-1.local"),
        (b"[", b"]", b":", b"%", b"::", b"0x", b"\xff"),
    )  # fmt: skip
    yield Parser(
        "device-line", _line, errors, ("щит 1\u202e".encode(),), (b"\x00", b"\xe2\x80\xae")
    )
    yield Parser(
        "device-code", lambda data: label.normal(data.decode("utf-8", "replace")), (),
        (b"K7TD-4MPX",), ("ß".encode(), "İ".encode(), b" ", b"-"),
    )  # fmt: skip


def _fields(data: bytes) -> object:
    return _run(forms.fields(_request(data, _FORM)))


def _photo(data: bytes) -> object:
    return _run(forms.file_of(_request(data, _PHOTO_TYPE), "photo", _PHOTO_MAX))


def _typed(data: bytes) -> object:
    request = _request(_PHOTO, data.decode("latin-1"))
    return _run(forms.file_of(request, "photo", _PHOTO_MAX))


def _line(data: bytes) -> str:
    """A line of text; once more changes nothing, and nothing of it breaks a line."""
    kept = forms.line(data.decode("utf-8", "replace"), len(data))
    if forms.line(kept, len(data)) != kept or not all(map(str.isprintable, kept)):
        raise AssertionError(f"not one line of text: {kept!r}")
    return kept


def _request(body: bytes, kind: str) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", kind.encode("latin-1"))]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    return Request(scope, receive)


def _run(work: Coroutine[Any, Any, object]) -> object:
    return asyncio.run(work)
