"""A check with its code and fields, and whether that is well (`cloud_sync/visit_texts.py`)."""

import msgspec

from cloud_sync.visit import SAID_MAX, WORDS_MAX, Check
from cloud_sync.visit_texts import SENTENCES, sentence

_DETAIL_MAX = 300


def check(what: str, code: str, *fields: str) -> Check:
    """What was found: `code` is one of SENTENCES; texts from outside are cut to their bounds."""
    said = (code, *(_plain(field) for field in fields))[:SAID_MAX]
    ok, _, _ = SENTENCES[code]
    told = Check(what=what[:64], ok=ok, said=said, detail="")
    return msgspec.structs.replace(told, detail=sentence(told, "en")[:_DETAIL_MAX])


def _plain(text: str) -> str:
    """One line of text, as long as it may be."""
    return "".join(one if one.isprintable() else " " for one in text)[:WORDS_MAX]
