"""From a visit under way to its record: what still hinders it, and what it says when nothing does.

Pure: what the disk and the clock say is handed in.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from cloud_sync import visit as wire_visit
from cloud_sync.visit import DeviceExchange, Event, Exchange, Install, Remove, Visit
from drivers import profile
from edge.scan.standing import stand_in
from edge.visit.draft import Draft, GoneDraft, MeterDraft, Moment


class Hindrance(NamedTuple):
    """Why a visit cannot be finished: a code, the meter's key or serial, and a word for a log."""

    code: str
    key: str = ""
    detail: str = ""


def taken_in(draft: Draft) -> list[MeterDraft]:
    """The meters that the record will take into service, in the order in which they appeared."""
    return [one for one in draft.meters.values() if one.confirmed and not one.left_out]


def bound(draft: Draft, point: str) -> list[MeterDraft]:
    """The meters of the visit that are bound to a point."""
    return [one for one in draft.meters.values() if one.point == point and not one.left_out]


def undecided(draft: Draft) -> list[MeterDraft]:
    """The meters about which a person has not said anything yet.

    Of a later visit those that were configured before are nobody's question.
    """
    return [
        one
        for one in draft.meters.values()
        if not one.confirmed
        and not one.left_out
        and (draft.begun.kind == "commissioning" or not one.known)
    ]


def hindrances(draft: Draft) -> tuple[Hindrance, ...]:
    """Everything that keeps the visit from being finished, meter by meter."""
    return (*_of_meters(draft), *_of_gone(draft), *_of_all(draft))


def _of_meters(draft: Draft) -> Iterator[Hindrance]:
    for meter in undecided(draft):
        if not meter.profile:
            yield Hindrance("no-profile", meter.key, meter.problem)
        else:
            yield Hindrance("unconfirmed" if meter.levels else "unread", meter.key, meter.problem)
    for meter in taken_in(draft):
        found = meter.found
        if meter.serial == stand_in(meter.line, found.protocol, found.address):
            yield Hindrance("no-serial", meter.key)
        goes = draft.gone.get(meter.in_place_of)
        if meter.in_place_of and goes is None:
            yield Hindrance("place-taken", meter.key, meter.in_place_of)
    serials = Counter(one.serial for one in taken_in(draft))
    yield from (Hindrance("serial-twice", name) for name, count in serials.items() if count > 1)
    points = Counter(one.point for one in taken_in(draft) if one.point)
    yield from (Hindrance("point-twice", name) for name, count in points.items() if count > 1)


def _of_gone(draft: Draft) -> Iterator[Hindrance]:
    coming = {one.key for one in taken_in(draft)}
    for gone in draft.gone.values():
        if not gone.final_source:
            yield Hindrance("no-final", gone.serial)
        if gone.is_exchange and gone.replaced_by not in coming:
            yield Hindrance("exchange-without-meter", gone.serial, gone.replaced_by)


def _of_all(draft: Draft) -> Iterator[Hindrance]:
    if not (taken_in(draft) or draft.gone or draft.device_was):
        yield Hindrance("nothing-done")
    going = sum(not gone.is_exchange for gone in draft.gone.values())
    events = len(taken_in(draft)) + going + (draft.device_was is not None)
    if events > wire_visit.EVENTS_MAX:
        yield Hindrance("too-many", detail=str(wire_visit.EVENTS_MAX))


def record(draft: Draft, *, device: str, software: str, now: Moment) -> Visit:
    """The record of a visit without hindrances that ends `now`; WireError past its bounds."""
    begun = draft.begun
    visit = Visit(
        version=1,
        device=device,
        number=begun.number,
        kind=begun.kind,
        house=begun.house,
        installer=begun.installer,
        started=begun.at.told(now),
        ended=now.told(now),
        software=software[:64],
        checks=draft.checks,
        events=tuple(_events(draft, now)),
        remarks=draft.remarks,
    )
    wire_visit.encode(visit)
    return visit


def _events(draft: Draft, now: Moment) -> Iterator[Event]:
    was = draft.device_was
    if was is not None:
        here = {one.serial for one in taken_in(draft)}
        kept = tuple(serial for serial in was.meters if serial in here)
        yield DeviceExchange(was.old_device, kept, was.at.told(now))
    exchanged = {gone.replaced_by: gone for gone in draft.gone.values() if gone.is_exchange}
    for meter in taken_in(draft):
        install = _install(meter, now)
        gone = exchanged.get(meter.key)
        yield install if gone is None else _exchange(gone, install)
    for gone in draft.gone.values():
        if not gone.is_exchange:
            yield Remove(
                gone.serial, gone.final, gone.final_source or "none", gone.reason, gone.at.told(now)
            )


def _exchange(gone: GoneDraft, install: Install) -> Exchange:
    return Exchange(gone.serial, gone.final, gone.final_source or "none", gone.reason, install)


def _install(meter: MeterDraft, now: Moment) -> Install:
    model = profile.load(meter.profile)
    return Install(
        serial=meter.serial,
        profile=meter.profile,
        model=model.title,
        resource=model.resource,
        line=meter.line,
        address=str(meter.found.address),
        point=meter.point,
        place=meter.place,
        levels=meter.levels,
        dial=meter.dial,
        at=(meter.read_at or now).told(now),
        seal=meter.seal,
        photos=tuple(bytes.fromhex(one) for one in meter.photos),
        asked=meter.asked,
        answered=meter.answered,
        slowest_ms=meter.slowest_ms,
        remark=meter.remark,
    )
