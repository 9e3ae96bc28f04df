"""A closing line as a CloudEvent 1.0: the form in which it waits, travels and is recognised again.

The event's id is the line's id. Whoever receives one twice keeps the first; that is all a billing
system needs for exactly-once. Values are decimal strings, since JSON numbers are doubles to many.
"""

from typing import Any

import msgspec

from drivers.reading import from_ms
from gateway.closing import ClosingLine, Event, EventMaker

LINE_CLOSED = "plomba.billing.line-closed.v1"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def event_maker(source: str) -> EventMaker:
    """Events that name `source` (a URI reference, such as ``urn:plomba:gateway:…``)."""

    def event_of(line: ClosingLine) -> Event:
        attributes = {
            "specversion": "1.0",
            "id": line.line_id,
            "source": source,
            "type": LINE_CLOSED,
            "subject": f"{line.point}/{line.register}",
            "time": from_ms(line.closed_at_ms).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": line.as_text(),
        }
        return Event(line.line_id, msgspec.json.encode(attributes))

    return event_of


def data_of(payload: bytes) -> dict[str, str]:
    """The line's fields from an event's payload, in their order."""
    data: dict[str, str] = msgspec.json.decode(payload, type=dict[str, Any])["data"]
    return data
