"""What the page of periods says, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_periods": ("Периоды", "Periods"),
    "periods_note": (
        (
            "Период — месяц дома. Его строки идут от момента закрытия прошлого периода до момента"
            " закрытия этого, поэтому ничего не начислено дважды и ничего не потеряно. Страница"
            " только показывает: закрывает и открывает период человек командой."
        ),
        (
            "A period is a month of the house. Its lines run from the closing instant of the"
            " period before to its own, so nothing is billed twice or lost. This page only looks:"
            " a person closes and reopens a period by a command."
        ),
    ),
    "periods_current": ("Не закрыты", "Not closed yet"),
    "periods_done": ("Закрыты", "Closed"),
    "periods_none": (
        "Период появится с первым принятым показанием",
        "A period begins with the first accepted reading",
    ),
    "periods_none_closed": ("Ни один период ещё не закрыт", "No period has been closed yet"),
    "period_closed": ("закрыт", "closed"),
    "period_due": ("можно закрывать", "can be closed"),
    "period_open": ("идёт", "open"),
    "periods_closed_at": ("закрыт {}", "closed {}"),
    "periods_revision": ("закрыт повторно, редакция {}", "closed again, revision {}"),
    "periods_not_over": ("Можно закрыть не раньше {}", "Can be closed from {} on"),
    "periods_first": ("Сначала нужно закрыть {}", "{} is to be closed first"),
    "periods_grace": (
        "Закроется сам, если так настроено (billing.auto_close), или сейчас командой:",
        "It closes by itself where so configured (billing.auto_close), or now by the command:",
    ),
    "periods_all_lines": ("строк: {}", "lines: {}"),
    "periods_windows": ("Приём показаний и конец периода", "Taking of readings and end"),
    "periods_resources": ("Ресурсы", "Resources"),
    "periods_taken": ("Показания принимаются", "Readings are taken"),
    "periods_from_to": ("с {} до {}", "{} to {}"),
    "periods_closing": ("Строки кончаются", "Lines end"),
    "periods_how": ("Если на этот момент нет показания", "Where that instant was not read"),
    "cutoff_reading": ("ближайшее показание из окна", "the nearest reading of the window"),
    "cutoff_interpolated": (
        "расчёт между показаниями до и после",
        "drawn between the readings around it",
    ),
    "cutoff_none": (
        "последнее показание месяца (договор окна не задаёт)",
        "the last reading of the month (no contract sets a window)",
    ),
    "periods_missing": ("Без строки: {}", "Without a line: {}"),
    "periods_whole_point": ("точка учёта целиком", "the whole metering point"),
    "periods_complete": (
        "Строка есть у каждого регистра",
        "Every register has a line",
    ),
    "periods_withdrawn": (
        "Редакция {} отозвана {}: {}, {}",
        "Revision {} was withdrawn {}: {}, {}",
    ),
    "periods_reopen": ("Открыть заново последний закрытый период:", "To reopen the newest one:"),
}
