"""The questions about a value while the resident still stands before the meter.

What the rules find at the entry of a claim (gateway/claims/entry.py), and what a photo tells, put
as plain questions in both languages, with the numbers that were compared. None of them blocks: the
answer is to correct the value, or that it is what the meter shows.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms, to_ms
from gateway.claims.entry import Around, Given
from gateway.model import Finding, Level
from gateway.photo import sameness
from gateway.photo.reading import Cell
from gateway.resident.submission import PhotoRow, Question, SeenBefore
from gateway.rules import decrease, rate, rollover, slip, swapped, usage
from gateway.rules.subject import Dial, advance
from gateway.web.texts import Words

YES = "yes"
"""The answer that the meter shows what was typed; any other text is an answer as well."""

# A camera's clock may be as far ahead as a phone that never met a network in summer time.
AHEAD_MS = 3_600_000
# As much of a serial number as people and recognisers read alike; shorter ones are in every text.
SERIAL_DIGITS_MIN = 5

_RU, _EN = Words("ru"), Words("en")
_TEXTS: Final = {
    "lower": (
        "Это меньше, чем было в прошлый раз ({last}). На счётчике сейчас {value}?",
        "This is less than last time ({last}). Does the meter show {value} now?",
    ),
    "rolled": (
        "Это меньше, чем было в прошлый раз ({last}). Счётчик прошёл через нули и начал сначала?",
        "This is less than last time ({last}). Did the meter pass zeros and begin anew?",
    ),
    "too-much": (
        "С прошлого раза ({last}) счётчик не мог насчитать {used}. На нём сейчас {value}?",
        "Since last time ({last}) the meter cannot have counted {used}. Does it show {value} now?",
    ),
    "much": (
        "С прошлого раза ({last}) вышло {used}: намного больше обычного. На счётчике {value}?",
        (
            "Since last time ({last}) that is {used}: far above the usual. Does the meter show"
            " {value}?"
        ),
    ),
    "little": (
        "С прошлого раза ({last}) вышло {used}: намного меньше обычного. На счётчике {value}?",
        (
            "Since last time ({last}) that is {used}: far below the usual. Does the meter show"
            " {value}?"
        ),
    ),
    "exchanged": (
        (
            "{value} похоже на другой ваш счётчик: посмотрите, не перепутаны ли горячая и холодная"
            " вода или тарифы T1 и T2. Здесь, на счётчике {serial}, {value}?"
        ),
        (
            "{value} looks like another of your meters: see whether hot and cold water, or tariffs"
            " T1 and T2, are exchanged. Does this meter, {serial}, show {value}?"
        ),
    ),
    "point": (
        "Похоже, запятая стоит не на месте: в прошлый раз было {last}. На счётчике {value}?",
        (
            "The decimal point seems to have slipped: last time it was {last}. Does the meter show"
            " {value}?"
        ),
    ),
    "consumption": (
        (
            "{value} похоже на расход, а нужно показание счётчика целиком (в прошлый раз {last})."
            " На счётчике {value}?"
        ),
        (
            "{value} looks like what was used; the whole reading is needed (last time {last}). Does"
            " the meter show {value}?"
        ),
    ),
    "last-digits": (
        (
            "{value} похоже на последние цифры, а нужны все (в прошлый раз {last})."
            " На счётчике {value}?"
        ),
        (
            "{value} looks like the last digits only; all are needed (last time {last}). Does the"
            " meter show {value}?"
        ),
    ),
    "serial": (
        "На фото номер {seen}, а показание для счётчика {serial}. Это точно он?",
        "The photo shows number {seen}, the reading is for meter {serial}. Is it really that one?",
    ),
    "same-photo": (
        "Это фото уже присылали {day}. Снимите счётчик сейчас, если можно. Отправить это?",
        "This photo was sent before, on {day}. Take one now if you can. Send this one?",
    ),
    "old-photo": (
        "Фото снято {day}, до начала приёма показаний. Показание сейчас такое же?",
        (
            "The photo was taken on {day}, before readings were asked for. Is the reading still the"
            " same?"
        ),
    ),
    "future-photo": (
        "По часам камеры фото снято {day}, этого дня ещё не было. Показание снято сегодня?",
        (
            "By the camera's clock the photo was taken on {day}, which is still to come. Was the"
            " meter read today?"
        ),
    ),
    "differs": (
        "На фото прочитано {read}, а введено {value}. Верно введённое?",
        "The photo was read as {read}, you typed {value}. Is what you typed right?",
    ),
}
_HINTS: Final = frozenset({"exchanged", "point", "consumption", "last-digits"})
_BY_RULE: Final = {
    decrease.RULE: "lower",
    rollover.RULE: "rolled",
    rate.RULE: "too-much",
    swapped.RULE: "exchanged",
}


class Subject(NamedTuple):
    """What a question is about: whose register, what was typed (a mantissa), what was known."""

    dial: Dial
    serial: str
    mantissa: int
    step: int
    last: Level | None
    zone: ZoneInfo


class Shown(NamedTuple):
    """A photo, and what it is compared with. `since_ms`: when the window opened."""

    photo: PhotoRow
    before: Sequence[SeenBefore]
    serials: Sequence[str]
    since_ms: int
    now_ms: int


def of_findings(
    findings: Sequence[Finding], given: Given, around: Around, subject: Subject
) -> Iterator[Question]:
    """The one question that the findings come to: what likely happened, before what is odd."""
    told = [(_code(one), one.detail) for one in findings]
    told.sort(key=lambda one: one[0] not in _HINTS)
    used = 0
    if around.before is not None:
        used = advance(around.before.mantissa, given.mantissa, given.dial).delta
    for code, detail in told[:1]:
        yield _question(code, subject, detail, used=used)


def of_photo(shown: Shown, subject: Subject) -> Iterator[Question]:
    """What a photo makes one ask about the value typed beside it."""
    photo = shown.photo
    if seen := other_meter(photo.serial_seen, subject.serial, shown.serials):
        detail = f"the photo shows {seen}, the meter is {subject.serial}"
        yield _question("serial", subject, detail, seen=seen)
    if (same := same_photo(photo, shown.before, shown.now_ms)) is not None:
        detail = f"photo {photo.photo_no} is the same as photo {same.photo_no}"
        yield _question("same-photo", subject, detail, day_ms=same.received_at_ms)
    taken_ms = taken_at(photo, subject.zone)
    if taken_ms is not None and taken_ms < shown.since_ms:
        detail = f"taken before the window, at {from_ms(taken_ms):%Y-%m-%dT%H:%MZ}"
        yield _question("old-photo", subject, detail, day_ms=taken_ms)
    if taken_ms is not None and taken_ms > shown.now_ms + AHEAD_MS:
        detail = f"taken in time to come, at {from_ms(taken_ms):%Y-%m-%dT%H:%MZ}"
        yield _question("future-photo", subject, detail, day_ms=taken_ms)
    if differs(photo.cells, subject):
        text = read_as(photo.cells, subject.dial.exponent)
        detail = f"the photo was read as {text}"
        yield _question("differs", subject, detail, read=text)


def taken_at(photo: PhotoRow, zone: ZoneInfo) -> int | None:
    """The camera's time in UTC; without an offset its clock showed the house's time."""
    if photo.taken_at_ms is None or photo.has_offset:
        return photo.taken_at_ms
    try:
        return to_ms(from_ms(photo.taken_at_ms).replace(tzinfo=zone))
    except (OverflowError, ValueError):  # the first and last days a calendar has
        return photo.taken_at_ms


def other_meter(seen: str, serial: str, others: Sequence[str]) -> str:
    """The number on a photo that is another meter's of the house, where this one's is not there.

    `seen` are numbers with spaces between; empty is returned where there is none such.
    """
    read = [one for one in map(_digits, seen.split()) if len(one) >= SERIAL_DIGITS_MIN]
    if any(_within(one, _digits(serial)) for one in read):
        return ""
    known = [_digits(one) for one in others]
    return next((one for one in read if any(_within(one, each) for each in known)), "")


def same_photo(photo: PhotoRow, before: Sequence[SeenBefore], now_ms: int) -> SeenBefore | None:
    """The earlier photo that this one is: byte for byte, or (the dwelling's own) by its look."""
    found = (one for one in before if _is_like(photo, one) and _is_late(photo, one, now_ms))
    return next(found, None)


def _is_like(photo: PhotoRow, one: SeenBefore) -> bool:
    if one.is_exact or not one.is_own or photo.phash is None or one.phash is None:
        return one.is_exact
    return sameness.is_same(photo.phash, one.phash)


def _is_late(photo: PhotoRow, one: SeenBefore, now_ms: int) -> bool:
    """Whether sending it again is odd.

    One photo may show several meters, and a photo that led to nothing may be sent again, or taken
    again from the same place: of one day that is no question.
    """
    if not one.is_own:
        return True
    if one.register_no == photo.register_no and one.was_given:
        return True
    return now_ms - one.received_at_ms >= _DAY_MS


_DAY_MS = 24 * 3_600_000


def differs(cells: Sequence[Cell], subject: Subject) -> bool:
    """Whether a digit that was read for sure is another one in the value typed."""
    typed = str(subject.mantissa).zfill(len(cells))
    blank = len(str(subject.step)) - 1  # places that were not typed
    if len(typed) > len(cells):
        return bool(cells)
    compared = list(zip(cells, typed, strict=True))[: len(cells) - blank]
    return any(cell.digit is not None and cell.digit != int(digit) for cell, digit in compared)


def read_as(cells: Sequence[Cell], exponent: int) -> str:
    """What was read, with a question mark for each digit left open."""
    digits = "".join("?" if cell.digit is None else str(cell.digit) for cell in cells)
    if exponent >= 0 or not digits:
        return digits
    return f"{digits[:exponent]}.{digits[exponent:]}"


def _code(finding: Finding) -> str:
    if finding.rule == usage.RULE:
        return "much" if finding.detail.startswith("more") else "little"
    if finding.rule == slip.RULE:
        if "what was used" in finding.detail:
            return "consumption"
        return "last-digits" if "last digits" in finding.detail else "point"
    return _BY_RULE.get(finding.rule, "much")


def _question(
    code: str,
    subject: Subject,
    detail: str,
    *,
    used: int = 0,
    day_ms: int = 0,
    seen: str = "",
    read: str = "",
) -> Question:
    texts = []
    for words, text in zip((_RU, _EN), _TEXTS[code], strict=True):
        last = "—" if subject.last is None else _amount(subject.last.mantissa, subject, words)
        day = words.date(from_ms(day_ms).astimezone(subject.zone).date())
        mark = "," if words is _RU else "."
        texts.append(
            text.format(
                value=_amount(subject.mantissa, subject, words),
                last=last,
                used=_amount(used, subject, words),
                day=day,
                serial=subject.serial,
                seen=seen,
                read=read.replace(".", mark),
            )
        )
    return Question(code, texts[0], texts[1], detail)


def _amount(mantissa: int, subject: Subject, words: Words) -> str:
    value = Decimal(mantissa).scaleb(subject.dial.exponent)
    return f"{words.number(value)} {words.unit(subject.dial.unit)}"


def _digits(serial: str) -> str:
    return "".join(one for one in serial if one.isascii() and one.isdigit()).lstrip("0")


def _within(read: str, known: str) -> bool:
    """Whether a number that was read is a known one, or the longer holds the other whole."""
    if min(len(read), len(known)) < SERIAL_DIGITS_MIN:
        return read == known
    return read in known or known in read
