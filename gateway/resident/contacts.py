"""A CSV of how residents are reached, entered whole or not at all.

One line per account and channel; columns: account, channel (email or sms), address, language (ru or
en), and since (a day of the house, today if empty or left out). An address in the place of another
one ends that one; the same one again changes nothing but its language, so whoever wants no letters
is not written to again because a file was brought twice.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, time
from typing import Final, NamedTuple, Protocol

from drivers.reading import from_ms, to_ms
from gateway.csv_lines import FieldError, Fields, Problem, day, lines_of, parsed, refuse, repeated
from gateway.resident.model import Channel, Contact, Dwelling

COLUMNS: Final = ("account", "channel", "address", "language")
OPTIONAL: Final = ("since",)
LANGUAGES: Final = ("ru", "en")
# RFC 5321, 4.5.3.1: what a mail server has to take.
_NAME_CHARS_MAX, _ADDRESS_CHARS_MAX = 64, 254
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# E.164: a plus and at most fifteen digits.
_PHONE = re.compile(r"\+[1-9][0-9]{9,14}")
_SEPARATORS = str.maketrans("", "", " ()-\u00a0")


class ContactLine(NamedTuple):
    """What a line says; `since` is None for today."""

    account: str
    channel: Channel
    address: str
    language: str
    since: datetime | None


class ContactsPort(Protocol):
    """Where contacts are kept; all act in the transaction around them."""

    def by_numbers(self, numbers: Collection[str]) -> dict[str, Dwelling]:
        """The dwellings of those accounts that are known."""

    def contacts(self, account_no: int) -> list[Contact]:
        """An account's contacts that stand."""

    def add_contact(self, account_no: int, line: ContactLine, since_ms: int) -> None:
        """A contact from then on."""

    def end_contact(self, contact_no: int, now_ms: int) -> None:
        """Another address takes its place; nothing more is sent to it, and it lets nobody in."""

    def set_language(self, contact_no: int, language: str) -> None:
        """It is written to in that language."""


def import_csv(port: ContactsPort, data: bytes, now_ms: int) -> dict[str, int]:
    """Enter the contacts of a CSV; how many were new, changed and the same.

    RegistryError names every bad line, and then nothing was written.
    """
    problems: list[Problem] = []
    lines = list(parsed(lines_of(data, COLUMNS, problems, OPTIONAL), parse_line, problems))
    subjects = ((at, (line.account, line.channel)) for at, line in lines)
    problems += repeated(subjects, _once, "channel")
    known = port.by_numbers({line.account for _, line in lines})
    problems += _unknown(lines, known, now_ms)
    refuse(problems)
    counts = {"new": 0, "changed": 0, "same": 0}
    for _, line in lines:
        counts[_enter(port, line, known[line.account], now_ms)] += 1
    return counts


def parse_line(fields: Fields) -> ContactLine:
    """What the fields of a line say; FieldError otherwise."""
    try:
        channel = Channel(fields["channel"].lower())
    except ValueError:
        raise FieldError("channel", "email or sms") from None
    language = fields["language"].lower()
    if language not in LANGUAGES:
        raise FieldError("language", "ru or en")
    address = _phone(fields) if channel is Channel.SMS else _email(fields)
    since = datetime.combine(day(fields, "since"), time()) if fields.get("since") else None
    return ContactLine(fields["account"], channel, address, language, since)


def _email(fields: Fields) -> str:
    address = fields["address"]
    name = address.partition("@")[0]
    sound = len(address) <= _ADDRESS_CHARS_MAX and _EMAIL.fullmatch(address) is not None
    if not sound or len(name) > _NAME_CHARS_MAX or name.startswith(".") or ".." in address:
        raise FieldError("address", "an e-mail address like name@mail.example")
    return address


def _phone(fields: Fields) -> str:
    number = fields["address"].translate(_SEPARATORS)
    if _PHONE.fullmatch(number) is None:
        raise FieldError("address", "a phone number with its country, like +79001234567")
    return number


def _once(_: tuple[str, Channel]) -> str:
    return "one line for an account and channel"


def _unknown(
    lines: Sequence[tuple[int, ContactLine]], known: dict[str, Dwelling], now_ms: int
) -> Iterator[Problem]:
    """Lines about no account of ours, or about a time to come."""
    for number, line in lines:
        dwelling = known.get(line.account)
        if dwelling is None:
            yield Problem(number, "account", "an account of the registry", repr(line.account[:64]))
        elif _since_ms(line, dwelling, now_ms) > now_ms:
            today = from_ms(now_ms).astimezone(dwelling.zone).date().isoformat()
            expected = f"a day until today, {today}"
            yield Problem(number, "since", expected, f"{line.since:%Y-%m-%d}")


def _since_ms(line: ContactLine, dwelling: Dwelling, now_ms: int) -> int:
    return now_ms if line.since is None else to_ms(line.since.replace(tzinfo=dwelling.zone))


def _enter(port: ContactsPort, line: ContactLine, dwelling: Dwelling, now_ms: int) -> str:
    standing = port.contacts(dwelling.account_no)
    before = next((one for one in standing if one.channel is line.channel), None)
    if before is not None and before.address == line.address:
        if before.language == line.language:
            return "same"
        port.set_language(before.contact_no, line.language)
        return "changed"
    if before is not None:
        port.end_contact(before.contact_no, now_ms)
    port.add_contact(dwelling.account_no, line, _since_ms(line, dwelling, now_ms))
    return "new" if before is None else "changed"
