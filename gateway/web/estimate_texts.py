"""What the page says of what is billed without a reading, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "on_account": ("Начислено без показаний", "Billed without a reading"),
    "on_account_hint": (
        "Пересчитывается само, когда придёт показание",
        "Corrected by itself when a reading comes",
    ),
    "method_average": ("по среднему", "by average"),
    "method_norm": ("по нормативу", "by norm"),
    "method_interpolated": ("расчёт между показаниями", "drawn between readings"),
    "corrected_here": ("перерасчётов: {}", "corrections: {}"),
}
