"""Parsers of what browsers send to the residents' pages: forms, photos in forms, values."""

from collections.abc import Iterator

from gateway.resident_web import dial, forms
from gateway.resident_web.ports import NotDone
from simulators.fuzz.engine import Parser

_TYPE = "multipart/form-data; boundary=XX"
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
    yield Parser("page-form", forms.fields, errors, (b"proof=abc&d0=1&d1=&photo=7",), _WORDS)
    yield Parser("page-photo", lambda data: forms.parts(data, _TYPE), errors, (_PHOTO,), _WORDS)
    yield Parser(
        "page-photo-type", lambda data: forms.parts(_PHOTO, data.decode("latin-1")), errors,
        (_TYPE.encode(), b'multipart/form-data; boundary="XX"'), _WORDS,
    )  # fmt: skip
    yield Parser(
        "page-value", lambda data: dial.parsed(data.decode("utf-8", "replace")), errors,
        (b"123.456", b"0", b"00123"), (b".", b"e9", b"NaN", b"-", "٣".encode()),
    )  # fmt: skip
