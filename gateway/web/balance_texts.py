"""What the page says of a house's balance and its hints, in Russian and English.

A hint is worded as what was seen, never as what somebody did.
"""

TEXTS: dict[str, tuple[str, str]] = {
    "house_balance": ("Баланс дома", "House balance"),
    "balance_of": ("за {}", "of {}"),
    "no_balance": (
        "Баланс появится, когда будет закрыт первый период",
        "The balance comes with the first closed period",
    ),
    "resource": ("Ресурс", "Resource"),
    "balance_house": ("Общедомовой", "House meter"),
    "balance_premises": ("Помещения", "Premises"),
    "balance_percent": ("остаток {} % общедомового", "the residual is {} % of the house meter"),
    "balance_nonresidential": ("нежилые {}", "nonresidential {}"),
    "balance_unmetered": ("без счётчика, по норме {}", "without a meter, by norm {}"),
    "balance_heating": ("своя котельная {}", "the house's own boiler {}"),
    "residual": ("Остаток", "Residual"),
    "common_needs": ("ОДН", "Common needs"),
    "balance_by_meter": ("ОДН по счётчику {}", "common needs by the meter {}"),
    "balance_by_norm": ("ОДН по нормативу {}", "common needs by norm {}"),
    "balance_norm": ("норматив ОДН {}", "norm of common needs {}"),
    "remark_no-house-meter": ("нет общедомового счётчика", "there is no house meter"),
    "remark_house-meter-estimated": (
        "общедомовой счётчик рассчитан по среднему (п. 59(1))",
        "the house meter is estimated by average (ПП 354 п. 59(1))",
    ),
    "remark_house-meter-unread": (
        "нет показания общедомового счётчика",
        "the house meter was not read",
    ),
    "remark_areas-missing": (
        "не распределено: не указана площадь помещений",
        "not shared: areas are missing",
    ),
    "remark_common-area-missing": (
        "не указана площадь общего имущества",
        "the area of the common property is missing",
    ),
    "remark_unmetered-unknown": (
        "не распределено: нет счётчика, а жильцы или норматив неизвестны",
        "not shared: no meter, and residents or norm are unknown",
    ),
    "remark_not-shared": (
        "только баланс: отопление делится по другим формулам",
        "balanced only: heat is shared by other formulas",
    ),
    "remark_large": (
        "остаток больше {} %: утечки, нет показаний, нечувствительные счётчики",
        "the residual is above {} %: leaks, missing readings, meters that start late",
    ),
    "remark_negative": (
        "помещения насчитали больше дома, не распределено",
        "premises counted more than the house, nothing is shared",
    ),
    "remark_unread": ("остаток завышен, нет показаний", "the residual is larger, not read"),
    "remark_estimated": ("по расчёту, не по показаниям", "estimated, not read"),
    "remark_apart": (
        "сняты больше чем на сутки раньше или позже общедомового, остаток сдвинут",
        "read more than a day apart from the house meter, which moves the residual",
    ),
    "remark_corrected": ("с учётом корректировок", "with later corrections"),
    "and_more": ("и ещё {}", "and {} more"),
    "hints": ("На что посмотреть", "Worth a look"),
    "hints_note": (
        "Подсказки за 30 дней. Причину покажет только осмотр.",
        "Hints of 30 days. Only an inspection can tell the cause.",
    ),
    "no_hints": ("Ничего необычного", "Nothing unusual"),
    "hint_tamper": (
        "Счётчик сообщает о вскрытии или магнитном поле",
        "The meter reports its cover opened or a magnetic field",
    ),
    "hint_reverse-flow": ("Счётчик сообщает об обратном потоке", "The meter reports reverse flow"),
    "hint_leak-flag": ("Счётчик сообщает об утечке", "The meter reports a leak"),
    "hint_night-flow": (
        "Вода идёт всю ночь: не меньше {0} {1} в час, ночей подряд: {2}",
        "Water runs all night: at least {0} {1} an hour, {2} nights in a row",
    ),
    "hint_fell": ("Показание меньше прежнего, раз: {2}", "Read lower than before, times: {2}"),
    "hint_stuck": ("Показание давно не меняется", "The register has not moved for long"),
    "hint_given-back": ("Отдано в сеть: {0} {1}", "Given back to the grid: {0} {1}"),
}
