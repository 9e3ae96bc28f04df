"""What happens to a meter on the wall: it is taken away, put up again, read by another device.

Every act has an instant and the values of the dial at it, so that what is used stays with the
point it was used at. Between a removal and the next installation a meter belongs to no point and
no device reads it: what it counts in the store room is rejected when it comes, and never billed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Unit, from_ms
from gateway.csv_lines import RegistryError
from gateway.meter_life import values
from gateway.meter_life.factor import ONE
from gateway.registry_csv import UNITS
from gateway.registry_port import InstallAct, PointNow
from gateway.store import Store

Values = Mapping[str, Decimal]


class Placed(NamedTuple):
    """Where a known meter is put: a point, the device that reads it there, and its factor."""

    point: str
    meter: str
    device: str
    factor: str = ONE


def remove_meter(
    store: Store, point: str, meter: str, finals: Values, at_ms: int, *, rolled_over: bool = False
) -> None:
    """Take a meter off a point with its registers' last values; RegistryError if it cannot be."""
    with store.transaction():
        standing = store.book.standing(point)
        values.check_standing(standing, point, meter, at_ms)
        last = values.mantissas(values.shapes_of(standing), finals, f"final value of meter {meter}")
        rolled = values.rolled_over(store, meter, last, at_ms, said=rolled_over)
        store.book.remove(point, at_ms, last, rolled)


def install_meter(store: Store, placed: Placed, initials: Values, at_ms: int) -> None:
    """Put up a meter that the registry knows, at any point that is free; also the same one again.

    It is put into service with that, so an order against it ends. RegistryError if the meter or
    the point is not free, the device not known, or a value not on the dial.
    """
    with store.transaction():
        point = _free_point(store, placed.point, at_ms)
        _free_meter(store, placed.meter, at_ms)
        _known_device(store, placed.device)
        card = store.registry.meters([placed.meter])[placed.meter]
        shapes = {register.obis: register for register in card.registers}
        units = UNITS[point.resource]
        misfits = [one.obis for one in card.registers if Unit(one.unit) not in units]
        if misfits:
            raise RegistryError(
                f"point {placed.point} measures {point.resource}, but {', '.join(misfits)} of "
                f"{placed.meter} counts something else"
            )
        first = values.mantissas(shapes, initials, f"first value of meter {placed.meter}")
        store.book.end_order(placed.meter, at_ms)
        store.book.install(
            InstallAct(
                *(placed.point, placed.meter, at_ms, first, placed.device),
                values.factor_of(placed.factor),
            )
        )


def change_factor(
    store: Store, meter: str, factor: str, shown: Values, at_ms: int, *, rolled_over: bool = False
) -> str:
    """From an instant on a standing meter is multiplied otherwise; the factor it had before.

    The act is a removal and an installation with the same values, so that what was used before is
    multiplied by the old factor and what is used after by the new one.
    """
    with store.transaction():
        now = store.book.meter(meter)
        if now is None or now.point is None or now.device is None:
            raise RegistryError(f"expected a meter that stands and is read, got {meter!r}")
        exact = values.factor_of(factor)
        before = store.book.standing(now.point)[0].factor
        if before == exact:
            raise RegistryError(f"meter {meter} is multiplied by {before} already")
        remove_meter(store, now.point, meter, shown, at_ms, rolled_over=rolled_over)
        first = values.mantissas(_shapes(store, meter), shown, f"value of meter {meter}")
        store.book.install(InstallAct(now.point, meter, at_ms, first, now.device, exact))
        return before


def move_meter(store: Store, meter: str, device: str, at_ms: int) -> str:
    """From an instant on another device reads a standing meter; the one that did so before.

    What the old one read until then still counts, however late it comes.
    """
    with store.transaction():
        now = store.book.meter(meter)
        if now is None or now.point is None or now.device is None or now.read_since_ms is None:
            raise RegistryError(f"expected a meter that stands and is read, got {meter!r}")
        _known_device(store, device)
        if now.device == device:
            raise RegistryError(f"device {device} reads {meter} already")
        if at_ms <= now.read_since_ms:
            since = from_ms(now.read_since_ms).isoformat()
            raise RegistryError(
                f"device {now.device} reads {meter} only since {since}, give a later time"
            )
        store.book.bind(meter, device, at_ms)
        return now.device


def _shapes(store: Store, meter: str) -> Mapping[str, values.Shape]:
    return {one.obis: one for one in store.registry.meters([meter])[meter].registers}


def _free_point(store: Store, name: str, at_ms: int) -> PointNow:
    point = store.book.point(name)
    if point is None:
        raise RegistryError(f"expected a point of the registry, got {name!r}: see registry list")
    if point.meter is not None:
        raise RegistryError(f"point {name} has the meter {point.meter}: take it away first")
    _after(f"point {name}", point.removed_at_ms, at_ms)
    return point


def _free_meter(store: Store, serial: str, at_ms: int) -> None:
    meter = store.book.meter(serial)
    if meter is None:
        raise RegistryError(
            f"expected a meter of the registry, got {serial!r}: a new one comes with registry "
            "import or exchange"
        )
    if meter.point is not None:
        raise RegistryError(f"meter {serial} stands at {meter.point}: take it away first")
    _after(f"meter {serial}", meter.removed_at_ms, at_ms)


def _after(what: str, removed_at_ms: int | None, at_ms: int) -> None:
    if removed_at_ms is not None and at_ms < removed_at_ms:
        since = from_ms(removed_at_ms).isoformat()
        raise RegistryError(f"{what} is free only since {since}, give a later time")


def _known_device(store: Store, name: str) -> None:
    if not store.book.is_device(name):
        raise RegistryError(f"expected a device of the registry, got {name!r}: see add-device")
