"""The paper of a visit: what the seal covers, in both languages, and the seal itself."""

import hashlib
import io
import re
from zoneinfo import ZoneInfo

import msgspec
import pypdf
import pytest
from PIL import Image

from cloud_sync import visit, visit_pdf
from cloud_sync.topics import visit_topic
from cloud_sync.visit import Exchange, First, Install, Level, Remove, Visit, When
from cloud_sync.visit_texts import LANGUAGES, Language
from cloud_sync.visit_words import RESOURCES, UNITS, WORDS
from drivers.reading import ClockState, Resource, Unit
from tests.cloud_sync.test_visit import INSTALL, KEY, LEVEL, a_visit, replaced

MOSCOW = ZoneInfo("Europe/Moscow")
NASTY = '#set text("x") $x$ \\ @a <b>'


def a_picture(colour: str) -> tuple[bytes, bytes]:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return hashlib.sha256(out.getvalue()).digest(), out.getvalue()


def sealed(record: Visit) -> bytes:
    return KEY.seal(visit.encode(record), visit_topic(record.device))


def plain(content: bytes) -> str:
    """A PDF's text without what typesetting put between the letters."""
    pages = (page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"[\s\u2060\u2010-]+", "", "".join(pages))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_paper_says_what_was_sealed(language: Language) -> None:
    name, jpeg = a_picture("red")
    install = msgspec.structs.replace(INSTALL, photos=(name,), place=NASTY)
    gone = Remove("77", (LEVEL,), "read", "moved out", install.at)
    record = a_visit(
        events=(install, Exchange("55", (), "none", "burnt", replaced("66")), gone),
        remarks="all well",
    )
    message = sealed(record)
    content = visit_pdf.of_visit(message, {name: jpeg}, language, MOSCOW, First(17, bytes(32)))
    text = plain(content)
    value = "123,456" if language == "ru" else "123.456"
    for said in (
        "11223344", "П-17", "cold-1", NASTY, value, "66", "55", "burnt", "77", "moved out",
        "all well", "Иван", hashlib.sha256(message).hexdigest(), KEY.public.key_id.hex(),
        WORDS[language]["first_is"].format(number=17), RESOURCES[language]["cold-water"],
    ):  # fmt: skip
        assert re.sub(r"[\s-]+", "", said) in text
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert reader.attachments["record.cose"] == [message]
    assert reader.trailer["/Root"]["/Lang"] == language
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert any("/Image" in str(page.get("/Resources")) or page.images for page in reader.pages)


def test_the_same_record_is_the_same_file() -> None:
    message = sealed(a_visit())
    assert visit_pdf.of_visit(message, {}, "ru", MOSCOW) == visit_pdf.of_visit(
        message, {}, "ru", MOSCOW
    )


def test_photos_that_are_none_do_not_keep_the_paper_back() -> None:
    jpeg = b"\xff\xd8 no picture \xff\xd9"
    name = hashlib.sha256(jpeg).digest()
    record = a_visit(events=(msgspec.structs.replace(INSTALL, photos=(name,)),))
    message = sealed(record)
    assert "1" in plain(visit_pdf.of_visit(message, {name: jpeg}, "ru", MOSCOW))
    assert visit_pdf.of_visit(message, {name: b"another"}, "ru", MOSCOW)


def test_times_that_nobody_knows_are_told_as_such() -> None:
    since = When(3_723_000, ClockState.RELATIVE, b"boot-one")
    record = a_visit(started=since, ended=since, events=())
    assert "1:02:03" in plain(visit_pdf.of_visit(sealed(record), {}, "en", MOSCOW))


def test_a_full_segment_is_a_paper() -> None:
    levels = (Level("6-0:1.0.0", 12_345, -2, Unit.GCAL, 8), LEVEL)
    events: tuple[Install, ...] = tuple(
        replaced(f"{n:08}", levels=levels, resource=Resource.HEAT) for n in range(visit.EVENTS_MAX)
    )
    content = visit_pdf.of_visit(sealed(a_visit(events=events)), {}, "ru", MOSCOW)
    assert len(pypdf.PdfReader(io.BytesIO(content)).pages) >= 15


def test_every_word_is_there_in_both_languages() -> None:
    assert WORDS["ru"].keys() == WORDS["en"].keys()
    assert {str(one) for one in Resource} == RESOURCES["ru"].keys() == RESOURCES["en"].keys()
    assert UNITS["ru"].keys() <= {str(one) for one in Unit} | {"MWh"}
