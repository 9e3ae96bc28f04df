"""A line's code: what a paper carries so that anyone can ask whether the ledger has that line.

It is the beginning of a SHA-256 over what the paper shows, so a changed number or another line
has another code. 80 bits: nobody finds a second record with the same code by trying, and a person
can still type it. What is hashed is fixed here by name and version, so that a line keeps its code
when the program learns new fields.
"""

import base64
import hashlib
import hmac
import json
import re

from gateway.closing_records import ClosingLine

VERSION = "plomba-line-1"
_FIELDS = (
    *("line_id", "period", "account", "dwelling", "resource", "register", "unit"),
    *("opening_meter", "opening_value", "opening_at", "closing_meter", "closing_value"),
    *("closing_at", "consumption", "rollovers", "method", "factor", "role", "closed_at"),
)
_BYTES = 10
_GROUP = 4
# A group of letters as base32 has them; what is longer or other was never printed by us.
_FORM = re.compile(r"[A-Z2-7]{16}")


def code_of(line: ClosingLine) -> str:
    """The code of a line: sixteen letters and digits in groups of four."""
    text = line.as_text()
    record = [VERSION, *(text[name] for name in _FIELDS)]
    canonical = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return letters_of(hashlib.sha256(canonical).digest())


def is_code_of(line: ClosingLine | None, said: str) -> bool:
    """Whether `said` is the code of `line`, in a time that tells nothing of how much of it is."""
    return is_same("" if line is None else code_of(line), said)


def letters_of(digest: bytes) -> str:
    """The code that a digest of at least ten bytes begins with."""
    letters = base64.b32encode(digest[:_BYTES]).decode()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def is_same(code: str, said: str) -> bool:
    """Whether somebody said `code`; where there is none (an empty one), nothing is it."""
    given = said.upper().replace("-", "").replace(" ", "")
    shaped = _FORM.fullmatch(given) is not None
    expected = code.replace("-", "")
    return hmac.compare_digest(expected.encode(), given.encode() if shaped else b"-")
