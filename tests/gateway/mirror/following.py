"""A follower that keeps what the stream tells it, as a mirror would."""

from gateway.mirror.points import points
from gateway.sql.mirror import SqlMirrorLook
from gateway.sql.store import SqlStore
from gateway.sql.stream import StreamLedger
from gateway.stream import READINGS_MAX, Cursor, Place, Scan, portion

NAME = "test"


class Follows:
    """What stands in the ledger, known from the stream alone."""

    def __init__(self, store: SqlStore, readings_max: int = READINGS_MAX) -> None:
        self._readings_max = readings_max
        self.ledger = StreamLedger(store.database)
        self.look = SqlMirrorLook(store.database.connection)
        self.known: dict[Scan, tuple[int, int]] = {}
        self.points = 0

    def step(self) -> bool:
        cursor = self.cursor()
        found = portion(self.look, cursor, self.ledger.horizon(), self._readings_max)
        if found is None:
            return False
        self.points += sum(1 for _ in points(self.look, found))
        gone = {Place(*key[:2]) for key in self.known} & found.places
        self.known = {key: value for key, value in self.known.items() if key[:2] not in gone}
        for one in self.look.readings(found.places):
            self.known[one.key] = (one.mantissa, one.state)
        assert self.ledger.move(NAME, cursor, found.cursor)
        return True

    def cursor(self) -> Cursor:
        return self.ledger.cursor(NAME) or self.ledger.start(NAME, 0)

    def all(self) -> dict[Scan, tuple[int, int]]:
        while self.step():
            pass
        return self.known


def ledger_holds(store: SqlStore) -> dict[Scan, tuple[int, int]]:
    rows = store.database.connection.execute(
        "SELECT register_no, captured_at_ms, copy, mantissa, state FROM reading"
    )
    return {Scan(*row[:3]): (row[3], row[4]) for row in rows}
