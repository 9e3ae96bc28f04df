"""The words of the reconciliation page."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_reconciliation": ("Сверка", "Reconciliation"),
    "reconcile_title": ("Сверка за {}", "Reconciliation of {}"),
    "reconcile_adds_up": ("сходится", "adds up"),
    "reconcile_not": ("не сходится", "does not add up"),
    "reconcile_ledger": ("Закрыто в журнале", "Closed in the ledger"),
    "reconcile_records": ("Записей", "Records"),
    "reconcile_hint": (
        "Отправлено = принято + отказано + ждёт + не для получателя; квартиры и дом отдельно",
        "Sent = accepted + refused + pending + left out; dwellings and the house apart",
    ),
    "reconcile_target": ("Получатель", "Target"),
    "reconcile_acknowledged": ("принято", "accepted"),
    "reconcile_refused": ("отказано", "refused"),
    "reconcile_pending": ("ждёт", "pending"),
    "reconcile_left-out": ("не для получателя", "left out"),
    "reconcile_dwellings": ("квартиры", "dwellings"),
    "reconcile_house": ("дом", "house"),
    "reconcile_reasons": ("Почему не приняты", "Why they were not taken"),
    "reconcile_no_targets": (
        "Получателей нет: строки ждут выгрузки в файл",
        "There are no targets: the lines wait to be exported",
    ),
    "reconcile_months": ("Другие месяцы", "Other months"),
}
