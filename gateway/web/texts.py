"""The page's words in Russian and English, and how each language writes numbers and times."""

from datetime import date
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.web import (
    act_texts,
    audit_texts,
    balance_texts,
    claims_texts,
    dispute_texts,
    estimate_texts,
    explain_texts,
    history_texts,
    identity_texts,
    periods_texts,
    profile_texts,
    reconcile_texts,
    review_texts,
    verification_texts,
    visits_texts,
    years_texts,
)

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = ("ru", "en")

_NARROW_SPACE = "\u202f"
_MINUS = "\u2212"
_MONTHS = {
    "ru": ["янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}

TEXTS: dict[str, tuple[str, str]] = (
    act_texts.TEXTS
    | audit_texts.TEXTS
    | balance_texts.TEXTS
    | claims_texts.TEXTS
    | dispute_texts.TEXTS
    | estimate_texts.TEXTS
    | explain_texts.TEXTS
    | history_texts.TEXTS
    | identity_texts.TEXTS
    | periods_texts.TEXTS
    | profile_texts.TEXTS
    | reconcile_texts.TEXTS
    | review_texts.TEXTS
    | verification_texts.TEXTS
    | visits_texts.TEXTS
    | years_texts.TEXTS
    | {
        "tagline": ("показания под пломбой", "readings under seal"),
        "houses": ("Дома", "Houses"),
        "skip": ("К содержанию", "Skip to the content"),
        "places": ("Страницы дома", "Pages of the house"),
        "place_overview": ("Обзор", "Overview"),
        "place_review": ("Разбор", "Review"),
        "language": ("English", "Русский"),
        "no_houses": ("Домов пока нет", "No houses yet"),
        "no_houses_hint": (
            "Импортируйте реестр: plomba-gateway registry import дома.csv",
            "Import the registry: plomba-gateway registry import houses.csv",
        ),
        "stored": ("Сохранено", "Stored"),
        "accepted": ("Принято", "Accepted"),
        "suspect": ("Под вопросом", "Suspect"),
        "rejected": ("Отклонено", "Rejected"),
        "handed_to_billing": ("В биллинге", "In billing"),
        "quarantined": ("В карантине", "Quarantined"),
        "batches": ("пакетов: {}", "batches: {}"),
        "of_lines": ("из {} строк", "of {} lines"),
        "messages": ("не прошли проверку", "failed their check"),
        "not_ours": ("не наши или отклонены человеком", "not ours or turned down"),
        "for_review": ("ждут человека", "wait for a person"),
        "share": ("{} % всех", "{} % of all"),
        "waiting": ("ещё {} ждут точного времени", "{} more wait for the time"),
        "consumption": ("Потребление", "Consumption"),
        "per_day": ("по дням", "by day"),
        "per_hour": ("по часам", "by hour"),
        "no_consumption": ("Первые показания ещё в пути", "The first readings are on their way"),
        "meters": ("Счётчики", "Meters"),
        "no_meters": ("В этом доме пока нет счётчиков", "This house has no meters yet"),
        "first_of": ("показаны первые {}", "the first {} are shown"),
        "dwelling": ("Кв.", "Flat"),
        "dwelling_of": ("Квартира {}", "Flat {}"),
        "house_meter": ("Общедомовой", "House meter"),
        "account": ("Лицевой счёт", "Account"),
        "meter": ("Счётчик", "Meter"),
        "register": ("Регистр", "Register"),
        "value": ("Показание", "Reading"),
        "captured": ("Снято", "Taken"),
        "state": ("Состояние", "State"),
        "state_0": ("принято", "accepted"),
        "state_1": ("под вопросом", "suspect"),
        "state_2": ("отклонено", "rejected"),
        "state_3": ("отклонено человеком", "turned down"),
        "state_none": ("нет данных", "no data yet"),
        "state_silent": ("молчит", "silent"),
        "doubts": ("Требуют внимания", "Need a look"),
        "no_doubts": ("Сомнительных показаний нет", "No suspect readings"),
        "unheard": ("Приходит не всё", "Not all arrives"),
        "all_heard": ("Показания приходят полностью", "Every reading arrives"),
        "silent_since": ("молчит с {}", "silent since {}"),
        "silent_always": ("ни одного показания", "not one reading yet"),
        "gaps_of": ("за неделю получено {} из {}", "{} of {} readings in a week"),
        "more_unheard": ("и ещё счётчиков: {}", "and more meters: {}"),
        "billing": ("Биллинг", "Billing"),
        "no_periods": ("Ни один период ещё не закрыт", "No period has been closed yet"),
        "period": ("Период", "Period"),
        "lines": ("Строк", "Lines"),
        "delivery": ("Передача", "Hand-off"),
        "delivered": ("передано", "handed over"),
        "delivering": ("передано {} из {}", "{} of {} handed over"),
        "refused": ("отказов: {}", "{} refused"),
        "no_targets": ("получатель не настроен", "no target configured"),
        "devices": ("Устройства", "Devices"),
        "no_devices": ("Устройств пока нет", "No devices yet"),
        "last_batch": ("пакет {} получен {}", "batch {} came {}"),
        "never": ("ещё не выходило на связь", "has not called yet"),
        "gap": ("есть пропуск", "has a gap"),
        "electricity": ("Электроэнергия", "Electricity"),
        "cold-water": ("Холодная вода", "Cold water"),
        "hot-water": ("Горячая вода", "Hot water"),
        "heat": ("Отопление", "Heat"),
        "gas": ("Газ", "Gas"),
        "unit_kWh": ("кВт·ч", "kWh"),
        "unit_kvarh": ("квар·ч", "kvarh"),
        "unit_m3": ("м³", "m³"),
        "unit_Gcal": ("Гкал", "Gcal"),
        "unit_GJ": ("ГДж", "GJ"),
        "unit_t": ("т", "t"),
        "updated": ("обновлено", "updated"),
        "offline": ("нет связи со шлюзом", "the gateway does not answer"),
        "no_house": ("Такого дома нет", "There is no such house"),
        "no_page": ("Такой страницы нет", "There is no such page"),
        "unreadable": ("Журнал сейчас не читается", "The ledger cannot be read now"),
        "to_overview": ("К обзору", "To the overview"),
    }
)


def preferred(chosen: str | None, accept_language: str) -> Language:
    """The language a person chose, else the first of ours the browser asks for, else Russian."""
    wanted = [chosen or ""] + [part.split(";")[0] for part in accept_language.split(",")]
    for tag in wanted:
        for language in LANGUAGES:
            if tag.strip().lower().split("-")[0] == language:
                return language
    return "ru"


class Words:
    """One language: texts, numbers, times."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.other: Language = "en" if language == "ru" else "ru"
        self._index = LANGUAGES.index(language)

    def __call__(self, key: str, *values: object) -> str:
        """The text of `key`, with `values` in their places."""
        return TEXTS[key][self._index].format(*values)

    def has(self, key: str) -> bool:
        """Whether there is a text of `key`."""
        return key in TEXTS

    def unit(self, unit: str) -> str:
        """A unit as people write it."""
        key = f"unit_{unit}"
        return self(key) if key in TEXTS else unit

    def number(self, value: Decimal | int) -> str:
        """A number grouped by threes, every digit kept."""
        text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
        whole, _, rest = text.partition(".")
        mark = "," if self.language == "ru" else "."
        grouped = whole.replace(",", _NARROW_SPACE).replace("-", _MINUS)
        return grouped + (mark + rest if rest else "")

    def time(self, moment_ms: int, zone: ZoneInfo) -> str:
        """Day and time to the minute, as clocks in `zone` show them."""
        local = from_ms(moment_ms).astimezone(zone)
        return f"{self.day(local)} {local:%H:%M}"

    def day(self, local: date) -> str:
        """A day of the year."""
        return f"{local.day} {_MONTHS[self.language][local.month - 1]}"

    def date(self, day: date | str) -> str:
        """A day with its year; a text is an ISO date."""
        day = date.fromisoformat(day) if isinstance(day, str) else day
        return f"{day.day} {_MONTHS[self.language][day.month - 1]} {day.year}"

    def moment(self, moment_ms: int, zone: ZoneInfo) -> str:
        """Day, year and time to the minute, for what is read years later."""
        local = from_ms(moment_ms).astimezone(zone)
        return f"{self.day(local)} {local.year}, {local:%H:%M}"

    def month(self, number: int) -> str:
        """A month's name in three letters."""
        return explain_texts.MONTHS[self.language][number - 1][:3]

    def period(self, period: str) -> str:
        """A period (YYYY-MM) as a month's name."""
        year, month = period.split("-")
        return f"{explain_texts.MONTHS[self.language][int(month) - 1]} {year}"
