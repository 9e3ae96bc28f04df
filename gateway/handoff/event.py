"""A closing line as a CloudEvent 1.0: the form in which it waits, travels and is recognised again.

A correction of an earlier line travels in the same way, as an event of its own type that names the
line; so does what an interference is charged for, and what a reopened period takes back. The
event's id is the line's, the correction's, the charge's or the withdrawal's. Whoever receives one
twice keeps the first; that is all a billing system needs for exactly-once. Values are decimal
strings, since JSON numbers are doubles to many.

The attribute `audithead` is the head of the gateway's audit log when the record was made: with
events put by, a log that was cut off or written anew can be told (`audit verify --anchors`).
"""

from typing import Any

import msgspec

from drivers.reading import from_ms
from gateway.acts.model import Charge
from gateway.audit import Head
from gateway.closing_records import Event, EventMaker, Record
from gateway.correcting import CorrectedLine
from gateway.withdrawn import Withdrawn

LINE_CLOSED = "plomba.billing.line-closed.v1"
LINE_CORRECTED = "plomba.billing.line-corrected.v1"
LINE_WITHDRAWN = "plomba.billing.line-withdrawn.v1"
INTERFERENCE_CHARGED = "plomba.billing.interference-charged.v1"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def event_maker(source: str) -> EventMaker:
    """Events that name `source` (a URI reference, such as ``urn:plomba:gateway:…``)."""

    def event_of(record: Record, head: Head | None = None) -> Event:
        event_id, kind, at_ms = _named(record)
        attributes = {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": kind,
            "subject": f"{record.point}/{record.register}",
            "time": from_ms(at_ms).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            **({} if head is None else {"audithead": str(head)}),
            "data": record.as_text(),
        }
        return Event(event_id, msgspec.json.encode(attributes))

    return event_of


def _named(record: Record) -> tuple[str, str, int]:
    """The id, the type and the time of a record's event."""
    if isinstance(record, CorrectedLine):
        return record.correction_id, LINE_CORRECTED, record.corrected_at_ms
    if isinstance(record, Withdrawn):
        return record.withdrawal_id, LINE_WITHDRAWN, record.withdrawn_at_ms
    if isinstance(record, Charge):
        if record.charged_at_ms is None:
            raise ValueError(f"expected a charge handed over, got {record.charge_id} before that")
        return record.charge_id, INTERFERENCE_CHARGED, record.charged_at_ms
    return record.line_id, LINE_CLOSED, record.closed_at_ms


def data_of(payload: bytes) -> dict[str, str]:
    """The fields of an event's record, in their order."""
    data: dict[str, str] = msgspec.json.decode(payload, type=dict[str, Any])["data"]
    return data


def type_of(payload: bytes) -> str:
    """What an event says: that a line was closed, corrected, withdrawn."""
    kind: str = msgspec.json.decode(payload, type=dict[str, Any])["type"]
    return kind
