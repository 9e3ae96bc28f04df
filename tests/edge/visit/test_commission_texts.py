"""The terminal's words: both languages, the same holes in them, a sentence for every code."""

import re
from pathlib import Path
from string import Formatter

import pytest

from edge.commands.commission_texts import TEXTS, say
from edge.visit import recording

ROOT_OF_CODES = re.compile(r"Hindrance\(\s*\"([a-z-]+)\"")


def holes(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", TEXTS)
def test_both_languages_have_the_same_holes(code: str) -> None:
    russian, english = TEXTS[code]
    assert holes(russian) == holes(english)
    words = re.sub(r"{.*?}", "", english)
    assert re.search("[а-я]", russian) or not re.search("[a-z]{3}", words)


def test_every_hindrance_has_its_words() -> None:
    assert recording.__file__ is not None
    codes = set(ROOT_OF_CODES.findall(Path(recording.__file__).read_text("utf-8")))
    assert len(codes) > 5
    for code in codes:
        assert say("ru", "unread_meter" if code == "unread" else code, key="k")
