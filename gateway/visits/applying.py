"""Events of a visit into the registry, each by the act a person would have entered it with.

What speaks against an event becomes a Doubt with one reason; whoever calls undoes what was begun
(`Office.attempt`). A device can change only what hangs in its own house and is read by itself, or
by a device that was never heard.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_sync.visit import DeviceExchange, Event, Exchange, Install, Remove, Visit
from drivers.reading import Unit, from_ms
from gateway import registry
from gateway.csv_lines import RegistryError
from gateway.identity.model import DeviceNow
from gateway.meter_life import acts, values
from gateway.meter_life.acts import Placed
from gateway.meter_life.factor import ONE
from gateway.meter_life.seals import Seal
from gateway.model import went_over
from gateway.registry import NewMeter
from gateway.registry_csv import RegisterLine
from gateway.registry_port import MeterNow
from gateway.visits import cautions
from gateway.visits.cautions import Person, caution
from gateway.visits.model import Doubt, PlanShape, PointPlace, Why
from gateway.visits.ports import Office


class Scene(NamedTuple):
    """One record being applied, by the gateway itself or by a `person`."""

    office: Office
    device: DeviceNow
    visit: Visit
    stands: Mapping[bytes, int]
    """The starts of the device's boots, as far as known."""
    now_ms: int
    person: Person | None = None

    @property
    def factor(self) -> str:
        """What a person says the new meter is multiplied by."""
        return "" if self.person is None else self.person.factor

    @property
    def rolled_over(self) -> bool:
        """Whether a person says that a dial passed its end."""
        return self.person is not None and self.person.rolled_over

    def place(self, said: str) -> PointPlace:
        """The point that a record, or a person, names; Doubt where it cannot be bound."""
        name = said if self.person is None else self.person.point or said
        if not name:
            raise Doubt(Why.NO_POINT, "the installer bound it to no metering point: say which")
        found = self.office.visits.place(name, cautions.point_number(name))
        if found is None:
            raise Doubt(Why.UNKNOWN_POINT, f"the registry has no metering point {name!r}")
        self.check_house(found)
        return found

    def check_house(self, point: PointPlace) -> None:
        """Doubt for a point of a house in which the device does not hang."""
        if point.house != self.device.house:
            raise Doubt(
                Why.FOREIGN_POINT,
                f"point {point.name} is of {point.house}, device {self.device.name} hangs in "
                f"{self.device.house or 'no house'}",
            )

    def check_open(self, point: PointPlace, at_ms: int) -> None:
        """Doubt for an instant that is billed already."""
        until_ms = self.office.visits.closed_until(point)
        if until_ms is not None and at_ms < until_ms:
            caution(
                self.person,
                Why.PERIOD_CLOSED,
                f"{_day(at_ms, point)} is in a period of {point.house} that is closed already",
            )

    def check_reader(self, serial: str, now: MeterNow) -> None:
        """Doubt for a meter that another device reads."""
        if now.device in (None, self.device.name):
            return
        other = self.office.device(now.device or "")
        heard = None if other is None else self.office.visits.last_heard_ms(other.device_no)
        if heard is not None:
            caution(self.person, Why.READ_BY_ANOTHER, f"meter {serial} is read by {now.device}")

    def meter(self, serial: str) -> MeterNow | None:
        """A registered meter as it is now."""
        return self.office.store.book.meter(serial)


class Applied(NamedTuple):
    """An event that was applied: a remark for people, and which meters are read since when."""

    remark: str = ""
    serials: tuple[str, ...] = ()
    since_ms: int = 0


def apply(scene: Scene, event: Event) -> Applied:
    """Do what an event says; Doubt where it is not done by itself."""
    visit = scene.visit
    if visit.house and visit.house != scene.device.house:
        caution(
            scene.person,
            Why.OTHER_HOUSE,
            f"the record is of {visit.house}, device {visit.device} hangs in "
            f"{scene.device.house or 'no house'}",
        )
    try:
        if isinstance(event, Install):
            return _install(scene, event)
        if isinstance(event, Exchange):
            return _exchange(scene, event)
        if isinstance(event, Remove):
            return _remove(scene, event)
        return _device_exchange(scene, event)
    except RegistryError as error:
        raise Doubt(Why.REGISTRY, "; ".join(str(error).splitlines())) from error


