"""From the ledger's English to Russian, phrase by phrase: one mechanism, its tables beside it.

A phrase is a regular expression for what is said in English, a group for each number or name, and
what stands instead. Where two could match, the first one does. What no phrase knows is shown as
it stands: better foreign than left out.
"""

import re
from typing import NamedTuple


class Phrase(NamedTuple):
    """What is said in English, and in Russian instead."""

    english: re.Pattern[str]
    russian: str


Phrases = tuple[Phrase, ...]


def table(*rows: tuple[str, str]) -> Phrases:
    """The phrases of a table: expression and replacement, a row each."""
    return tuple(Phrase(re.compile(english), russian) for english, russian in rows)


def whole(text: str, phrases: Phrases) -> str:
    """A text that one phrase says, from its beginning to its end."""
    for phrase in phrases:
        match = phrase.english.fullmatch(text)
        if match is not None:
            return match.expand(phrase.russian)
    return text


def within(text: str, phrases: Phrases) -> str:
    """A text with every phrase replaced where it stands in it."""
    for phrase in phrases:
        text = phrase.english.sub(phrase.russian, text)
    return text
