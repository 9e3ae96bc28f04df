"""What the page says of readings in doubt, of tasks and of the log, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "review": ("Разбор показаний", "Review"),
    "review_all": ("разобрать", "review"),
    "review_hint": (
        "Решает человек, командой plomba-gateway review; исходное показание остаётся на виду",
        "A person decides, with plomba-gateway review; the original reading stays visible",
    ),
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
    # What was done, as the audit log names it.
    "log_review accept": ("показание принято", "reading accepted"),
    "log_review reject": ("показание отклонено", "reading rejected"),
    "log_review replace": (
        "показание заменено снятым на месте",
        "reading replaced by the value read there",
    ),
    "log_review ask-photo": ("запрошено фото", "a photo was asked for"),
    "log_review inspect": ("назначен осмотр", "a visit was asked for"),
    "log_review propose accept": ("предложено принять", "proposed to accept"),
    "log_review propose reject": ("предложено отклонить", "proposed to reject"),
    "log_review propose replace": ("предложено заменить снятым на месте", "proposed to replace"),
    "log_review confirm accept": ("подтверждено: принять", "confirmed: accepted"),
    "log_review confirm reject": ("подтверждено: отклонить", "confirmed: rejected"),
    "log_review confirm replace": ("подтверждено: заменить", "confirmed: replaced"),
    "log_outbox retry": ("передача повторена", "hand-off tried again"),
    "no_log": ("Решений ещё не было", "Nothing has been decided yet"),
}
