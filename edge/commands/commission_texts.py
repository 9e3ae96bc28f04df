"""What `plomba-edge commission` says at a terminal, Russian and English, in short lines."""

from collections.abc import Mapping

from cloud_sync.visit_texts import Language

TEXTS: Mapping[str, tuple[str, str]] = {
    "going_on": (
        "Продолжаем визит № {number} ({installer}).",
        "Going on with visit no. {number} ({installer}).",
    ),
    "kept": (
        "Всё записанное сохранено. Продолжить: plomba-edge commission",
        "Everything noted is kept. To go on: plomba-edge commission",
    ),
    "installer": ("Ваше имя и фамилия", "Your full name"),
    "checking": ("Проверяем линии…", "Checking the lines…"),
    "mend": (
        "Записать это в настройку линии {line}?",
        "Write that into the configuration of line {line}?",
    ),
    "searching": ("Ищем приборы (Ctrl-C сохранит найденное)…", "Searching (Ctrl-C keeps them)…"),
    "reading": ("Читаем показания…", "Reading the meters…"),
    "found": ("Найдено приборов: {count}", "Meters found: {count}"),
    "none_found": (
        "Никто не ответил. Проверьте питание, провода и скорость, затем поищите снова.",
        "Nobody answered. Check power, wires and speed, then search again.",
    ),
    "line_failed": ("Линия: {reason}", "The line: {reason}"),
    "menu": ("Что дальше?", "What next?"),
    "menu_meters": ("Приборы по одному (осталось {count})", "Meters one by one ({count} left)"),
    "menu_expected": (
        "Принять без осмотра все, чей номер ждёт реестр",
        "Take in unseen all whose serial the registry expects",
    ),
    "menu_search": ("Искать приборы заново", "Search for meters again"),
    "menu_check": ("Проверить линии и устройство", "Check lines and device"),
    "menu_typed": ("Добавить прибор вручную", "Add a meter by hand"),
    "menu_exchange": ("Заменить прибор", "Exchange a meter"),
    "menu_remove": ("Снять прибор", "Take a meter away"),
    "menu_card": (
        "Взять приборы со старой карты (файл edge.toml)",
        "Take the meters over from an old card (its edge.toml)",
    ),
    "menu_remark": ("Замечание ко всему визиту", "A remark on the whole visit"),
    "menu_list": ("Показать список", "Show the list"),
    "menu_finish": ("Завершить и подписать", "Finish and sign"),
    "menu_leave": ("Прерваться, всё сохранится", "Leave, everything is kept"),
    "menu_give_up": ("Бросить визит без записи", "Give the visit up without a record"),
    "choice": ("Номер", "Number"),
    "no_choice": ("Нет такого номера.", "There is no such number."),
    "meter": ("Прибор {number} из {count}", "Meter {number} of {count}"),
    "unknown": ("модель не распознана", "model not recognised"),
    "says": ("прибор говорит", "the meter says"),
    "point_expected": ("точка по номеру прибора: {point}", "point by its serial: {point}"),
    "in_place_of": (
        "отвечает на месте прибора {serial}: оформите замену или снятие",
        "answers in the place of {serial}: exchange that one or take it away",
    ),
    "dial": (
        (
            "Циферблат: Enter = так же, число = другое, r = прочитать ещё, n = не смотрел, "
            "s = пропустить, q = прерваться"
        ),
        (
            "Dial: Enter = the same, a number = that, r = read again, n = not looked, s = skip, "
            "q = leave"
        ),
    ),
    "other_register": ("{obis}, {unit}: Enter = не смотрел", "{obis}, {unit}: Enter = not looked"),
    "unread": (
        "Не читается: {reason}. r = ещё раз, p = модель, s = пропустить, q = прерваться",
        "Not read: {reason}. r = again, p = model, s = skip, q = leave",
    ),
    "profile": ("Модель (имя профиля)", "Model (profile name)"),
    "skip_why": ("Почему пропускаем", "Why is it left out"),
    "differs": (
        "Прибор говорит {0}, на циферблате {1} {2}.",
        "The meter says {0}, the dial shows {1} {2}.",
    ),
    "another-meter": (
        "Столько говорит прибор {0}: вы смотрите на него?",
        "Meter {0} says that: are you looking at it?",
    ),
    "factor": (
        "Разница ровно в {0} раз: трансформаторы, коэффициент?",
        "Exactly {0} times: transformers, a factor?",
    ),
    "decimal-point": ("Разница в {0} раз: не та запятая?", "{0} times: the point elsewhere?"),
    "unit": ("Похоже на {0} вместо {1}.", "It looks like {0} instead of {1}."),
    "differs_why": (
        "Enter = ввести ещё раз, или слова для акта, почему так и есть",
        "Enter = type again, or words for the record why it is so",
    ),
    "serial": ("Номер с циферблата", "Serial on the dial"),
    "place": ("Место", "Place"),
    "seal": ("Номер пломбы, «-» = нет", "Seal number, '-' = none"),
    "point": (
        "Точка учёта: имя или номер с наклейки, «-» = без точки, «?» = список",
        "Metering point: name or label number, '-' = none, '?' = list",
    ),
    "no_points": ("Списка точек нет.", "There is no list of points."),
    "old_serial": ("Номер прибора, который снимают", "Serial of the meter that goes"),
    "final": (
        "Конечные показания: Enter = прочитать с прибора, d = с циферблата, n = нет",
        "Final values: Enter = read from the meter, d = from the dial, n = none",
    ),
    "final_why": ("Почему их нет", "Why are there none"),
    "final_read": ("прочитано: {value}", "read: {value}"),
    "swap_now": (
        "Замените прибор, подайте питание и нажмите Enter",
        "Exchange the meter, power it, and press Enter",
    ),
    "new_choose": ("Который из найденных пришёл вместо него", "Which of them came in its place"),
    "line": ("Линия", "Line"),
    "address": ("Адрес", "Address"),
    "card_file": ("Файл edge.toml старой карты", "The old card's edge.toml"),
    "remark": ("Замечание", "Remark"),
    "why_give_up": ("Почему визит бросают", "Why is the visit given up"),
    "sure": ("Всё записанное пропадёт. Точно?", "What was noted is lost. Sure?"),
    "hindered": ("Ещё не готово:", "Not ready yet:"),
    "nothing-done": ("ни один прибор не принят", "no meter has been taken in"),
    "unconfirmed": ("{key}: не сверен с циферблатом", "{key}: not compared with its dial"),
    "unread_meter": ("{key}: не прочитан", "{key}: not read"),
    "no-serial": ("{key}: введите номер с циферблата", "{key}: type the serial on its dial"),
    "no-profile": ("{key}: модель не распознана", "{key}: model not recognised"),
    "place-taken": (
        "{key}: на его адресе записан другой прибор, замените или снимите тот",
        "{key}: another meter is configured at its address, exchange or remove that one",
    ),
    "serial-twice": ("номер {key} у двух приборов", "two meters have the serial {key}"),
    "point-twice": ("точка {key} у двух приборов", "two meters have the point {key}"),
    "no-final": ("{key}: нет конечных показаний", "{key}: no final values"),
    "exchange-without-meter": ("{key}: не назван новый прибор", "{key}: the new meter is missing"),
    "too-many": ("слишком много событий: завершите этот визит", "too many events: finish this"),
    "sealed": (
        "Запись № {number} подписана: {digest}",
        "Record no. {number} is sealed: {digest}",
    ),
    "config_written": ("Настройка записана: {path}", "The configuration is written: {path}"),
    "sending": ("Отправляем…", "Sending…"),
    "sent": ("{what}: {detail}", "{what}: {detail}"),
    "later": ("Уйдёт само, когда будет сеть: {detail}", "Goes by itself later: {detail}"),
    "arriving": (
        "Первые показания у шлюза: {accepted} из {count}",
        "First readings at the gateway: {accepted} of {count}",
    ),
    "pdf": ("Акт: plomba-edge visit pdf {number}", "The paper: plomba-edge visit pdf {number}"),
    "state_ok": ("принят", "taken in"),
    "state_left": ("пропущен: {reason}", "left out: {reason}"),
    "state_todo": ("не сверен", "to compare"),
    "state_known": ("уже опрашивается", "read already"),
    "state_bad": ("не читается", "not read"),
    "goes": ("{serial}: снимается", "{serial}: goes"),
}


def say(language: Language, code: str, *fields: object, **named: object) -> str:
    """The text of a code with its fields."""
    return TEXTS[code][0 if language == "ru" else 1].format(*fields, **named)
