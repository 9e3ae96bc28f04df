"""Records of visits at the door: whose they are, kept as they came, applied, and answered.

A record is believed by its seal: of a key that was its device's when the visit ended. It is kept
whole before anything of it is done, in one transaction with what is done and with the log. Asked
again with the same bytes it is answered with the same bytes; other bytes under its number are kept
beside it for people and change nothing. Records of a device are applied in the order of their
numbers, which rise with gaps: one whose turn is over, as something of a later one was applied,
waits for a person.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cloud_sync import signing, topics, visit, visit_road
from cloud_sync.signing import Sealer, SealError, VerifyKey
from cloud_sync.visit import Visit, When
from cloud_sync.visit_road import EventAnswer, RoadError, VisitAnswer
from cloud_sync.wire import WireError
from drivers.reading import ClockState
from gateway.audit import GATEWAY, TEXT_CHARS_MAX, Act, By
from gateway.identity.model import DeviceNow, NotLetIn
from gateway.identity.model import Why as NoEntry
from gateway.model import DeviceKey
from gateway.visits import applying
from gateway.visits.applying import Applied, Scene
from gateway.visits.cautions import Person
from gateway.visits.model import (
    BY_ITSELF,
    Doubt,
    NewVisit,
    Outcome,
    Rival,
    Step,
    Told,
    VisitRow,
    Why,
    told,
)
from gateway.visits.ports import Office

# An installer ends some visits a day at one device; a device that ends more is out of order.
A_DAY_MAX = 20
_DAY_MS = 86_400_000
# What else came under a taken number is for a person to look at; four show what is going on.
RIVALS_MAX = 4
VIA = "visit endpoint"
_KNOWS_TIME = frozenset({ClockState.SYNCHRONISED, ClockState.INFORMATIVE})


class Sender(NamedTuple):
    """Whose seal holds."""

    device: DeviceNow
    key: VerifyKey


class Keeper:
    """Takes records in. Synchronous: it runs where the ledger is written."""

    def __init__(self, office: Office, key: Sealer) -> None:
        self._office = office
        self._key = key

    def take(self, body: bytes, source: str, now_ms: int) -> bytes:
        """The sealed answer to a record; NotLetIn for one that is nobody's."""
        sender, record = self.opened(body, now_ms)
        office = self._office
        with office.store.transaction():
            known = office.visits.visit(sender.device.name, record.number)
            if known is not None:
                return self._again(known, body, source, now_ms)
            since_ms = now_ms - _DAY_MS
            if office.visits.received_since(sender.device.device_no, since_ms) >= A_DAY_MAX:
                raise NotLetIn(
                    *(NoEntry.TOO_OFTEN, f"more than {A_DAY_MAX} records of visits in a day"),
                    device=sender.device.name,
                )
            return self._keep(sender, record, body, source, now_ms)

    def opened(self, body: bytes, now_ms: int) -> tuple[Sender, Visit]:
        """A record whose seal holds, with its sender; NotLetIn otherwise."""
        try:
            sealed = signing.parse(body)
        except SealError as error:
            raise NotLetIn(NoEntry.MALFORMED, str(error)[:300]) from error
        key = self._key_of(sealed.key_id)
        sender = self.sender(key)
        try:
            sender.key.verify(sealed, topics.visit_topic(key.device))
            record = visit.decode(sealed.payload)
        except (SealError, WireError) as error:
            raise NotLetIn(NoEntry.MALFORMED, str(error)[:300], device=key.device) from error
        if record.device != key.device:
            raise NotLetIn(
                *(NoEntry.MALFORMED, f"a record of {record.device} sealed by {key.device}"),
                device=key.device,
            )
        check_valid(key, _signed_ms(record.ended, now_ms))
        return sender, record

    def asked(self, message: bytes, device: str, what: str, now_ms: int) -> Sender:
        """Who sealed a question of the road; NotLetIn unless `device` did, now."""
        try:
            key = self._key_of(visit_road.key_id(message))
            if key.device != device:
                raise NotLetIn(NoEntry.MALFORMED, f"a question of {device} sealed by {key.device}")
            sender = self.sender(key)
            visit_road.check(message, sender.key, what)
        except RoadError as error:
            raise NotLetIn(NoEntry.MALFORMED, str(error)[:300], device=device) from error
        check_valid(key, now_ms)
        return sender

    def _key_of(self, key_id: bytes) -> DeviceKey:
        key = self._office.store.registry.device_keys([key_id]).get(key_id)
        if key is None:
            raise NotLetIn(NoEntry.UNKNOWN_KEY, f"no device has the key {key_id.hex()}")
        return key

    def sender(self, key: DeviceKey) -> Sender:
        """The device of a key; NotLetIn for one whose word counts no more."""
        device = self._office.device(key.device)
        if device is None or key.is_shut:
            raise NotLetIn(NoEntry.REVOKED, f"{key.device} was revoked", device=key.device)
        return Sender(device, VerifyKey(key.public_key))

    def _again(self, known: VisitRow, body: bytes, source: str, now_ms: int) -> bytes:
        sha256 = hashlib.sha256(body).digest()
        if sha256 == known.sha256:
            return known.answer
        office = self._office
        said = f"visit {known.number} of {known.device} came before with other bytes"
        rival = Rival(sha256, source, now_ms, body)
        new = office.visits.add_rival(known.visit_no, rival, RIVALS_MAX)
        if new:
            after = f"SHA-256 {sha256.hex()}, kept beside {known.sha256.hex()}"
            office.audit.append(
                Act(
                    *(now_ms, known.device, f"{VIA}, from {source}", "visit refused"),
                    *(f"{known.device}/{known.number}", "", after, said),
                )
            )
        return self.answer(known.device, known.number, sha256, now_ms, refused=said)

    def _keep(self, sender: Sender, record: Visit, body: bytes, source: str, now_ms: int) -> bytes:
        office, device = self._office, sender.device
        sha256 = hashlib.sha256(body).digest()
        by = By(device.name, f"{VIA}, from {source}, key {sender.key.fingerprint}")
        subject = f"{device.name}/{record.number}"
        said = f"{len(record.events)} events by {record.installer}, SHA-256 {sha256.hex()}"
        audit_no = office.audit.append(Act(now_ms, *by, "visit keep", subject, "", said, ""))
        new = NewVisit(
            *(device.device_no, record.number, sha256, sender.key.key_id, source, now_ms),
            *(audit_no, body),
        )
        visit_no = office.visits.add(new)
        row = office.visits.visit(device.name, record.number)
        if row is None:
            raise LookupError(subject)  # it was added just now
        steps = perform(office, row, range(len(record.events)), now_ms)
        events = [
            EventAnswer(
                one.position,
                "applied" if one.outcome is Outcome.APPLIED else "needs-a-person",
                one.code,
                one.said[: visit_road.TEXT_MAX],
            )
            for one in steps
        ]
        answer = self.answer(device.name, record.number, sha256, now_ms, events)
        office.visits.set_answer(visit_no, answer)
        return answer

    def answer(
        self,
        device: str,
        number: int,
        sha256: bytes,
        now_ms: int,
        events: Iterable[EventAnswer] = (),
        *,
        refused: str = "",
    ) -> bytes:
        """An answer, sealed."""
        outcome = "refused" if refused else "kept"
        reason = refused[: visit_road.TEXT_MAX]
        return visit_road.sealed_answer(
            VisitAnswer(1, device, number, sha256, outcome, reason, now_ms, tuple(events)),  # type: ignore[arg-type]
            self._key,
        )


