"""What the page says of what is billed without a reading, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "on_account": ("Начислено без показаний", "Billed without a reading"),
    "on_account_hint": (
        "Пересчитывается само, когда придёт показание",
        "Corrected by itself when a reading comes",
    ),
    "method_average": ("по среднему", "by average"),
    "method_check": ("по контрольному счётчику", "by the check meter"),
    "method_norm": ("по нормативу", "by norm"),
    "method_interpolated": ("расчёт между показаниями", "drawn between readings"),
    "in_a_row": ("периодов подряд: {}", "{} periods in a row"),
    "charges": ("Доначисления за вмешательство", "Charged for interference"),
    "charges_hint": (
        "Передаются при закрытии периода, показаниями не пересчитываются",
        "Handed over with the next closing; no reading takes them back",
    ),
    "charge_waits": ("ждёт второго человека", "waits for another person"),
    "charge_next": ("при ближайшем закрытии", "with the next closing"),
    "corrected_here": ("перерасчётов: {}", "corrections: {}"),
}
