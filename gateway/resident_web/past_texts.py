"""What the page of a dwelling's history says beside gateway/web/history_texts.py."""

PAST: dict[str, tuple[str, str]] = {
    "past": ("История показаний и расхода", "Readings and use so far"),
    "past_pdf": ("Скачать PDF", "Download the PDF"),
    "past_csv": ("Скачать таблицу (CSV)", "Download the table (CSV)"),
    "past_chart": (
        "Столбики по месяцам: последний год, годом раньше и среднее по дому. Числа — ниже.",
        "Bars by month: the last year, the year before and the house average. Numbers are below.",
    ),
    "past_numbers": ("Числами", "In numbers"),
    "past_photo": ("Фото", "Photo"),
    "past_dispute": ("Не согласен", "I disagree"),
    "past_disputes": ("Ваши обращения", "What you wrote to us"),
    "past_open": ("Открыть", "Open"),
    "past_withdraw": ("Отозвать обращение", "Take it back"),
    "past_line": ("Строка счёта {}", "Bill line {}"),
    "past_reading": ("Показание {}", "Reading {}"),
    "sorry_past_paper": (
        "По коду из объявления историю не показываем",
        "The code on the notice does not open the history",
    ),
    "sorry_past_paper_do": (
        (
            "Она видна по ссылке из сообщения: так её не увидит сосед. Адрес для сообщений"
            " принимает управляющая организация."
        ),
        (
            "It opens by the link in a message, so that no neighbour sees it. The company that"
            " manages the house takes the address for messages."
        ),
    ),
}
