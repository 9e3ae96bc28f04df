"""Acts of what residents gave: made of a submission, kept as they were signed."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from cloud_sync.signing import Sealer
from gateway.resident import act_pdf
from gateway.resident.act import Act, Check, How, Kept, Outlook, issue, opened
from gateway.resident.act_telling import ActTold, tell
from gateway.resident.questions import read_as, taken_at
from gateway.sql.claims import SqlClaims
from gateway.sql.engine import Connection, Database, Place, connect, snapshot
from gateway.sql.photos import PhotosLedger
from gateway.sql.statements import named
from gateway.web.texts import Words

_SQL: Final = named(Path(__file__).with_suffix(".sql"))


class ActLook:
    """Acts as they were issued, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def kept(self, number: str) -> Kept | None:
        """The act of a number, if it was issued."""
        row = self._sql.execute(_SQL["kept"], (number,)).fetchone()
        return None if row is None else Kept._make((*row[:2], bytes(row[2]), bytes(row[3]), row[4]))

    def outlook(self, number: str) -> Outlook | None:
        """What has become of what was given under a number."""
        row = self._sql.execute(_SQL["outlook"], (number,)).fetchone()
        claim = None if row is None else SqlClaims(self._sql).claim(row[0])
        if claim is None:
            return None
        is_closed = row[3] is not None
        return Outlook(claim.standing, claim.reason or "", bool(row[1]), row[2], is_closed)


class ActLedger(ActLook):
    """An `ActPort` over one ledger."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.connection)
        self._photos = PhotosLedger(database)

    def given(self, number: str) -> tuple[int, Act] | None:
        row = self._sql.execute(_SQL["account-of"], (number,)).fetchone()
        submission = None if row is None else self._photos.by_number(row[0], number)
        if submission is None:
            return None
        timezone, house, address, dwelling, account, resource, exponent = self._sql.execute(
            _SQL["place"], (number,)
        ).fetchone()
        photo = None
        if submission.photo_no is not None:
            photo = self._photos.photo(submission.account_no, submission.photo_no)
            # A photo without its hashes is a forgotten person's.
            if photo is None or photo.sha256 is None or photo.jpeg_sha256 is None:
                return None
        return submission.account_no, Act(
            number=number,
            given_at_ms=submission.given_at_ms,
            timezone=timezone,
            house=house,
            address=address,
            dwelling=dwelling,
            account=account,
            meter=submission.serial,
            register=submission.obis,
            resource=resource or "unknown",
            unit=submission.unit,
            value=f"{submission.value:f}",
            recognised=read_as(photo.cells, exponent) if photo else "",
            how=How.PHOTO if photo else How.TYPED,
            photo=(photo and photo.sha256) or b"",
            photo_kept=(photo and photo.jpeg_sha256) or b"",
            taken_at_ms=max(0, (photo and taken_at(photo, ZoneInfo(timezone))) or 0),
            period=submission.period,
            claim_no=submission.claim_no,
            checks=tuple(
                Check(one.question.code, one.question.text_ru, one.question.text_en, one.answer)
                for one in submission.asked
            ),
        )

    def keep(self, kept: Kept) -> None:
        self._sql.execute(_SQL["keep"], kept)


class Receipts:
    """The acts of dwellings as they are shown.

    `clock` tells ms since the epoch; `public_url` is what the links of papers begin with.
    """

    def __init__(
        self, place: Place, *, sealer: Sealer, clock: Callable[[], int], public_url: str
    ) -> None:
        self._place = place
        self._sealer = sealer
        self._clock = clock
        self._public_url = public_url

    def act(self, account_no: int, number: str, words: Words) -> ActTold | None:
        """An act as it is told; None where that dwelling has none of the number."""
        found = self._found(account_no, number)
        return None if found is None else self._told(found, words)

    def pdf(self, account_no: int, number: str, words: Words) -> bytes | None:
        """The same on paper, with the sealed bytes attached."""
        found = self._found(account_no, number)
        if found is None:
            return None
        return act_pdf.of_act(self._told(found, words), found[0].sealed)

    def of_number(self, number: str) -> Kept | None:
        """An act whoever's it is, for the operator."""
        with snapshot(self._place) as connection:
            kept = ActLook(connection).kept(number)
        if kept is not None:
            return kept
        with closing(connect(self._place)) as database, database.transaction():
            return issue(ActLedger(database), self._sealer, number, self._clock())

    def _found(self, account_no: int, number: str) -> tuple[Kept, Outlook | None] | None:
        kept = self.of_number(number)
        if kept is None or kept.account_no != account_no or not kept.sealed:
            return None
        with snapshot(self._place) as connection:
            return kept, ActLook(connection).outlook(number)

    def _told(self, found: tuple[Kept, Outlook | None], words: Words) -> ActTold:
        kept, outlook = found
        made = opened(kept, self._sealer.public)
        return tell(
            *(made, kept, outlook, self._sealer.public),
            words=words,
            public_url=self._public_url,
            now_ms=self._clock(),
        )
