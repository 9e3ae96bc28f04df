"""A town's flats whose residents gave readings: real claims and submissions, without pages."""

import hashlib
from decimal import Decimal

from gateway.claims.deciding import bring
from gateway.claims.model import Claim, ClaimSource, enter
from gateway.photo.mask import Kind
from gateway.photo.reading import Cell
from gateway.resident.submission import (
    RANDOM_BYTES,
    Asking,
    NewSubmission,
    PhotoRow,
    Question,
    number_of,
)
from gateway.sql.claims import SqlClaims, SqlClaimStore
from gateway.sql.photos import PhotosLedger
from tests.gateway.town import Town

ASKED = Question(
    "much", "Намного больше обычного. Верно?", "Far above the usual. Right?", "3 times"
)
OBIS = "1-0:1.8.0"


def account_of(town: Town, dwelling: str = "12") -> int:
    row = town.store.database.connection.execute(
        "SELECT account_no FROM account WHERE dwelling = ?", (dwelling,)
    )
    return int(row.fetchone()[0])


def register_of(town: Town, serial: str) -> int:
    row = town.store.database.connection.execute(
        "SELECT register_no FROM register JOIN meter USING (meter_no) WHERE serial = ?", (serial,)
    )
    return int(row.fetchone()[0])


def photo(town: Town, serial: str, digits: str, at_ms: int, dwelling: str = "12") -> int:
    """A photo of a meter as it was kept: `digits` as they were read, a space for an open one."""
    sent = f"{serial} {digits} {at_ms}".encode()
    cells = tuple(Cell(None if one == " " else int(one), 0.99) for one in digits)
    row = PhotoRow(
        photo_no=0,
        register_no=register_of(town, serial),
        sha256=hashlib.sha256(sent).digest(),
        jpeg_sha256=hashlib.sha256(sent[::-1]).digest(),
        phash=1,
        file=f"aa/{hashlib.sha256(sent).hexdigest()}.jpg",
        taken_at_ms=at_ms,
        has_offset=True,
        kind=Kind.LCD,
        cells=cells,
        serial_seen=serial,
        received_at_ms=at_ms,
        is_removed=False,
    )
    with town.store.transaction():
        return PhotosLedger(town.store.database).keep_photo(account_of(town, dwelling), row)


def give(
    town: Town,
    serial: str,
    value: str,
    at_ms: int,
    *,
    photo_no: int | None = None,
    asked: tuple[Question, ...] = (),
    period: str = "2026-09",
    dwelling: str = "12",
) -> str:
    """A reading that the resident confirmed; its number."""
    database = town.store.database
    source = ClaimSource.RESIDENT if photo_no is None else ClaimSource.PHOTO
    number = number_of(hashlib.sha256(f"{serial}{value}{at_ms}".encode()).digest()[:RANDOM_BYTES])
    claim = Claim(source, serial, OBIS, at_ms, Decimal(value), number, "resident", at_ms)
    with town.store.transaction():
        made = enter(SqlClaimStore(database), [claim], at_ms)
        assert not made.refused
        (claim_no,) = made.taken
        if asked:
            bring(SqlClaims(database.connection), claim_no, "resident", at_ms)
        answered = tuple(Asking(one, "yes") for one in asked)
        new = NewSubmission(
            *(number, account_of(town, dwelling), register_of(town, serial), photo_no, claim_no),
            *(number, period, answered, bool(asked), at_ms),
        )
        PhotosLedger(database).add(new, 0)
    return number
