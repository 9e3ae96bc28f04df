"""An explanation as it is told: texts and numbers in one language, in the order they are read.

The page and the PDF both draw these and nothing else, so what one shows the other shows.
"""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """A name, what stands there, a note in smaller letters; `tone` is good, doubt, bad or none.

    `link` is the id of another line the value names.
    """

    name: str
    value: str
    note: str = ""
    tone: str = ""
    link: str = ""


class Section(NamedTuple):
    """A headed part; `wide` where the names are sentences and the values a word."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    wide: bool = False


class Figure(NamedTuple):
    """One of the three large numbers."""

    name: str
    value: str
    unit: str
    note: str


class Banner(NamedTuple):
    """What must not be overlooked."""

    text: str
    tone: str
    link: str = ""


class Sum(NamedTuple):
    """The summands and what they make."""

    title: str
    rows: tuple[Row, ...]
    total: Row


class Proof(NamedTuple):
    """How anyone checks the line."""

    title: str
    code_name: str
    code: str
    url: str
    scan: str
    offline: str
    commands: tuple[str, ...]


def document(record: object) -> Any:
    """A record of this module as JSON has it: objects, lists, texts."""
    if isinstance(record, tuple):
        fields = getattr(record, "_fields", None)
        if fields is None:
            return [document(one) for one in record]
        return {name: document(one) for name, one in zip(fields, record, strict=True)}
    return record


class Explained(NamedTuple):
    """A line explained."""

    language: str
    title: str
    number: str
    line_id: str
    about: tuple[Row, ...]
    method: str
    method_tone: str
    figures: tuple[Figure, ...]
    banners: tuple[Banner, ...]
    sum: Sum
    sections: tuple[Section, ...]
    proof: Proof
    closed_at_ms: int
    house: str
    period: str
