"""A record as it is told: how its events stand, and all of it as one document."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cloud_sync.visit import Event, Exchange, Install, Level, Remove, Visit, When
from drivers.reading import ClockState, from_ms
from gateway.visits.model import Outcome, PhotoRow, Step, VisitRow, told, when_of


class Standing(NamedTuple):
    """How many events of a record stand how."""

    applied: int
    waiting: int
    refused: int


def standing(row: VisitRow) -> Standing:
    """The count of a record's events by outcome."""
    found = [one.outcome for one in row.steps]
    return Standing(
        found.count(Outcome.APPLIED),
        found.count(Outcome.NEEDS_A_PERSON),
        found.count(Outcome.REFUSED),
    )


def document(row: VisitRow, record: Visit, photos: Sequence[PhotoRow]) -> dict[str, Any]:
    """A record as one JSON object; times are UTC, of a clock that was not set since its boot."""
    steps = {one.position: one for one in row.steps}
    came = {one.sha256 for one in photos}
    return {
        "visit": f"{row.device}/{row.number}",
        "house": row.house,
        "kind": record.kind,
        "installer": record.installer,
        "started": when_text(record.started),
        "ended": when_text(record.ended),
        "received": _time(row.received_at_ms),
        "source": row.source,
        "key": row.key_id.hex(),
        "sha256": row.sha256.hex(),
        "software": record.software,
        "remarks": record.remarks,
        "rivals": row.rivals,
        "checks": [{"what": one.what, "ok": one.ok, "detail": one.detail} for one in record.checks],
        "photos": [{"sha256": one.hex(), "came": one in came} for one in record.photos],
        "events": [
            _event(position, event, steps.get(position))
            for position, event in enumerate(record.events)
        ],
    }


def _event(position: int, event: Event, step: Step | None) -> dict[str, Any]:
    about = told(event)
    parts = (about.gone and f"-{about.gone}", about.meter and f"+{about.meter}", about.point)
    return {
        "event": position + 1,
        "kind": about.kind,
        "about": " ".join(filter(None, parts)),
        "point": about.point,
        "meter": about.meter,
        "gone": about.gone,
        "at": when_text(when_of(event)),
        "outcome": "" if step is None else step.outcome.value,
        "code": "" if step is None else step.code,
        "said": "" if step is None else step.said,
        "by": "" if step is None else step.actor,
        "values": values_of(event),
    }


def values_of(event: Event) -> list[str]:
    """The values of an event, a line each."""
    lines = []
    if isinstance(event, Exchange | Remove):
        lines += [f"final {level_text(one)} ({event.final_source})" for one in event.final]
    new = event.new if isinstance(event, Exchange) else event
    if isinstance(new, Install):
        lines += [f"first {level_text(one)}" for one in new.levels]
        lines += [f"dial {level_text(one)}" for one in new.dial]
    return lines


def level_text(level: Level) -> str:
    """A level as a person reads it."""
    return f"{level.obis} = {level.value:f} {level.unit}"


def when_text(when: When) -> str:
    """An instant as the device knew it."""
    if when.clock_state is ClockState.RELATIVE:
        return f"{when.ms // 1000} s after the boot {when.boot.hex()}"
    doubt = " (clock wrong)" if when.clock_state is ClockState.UNSYNCHRONISED else ""
    return _time(when.ms) + doubt


def _time(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
