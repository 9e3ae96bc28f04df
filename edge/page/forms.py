"""Bodies of forms, bounded while they are read: fields, and the one photo of the photo form.

Starlette's own reader takes files of any size, so it is given a stream that ends in a refusal where
the bound is. Texts are bounded by their letters and rid of what no line of text holds.
"""

import asyncio
import logging
import unicodedata
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from edge.page.refusal import NotDone

# The longest form is an overview's remark of 500 letters, each nine bytes once quoted.
FORM_BYTES_MAX = 16 * 1024
FIELDS_MAX = 32
FIELD_BYTES_MAX = 8 * 1024
# Fields, boundaries and headers beside a file.
_BESIDE_BYTES_MAX = 8 * 1024
# A form of fields is there at once, also over a weak access point; a photo takes its time.
FORM_S, PHOTO_S = 30.0, 120.0
# The reader of multipart warns of every odd byte: strangers would write our journal.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


async def fields(request: Request) -> dict[str, str]:
    """The fields of an ordinary form; of one that stands twice the last counts."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise NotDone("not_understood")
    stream = bounded(request, FORM_BYTES_MAX, FORM_S)
    parser = FormParser(
        request.headers, stream, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX
    )
    try:
        sent = await parser.parse()
    except MultiPartException:
        raise NotDone("not_understood") from None
    return {name: value for name, value in sent.items() if isinstance(value, str)}


async def file_of(request: Request, name: str, most: int) -> tuple[dict[str, str], bytes]:
    """The fields of a form with a file called `name`, and the file; NotDone over `most` bytes."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise NotDone("not_understood")
    stream = bounded(request, most + _BESIDE_BYTES_MAX, PHOTO_S, over="file_large")
    parser = MultiPartParser(
        request.headers, stream, max_files=1, max_fields=8, max_part_size=FIELD_BYTES_MAX
    )
    try:
        sent = await parser.parse()
    except MultiPartException:
        raise NotDone("not_understood") from None
    try:
        file = sent.get(name)
        if not isinstance(file, UploadFile):
            raise NotDone("not_understood")
        data = await file.read(most + 1)
    finally:
        await sent.close()
    if len(data) > most:
        raise NotDone("file_large", 413)
    return {key: value for key, value in sent.items() if isinstance(value, str)}, data


async def bounded(
    request: Request, most: int, within_s: float, *, over: str = "too_large"
) -> AsyncGenerator[bytes, None]:
    """The body of a request; NotDone where it is more than `most` bytes, or does not come."""
    declared = request.headers.get("content-length", "0")
    if not declared.isascii() or not declared.isdecimal() or len(declared) > len(str(most)) + 1:
        raise NotDone(over, 413)
    if int(declared) > most:
        raise NotDone(over, 413)
    got = 0
    stream = request.stream()
    ends_s = asyncio.get_running_loop().time() + within_s
    while True:
        try:
            async with asyncio.timeout_at(ends_s):
                piece = await anext(stream, None)
        except (TimeoutError, ClientDisconnect):
            raise NotDone("cut_short", 408) from None
        if piece is None:
            return
        got += len(piece)
        if got > most:
            raise NotDone(over, 413)
        yield piece


def line(text: str, most: int) -> str:
    """One line of text as a person meant it; NotDone where it is longer than `most` letters."""
    kept = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    said = " ".join(kept.split())
    if len(said) > most:
        raise NotDone("too_long", 422, str(most))
    return said


def index(text: str, below: int) -> int:
    """A number from 0 to `below` - 1 out of an address; NotDone for any other."""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(below)):
        raise NotDone("no_page", 404)
    number = int(text)
    if number >= below:
        raise NotDone("no_page", 404)
    return number
