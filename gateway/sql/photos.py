"""Photos of residents and their submissions, in the ledger."""

import json
from collections.abc import Collection
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from drivers.reading import Resource, Unit
from gateway.audit import Act
from gateway.claims import compare
from gateway.claims.choosing import QUALITIES, name
from gateway.claims.ports import AsReading
from gateway.model import Finding, Severity, State
from gateway.people.retention import let_go
from gateway.photo.mask import Kind
from gateway.photo.reading import Cell
from gateway.resident.submission import (
    Asking,
    NewSubmission,
    PhotoRow,
    Question,
    SeenBefore,
    Submission,
)
from gateway.rules.subject import Dial
from gateway.sql.audit import SqlAudit
from gateway.sql.claims import SqlClaims, SqlClaimStore
from gateway.sql.engine import Connection, Database
from gateway.sql.statements import named

_SQL: Final = named(Path(__file__).with_suffix(".sql"))
# A dwelling's photos of some years; older ones nobody sends again.
_BEFORE_MAX = 500
# A house has some thousand meters; a number read on a photo is looked for among them.
_SERIALS_MAX = 5000


class PhotosLedger:
    """`GivingPort` and `KeptPort` on one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = database.connection
        self._log = SqlAudit(database.connection)
        self.claims = SqlClaimStore(database)

    def transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction()

    def append(self, act: Act) -> int:
        return self._log.append(act)

    def dial(self, register_no: int) -> Dial:
        row = self._sql.execute(_SQL["dial"], (register_no,)).fetchone()
        unit, exponent, digits, rate_max_per_h, resource = row
        known = Resource(resource) if resource else None
        return Dial(Unit(unit), exponent, digits, rate_max_per_h, known)

    def kind(self, register_no: int) -> Kind | None:
        row = self._sql.execute(_SQL["kind"], (register_no,)).fetchone()
        return None if row is None or row[0] is None else Kind(row[0])

    def other_serials(self, account_no: int, serial: str) -> list[str]:
        asked = {"account": account_no, "serial": serial, "most": _SERIALS_MAX}
        return [one for (one,) in self._sql.execute(_SQL["other-serials"], asked)]

    # Photos ---------------------------------------------------------------------------------

    def photos_since(self, account_no: int, since_ms: int) -> int:
        row = self._sql.execute(_SQL["photos-since"], (account_no, since_ms)).fetchone()
        return int(row[0])

    def photo(self, account_no: int, photo_no: int) -> PhotoRow | None:
        row = self._sql.execute(_SQL["photo"], (account_no, photo_no)).fetchone()
        return None if row is None else _photo(*row)

    def photo_of(self, account_no: int, register_no: int, sha256: bytes) -> PhotoRow | None:
        row = self._sql.execute(_SQL["photo-of"], (account_no, register_no, sha256)).fetchone()
        return None if row is None else _photo(*row)

    def keep_photo(self, account_no: int, row: PhotoRow) -> int:
        phash = None if row.phash is None else row.phash.to_bytes(8, "big")
        cells = json.dumps([[cell.digit, round(cell.sure, 4)] for cell in row.cells])
        (number,) = self._sql.execute(
            _SQL["keep"],
            (
                *(account_no, row.register_no, row.sha256, row.jpeg_sha256, phash, row.file),
                *(row.taken_at_ms, int(row.has_offset), row.kind.value, cells),
                *(row.serial_seen or None, row.received_at_ms),
            ),
        ).fetchone()
        return int(number)

    def seen_before(self, account_no: int, photo: PhotoRow) -> list[SeenBefore]:
        asked = {"account": account_no, "sha256": photo.sha256, "most": _BEFORE_MAX}
        return [
            SeenBefore._make((*row[:2], _number(row[2]), row[3], *map(bool, row[4:])))
            for row in self._sql.execute(_SQL["seen-before"], asked)
        ]

    # Files ----------------------------------------------------------------------------------

    def drop_drafts(self, before_ms: int, now_ms: int) -> None:
        if count := self._sql.execute(_SQL["drop-drafts"], (before_ms,)).rowcount:
            self._log.append(let_go(now_ms, f"{count} photos of no reading"))

    def to_delete(self, limit: int) -> list[str]:
        return [name for (name,) in self._sql.execute(_SQL["to-delete"], (limit,))]

    def deleted(self, names: Collection[str]) -> None:
        self._sql.execute(_SQL["deleted"], (json.dumps([*names]),))

    def known(self, names: Collection[str]) -> set[str]:
        return {name for (name,) in self._sql.execute(_SQL["known"], (json.dumps([*names]),))}

    # Submissions ----------------------------------------------------------------------------

    def by_key(self, account_no: int, page_key: str) -> Submission | None:
        return self._submission(account_no, None, page_key)

    def by_number(self, account_no: int, number: str) -> Submission | None:
        return self._submission(account_no, number, None)

    def review(self, claim_no: int, asked: str, now_ms: int) -> None:
        claims = SqlClaims(self._sql)
        claim = claims.open_claim(claim_no)
        if claim is None:
            raise LookupError(f"there is no claim-{claim_no}")  # it was entered just now
        detail = f"{name(claim)} was confirmed against advice ({asked})"
        found = Finding(compare.RULE, Severity.WARNING, QUALITIES[claim.source], detail)
        claims.store(claim, AsReading(claim.mantissa, State.SUSPECT), [found], now_ms)

    def add(self, new: NewSubmission, audit_no: int) -> None:
        asked = [{**one.question._asdict(), "answer": one.answer} for one in new.asked]
        row = new._asdict() | {
            "asked": json.dumps(asked, ensure_ascii=False),
            "in_review": int(new.in_review),
        }
        self._sql.execute(_SQL["add"], (*row.values(), audit_no))

    def _submission(
        self, account_no: int, number: str | None, page_key: str | None
    ) -> Submission | None:
        asked = {"account": account_no, "number": number, "key": page_key}
        row = self._sql.execute(_SQL["submission"], asked).fetchone()
        if row is None:
            return None
        mantissa, step, exponent = row[6:9]
        # As many digits as were given: the step is a power of ten.
        value = Decimal(mantissa // step).scaleb(exponent + len(str(step)) - 1)
        told = (asked_of(row[13]), bool(row[14]), row[15])
        return Submission._make((*row[:6], value, *row[9:13], *told))


def asked_of(text: str) -> tuple[Asking, ...]:
    """The questions and answers as a submission keeps them."""
    return tuple(
        Asking(Question(one["code"], one["text_ru"], one["text_en"], one["detail"]), one["answer"])
        for one in json.loads(text)
    )


def _photo(*row: Any) -> PhotoRow:
    cells = tuple(Cell(digit, sure) for digit, sure in json.loads(row[9]))
    hashes = (_bytes(row[2]), _bytes(row[3]), _number(row[4]))
    read = (Kind(row[8]), cells, row[10] or "")
    return PhotoRow._make(
        (*row[:2], *hashes, *row[5:7], bool(row[7]), *read, row[11], bool(row[12]))
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _number(phash: Any) -> int | None:
    return None if phash is None else int.from_bytes(phash, "big")
