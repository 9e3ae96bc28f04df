"""Labels of waiting points: a code each, which a phone on the device's Wi-Fi opens at that point.

They name dwelling, place and resource and never a person, and open nothing by themselves.
"""

from pathlib import Path
from typing import Final

from cloud_sync import points, typeset
from cloud_sync.points import Points, WaitingPoint
from drivers.reading import from_ms
from gateway.explain import qr

_TEMPLATE = Path(__file__).with_name("labels.typ")
_TEXTS: Final = {
    "ru": {
        "title": "Точки учёта",
        "none": "Все точки учёта этого дома уже передают показания.",
        "flat": "кв. {}",
        "house": "общедомовой",
        "expected": "ожидается № {}",
        "any": "любой прибор",
        "electricity": "Электроэнергия",
        "cold-water": "Холодная вода",
        "hot-water": "Горячая вода",
        "heat": "Тепло",
        "gas": "Газ",
    },
    "en": {
        "title": "Metering points",
        "none": "Every metering point of this house is read already.",
        "flat": "flat {}",
        "house": "of the house",
        "expected": "expected: {}",
        "any": "any meter",
        "electricity": "Electricity",
        "cold-water": "Cold water",
        "hot-water": "Hot water",
        "heat": "Heat",
        "gas": "Gas",
    },
}
LANGUAGES = tuple(_TEXTS)


def pdf(waiting: Points, *, language: str) -> bytes:
    """The labels of a list as a PDF; `language` is ru or en."""
    words = _TEXTS[language]
    data = {
        "language": language,
        "title": f"{words['title']}. {waiting.house}",
        "house": waiting.house,
        "made": from_ms(waiting.made_at_ms).date().isoformat(),
        "none": words["none"],
        "labels": [_label(one, words) for one in waiting.points],
    }
    return typeset.pdf(_TEMPLATE, data, waiting.made_at_ms)


def _label(one: WaitingPoint, words: dict[str, str]) -> dict[str, object]:
    expected = words["expected"].format(one.serial) if one.serial else words["any"]
    url = points.address_of(one)
    return {
        "dwelling": words["flat"].format(one.dwelling) if one.dwelling else words["house"],
        "resource": words[one.resource.value],
        "place": one.place,
        "about": ", ".join(filter(None, (one.model, expected))),
        "number": str(one.number),
        "point": one.point,
        "url": url,
        "qr": qr.svg(url).decode(),
    }
