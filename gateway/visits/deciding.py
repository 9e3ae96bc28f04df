"""What a person decides about events that wait: applied after all, or refused for good."""

from collections.abc import Sequence

from gateway.audit import Act
from gateway.visits.cautions import Person
from gateway.visits.keeping import perform, record_of
from gateway.visits.model import Outcome, Step, VisitError, VisitRow, told
from gateway.visits.ports import Office

# A visit's number (cloud_sync/visit_road.py) has sixteen digits at most.
_NUMBER_CHARS_MAX = 16


def named(text: str) -> tuple[str, int]:
    """Device and number of ``lesnaya-5/3``; VisitError for anything else."""
    device, _, number = text.rpartition("/")
    if (
        not device
        or not number.isascii()
        or not number.isdigit()
        or len(number) > _NUMBER_CHARS_MAX
    ):
        raise VisitError(f"expected a visit like lesnaya-5/3, got {text!r}")
    return device, int(number)


def find(office: Office, text: str) -> VisitRow:
    """The record of that name; VisitError where there is none."""
    row = office.visits.visit(*named(text))
    if row is None:
        raise VisitError(f"there is no visit {text!r}: see plomba-gateway visit list")
    return row


def apply(office: Office, text: str, event: int | None, person: Person, now_ms: int) -> list[Step]:
    """Apply what waits of a visit, or one event of it, counted from 1; what became of them."""
    with office.store.transaction():
        row = find(office, text)
        waiting = _waiting(row, event)
        if len(waiting) > 1 and (person.point or person.finals or person.factor):
            raise VisitError(
                f"{len(waiting)} events of visit {text} wait: say by --event of which one the "
                "point, final value or factor is"
            )
        return perform(office, row, waiting, now_ms, person)


def refuse(office: Office, text: str, event: int | None, person: Person, now_ms: int) -> list[Step]:
    """Refuse what waits of a visit, or one event of it; it is never applied then."""
    made = []
    with office.store.transaction():
        row = find(office, text)
        record = record_of(row)
        for position in _waiting(row, event):
            about = told(record.events[position])
            subject = " ".join(filter(None, (about.gone, about.meter, about.point)))
            after = f"visit {text}, event {position + 1}"
            audit_no = office.audit.append(
                Act(now_ms, *person.by, "visit refuse", subject, "", after, person.why)
            )
            step = Step(position, Outcome.REFUSED, "", person.why, person.by.actor, now_ms)
            office.visits.step(row.visit_no, step, audit_no)
            made.append(step)
    return made


def _waiting(row: VisitRow, event: int | None) -> Sequence[int]:
    waiting = [one.position for one in row.steps if one.outcome is Outcome.NEEDS_A_PERSON]
    if event is None:
        if not waiting:
            raise VisitError(f"nothing of visit {row.device}/{row.number} waits for a person")
        return waiting
    if event - 1 not in waiting:
        raise VisitError(f"event {event} of visit {row.device}/{row.number} waits for nobody")
    return [event - 1]
