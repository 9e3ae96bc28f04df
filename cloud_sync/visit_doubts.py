"""Why an event of a visit waits for a person: the gateway's stable words, in both languages.

A device is told the word with its answer and shows the sentence in its installer's language.
"""

from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["ru", "en"]

DOUBTS: Final[Mapping[str, tuple[str, str]]] = {
    "later-visit-came-first": (
        "Более поздний выезд пришёл раньше",
        "A later visit came first",
    ),
    "clock-not-set": (
        "Часы устройства не были установлены",
        "The device's clock was not set",
    ),
    "clock-doubtful": ("Часы устройства были неверны", "The device's clock was wrong"),
    "from-the-future": ("Время из будущего", "A time that is to come"),
    "other-house": ("Акт о другом доме", "The record is of another house"),
    "no-point": ("Точка учёта не указана", "No metering point is named"),
    "unknown-point": ("Точки учёта нет в реестре", "Not a point of the registry"),
    "foreign-point": ("Чужой дом", "Of a foreign house"),
    "other-resource": ("Прибор другого ресурса", "A meter of another resource"),
    "other-point": ("Прибор стоит в другой точке", "The meter stands at another point"),
    "point-taken": (
        "В точке стоит другой прибор",
        "Another meter stands at the point",
    ),
    "not-standing": ("Прибор нигде не стоит", "The meter stands nowhere"),
    "serial-elsewhere": (
        "Этот номер стоит в другой точке",
        "This serial stands elsewhere",
    ),
    "read-by-another": (
        "Прибор опрашивает другое устройство",
        "Another device reads the meter",
    ),
    "unknown-profile": (
        "Устройство не умеет читать этот прибор",
        "The device cannot read this meter",
    ),
    "dial-differs": (
        "На приборе видели другое значение",
        "The dial shows another value",
    ),
    "no-value": ("Нет значения", "A value is missing"),
    "below-last-reading": (
        "Меньше последнего показания",
        "Below the last reading",
    ),
    "no-plan": ("Неизвестны разряды прибора", "The digits of its dial are not known"),
    "period-closed": ("Расчётный период закрыт", "The period is closed"),
    "old-device-speaks": (
        "Старое устройство ещё передаёт",
        "The old device speaks on",
    ),
    "registry": ("Противоречит реестру", "The registry contradicts it"),
}


def doubt(code: str, language: Language) -> str:
    """The sentence of a word; the word itself where a newer gateway says one."""
    russian, english = DOUBTS.get(code, (code, code))
    return russian if language == "ru" else english