def check_valid(key: DeviceKey, at_ms: int) -> None:
    """NotLetIn unless a key may sign at an instant."""
    if key.valid_from_ms <= at_ms and (key.valid_to_ms is None or at_ms < key.valid_to_ms):
        return
    raise NotLetIn(
        *(NoEntry.KEY_NOT_VALID, f"the key {key.key_id.hex()} of {key.device} was not valid then"),
        device=key.device,
    )


def perform(
    office: Office,
    row: VisitRow,
    positions: Iterable[int],
    now_ms: int,
    person: Person | None = None,
) -> list[Step]:
    """Try events of a kept record, each by itself; what became of them, which is noted."""
    record = record_of(row)
    device = office.device(record.device)
    if device is None:
        raise LookupError(f"there is no device {record.device}")  # its record is kept
    scene = Scene(office, device, record, office.visits.stands(device.device_no), now_ms, person)
    newest = max(office.visits.applied_of(device.device_no), default=record.number)
    later = newest if person is None and newest > record.number else None
    by = GATEWAY if person is None else person.by
    before = {one.position: one for one in row.steps}
    tried = {position: _tried(scene, position, later) for position in positions}
    judged = _catch_up(scene, tried.values())
    made = []
    for position, one in tried.items():
        said = _joined(one.said, sum(judged.get(serial, 0) for serial in one.applied.serials))
        step = Step(position, one.outcome, one.code, said, by.actor, now_ms)
        made.append(step)
        old = before.get(position)
        if old is None or (old.code, old.said) != (step.code, step.said):
            about = told(record.events[position])
            _note(office, row, about, step, person)
    return made


