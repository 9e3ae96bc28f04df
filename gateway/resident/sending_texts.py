"""What residents are written, in Russian and English: plain words, one thing to do, no pictures.

A code stands in a message of its own and never beside a link: who reads over a shoulder, or a
notice on a locked phone, gets one of the two.
"""

import re
from typing import Final, NamedTuple

from drivers.reading import from_ms
from gateway.resident.links import url
from gateway.resident.model import Channel, Contact, Dwelling, Purpose

_LINKS, _CODES = re.compile(r"https?://[^\s<>\"]+"), re.compile(r"(?<!\d)\d{6}(?!\d)")


class Letter(NamedTuple):
    """A message ready to go. `mail_id` is the same each time that it is sent.

    `stop_url`: where a click ends such letters; empty where somebody asked for this one himself.
    """

    address: str
    subject: str
    text: str
    mail_id: str
    language: str
    stop_url: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is kept of no answer to it: the address, the tokens of links, a code."""
        said = f"{self.text} {self.stop_url}"
        tokens = [one.rpartition("/")[2] for one in _LINKS.findall(said)]
        return (self.address, self.address.removeprefix("+"), *tokens, *_CODES.findall(said))


_TEXTS: Final[dict[tuple[str, str, str], str]] = {
    ("ask", "ru", "subject"): "Передайте показания: {place}",
    ("ask", "en", "subject"): "Please send your meter readings: {place}",
    ("ask", "ru", "email"): (
        "Здравствуйте!\n\n"
        "Прибор учёта по адресу {place} не передал показания сам.\n"
        "Передайте их до {until} включительно. Это займёт меньше минуты: сфотографируйте прибор "
        "по ссылке.\n\n"
        "{url}\n\n"
        "Ссылка только для вашего помещения. Мы пришлём код, когда вы её откроете.\n"
        "Если показаний не будет, начисление сделают по среднему или по нормативу.\n"
    ),
    ("ask", "en", "email"): (
        "Hello,\n\n"
        "The meter at {place} did not send its reading by itself.\n"
        "Please send it by {until}. It takes less than a minute: take a photo at the link.\n\n"
        "{url}\n\n"
        "The link is for your dwelling only. We send a code when you open it.\n"
        "Without a reading the bill is made by an average or by the norm.\n"
    ),
    ("ask", "ru", "sms"): "Передайте показания до {until} включительно: {url}",
    ("ask", "en", "sms"): "Please send your meter reading by {until}: {url}",
    ("reminder", "ru", "subject"): "Напоминание о показаниях: {place}",
    ("reminder", "en", "subject"): "Reminder: meter readings, {place}",
    ("reminder", "ru", "email"): (
        "Здравствуйте!\n\n"
        "Показаний прибора учёта по адресу {place} ещё нет. Их принимают до {until} "
        "включительно.\n\n"
        "{url}\n\n"
        "Если вы их уже передали, ничего делать не нужно.\n"
    ),
    ("reminder", "en", "email"): (
        "Hello,\n\n"
        "There is no meter reading of {place} yet. It is taken to the end of {until}.\n\n"
        "{url}\n\n"
        "If you have sent it already, nothing is left to do.\n"
    ),
    ("reminder", "ru", "sms"): "Показаний ещё нет, их ждут до {until} включительно: {url}",
    ("reminder", "en", "sms"): "No meter reading yet, it is taken to the end of {until}: {url}",
    ("code", "ru", "subject"): "Код для передачи показаний",
    ("code", "en", "subject"): "Your code for the meter readings",
    ("code", "ru", "email"): (
        "Код: {code}\n\n"
        "Введите его на странице, которую вы открыли. Код действует 10 минут.\n"
        "Если вы ничего не открывали, никому его не сообщайте: без кода никто не войдёт.\n"
    ),
    ("code", "en", "email"): (
        "Code: {code}\n\n"
        "Type it on the page that you have opened. It works for 10 minutes.\n"
        "If you have opened nothing, tell it to nobody: without it nobody gets in.\n"
    ),
    ("code", "ru", "sms"): "Код {code}. Никому его не сообщайте.",
    ("code", "en", "sms"): "Code {code}. Tell it to nobody.",
    ("link", "ru", "subject"): "Новая ссылка для показаний: {place}",
    ("link", "en", "subject"): "Your new link for the meter readings: {place}",
    ("link", "ru", "email"): (
        "Вы просили новую ссылку:\n\n{url}\n\n"
        "Прежняя ссылка больше не действует. Если вы её не просили, ничего не делайте.\n"
    ),
    ("link", "en", "email"): (
        "You asked for a new link:\n\n{url}\n\n"
        "The one before works no more. If you did not ask for it, do nothing.\n"
    ),
    ("link", "ru", "sms"): "Новая ссылка для показаний: {url}",
    ("link", "en", "sms"): "Your new link for the meter readings: {url}",
    ("taken", "ru", "subject"): "Обращение {about} взято в работу",
    ("taken", "en", "subject"): "Your dispute {about} is being looked into",
    ("taken", "ru", "email"): (
        "Здравствуйте!\n\n"
        "Ваше обращение {about} ({place}) взято в работу.\n"
        "Что с ним происходит, видно по ссылке; мы пришлём код, когда вы её откроете.\n\n"
        "{url}\n"
    ),
    ("taken", "en", "email"): (
        "Hello,\n\n"
        "Somebody is looking into your dispute {about} ({place}).\n"
        "Follow it at the link; we send a code when you open it.\n\n"
        "{url}\n"
    ),
    ("taken", "ru", "sms"): "Обращение {about} в работе: {url}",
    ("taken", "en", "sms"): "Your dispute {about} is being looked into: {url}",
    ("answered", "ru", "subject"): "Ответ на обращение {about}",
    ("answered", "en", "subject"): "Your dispute {about} is answered",
    ("answered", "ru", "email"): (
        "Здравствуйте!\n\n"
        "На ваше обращение {about} ({place}) дан ответ.\n"
        "Прочитать его можно по ссылке; мы пришлём код, когда вы её откроете.\n\n"
        "{url}\n"
    ),
    ("answered", "en", "email"): (
        "Hello,\n\n"
        "Your dispute {about} ({place}) is answered.\n"
        "Read the answer at the link; we send a code when you open it.\n\n"
        "{url}\n"
    ),
    ("answered", "ru", "sms"): "Ответ на обращение {about}: {url}",
    ("answered", "en", "sms"): "Your dispute {about} is answered: {url}",
}
_ASKED_FOR: Final = frozenset({"code", "link"})
_STOP: Final = {
    "ru": "\nНе присылать таких писем: {stop}\n",
    "en": "\nNo more letters like this: {stop}\n",
}


def composed(
    kind: str,
    contact: Contact,
    dwelling: Dwelling,
    *,
    place: str,
    office: str,
    token: str,
    stop: str,
    code: str,
    closes_ms: int,
    mail_id: str,
    about: str = "",
) -> Letter:
    """A message of a kind in the contact's language; `place` is the public address."""
    language = contact.language
    words = {
        "place": _place(dwelling, language),
        "until": _until(closes_ms, dwelling, language),
        "url": url(place, token),
        "code": code,
        "about": about,
    }
    text = _TEXTS[kind, language, contact.channel.value].format_map(words)
    stop_url = url(place, stop, Purpose.STOP) if stop and kind not in _ASKED_FOR else ""
    if contact.channel is Channel.EMAIL:
        text += f"\n{office}\n" if office else ""
        text += _STOP[language].format(stop=stop_url) if stop_url else ""
    subject = _TEXTS[kind, language, "subject"].format_map(words)
    return Letter(contact.address, subject, text, mail_id, language, stop_url)


def _place(dwelling: Dwelling, language: str) -> str:
    flat = "flat" if language == "en" else "кв."
    return f"{dwelling.house}, {flat} {dwelling.dwelling}"


def _until(closes_ms: int, dwelling: Dwelling, language: str) -> str:
    """The last day of a window: it ends with the midnight that closes it."""
    day = from_ms(closes_ms - 1).astimezone(dwelling.zone).date()
    return day.isoformat() if language == "en" else f"{day:%d.%m.%Y}"
