"""What the page says of readings in doubt, of tasks and of the log, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "review": ("Разбор показаний", "Review"),
    "review_all": ("разобрать", "review"),
    "review_hint": (
        "Решает человек, командой plomba-gateway review; исходное показание остаётся на виду",
        "A person decides, with plomba-gateway review; the original reading stays visible",
    ),
    "back_to_house": ("К дому", "To the house"),
    "accepted_before": ("принято до этого", "accepted before"),
    "accepted_after": ("принято после", "accepted after"),
    "tasks": ("Поручения", "Tasks"),
    "no_tasks": ("Открытых поручений нет", "No open tasks"),
    "task_number": ("поручение {}", "task {}"),
    "todo_ask-photo": ("попросить у жильца фото", "ask the resident for a photo"),
    "todo_inspect": ("осмотреть счётчик", "visit the meter"),
    "todo_confirm-accept": ("подтвердить: принять", "confirm: accept"),
    "todo_confirm-reject": ("подтвердить: отклонить", "confirm: reject"),
    "todo_confirm-replace": (
        "подтвердить: заменить снятым на месте",
        "confirm: replace with the value read",
    ),
    "asked_by": ("{}, {}", "{}, {}"),
    "refusals": ("Не приняты биллингом", "Refused by billing"),
    "log": ("Журнал решений", "Log of decisions"),
    "no_log": ("Решений ещё не было", "Nothing has been decided yet"),
}