class _Tried(NamedTuple):
    outcome: Outcome
    code: str
    said: str
    applied: Applied = Applied()


def _tried(scene: Scene, position: int, later: int | None) -> _Tried:
    if later is not None:
        said = f"visit {later} of {scene.device.name} came before this one"
        return _Tried(Outcome.NEEDS_A_PERSON, Why.LATER_CAME.value, said)
    try:
        with scene.office.attempt():
            applied = applying.apply(scene, scene.visit.events[position])
    except Doubt as doubt:
        return _Tried(Outcome.NEEDS_A_PERSON, doubt.why.value, doubt.said)
    return _Tried(Outcome.APPLIED, "", applied.remark, applied)


def _catch_up(scene: Scene, tried: Iterable[_Tried]) -> Mapping[str, int]:
    """Enter what came before the events that are applied now: one way through the batches."""
    from gateway.visits import belated  # noqa: PLC0415 - ingest's arrays, which few commands need

    since_ms: dict[str, int] = {}
    for one in tried:
        for serial in one.applied.serials:
            at_ms = one.applied.since_ms
            since_ms[serial] = min(at_ms, since_ms.get(serial, at_ms))
    if not since_ms:
        return {}
    return belated.enter(scene.office, scene.device.device_no, since_ms, scene.now_ms)


def _joined(said: str, judged: int) -> str:
    anew = f"{judged} readings that came before it were judged anew" if judged else ""
    return "; ".join(filter(None, (said, anew)))


def settle(office: Office, now_ms: int) -> int:
    """Try again what time puts right; how many events were applied."""
    done = 0
    codes = [one.value for one in BY_ITSELF]
    if not office.visits.waiting_for(codes):
        return 0  # nearly always, and then nobody is kept from writing
    with office.store.transaction():
        for device, number in office.visits.waiting_for(codes):
            row = office.visits.visit(device, number)
            if row is not None:
                waiting = [one.position for one in row.steps if one.code in BY_ITSELF]
                steps = perform(office, row, waiting, now_ms)
                done += sum(one.outcome is Outcome.APPLIED for one in steps)
    return done


def record_of(row: VisitRow) -> Visit:
    """The record in a row, which was checked when it was kept."""
    return visit.decode(signing.parse(row.sealed).payload)


def _note(office: Office, row: VisitRow, about: Told, step: Step, person: Person | None) -> None:
    by, why = (GATEWAY, "") if person is None else (person.by, person.why)
    subject = " ".join(filter(None, (about.gone, about.meter, about.point)))
    act = f"visit {about.kind}" if step.outcome is Outcome.APPLIED else "visit waits"
    after = f"visit {row.device}/{row.number}, event {step.position + 1}: {step.said or 'applied'}"
    entry = Act(step.at_ms, *by, act, subject, "", after[:TEXT_CHARS_MAX], why)
    office.visits.step(row.visit_no, step, office.audit.append(entry))


def _signed_ms(ended: When, now_ms: int) -> int:
    return ended.ms if ended.clock_state in _KNOWS_TIME else now_ms
