"""A dwelling with two water meters and a neighbour, whose residents give readings."""

import itertools
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from gateway.photo.frame import Frame
from gateway.photo.geometry import Corners
from gateway.photo.keeping import FOLDER, PhotoFiles
from gateway.photo.looking_worker import Sight, Task, sight_of
from gateway.photo.mask import Mask, Prior
from gateway.photo.reading import Cell, Reading
from gateway.resident.act import issue
from gateway.resident.asking import Rules
from gateway.resident.giving import Giving
from gateway.resident.model import Dwelling
from gateway.resident.proposal import Proposal
from gateway.resident.submission import Submission
from gateway.sql.photos import PhotosLedger
from gateway.sql.receipts import ActLedger
from gateway.sql.resident_asking import AskingLedger
from tests.gateway.photo.photos import encoded, exif, scene
from tests.gateway.photo.readers import FOUND, Recognised
from tests.gateway.town import DAY_MS, GATEWAY_KEY, SINCE_MS, Dial, Town, local

COLD, HOT, THEIRS = "W1000001", "W1000002", "W2000001"
NOON = local(9, 28, 12)
"""In the window: the last week of September."""


class Reader:
    """Reads what it is told to, and notes what it was told of the register."""

    def __init__(self) -> None:
        self.digits = "00101000"
        self.serial = ""
        self.told: list[tuple[Mask | None, Corners | None, Prior | None]] = []

    def look(
        self, data: bytes, mask: Mask | None, frame: Frame | None, prior: Prior | None
    ) -> Sight:
        """As a process would, but here."""
        return sight_of(Task(data, mask, frame, prior), self)

    def read(
        self, image: object, mask: Mask | None, corners: Corners | None, prior: Prior | None
    ) -> Recognised:
        assert image is not None
        self.told.append((mask, corners, prior))
        if not self.digits:
            return Recognised(None, None)
        cells = tuple(Cell(None if one == "?" else int(one), 0.97) for one in self.digits)
        return Recognised(Reading(cells), corners or FOUND, self.serial)


class Giver:
    """Two flats of a house; `now_ms` moves only when told."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.now_ms = NOON
        self.reader = Reader()
        for serial, point, flat, resource, obis in (
            (COLD, "P-C", "12", "cold-water", "8-0:1.0.0"),
            (HOT, "P-H", "12", "hot-water", "9-0:1.0.0"),
            (THEIRS, "P-T", "13", "cold-water", "8-0:1.0.0"),
        ):
            dial = Dial(obis, "m3", -3, 8, 100_000)
            town.install(serial, town.point(point, flat, resource), dial, at_ms=SINCE_MS)
        town._write("UPDATE register SET rate_max_per_h = ?", 3125)
        self.database = town.store.database
        self.ledger = PhotosLedger(self.database)
        self.files = PhotoFiles(town.folder / FOLDER)
        self.random = itertools.count(1)
        self.acts = ActLedger(self.database)
        self.giving = self.begun()
        self.home = self.dwelling("40112")
        self.next_door = self.dwelling("40113")

    def begun(self) -> Giving:
        """As after a restart."""
        return Giving(
            self.ledger,
            AskingLedger(self.database),
            Rules(),
            looker=self.reader,
            files=self.files,
            clock=lambda: self.now_ms,
            random=lambda size: (next(self.random) * 0x1234567).to_bytes(size, "big"),
            sign=partial(issue, self.acts, GATEWAY_KEY),
        )

    def dwelling(self, account: str) -> Dwelling:
        found = AskingLedger(self.database).by_number(account)
        assert found is not None
        return found

    def register(self, serial: str) -> int:
        row = self.database.connection.execute(
            "SELECT register_no FROM register JOIN meter USING (meter_no) WHERE serial = ?",
            (serial,),
        ).fetchone()
        return int(row[0])

    def photo(self, seed: int = 1, serial: str = COLD, taken: str = "", offset: str = "") -> int:
        data = encoded(scene(seed), exif=exif(taken, offset))
        return self.giving.photo(self.home, self.register(serial), data).photo_no

    def anew(self, home: Dwelling, photo_no: int, frame: Frame) -> Proposal:
        """Read a kept photo where the resident says the register is."""
        ready, jpeg = self.giving.anew(home, photo_no)
        return self.giving.keep_anew(home, photo_no, self.giving.look(ready, jpeg, frame))

    def asked(self, value: str, photo_no: int | None = None, serial: str = COLD) -> list[str]:
        """The codes of the questions about a value."""
        found = self.giving.questions(self.home, self.register(serial), Decimal(value), photo_no)
        return [one.code for one in found]

    def confirm(
        self,
        value: str,
        photo_no: int | None = None,
        answers: Mapping[str, str] | None = None,
        serial: str = COLD,
        key: str = "",
    ) -> Submission:
        register_no = self.register(serial)
        given = (self.home, register_no, Decimal(value), photo_no, answers or {})
        return self.giving.confirm(*given, key=key)

    def rows(self, table: str) -> list[tuple[object, ...]]:
        found = self.database.connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - ours
        return found.fetchall()

    def month_later(self) -> None:
        self.now_ms += 30 * DAY_MS
