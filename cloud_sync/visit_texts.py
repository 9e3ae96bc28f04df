"""What a visit's record says of lines and of the device, as sentences: Russian and English.

A check carries a code and the fields of its sentence, so the record can be read in either language
by whoever has it: the installer's page, the paper, the operator.
"""

import re
from collections.abc import Mapping
from typing import Literal

from cloud_sync.visit import Check

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = ("ru", "en")

# Code: whether it is well, then Russian, then English; {0}, {1} … are the fields.
SENTENCES: Mapping[str, tuple[bool, str, str]] = {
    "answers": (
        True,
        "приборы отвечают: {0}",
        "meters answer: {0}",
    ),
    "answers-elsewhere": (
        False,
        "приборы отвечают на {0} ({1}): запишите эту скорость в url линии",
        "meters answer at {0} ({1}): write that speed into the line's url",
    ),
    "silent": (
        False,
        (
            "на приветствие M-Bus и по адресам Modbus 1-{0} никто не ответил: поиск может найти "
            "других; иначе проверьте питание, A и B, обрыв, скорость"
        ),
        (
            "nobody answered the M-Bus greeting nor at Modbus addresses 1-{0}: the search may find "
            "others; if not, check power, A and B, the wires and the speed"
        ),
    ),
    "noise": (
        False,
        "байты в тишине ({0}: {1}): второй ведущий на линии, нет смещения или терминатора",
        "bytes in the silence ({0}: {1}): a second master, no bias or no termination",
    ),
    "held-down": (
        False,
        (
            "линия удерживается в нуле ({0} байт 00): короткое замыкание или перегрузка M-Bus, "
            "либо перепутаны A и B"
        ),
        (
            "the line is held down ({0} bytes of 00): a short or an overload of the M-Bus, or A "
            "and B are swapped"
        ),
    ),
    "garbage": (
        False,
        (
            "в ответ приходят неразборчивые байты ({0}): перепутаны A и B, другая чётность или "
            "скорость, два прибора с одним адресом"
        ),
        (
            "what answers cannot be read ({0}): A and B are swapped, another parity or speed, or "
            "two meters of one address"
        ),
    ),
    "echo": (
        False,
        "преобразователь возвращает посланное: допишите к линии echo = true",
        "the converter returns what is sent: add echo = true to the line",
    ),
    "no-echo": (
        False,
        "преобразователь не возвращает посланное, а в линии записано echo = true: уберите",
        "the converter does not return what is sent, but the line says echo = true: remove it",
    ),
    "no-link": (False, "не открывается: {0}", "does not open: {0}"),
    "clock-known": (True, "часы верны, ошибка не более {0} с", "set, at most {0} s off"),
    "clock-unknown": (
        False,
        "часы не установлены: время события станет известно позже и будет исправлено",
        "not set: times will be known and mended later",
    ),
    "phone-time": (
        True,
        "в начале визита показывал {0}; часы устройства не были установлены",
        "said {0} when the visit began; the device's own clock was not set",
    ),
    "enrolled": (True, "устройство зарегистрировано: {0}", "enrolled: {0}"),
    "not-enrolled": (
        False,
        "устройство ещё не зарегистрировано: завершится само, когда будет сеть",
        "not enrolled yet: done by itself once there is a network",
    ),
    "gateway-answers": (True, "шлюз отвечает: {0}", "the gateway answers: {0}"),
    "gateway-away": (
        False,
        "шлюз сейчас недоступен: запись уйдёт позже сама ({0})",
        "the gateway cannot be reached now: the record goes later by itself ({0})",
    ),
    "key": (True, "отпечаток {0}", "fingerprint {0}"),
    "no-key": (False, "нет ключа устройства: {0}", "no key of the device: {0}"),
    "spool": (True, "ждут отправки {0} пакетов", "{0} batches wait to be sent"),
    "spool-bad": (False, "хранилище пакетов: {0}", "the spool: {0}"),
    "points": (True, "точек учёта ждут прибора: {0}", "metering points that wait: {0}"),
    "no-points": (
        False,
        "нет списка точек учёта ({0}): приборы можно принять и без точки",
        "no list of metering points ({0}): meters can be taken in without",
    ),
}
_FIELD = re.compile(r"\{([0-3])\}")
# For a record with fewer fields than its sentence has: another version of this device made it.
_BLANKS = ("…",) * 4
_WHAT_RU = {
    "line": "линия",
    "clock": "часы",
    "phone": "телефон монтажника",
    "gateway": "шлюз",
    "key": "ключ",
    "spool": "хранилище",
    "enrolment": "регистрация",
    "points": "точки учёта",
}


def sentence(check: Check, language: Language) -> str:
    """What a check says; its own line of English where the code is a newer device's."""
    code, *fields = check.said
    known = SENTENCES.get(code)
    if known is None:
        return check.detail
    text = known[1] if language == "ru" else known[2]
    return _FIELD.sub(lambda one: (*fields, *_BLANKS)[int(one[1])], text)


def what(check: Check, language: Language) -> str:
    """What was looked at."""
    kind, _, name = check.what.partition(" ")
    told = _WHAT_RU.get(kind, kind) if language == "ru" else kind
    return f"{told} {name}".strip()
