"""Pictures that are none, or more than one, or would burst whoever looks at them."""

import io
import zipfile

from PIL import Image

from tests.abuse_resident.house import House
from tests.gateway.photo.photos import (
    chunk,
    encoded,
    exif,
    heic,
    moving,
    png,
    scene,
    webp,
)
from tests.gateway.resident_web.memory import sha

FLAT = 5
SCRIPT = b"<script>alert('mark-of-the-payload')</script>"
MARK = b"mark-of-the-payload"
_PHOTO = encoded(scene(11))
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("mark-of-the-payload.html", SCRIPT)
    return out.getvalue()


def with_comment(text: bytes) -> bytes:
    return _PHOTO[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + _PHOTO[2:]


def with_metadata() -> bytes:
    """Every segment of metadata that a JPEG may have, filled."""
    segment = b"\xff\xe1" + (65_533).to_bytes(2, "big") + b"Exif\0\0" + bytes(65_525)
    return _PHOTO[:2] + segment * 120 + _PHOTO[2:]


def png_with_text(said: bytes) -> bytes:
    data = encoded(scene(12), "png")
    text = chunk(b"tEXt", b"Comment\0" + said) + chunk(b"scRp", said)
    return data[:33] + text + data[33:]


REFUSED = {
    "jpeg with a script for a comment": with_comment(SCRIPT),
    "png with script chunks": png_with_text(SCRIPT),
    "svg": SVG,
    "svg after a JPEG's first bytes": b"\xff\xd8\xff\xe0" + SVG,
    "html": b"<!doctype html>" + SCRIPT,
    "gif": encoded(scene(13), "gif"),
    "gif with a script for a comment": b"GIF89a/*" + SCRIPT + b"*/=1;",
    "jpeg with html behind": _PHOTO + b"<html>" + SCRIPT,
    "jpeg with a zip behind": _PHOTO + archive(),
    "zip": archive(),
    "pdf": b"%PDF-1.7\n" + SCRIPT,
    "bmp": encoded(scene(14), "bmp"),
    "tiff": encoded(scene(14), "tiff"),
    "png of 30000 x 30000": png(30_000, 30_000),
    "png of no height": png(4000, 0),
    "webp of 16384 x 16384": webp(16_384, 16_384),
    "heic of 30000 x 30000": heic(30_000, 30_000),
    "heic of garbage": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(range(256)) * 40,
    "moving png": moving("png"),
    "moving webp": moving("webp"),
    "jpeg cut in half": _PHOTO[: len(_PHOTO) // 2],
    "png cut short": encoded(scene(15), "png")[:200],
    "one byte": b"x",
    "a strip": encoded(Image.new("RGB", (4000, 70))),
    "a JPEG that says 60000 x 60000": _PHOTO.replace(
        (480).to_bytes(2, "big") + (640).to_bytes(2, "big"), b"\xea\x60\xea\x60", 1
    ),
}
TAKEN = {
    "jpeg with a comment": with_comment(MARK),
    "jpeg with 8 MB of metadata": with_metadata(),
    "png with chunks of text": png_with_text(MARK),
    "a place in its EXIF": encoded(scene(16), exif=exif("2026:09:20 11:00:00", with_gps=True)),
}


def test_what_is_no_photo_is_refused_in_plain_words_and_not_kept(house: House) -> None:
    resident, path = house.resident(FLAT), f"/meter/{house.register(FLAT)}/photo"
    sent = {"proof": resident.proof()}
    for name, data in REFUSED.items():
        # A name and a type that lie are believed by nobody.
        file = ("../../../etc/passwd\0.jpg", data, "image/jpeg")
        answer = resident.post(path, data=sent, files={"photo": file})
        assert answer.status_code == 422, name
        assert "Это фото не открылось" in answer.text, name
        assert MARK.decode() not in answer.text
    kept = {bytes(one).hex() for (one,) in house.block.rows("SELECT sha256 FROM photo")}  # type: ignore[call-overload]
    assert not kept & {sha(one) for one in REFUSED.values()}


def test_what_is_kept_is_written_anew_and_holds_nothing_of_what_came_along(house: House) -> None:
    resident, register = house.resident(FLAT), house.register(FLAT)
    sent = {"proof": resident.proof()}
    for name, data in TAKEN.items():
        files = {"photo": ("a.jpg", data)}
        answer = resident.post(f"/meter/{register}/photo", data=sent, files=files)
        assert answer.status_code == 303, name
        number = answer.headers["location"].rpartition("=")[2]
        kept = resident.get(f"/photo/{number}")
        assert kept.headers["content-type"] == "image/jpeg"
        assert kept.headers["x-content-type-options"] == "nosniff"
        for part in (MARK, b"<script", b"Exif", b"GPS", b"Camera of"):
            assert part not in kept.content, name
        assert len(kept.content) < 2**20


def test_sent_in_pieces_it_is_refused_as_well_and_leaves_no_file(house: House) -> None:
    resident, register = house.resident(FLAT), house.register(FLAT)
    sent = {"proof": resident.proof()}
    for data in (SVG, png(30_000, 30_000), _PHOTO + archive()[:60_000]):
        about = {"register": str(register), "size": str(len(data)), "sha256": sha(data)}
        where = resident.post("/upload", data=sent | about).headers["location"]
        headers = {"upload-offset": "0", "x-proof": sent["proof"]}
        assert resident.ask("PATCH", where, content=data, headers=headers).status_code == 204
        assert resident.post(f"{where}/done", data=sent).status_code == 422
        assert resident.ask("HEAD", where).status_code == 404
    uploads = house.folder / "uploads"
    assert not [one for one in uploads.iterdir() if one.stat().st_size > 1000]


def test_another_files_bytes_than_were_announced_are_dropped(house: House) -> None:
    resident, register = house.resident(FLAT), house.register(FLAT)
    sent = {"proof": resident.proof()}
    about = {"register": str(register), "size": str(len(SVG)), "sha256": sha(_PHOTO)}
    where = resident.post("/upload", data=sent | about).headers["location"]
    headers = {"upload-offset": "0", "x-proof": sent["proof"]}
    resident.ask("PATCH", where, content=SVG, headers=headers)
    assert resident.post(f"{where}/done", data=sent).status_code == 422
