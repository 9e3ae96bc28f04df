"""Bodies of forms, bounded before they are read: fields, and the one file of the plain photo form.

The framework's own reader of multipart is not used: it would bring another dependency for one
form with one file. Ours takes the few shapes that browsers send and refuses every other.
"""

import asyncio
import re
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.requests import ClientDisconnect

from gateway.resident_web.ports import NotDone

# The longest form is a dispute of 2000 letters, each nine bytes once quoted.
FORM_BYTES_MAX = 32 * 1024
FIELDS_MAX = 64
# As much as is looked at (gateway/photo/intake.py): a JPEG of 50 megapixels.
PHOTO_BYTES_MAX = 12 * 1024 * 1024
# Fields, boundaries and headers beside the file.
_BESIDE_BYTES_MAX = 16 * 1024
PLAIN_BYTES_MAX = PHOTO_BYTES_MAX + _BESIDE_BYTES_MAX
# Twelve megabytes over a mobile line of the slow kind; a form of fields is there at once.
PLAIN_S, FORM_S = 900.0, 30.0
PARTS_MAX = 8
_HEAD_BYTES_MAX = 2048
_BOUNDARY = re.compile(r'boundary="?([0-9A-Za-z\'()+_,\-./:=?]{1,70})"?\s*$')
_NAME = re.compile(
    rb'content-disposition:\s*form-data;[^\r\n]*?\bname="([a-z0-9_]{1,32})"', re.IGNORECASE
)


async def body(request: Request, most: int, within_s: float) -> bytes:
    """The request's body; NotDone where it is larger than `most` bytes, or does not come."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > len(str(most)) + 1 or int(declared) > most:
        raise NotDone("too_large", 413)
    got = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for piece in request.stream():
                got += piece
                if len(got) > most:
                    raise NotDone("too_large", 413)
    except (TimeoutError, ClientDisconnect):
        raise NotDone("cut_short", 408) from None
    return bytes(got)


def fields(data: bytes) -> dict[str, str]:
    """The fields of an ordinary form; of one that stands twice the last counts."""
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise NotDone("not_understood") from None
    return dict(pairs)


def parts(data: bytes, content_type: str) -> dict[str, bytes]:
    """The parts of a multipart/form-data body by their names; NotDone for any other body."""
    found = _BOUNDARY.search(content_type)
    if found is None or not content_type.lower().startswith("multipart/form-data"):
        raise NotDone("not_understood")
    between = b"\r\n--" + found[1].encode("ascii")
    before, *pieces = (b"\r\n" + data).split(between, PARTS_MAX + 2)
    if before or len(pieces) < 2 or len(pieces) > PARTS_MAX + 1 or pieces[-1][:2] != b"--":  # noqa: PLR2004 - a part and the end
        raise NotDone("not_understood")
    return dict(_part(piece) for piece in pieces[:-1])


def _part(piece: bytes) -> tuple[str, bytes]:
    end = piece.find(b"\r\n\r\n", 0, _HEAD_BYTES_MAX)
    name = _NAME.search(piece[: max(end, 0)])
    if name is None or not piece.startswith(b"\r\n"):
        raise NotDone("not_understood")
    return name[1].decode("ascii").lower(), piece[end + 4 :]
