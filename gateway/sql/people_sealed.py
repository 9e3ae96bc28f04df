"""What names a person in bytes that cannot be mended: records of visits, messages as they came.

A device's seal is over all of a record, so a name inside it goes only with the whole record, and
that proves where a bill begins. Nothing of it is changed: whoever forgets a person is told.
Names are looked for as letters in a row: before a text there may stand a byte that is a letter.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cloud_sync import signing, visit
from drivers.reading import from_ms
from gateway.people.forgetting import Account, Left
from gateway.people.words import Names
from gateway.sql.engine import Connection
from gateway.visits.model import told

# Some MiB to a page.
PAGE = 200
_VISITS = """
SELECT v.visit_no, d.name, v.number, v.received_at_ms, v.sealed,
    (SELECT count(*) FROM visit_photo p WHERE p.visit_no = v.visit_no AND p.is_removed = 0)
FROM visit v JOIN device d USING (device_no)
WHERE v.visit_no > ? ORDER BY v.visit_no LIMIT ?
"""
_ABOUT = """
SELECT name, coalesce(serial, '') FROM point LEFT JOIN installation USING (point_no)
LEFT JOIN meter USING (meter_no) WHERE account_no = ?
"""
# Tables with bytes that others made, the column that numbers them, and what a list calls them.
_KEPT = (
    ("visit_rival", "rival_no", "sealed", "another record under a visit's number"),
    ("quarantine", "quarantine_no", "evidence", "refused message"),
    ("gis_message", "message_no", "body", "request to ГИС ЖКХ"),
)


class Made(NamedTuple):
    """A visit that was made at an account's points; `is_named`: a name stands in its record."""

    visit: str
    received_at_ms: int
    installer: str
    photos: int
    is_named: bool


def visits_of(sql: Connection, account: Account, names: Names) -> Iterator[Made]:
    """The visits at an account's points, and any whose records hold a name."""
    about = sql.execute(_ABOUT, (account.account_no,)).fetchall()
    points = {name for name, _ in about}
    meters = {serial for _, serial in about} - {""}
    for _, device, number, at_ms, sealed, photos in _pages(sql, _VISITS):
        record = visit.decode(signing.parse(bytes(sealed)).payload)
        events = [told(event) for event in record.events]
        is_named = _names_in(bytes(sealed), names)
        is_theirs = any(
            one.point in points or one.meter in meters or one.gone in meters for one in events
        )
        if is_theirs or is_named:
            yield Made(f"{device}/{number}", at_ms, record.installer, photos, is_named)


def beyond(sql: Connection, account: Account, names: Names) -> Iterator[Left]:
    """What stays as it is, for whoever forgets a person."""
    for one in visits_of(sql, account, names):
        named = ", which names the person" if one.is_named else ""
        day = from_ms(one.received_at_ms).date().isoformat()
        said = f"{day}, the record that its device sealed{named}, and {one.photos} photos stay"
        yield Left(f"visit {one.visit}", said)
    for table, number, column, what in _KEPT:
        query = (
            f"SELECT {number}, {column} FROM {table} WHERE {number} > ?"  # noqa: S608 - ours
            f" ORDER BY {number} LIMIT ?"
        )
        for row_no, data in _pages(sql, query):
            if _names_in(bytes(data), names):
                yield Left(what, f"number {row_no} names the person, until its time is over")


def _pages(sql: Connection, query: str) -> Iterator[Any]:
    last = 0
    while rows := sql.execute(query, (last, PAGE)).fetchall():
        last = rows[-1][0]
        yield from rows


def _names_in(data: bytes, names: Names) -> bool:
    text = data.decode(errors="replace").casefold()
    return any(word.casefold() in text for word in names.words)
