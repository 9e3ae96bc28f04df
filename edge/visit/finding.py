"""From what a search found, or a person typed, to a meter of the visit."""

from collections.abc import Collection

from cloud_sync.points import WaitingPoint
from drivers import profile
from drivers.driver import Address, Found
from drivers.mbus.address import ID_DIGITS
from drivers.reading import is_serial
from edge import places
from edge.config import EdgeConfig, LineConfig, MeterConfig
from edge.scan.standing import Standing, at_its_place, is_that, judge, serial_of
from edge.visit import binding
from edge.visit.core import VisitError
from edge.visit.draft import MeterDraft


def key_of(line: str, found: Found) -> str:
    """How a meter is named in a visit: where it answers."""
    return f"{line}/{found.protocol}/{found.address}"


def drafted(
    found: Found,
    line: LineConfig,
    config: EdgeConfig,
    taken: Collection[str],
    waiting: Collection[WaitingPoint] = (),
) -> MeterDraft:
    """A found meter, as it stands to the configuration; `taken` are serials of other meters.

    Of several profiles that fit it has the one whose resource a point `waiting` for it counts.
    """
    candidate = judge(found, line, config)
    if candidate.standing is Standing.CONFIGURED:
        return _configured(found, line, config, candidate.remark or "")
    serial, told = serial_of(found, line.name, set(taken))
    there = at_its_place(found, line)
    return MeterDraft(
        key=key_of(line.name, found),
        line=line.name,
        found=found,
        serial=serial,
        serial_told=told,
        in_place_of=there.serial if there and candidate.standing is Standing.OTHER else "",
        profile=_likeliest(found, binding.expected(waiting, serial)),
        problem=candidate.remark or "",
    )


def _likeliest(found: Found, point: WaitingPoint | None) -> str:
    """A meter for hot and for cold water may say the same of itself: the registry knows which."""
    resource = None if point is None else point.resource
    fitting = [one for one in found.profiles if profile.load(one).resource == resource]
    return next(iter([*fitting, *found.profiles]), "")


def typed(line: LineConfig, address: str, model: str, serial: str) -> MeterDraft:
    """A meter that no search finds, as a person describes it; VisitError otherwise."""
    check_serial(serial)
    protocol = profile_called(model).protocol
    try:
        place = _address(address)
        places.check(protocol, line.framing, place)
    except ValueError as error:
        raise VisitError(f"address {address!r}: {error}") from error
    found = Found(protocol, place, profiles=(model,))
    return MeterDraft(
        key=key_of(line.name, found), line=line.name, found=found, serial=serial, profile=model
    )


def check_serial(serial: str) -> None:
    """VisitError for what cannot be a serial."""
    if not is_serial(serial):
        raise VisitError(
            f"expected a serial of letters, digits and . _ / -, at most 32, got {serial[:40]!r}"
        )


def profile_called(name: str) -> profile.MeterProfile:
    """The profile of that name; VisitError with those that are like it."""
    try:
        return profile.load(name)
    except profile.ProfileError as error:
        raise VisitError(str(error)) from error


def _configured(found: Found, line: LineConfig, config: EdgeConfig, remark: str) -> MeterDraft:
    where, meter = _entry(found, line, config)
    return MeterDraft(
        key=key_of(where, found),
        line=where,
        found=found._replace(address=meter.address),
        serial=meter.serial,
        known=True,
        configured_as=meter.serial,
        profile=meter.profile,
        problem=remark,
    )


def _entry(found: Found, line: LineConfig, config: EdgeConfig) -> tuple[str, MeterConfig]:
    there = at_its_place(found, line)
    if there is not None:
        return line.name, there
    return next((one.name, meter) for one, meter in config.meters if is_that(found, meter))


def _address(text: str) -> Address:
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) < ID_DIGITS:
        return places.parse(int(plain))
    return places.parse(plain)
