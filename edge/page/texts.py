"""What the screens say, in Russian and English, and how each language writes numbers.

Short sentences for somebody who stands in the dark with cold hands. A `sorry_…` tells what went
wrong, its `…_do` what to do next.
"""

from decimal import Decimal
from typing import Literal

from cloud_sync import visit_texts
from cloud_sync.points import WaitingPoint, number_of
from cloud_sync.visit import Check, Level
from edge.page.later_texts import LATER
from edge.page.sorry_texts import SORRY
from edge.page.visit_texts import VISIT
from edge.visit.dial import Hint
from edge.visit.recording import Hindrance

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = ("ru", "en")
_MINUS = "\u2212"
_NBSP = "\u00a0"
_UNITS = {
    "kWh": "кВт·ч", "kvarh": "квар·ч", "m3": "м³", "Gcal": "Гкал", "GJ": "ГДж", "t": "т",
    "kW": "кВт", "m3/h": "м³/ч", "V": "В", "A": "А", "Hz": "Гц", "h": "ч", "MWh": "МВт·ч",
    "Wh": "Вт·ч", "HCA": "ед.",
}  # fmt: skip
_EN_UNITS = {"m3": "m³", "m3/h": "m³/h", "HCA": "units"}

TEXTS: dict[str, tuple[str, str]] = (
    SORRY
    | VISIT
    | LATER
    | {
        "title": ("Ввод счётчиков", "Commissioning"),
        "skip": ("К содержанию", "Skip to the content"),
        "language": ("English", "Русский"),
        "to_home": ("На главный экран", "To the main screen"),
        "go_on": ("Дальше", "Go on"),
        "back": ("Назад", "Back"),
        "away": (
            "Нет связи с устройством. Проверьте, что телефон подключён к его сети Wi‑Fi.",
            "No connection to the device. Is the phone still in its Wi-Fi network?",
        ),
        "enter": ("Код с наклейки", "The code on the label"),
        "enter_code": ("Код", "Code"),
        "enter_go": ("Войти", "Enter"),
        "enter_how": (
            (
                "Код напечатан на наклейке устройства под квадратным кодом. Квадратный код можно "
                "навести камерой телефона: тогда вводить ничего не нужно."
            ),
            (
                "It is printed on the device's label under the square code. Point the phone's "
                "camera at the square code and nothing has to be typed."
            ),
        ),
        "enter_none": (
            (
                "У этого устройства нет кода. Задайте его на устройстве: "
                "sudo -u plomba plomba-edge page --new-code"
            ),
            (
                "This device has no code. Make one on the device: "
                "sudo -u plomba plomba-edge page --new-code"
            ),
        ),
        "flat": ("кв. {}", "flat {}"),
        "leave": ("Выйти", "Sign out"),
        "resource_electricity": ("Электричество", "Electricity"),
        "resource_cold-water": ("Холодная вода", "Cold water"),
        "resource_hot-water": ("Горячая вода", "Hot water"),
        "resource_heat": ("Тепло", "Heat"),
        "resource_gas": ("Газ", "Gas"),
        "resource_": ("Счётчик", "Meter"),
    }
)
# What a register is called beside its value, by quantity and tariff of its OBIS code.
_QUANTITIES = {
    "1.8": ("Приём", "Import"), "2.8": ("Отдача", "Export"),
    "3.8": ("Реактивная, приём", "Reactive import"),
    "4.8": ("Реактивная, отдача", "Reactive export"),
    "21.8": ("Фаза 1", "Phase 1"), "41.8": ("Фаза 2", "Phase 2"), "61.8": ("Фаза 3", "Phase 3"),
}  # fmt: skip


def preferred(chosen: str, accepted: str) -> Language:
    """The chosen language, else the browser's first that we speak; Russian otherwise."""
    for language in LANGUAGES:
        if chosen == language:
            return language
    for part in accepted.split(","):
        for language in LANGUAGES:
            if part.strip().lower().startswith(language):
                return language
    return "ru"


class Speech:
    """One language: `speech("key", value)` is a text with the value put in."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._at = LANGUAGES.index(language)

    @property
    def other(self) -> Language:
        """The language to change to."""
        return LANGUAGES[1 - self._at]

    def __call__(self, key: str, *values: object) -> str:
        """The text of a key."""
        return TEXTS[key][self._at].format(*values)

    def unit(self, unit: str) -> str:
        """A unit as people write it."""
        return (_UNITS if self.language == "ru" else _EN_UNITS).get(unit, unit)

    def number(self, value: Decimal) -> str:
        """A decimal as people write it."""
        text = format(value, "f").replace("-", _MINUS)
        return text.replace(".", ",") if self.language == "ru" else text

    def level(self, level: Level, *, padded: bool = True) -> str:
        """What a counter shows, `padded` with the zeros its dial shows where they are known.

        What a person typed may have fewer digits than the meter's own, so it is shown as it is.
        """
        text = self.number(abs(level.value))
        whole, mark, rest = text.partition("," if self.language == "ru" else ".")
        places = level.digits + level.exponent if padded and level.digits else 1
        sign = _MINUS if level.mantissa < 0 else ""
        return f"{sign}{whole.zfill(places)}{mark}{rest}"

    def value(self, level: Level) -> str:
        """The same with its unit."""
        return f"{self.level(level)}{_NBSP}{self.unit(level.unit)}"

    def register(self, obis: str) -> str:
        """What a register counts: a tariff, a direction, or its code."""
        place = obis.partition(":")[2].split(".")
        if len(place) < 3:  # noqa: PLR2004 - quantity, kind, tariff
            return obis
        name = _QUANTITIES.get(".".join(place[:2]))
        if name is None or not obis.startswith("1-"):
            return obis
        tariff = "" if place[2] == "0" else f", T{place[2]}"
        return f"{name[self._at]}{tariff}"

    def resource(self, name: str) -> str:
        """What a meter counts."""
        key = f"resource_{name}"
        return self(key if key in TEXTS else "resource_")

    def point(self, point: WaitingPoint | None, name: str = "") -> str:
        """A point as people call it: its dwelling and place, else its number, else its name."""
        if point is None:
            number = number_of(name)
            return name if number is None else f"№ {number}"
        dwelling = point.dwelling
        if dwelling[:1].isdecimal():
            dwelling = self("flat", dwelling)
        return ", ".join(part for part in (dwelling, point.place) if part) or point.point

    def what(self, check: Check) -> str:
        """What was looked at."""
        return visit_texts.what(check, self.language)

    def check(self, check: Check) -> str:
        """What was found of it."""
        return visit_texts.sentence(check, self.language)

    def hindrance(self, hindrance: Hindrance) -> str:
        """Why a visit cannot be signed yet."""
        key = f"hindrance_{hindrance.code}"
        return self(key, hindrance.detail) if key in TEXTS else hindrance.code

    def hint(self, hint: Hint) -> str:
        """What a difference between dial and meter may come from."""
        key = f"hint_{hint.code}"
        if key not in TEXTS:
            return hint.code
        fields = [one.replace(".", ",") if self.language == "ru" else one for one in hint.fields]
        return self(key, *fields, "", "", "")
