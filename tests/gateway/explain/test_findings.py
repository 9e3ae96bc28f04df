"""Findings told in Russian and in local form; an example of what rules and claims say."""

from zoneinfo import ZoneInfo

import pytest

from gateway.explain.findings import reason_told, told
from gateway.web.texts import Language, Words

MOSCOW = ZoneInfo("Europe/Moscow")

SAID = {
    "-1.00 kWh is negative": "−1,00 кВт·ч: меньше нуля",
    "fell from 120.00 kWh to 110.00 kWh": "было 120,00 кВт·ч, стало 110,00 кВт·ч",
    "1001750.12 kWh does not fit the 8 digits": (
        "1 001 750,12 кВт·ч не помещается на шкале, знаков: 8"
    ),
    "rolled over from 999400.00 kWh to 600.00 kWh": (
        "с 999 400,00 кВт·ч перешёл через ноль на 600,00 кВт·ч"
    ),
    "rose by 9.000 m3 in 60 s, at most 3.125 m3 an hour are possible": (
        "прибавилось 9,000 м³ за 60 с, а возможно не больше 3,125 м³ в час"
    ),
    "rose by 45000.854 kWh in 7196 s, at most 45.000 kWh an hour are possible": (
        "прибавилось 45 000,854 кВт·ч за 1 ч 59 мин 56 с, а возможно не больше 45,000 кВт·ч в час"
    ),
    "unchanged at 5.000 m3 for 505 h, limit 504 h": (
        "стоит на 5,000 м³ уже 505 ч, обычно не дольше 504 ч"
    ),
    "used 40.00 kWh in 7.0 days, a day more than 3 times the usual 10.00 kWh in 7.0 days": (
        "40,00 кВт·ч за 7.0 сут., это в 3 с лишним раза больше обычного (10,00 кВт·ч за 7.0 сут.)"
    ),
    "used 1.00 kWh in 7.0 days, a day less than 1/3 of the usual 10.00 kWh in 7.0 days": (
        "1,00 кВт·ч за 7.0 сут., это меньше 1/3 обычного (10,00 кВт·ч за 7.0 сут.)"
    ),
    "counted 2.00 kWh on since it was removed with 8.00 kWh at 2026-09-01T21:00:00+00:00:"
    " look where the meter is, or correct the exchange": (
        "снят с показанием 8,00 кВт·ч (2 сен 2026, 00:00), после этого насчитал ещё 2,00 кВт·ч:"
        " найдите счётчик или исправьте запись о замене"
    ),
    "1.230 m3 may be 12.300 m3 with the decimal point 1 to the left; expected about 12.000 m3": (
        "1,230 м³ похоже на 12,300 м³ со сдвинутой запятой (знаков: 1); ожидалось около 12,000 м³"
    ),
    "1.00 kWh fits 1-0:1.8.2, whose 5.00 kWh fits 1-0:1.8.1: are the two registers exchanged?": (
        "1,00 кВт·ч подходит регистру 1-0:1.8.2, а его 5,00 кВт·ч — регистру 1-0:1.8.1:"
        " не перепутаны ли они?"
    ),
    "tariffs 1.00 kWh + 2.00 kWh and total 9.00 kWh are 6.00 kWh further apart than at the"
    " installation, at most 0.03 kWh are rounding": (
        "тарифы 1,00 кВт·ч + 2,00 кВт·ч, общее 9,00 кВт·ч: с установки разошлись на 6,00 кВт·ч,"
        " округлением объяснимо до 0,03 кВт·ч"
    ),
    "read without 1-0:1.8.2 of the same meter": "вместе с ним не прочитано: 1-0:1.8.2",
    "duplicate-conflict: 1.00 kWh came, 2.00 kWh is stored for the same instant": (
        "пришло 1,00 кВт·ч, а на тот же момент уже сохранено 2,00 кВт·ч"
    ),
    "chained as #8 and captured 2026-09-01T21:00:00Z, after #7 captured 2026-09-02T21:00:00Z:"
    " the clock was set back": (
        "пакет 8 снят 2 сен 2026, 00:00, хотя идёт после пакета 7, снятого 3 сен 2026, 00:00:"
        " часы перевели назад"
    ),
    "the resident's figure of 2026-09-24 (claim-2) says 151.000 m3, the inspection of 2026-09-25"
    " (claim-5) says 129.844 m3 and is believed (ПП 354 п. 61)": (
        "показание жильца за 24 сен 2026 (claim-2): 151,000 м³; осмотр за 25 сен 2026 (claim-5):"
        " 129,844 м³, в расчёт взято второе (ПП 354 п. 61)"
    ),
    "no automatic reading since 2026-08-31": "автоматических показаний нет с 31 авг 2026",
    "accepted by Иванова: был ремонт": "принял(а) Иванова: был ремонт",
    "V-NEG fell from 2.000 m3 to 1.000 m3; V-RATE rose by 9.000 m3 in 60 s, at most 3.125 m3 an"
    " hour are possible": (
        "V-NEG: было 2,000 м³, стало 1,000 м³; V-RATE: прибавилось 9,000 м³ за 60 с,"
        " а возможно не больше 3,125 м³ в час"
    ),
    "interference, ПП 354 п. 62, act 17 of 2026-11-10: capacity 0.85 an hour × 24 h × 21 days,"
    " since the day the act names: 2026-10-20": (
        "вмешательство, ПП 354 п. 62, акт 17 от 10 ноя 2026: пропускная способность или мощность"
        " 0.85 в час × 24 ч × 21 сут., со дня, названного в акте: 20 окт 2026"
    ),
    "something no version has said": "something no version has said",
}


@pytest.mark.parametrize(("english", "russian"), SAID.items())
def test_a_finding_is_told_in_russian(english: str, russian: str) -> None:
    said = told(english, Words("ru"), MOSCOW)
    assert said.replace("\u202f", " ") == russian


def test_a_finding_in_english_has_its_numbers_and_times_in_local_form() -> None:
    said = told("fell from 12000.00 kWh to 1.000 m3 at 2026-09-01T21:00:00Z", Words("en"), MOSCOW)
    assert said == "fell from 12\u202f000.00 kWh to 1.000 m³ at 2 Sep 2026, 00:00"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ru", "отказ в допуске (акты 1 от 3 ноя 2026, 2 от 20 ноя 2026), коэффициент 1.5, п. 60"),
        ("en", "access refused (acts 1 of 3 Nov 2026, 2 of 20 Nov 2026), raised by 1.5, п. 60"),
    ],
)
def test_a_reason_has_its_days_and_times_in_local_form(language: Language, said: str) -> None:
    acts = "access refused (acts 1 of 2026-11-03, 2 of 2026-11-20), raised by 1.5, п. 60"
    between = "the end of the period lies on a line between 2026-10-31 20:50 UTC and x"
    told = reason_told(f"{acts}; {between}", Words(language), MOSCOW)
    assert told.startswith(f"{said}; ")
    assert "23:50" in told


def test_the_time_of_a_slot_is_that_of_the_house() -> None:
    detail = "90 of 96 slots were measured, 6 estimated, 0 missing; the first is that of 22:45 UTC"
    said = told(detail, Words("ru"), MOSCOW, "2026-11-19")
    assert said == "измерено интервалов: 90 из 96, рассчитано: 6, нет данных: 0; первый — в 01:45"


@pytest.mark.parametrize(
    "text", ["", "2026-09-000014-withdrawn", "A1/8-0:1.0.0@x", "2026-99-99", "2026-02-31T25:61Z"]
)
def test_what_is_no_number_or_day_is_left_alone(text: str) -> None:
    assert told(text, Words("ru"), MOSCOW) == text