def _install(scene: Scene, event: Install) -> Applied:
    at_ms = cautions.moment(event.at, scene.stands, scene.person, scene.now_ms)
    now = scene.meter(event.serial)
    # A meter that was there before, as at an exchange of the device, is bound already.
    point = scene.place(event.point or (now and now.point) or "")
    _check_new(scene, event, point)
    scene.check_open(point, at_ms)
    store = scene.office.store
    here = store.book.point(point.name)
    standing = None if here is None else here.meter
    if standing is not None and standing != event.serial:
        raise Doubt(
            Why.POINT_TAKEN, f"point {point.name} has the meter {standing}: exchange or remove it"
        )
    if now is not None and now.point not in (None, point.name):
        raise Doubt(Why.SERIAL_ELSEWHERE, f"meter {event.serial} stands at {now.point}")
    if now is not None:
        _check_not_below(scene, event, at_ms)
    if standing is not None and now is not None:
        return _standing(scene, event, point, now, at_ms)
    if now is None:
        shapes = _shapes(scene, event, point)
        opening = cautions.values_of(event.levels, shapes, "opening value")
        registry.import_lines(
            store, _lines(scene, event, point, shapes, opening=opening, at_ms=at_ms)
        )
    else:
        card = store.registry.meters([event.serial])[event.serial]
        wanted = {one.obis: one for one in card.registers}
        placed = Placed(point.name, event.serial, scene.device.name, scene.factor or ONE)
        opening = cautions.values_of(event.levels, wanted, "opening value")
        acts.install_meter(store, placed, opening, at_ms)
    _seal(scene, event, point, at_ms)
    return Applied("", (event.serial,), at_ms)


def _standing(
    scene: Scene, event: Install, point: PointPlace, now: MeterNow, at_ms: int
) -> Applied:
    """The registry has the meter there already; what is left is who reads it."""
    scene.check_reader(event.serial, now)
    remark = "the registry had it there already"
    if now.device != scene.device.name:
        acts.move_meter(scene.office.store, event.serial, scene.device.name, at_ms)
        remark += f", read by {now.device} until then"
    _seal(scene, event, point, at_ms)
    return Applied(remark, (event.serial,), at_ms)


def _exchange(scene: Scene, event: Exchange) -> Applied:
    new = event.new
    at_ms = cautions.moment(new.at, scene.stands, scene.person, scene.now_ms)
    point = _point_of(scene, event.old_serial)
    if new.point and scene.place(new.point).name != point.name:
        raise Doubt(
            Why.OTHER_POINT, f"meter {event.old_serial} stands at {point.name}, not at {new.point}"
        )
    _check_new(scene, new, point)
    scene.check_open(point, at_ms)
    known = scene.meter(new.serial)
    if known is not None and known.point is not None:
        raise Doubt(Why.SERIAL_ELSEWHERE, f"meter {new.serial} stands at {known.point}")
    if known is not None:
        _check_not_below(scene, new, at_ms)
    finals = _finals(scene, event, event.old_serial, point, at_ms)
    shapes = _shapes(scene, new, point)
    opening = cautions.values_of(new.levels, shapes, "opening value")
    lines = _lines(scene, new, point, shapes, opening=opening, at_ms=at_ms)
    registry.exchange_meter(
        scene.office.store,
        point.name,
        old=event.old_serial,
        finals=finals,
        new=NewMeter(
            *(new.serial, _model(new), opening, {one.register: one for one in lines}),
            *(scene.device.name, scene.factor),
        ),
        at_ms=at_ms,
        rolled_over=scene.rolled_over,
    )
    _seal(scene, new, point, at_ms)
    return Applied("", (new.serial,), at_ms)


def _remove(scene: Scene, event: Remove) -> Applied:
    at_ms = cautions.moment(event.at, scene.stands, scene.person, scene.now_ms)
    point = _point_of(scene, event.serial)
    scene.check_open(point, at_ms)
    finals = _finals(scene, event, event.serial, point, at_ms)
    acts.remove_meter(
        *(scene.office.store, point.name, event.serial, finals, at_ms),
        rolled_over=scene.rolled_over,
    )
    return Applied()


def _device_exchange(scene: Scene, event: DeviceExchange) -> Applied:
    at_ms = cautions.moment(event.at, scene.stands, scene.person, scene.now_ms)
    old = scene.office.device(event.old_device)
    if old is None:
        raise Doubt(Why.REGISTRY, f"the registry has no device {event.old_device}")
    if old.house != scene.device.house:
        raise Doubt(Why.FOREIGN_POINT, f"device {old.name} hangs in {old.house or 'no house'}")
    heard_ms = scene.office.visits.last_heard_ms(old.device_no)
    if heard_ms is not None and heard_ms > at_ms:
        said = f"device {old.name} has signed batches since then"
        caution(scene.person, Why.OLD_DEVICE_SPEAKS, said)
    for serial in event.meters:
        now = scene.meter(serial)
        if now is None or now.point is None:
            raise Doubt(Why.NOT_STANDING, f"meter {serial} stands at no point of the registry")
        point = _point_of(scene, serial, reader=old.name)
        scene.check_open(point, at_ms)
        if now.device != scene.device.name:
            acts.move_meter(scene.office.store, serial, scene.device.name, at_ms)
    remark = f"{len(event.meters)} meters of {old.name} go over"
    if old.revoked_at_ms is None:
        remark += f"; it may speak yet: plomba-gateway identity revoke {old.name} --take-backlog"
    return Applied(remark, event.meters, at_ms)


