"""Parsers of how residents are reached, and of the links they come with."""

import string
from collections.abc import Collection, Iterator
from typing import Any

from cloud_sync.signing import SigningKey
from gateway.csv_lines import RegistryError
from gateway.resident import contacts
from gateway.resident.model import Dwelling, Purpose
from gateway.resident.secrets import NONCE_BYTES, Secrets
from simulators.fuzz.engine import Parser

_NOON_MS = 1_796_040_000_000
_KEY = Secrets.of(SigningKey.from_seed(bytes(range(32))))
_HOME = Dwelling(1, "1", "A", "1", "Europe/Moscow")


class _Contacts:
    """One account that has no contact, which keeps nothing it is given."""

    def by_numbers(self, _numbers: Collection[str]) -> dict[str, Dwelling]:
        return {"1": _HOME}

    def contacts(self, _account_no: int) -> list[Any]:
        return []

    def add_contact(self, *_given: object) -> None:
        """Forgotten."""

    def end_contact(self, *_given: object) -> None:
        """As above."""

    def set_language(self, *_given: object) -> None:
        """As above."""


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    header = ",".join((*contacts.COLUMNS, *contacts.OPTIONAL))
    lines = "1,email,ivan@mail.example,ru,2026-10-01\n1,sms,+7 (900) 123-45-67,en,\n"
    words = (b",", b";", b'"', b"\n", b"@", b"..", b"+", b"\r", "\u0663".encode(), b"9999-12-31")
    yield Parser(
        "contacts-csv",
        lambda data: contacts.import_csv(_Contacts(), data, _NOON_MS),
        (RegistryError,),
        (f"{header}\n{lines}".encode(),),
        words,
    )
    tokens = [_KEY.token(purpose, _NOON_MS, bytes(NONCE_BYTES)).encode() for purpose in Purpose]
    yield Parser(
        "resident-token",
        lambda data: _KEY.claimed(data.decode("latin-1")),
        (),
        tuple(tokens),
        tuple(letter.encode() for letter in string.punctuation),
    )
