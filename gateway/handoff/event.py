"""A closing line as a CloudEvent 1.0: the form in which it waits, travels and is recognised again.

A correction of an earlier line travels in the same way, as an event of its own type that names the
line. The event's id is the line's, or the correction's. Whoever receives one twice keeps the
first; that is all a billing system needs for exactly-once. Values are decimal strings, since JSON
numbers are doubles to many.
"""

from typing import Any

import msgspec

from drivers.reading import from_ms
from gateway.closing import ClosingLine, Event, EventMaker
from gateway.correcting import CorrectedLine

LINE_CLOSED = "plomba.billing.line-closed.v1"
LINE_CORRECTED = "plomba.billing.line-corrected.v1"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def event_maker(source: str) -> EventMaker:
    """Events that name `source` (a URI reference, such as ``urn:plomba:gateway:…``)."""

    def event_of(record: ClosingLine | CorrectedLine) -> Event:
        if isinstance(record, CorrectedLine):
            named = (record.correction_id, LINE_CORRECTED, record.corrected_at_ms)
        else:
            named = (record.line_id, LINE_CLOSED, record.closed_at_ms)
        event_id, kind, at_ms = named
        attributes = {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": kind,
            "subject": f"{record.point}/{record.register}",
            "time": from_ms(at_ms).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": record.as_text(),
        }
        return Event(event_id, msgspec.json.encode(attributes))

    return event_of


def data_of(payload: bytes) -> dict[str, str]:
    """The fields of an event's line or correction, in their order."""
    data: dict[str, str] = msgspec.json.decode(payload, type=dict[str, Any])["data"]
    return data
