"""What the page says of years, month by month, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_years": ("По годам", "Years"),
    "years_hint": (
        "Расход по месяцам из сводок показаний: на начисления не влияет",
        "Use by month, from roll-ups of readings: it changes no bill",
    ),
    "years_measured": ("по показаниям", "read"),
    "years_estimated": ("поделено по времени: показаний не было", "shared by time: not read"),
    "years_year": ("Год", "Year"),
    "years_sum": ("Всего", "In all"),
    "years_none": (
        "Сводок пока нет: они делаются раз в полчаса из принятых показаний",
        "No roll-ups yet: they are made twice an hour from accepted readings",
    ),
    "years_choose": ("Выберите точку учёта", "Choose a metering point"),
}
