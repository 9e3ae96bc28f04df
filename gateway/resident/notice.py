"""The house's notice: for dwellings nobody can write to, a slip with a link and its QR code each.

Four slips to a page of A4, to be cut and put into the boxes. A slip names house and dwelling and
never the account's number: that stands on the bill, is typed by whoever opens the link, and is what
a neighbour with the slip of another does not have. The PDF itself opens nothing without it, and is
written for its owner's eyes only.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cloud_sync import typeset
from drivers.reading import from_ms
from gateway.explain import qr
from gateway.resident.model import Dwelling

_TEMPLATE = Path(__file__).with_name("notice.typ")
# A page takes typst some milliseconds; a house of more flats is told as several notices.
SLIPS_MAX = 2000
_UNSAFE = re.compile(r"[^\w.-]+")

_TEXTS: Final = {
    "ru": {
        "title": "Передайте показания",
        "ask": "Прибор учёта не передал показания сам. Передайте их до {until} включительно:",
        "steps": (
            "Наведите камеру телефона на квадрат, или наберите адрес под ним.",
            "Введите номер лицевого счёта из квитанции.",
            "Сфотографируйте прибор и проверьте цифры.",
        ),
        "warn": "Ссылка только для этого помещения. Без показаний начисление сделают по среднему"
        " или по нормативу.",
        "flat": "кв. {dwelling}",
    },
    "en": {
        "title": "Please send your meter reading",
        "ask": "The meter did not send its reading by itself. Please send it by {until}:",
        "steps": (
            "Point the phone's camera at the square, or type the address below it.",
            "Type the number of your personal account, as on the bill.",
            "Take a photo of the meter and check the digits.",
        ),
        "warn": "The link is for this dwelling only. Without a reading the bill is made by an"
        " average or by the norm.",
        "flat": "flat {dwelling}",
    },
}


class Slip(NamedTuple):
    """A dwelling's slip; `until_ms` is the end of the window."""

    dwelling: Dwelling
    url: str
    until_ms: int


def pdf(slips: Sequence[Slip], *, language: str, office: str, now_ms: int) -> bytes:
    """The notice of a house; as many slips as there are dwellings."""
    words = _TEXTS[language]
    data = {
        "language": language,
        "title": words["title"],
        "office": office,
        "slips": [_slip(one, language) for one in slips],
    }
    return typeset.pdf(_TEMPLATE, data, now_ms)


def file_name(house: str, period: str) -> str:
    """What a house's notice is called: letters and digits of any script stay."""
    return f"{_UNSAFE.sub('-', house).strip('-.') or 'house'}-{period}.pdf"


def _slip(one: Slip, language: str) -> dict[str, object]:
    words = _TEXTS[language]
    day = from_ms(one.until_ms - 1).astimezone(one.dwelling.zone).date()
    until = day.isoformat() if language == "en" else f"{day:%d.%m.%Y}"
    return {
        "title": words["title"],
        "place": f"{one.dwelling.house}, "
        + str(words["flat"]).format(dwelling=one.dwelling.dwelling),
        "ask": str(words["ask"]).format(until=until),
        "steps": list(words["steps"]),
        "warn": words["warn"],
        "url": one.url,
        "qr": qr.svg(one.url).decode(),
    }
