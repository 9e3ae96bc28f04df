import pytest

from gateway.photo.intake import BYTES_MAX
from gateway.resident_web import forms
from gateway.resident_web.forms import fields, parts
from gateway.resident_web.ports import NotDone

TYPE = "multipart/form-data; boundary=XX"


def part(name: str, content: bytes) -> bytes:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n'
    return head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + content + b"\r\n"


def test_a_file_comes_out_as_it_went_in() -> None:
    photo = bytes(range(256)) + b"\r\n--X\r\n\r\n\n\r"
    body = part("proof", b"abc") + part("photo", photo) + b"--XX--\r\n"
    assert parts(body, TYPE) == {"proof": b"abc", "photo": photo}
    assert parts(body, 'multipart/form-data; boundary="XX"')["photo"] == photo


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", TYPE),
        (b"--XX--", TYPE),
        (b"x" + part("a", b"") + b"--XX--", TYPE),
        (part("a", b""), TYPE),
        (part("a", b"") * 9 + b"--XX--", TYPE),
        (part("a" * 33, b"") + b"--XX--", TYPE),
        (part("../a", b"") + b"--XX--", TYPE),
        (b"--XX\r\n" + b"x" * 5000 + b'name="a"\r\n\r\n\r\n--XX--', TYPE),
        (b'--XXname="a"\r\n\r\n\r\n--XX--', TYPE),
        (part("a", b"") + b"--XX--", "multipart/form-data"),
        (part("a", b"") + b"--XX--", "text/plain; boundary=XX"),
        (part("a", b"") + b"--XX--", "multipart/form-data; boundary=" + "X" * 71),
    ],
)
def test_any_other_shape_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(NotDone):
        parts(body, kind)


def test_fields_are_counted() -> None:
    assert fields(b"a=1&b=%D0%B9&b=2") == {"a": "1", "b": "2"}
    for bad in (b"&".join(b"a=1" for _ in range(65)), b"a=%FF", b"a=\xff"):
        with pytest.raises(NotDone):
            fields(bad)


def test_a_photo_that_may_be_sent_may_be_looked_at() -> None:
    assert forms.PHOTO_BYTES_MAX == BYTES_MAX