def _point_of(scene: Scene, serial: str, reader: str = "") -> PointPlace:
    """Where a meter stands that goes, or goes over from `reader`; Doubt for one of others."""
    now = scene.meter(serial)
    if now is None or now.point is None:
        raise Doubt(Why.NOT_STANDING, f"meter {serial} stands at no point of the registry")
    point = scene.office.visits.place(now.point, None)
    if point is None:
        raise Doubt(Why.UNKNOWN_POINT, f"the registry has no metering point {now.point!r}")
    scene.check_house(point)
    if now.device != reader:
        scene.check_reader(serial, now)
    return point


def _check_new(scene: Scene, event: Install, point: PointPlace) -> None:
    if not event.profile:
        caution(
            scene.person,
            Why.UNKNOWN_PROFILE,
            f"no profile fits meter {event.serial}: the device cannot read it",
        )
    cautions.check_dial(event, scene.person)
    cautions.check_fits(event, point)


def _shapes(scene: Scene, event: Install, point: PointPlace) -> dict[str, PlanShape]:
    """The registers of the meter that comes: as registered, else of its own dial."""
    card = scene.office.store.registry.meters([event.serial]).get(event.serial)
    rates = {} if scene.person is None else scene.person.rates
    if card is None:
        planned = scene.office.visits.plan(point.point_no).shapes
        found = cautions.shapes_of(event, planned, rates)
    else:
        said = {one.obis for one in event.levels}
        found = [
            PlanShape(one.obis, Unit(one.unit), one.exponent, one.digits, one.rate_max_per_h)
            for one in card.registers
            if one.obis in said
        ]
    return {one.obis: one for one in found}


def _lines(
    scene: Scene,
    event: Install,
    point: PointPlace,
    shapes: Mapping[str, PlanShape],
    *,
    opening: Mapping[str, Decimal],
    at_ms: int,
) -> list[RegisterLine]:
    """The registers of a new meter as the registry's file would say them."""
    first = values.mantissas(shapes, opening, f"first value of meter {event.serial}")
    plan = scene.office.visits.plan(point.point_no)
    factor = values.factor_of(scene.factor or plan.factor or ONE)
    about = (point.house, point.address, point.timezone, point.account, point.dwelling)
    return [
        RegisterLine(
            *(number, *about, point.name, point.kind, point.resource, event.serial),
            *(_model(event), obis, one.unit, one.exponent, one.digits, one.rate_max_per_h),
            *(at_ms, first[obis], scene.device.name, factor),
        )
        for number, (obis, one) in enumerate(shapes.items(), 1)
    ]


def _finals(
    scene: Scene, event: Exchange | Remove, serial: str, point: PointPlace, at_ms: int
) -> Mapping[str, Decimal]:
    """The last values of the meter that goes; Doubt where one is missing or below a reading."""
    store = scene.office.store
    standing = store.book.standing(point.name)
    values.check_standing(standing, point.name, serial, at_ms)
    said = None if scene.person is None else scene.person.finals
    shapes = values.shapes_of(standing)
    finals = said or cautions.values_of(event.final, shapes, "final value")
    last = values.mantissas(shapes, finals, f"final value of meter {serial}")
    try:
        values.rolled_over(store, serial, last, at_ms, said=scene.rolled_over)
    except RegistryError as error:
        raise Doubt(Why.BELOW_LAST, str(error)) from error
    return finals


def _check_not_below(scene: Scene, event: Install, at_ms: int) -> None:
    """Doubt where a known meter opens below what was read of it, or what it was removed with."""
    store = scene.office.store
    card = store.registry.meters([event.serial])[event.serial]
    pasts = store.ledger.pasts({one.register_no: 0 for one in card.registers})
    units = {one.obis: one.unit for one in card.registers}
    # One in another unit is refused with its opening value.
    shown = {one.obis: one.value for one in event.levels if one.unit == units.get(one.obis)}
    for one in card.registers:
        past = pasts.get(one.register_no)
        levels = [one.initial, one.final, past.accepted if past else None]
        before = max((lv for lv in levels if lv and lv.at_ms <= at_ms), default=None)
        if before is None or one.obis not in shown or scene.rolled_over:
            continue
        opens = int(shown[one.obis].scaleb(-one.exponent))
        if opens < before.mantissa and not went_over(before.mantissa, opens, 10**one.digits):
            raise Doubt(
                Why.BELOW_LAST,
                f"register {one.obis} of {event.serial} opens at {shown[one.obis]:f}, below"
                f" {Decimal(before.mantissa).scaleb(one.exponent):f} of"
                f" {from_ms(before.at_ms).date()}; --rolled-over if its dial passed its end",
            )


def _seal(scene: Scene, event: Install, point: PointPlace, at_ms: int) -> None:
    if event.seal:
        day = from_ms(at_ms).astimezone(ZoneInfo(point.timezone)).date()
        place = event.place or "meter"
        scene.office.visits.seal(
            Seal(event.serial, event.seal, place, day, scene.visit.installer, None, None, None)
        )


def _model(event: Install) -> str:
    return event.model or event.profile or event.serial


def _day(at_ms: int, point: PointPlace) -> str:
    return from_ms(at_ms).astimezone(ZoneInfo(point.timezone)).date().isoformat()
