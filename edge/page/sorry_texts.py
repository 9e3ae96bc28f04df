"""What went wrong (`sorry_…`) and what to do next (`…_do`)."""

_BACK = ("Вернитесь и попробуйте ещё раз.", "Go back and try again.")

SORRY: dict[str, tuple[str, str]] = {
    "sorry_signed_out": ("Нужен код с наклейки", "The code on the label is needed"),
    "sorry_signed_out_do": (
        "Нажмите «Дальше» и введите код.",
        "Tap “Go on” and enter the code.",
    ),
    "sorry_wrong_code": ("Код не подошёл", "That is not the code"),
    "sorry_wrong_code_do": (
        "Сверьте его с наклейкой.",
        "Compare it with the label.",
    ),
    "sorry_code_wait": (
        "Слишком много неверных кодов: подождите {} с",
        "Too many wrong codes: wait {} s",
    ),
    "sorry_code_wait_do": (
        "Потом введите код ещё раз.",
        "Then enter the code again.",
    ),
    "sorry_no_code": ("У устройства нет кода", "The device has no code"),
    "sorry_no_code_do": (
        "Задайте его: sudo -u plomba plomba-edge page --new-code",
        "Make one: sudo -u plomba plomba-edge page --new-code",
    ),
    "sorry_not_ours": ("Форма устарела", "This form is no longer good"),
    "sorry_not_ours_do": _BACK,
    "sorry_not_understood": ("Не получилось разобрать форму", "The form was not understood"),
    "sorry_not_understood_do": _BACK,
    "sorry_too_large": ("Слишком много данных", "Too much data"),
    "sorry_too_large_do": _BACK,
    "sorry_file_large": ("Файл слишком большой", "The file is too large"),
    "sorry_file_large_do": (
        "Если это фото, выберите в камере меньший размер снимка (около 2 мегапикселей).",
        "Of a photo: choose a smaller picture size in the camera (about 2 megapixels).",
    ),
    "sorry_cut_short": ("Данные не дошли", "The data did not arrive"),
    "sorry_cut_short_do": _BACK,
    "sorry_too_long": ("Слишком длинно: не больше {} знаков", "Too long: at most {} letters"),
    "sorry_too_long_do": _BACK,
    "sorry_no_page": ("Такой страницы нет", "There is no such page"),
    "sorry_no_page_do": ("Нажмите «Дальше».", "Tap “Go on”."),
    "sorry_visit": ("Не получилось", "That did not work"),
    "sorry_visit_do": _BACK,
    "sorry_disk": ("Карта памяти не пишется", "The card cannot be written"),
    "sorry_disk_do": (
        "Сделанное раньше сохранено. Если это повторится, замените карту.",
        "What was done before is kept. If it happens again, exchange the card.",
    ),
    "sorry_busy": ("Устройство ещё занято", "The device is still busy"),
    "sorry_busy_do": (
        "Подождите, пока закончится начатое.",
        "Wait until what was begun is over.",
    ),
    "sorry_no_visit": ("Визит не начат", "No visit is open"),
    "sorry_no_visit_do": (
        "Нажмите «Дальше» и начните его.",
        "Tap “Go on” and begin one.",
    ),
    "sorry_no_name": ("Нужно имя", "A name is needed"),
    "sorry_no_name_do": ("Оно встанет под актом.", "It stands below the record."),
    "sorry_no_reason": ("Нужна причина", "A reason is needed"),
    "sorry_no_reason_do": _BACK,
    "sorry_no_value": ("Показание не введено", "No value was given"),
    "sorry_no_value_do": _BACK,
    "sorry_no_number": ("Точки с таким номером нет", "There is no point of that number"),
    "sorry_no_number_do": (
        "Сверьте номер с этикеткой.",
        "Compare it with the label.",
    ),
    "sorry_no_serial": ("Номер прибора не подходит", "That is no serial number"),
    "sorry_no_serial_do": (
        "В нём бывают латинские буквы, цифры, точка и дефис, не больше 32 знаков.",
        "It has Latin letters, digits, points and dashes, at most 32.",
    ),
    "sorry_no_photo": ("Фото не дошло", "The photo did not arrive"),
    "sorry_no_photo_do": _BACK,
    "sorry_no_file": ("Файл не дошёл", "The file did not arrive"),
    "sorry_no_file_do": _BACK,
}
