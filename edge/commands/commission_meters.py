"""One meter after the other at the terminal: value beside the dial, place, seal and point."""

from collections.abc import Callable

from cloud_sync.visit import Level
from edge.commands.commission_talk import Talk
from edge.scan.standing import stand_in
from edge.visit import finding, recording
from edge.visit.core import VisitError
from edge.visit.draft import MeterDraft


class Left(Exception):
    """The person wants to stop here; everything is kept."""


def go_through(talk: Talk) -> None:
    """Every meter that is not decided yet; Left where the person leaves."""
    waiting = recording.undecided(talk.visiting.open)
    for number, meter in enumerate(waiting, 1):
        talk.rule()
        talk.say("meter", number=number, count=len(waiting))
        decide(talk, meter.key)


def decide(talk: Talk, key: str) -> None:
    """Ask about one meter until it is taken in or left out."""
    visiting = talk.visiting
    while True:
        meter = visiting.meter(key)
        _show(talk, meter)
        try:
            is_decided = _dial(talk, meter) if meter.levels else _unread(talk, meter)
        except VisitError as error:
            talk.show(str(error))
            continue
        if is_decided:
            break
    if visiting.meter(key).confirmed:
        describe(talk, key)


def describe(talk: Talk, key: str) -> None:
    """Serial if the meter tells none, point, place and seal; Enter takes what is proposed."""
    visiting = talk.visiting
    meter = visiting.meter(key)
    if meter.serial == stand_in(meter.line, meter.found.protocol, meter.found.address):
        _until_right(talk, lambda: visiting.describe(key, serial=talk.ask("serial")))
    _until_right(talk, lambda: _point(talk, key))
    _until_right(
        talk,
        lambda: visiting.describe(
            key, place=talk.ask("place", _place(talk, key)), seal=_seal(talk, meter)
        ),
    )


def _until_right(talk: Talk, step: Callable[[], object]) -> None:
    while True:
        try:
            step()
        except VisitError as error:
            talk.show(str(error))
        else:
            return


def _show(talk: Talk, meter: MeterDraft) -> None:
    model = meter.profile or talk.text("unknown")
    said = (meter.found.manufacturer, meter.found.medium)
    told = ", ".join((model, *(one for one in said if one)))
    talk.show(f"  {meter.serial}   {told}   {meter.key}")
    if meter.in_place_of:
        talk.say("in_place_of", serial=meter.in_place_of)
    expected = talk.visiting.proposal(meter.key)
    if expected is not None:
        talk.say("point_expected", point=expected.point)
    for level in meter.levels:
        talk.show(f"  {talk.text('says')}: {talk.level(level)}   ({level.obis})")


def _unread(talk: Talk, meter: MeterDraft) -> bool:
    answer = talk.ask("unread", reason=meter.problem)
    if answer == "r":
        talk.run(talk.visiting.read(meter.key))
    elif answer == "p":
        talk.visiting.describe(meter.key, profile=talk.ask("profile"))
        talk.run(talk.visiting.read(meter.key))
    else:
        return _common(talk, meter, answer)
    return False


def _common(talk: Talk, meter: MeterDraft, answer: str) -> bool:
    if answer == "q":
        raise Left
    if answer == "s":
        talk.visiting.leave_out(meter.key, talk.ask("skip_why"))
        return True
    return False


def _dial(talk: Talk, meter: MeterDraft) -> bool:
    """Whether the person has decided about the meter's value."""
    answer = talk.ask("dial")
    if answer == "":
        talk.visiting.confirm(meter.key)
        return True
    if answer == "n":
        talk.visiting.confirm(meter.key, {})
        return True
    if answer == "r":
        talk.run(talk.visiting.read(meter.key))
        return False
    if answer in ("s", "q"):
        return _common(talk, meter, answer)
    return _typed(talk, meter, answer)


def _typed(talk: Talk, meter: MeterDraft, first: str) -> bool:
    """Compare a typed value, and those of the other registers, with what the meter said."""
    seen = _seen(talk, meter.levels, first)
    looked = talk.visiting.look(meter.key, seen)
    if looked.agrees:
        talk.visiting.confirm(meter.key, seen)
        return True
    for hint in looked.hints:
        talk.show(talk.hint(hint))
    why = talk.ask("differs_why")
    if not why:
        return False
    talk.visiting.confirm(meter.key, seen, why)
    return True


def _seen(talk: Talk, levels: tuple[Level, ...], first: str) -> dict[str, str]:
    seen = {levels[0].obis: first}
    for level in levels[1:]:
        seen[level.obis] = talk.ask("other_register", obis=level.obis, unit=talk.unit(level.unit))
    return seen


def _seal(talk: Talk, meter: MeterDraft) -> str:
    """The seal's number, the next of the roll proposed; "-" says that there is none."""
    answer = talk.ask("seal", meter.seal or talk.visiting.next_seal())
    return "" if answer == "-" else answer


def _place(talk: Talk, key: str) -> str:
    """What is proposed for the place: what was said, else what the point's list says."""
    meter = talk.visiting.meter(key)
    if meter.place:
        return meter.place
    points = talk.visiting.points()
    listed = points.points if points is not None else ()
    point = next((one for one in listed if one.point == meter.point), None)
    return "" if point is None else point.place or point.dwelling


def _point(talk: Talk, key: str) -> None:
    visiting = talk.visiting
    meter = visiting.meter(key)
    expected = visiting.proposal(key)
    proposed = meter.point or ("-" if expected is None else expected.point)
    answer = talk.ask("point", proposed)
    while answer == "?":
        _list_points(talk)
        answer = talk.ask("point", proposed)
    visiting.bind(key, "" if answer == "-" else answer)


def _list_points(talk: Talk) -> None:
    free = talk.visiting.free_points()
    if not free:
        talk.say("no_points")
    for one in free:
        talk.show(
            f"  {one.number:4}  {one.point}  {one.dwelling} {one.place} {one.serial}".rstrip()
        )


def protocol_of(model: str) -> str:
    """What a model speaks; VisitError for a profile that is none."""
    return finding.profile_called(model).protocol
