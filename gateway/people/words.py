"""What names a person in texts, and what stands there instead once they are forgotten."""

import re
from collections.abc import Collection
from typing import NamedTuple

# Shorter words stand in too many texts that mean something else.
WORD_CHARS_MIN, WORD_CHARS_MAX = 3, 200
WORDS_MAX = 20
# Eight hex digits: no two accounts of one ledger will share them, and they say nothing.
PSEUDONYM_BYTES = 4


class PeopleError(ValueError):
    """What cannot be shown or forgotten; the text says why and what to do."""


class Names(NamedTuple):
    """Words that name a person, and the pseudonym that takes their place."""

    words: tuple[str, ...]
    pseudonym: str

    def replaced(self, text: str) -> str:
        """`text` with every word of them, standing by itself in any case, replaced."""
        return _pattern(self.words).sub(self.pseudonym, text)

    def within(self, text: str) -> bool:
        """Whether the text names the person."""
        return _pattern(self.words).search(text) is not None


def checked(words: Collection[str]) -> tuple[str, ...]:
    """The words, without spaces around; PeopleError for one that is too short or too long."""
    found = tuple(word.strip() for word in words)
    if len(found) > WORDS_MAX:
        raise PeopleError(f"expected at most {WORDS_MAX} names, got {len(found)}")
    for word in found:
        if not WORD_CHARS_MIN <= len(word) <= WORD_CHARS_MAX or not word.isprintable():
            raise PeopleError(
                f"expected a name of {WORD_CHARS_MIN} to {WORD_CHARS_MAX} characters in one line,"
                f" got one of {len(word)}"
            )
    return found


def pseudonym(random: bytes) -> str:
    """What takes the place of a person's names."""
    return f"forgotten-{random.hex()}"


def _pattern(words: Collection[str]) -> re.Pattern[str]:
    # The longest first, so that no word is replaced inside another.
    listed = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{listed})(?!\w)", re.IGNORECASE)
