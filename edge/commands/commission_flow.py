"""A visit at the terminal, from the installer's name to the sealed record: a menu and its steps.

The first steps follow one another by themselves: check, search, read. Whatever ends the command,
Ctrl-C, a dropped connection or a power cut, the next one goes on from there.
"""

from collections.abc import Callable
from pathlib import Path

from cloud_sync.visit import Check
from cloud_sync.visit_texts import sentence, what
from drivers.driver import DriverError
from edge.commands import commission_meters as one_by_one
from edge.commands.commission_meters import Left
from edge.commands.commission_talk import Talk
from edge.visit import recording
from edge.visit.core import Finished, VisitError
from edge.visit.later import CARD_BYTES_MAX

Step = Callable[[Talk], None]


def begin(talk: Talk) -> None:
    """Go on with the open visit, or begin one and look at what hangs there."""
    visiting = talk.visiting
    draft = visiting.draft
    if draft is not None:
        talk.say("going_on", number=draft.number, installer=draft.begun.installer)
        return
    is_first = not visiting.config.meters
    while visiting.draft is None:
        try:
            visiting.begin(talk.ask("installer"), "commissioning" if is_first else "visit")
        except VisitError as error:
            talk.show(str(error))
    check(talk)
    if is_first:
        search(talk)


def menu(talk: Talk) -> Finished | None:
    """Step after step as the person chooses; the record, None if the person leaves."""
    while True:
        steps = _steps(talk)
        step = list(steps.values())[talk.choose("menu", list(steps))]
        if step is None:
            return None
        try:
            if step is finish_step:
                finished = finish(talk)
                if finished is not None:
                    return finished
            else:
                step(talk)
        except Left:
            continue
        except (VisitError, OSError) as error:
            talk.show(str(error))
        except DriverError as error:
            talk.say("line_failed", reason=error)
        if talk.visiting.draft is None:
            return None


def _steps(talk: Talk) -> dict[str, Step | None]:
    """What can be done now, by its name in the menu."""
    draft = talk.visiting.open
    left = len(recording.undecided(draft))
    expected = any(talk.visiting.proposal(one.key) for one in recording.undecided(draft))
    steps: list[tuple[str, Step | None]] = []
    if left:
        steps.append((talk.text("menu_meters", count=left), one_by_one.go_through))
    if expected:
        steps.append((talk.text("menu_expected"), _expected))
    steps += [
        (talk.text("menu_finish"), finish_step),
        (talk.text("menu_list"), show_list),
        (talk.text("menu_search"), search_again),
        (talk.text("menu_check"), check),
        (talk.text("menu_typed"), add_typed),
    ]
    if talk.visiting.config.meters:
        steps += [
            (talk.text("menu_exchange"), exchange),
            (talk.text("menu_remove"), remove),
        ]
    steps += [
        (talk.text("menu_card"), take_over),
        (talk.text("menu_remark"), remark),
        (talk.text("menu_leave"), None),
        (talk.text("menu_give_up"), give_up),
    ]
    return dict(steps)


def check(talk: Talk) -> None:
    """Look at lines and device."""
    talk.say("checking")
    found = talk.run(talk.visiting.check_lines())
    found += talk.run(talk.visiting.doctor())
    for one in found:
        _show_check(talk, one)
    for line in talk.visiting.mendable():
        if talk.sure("mend", line=line):
            _show_check(talk, talk.run(talk.visiting.mend(line)))


def _show_check(talk: Talk, one: Check) -> None:
    mark = "+" if one.ok else "!"
    talk.show(f"  {mark} {what(one, talk.language)}: {sentence(one, talk.language)}")


def search(talk: Talk, *, fresh: bool = False) -> None:
    """Find the meters and read them."""
    talk.say("searching")
    try:
        talk.run(talk.visiting.search(fresh=fresh))
    except DriverError as error:
        talk.say("line_failed", reason=error)
    meters = talk.visiting.open.meters
    if not meters:
        talk.say("none_found")
        return
    talk.say("found", count=len(meters))
    talk.say("reading")
    talk.run(talk.visiting.read_all())
    show_list(talk)


def search_again(talk: Talk) -> None:
    """Search from the beginning."""
    search(talk, fresh=True)


def show_list(talk: Talk) -> None:
    """All meters of the visit, a line each."""
    draft = talk.visiting.open
    for meter in draft.meters.values():
        values = ", ".join(map(talk.level, meter.levels[:2])) or "-"
        point = f"  {meter.point}" if meter.point else ""
        talk.show(f"  {meter.serial:14} {values:22} {talk.standing(draft, meter)}{point}")
    for serial in draft.gone:
        talk.show("  " + talk.text("goes", serial=serial))


def _expected(talk: Talk) -> None:
    talk.say("found", count=len(talk.visiting.confirm_expected()))


def add_typed(talk: Talk) -> None:
    """A meter that no search finds."""
    lines = talk.visiting.config.lines
    line = talk.ask("line", lines[0].name)
    address, model = talk.ask("address"), talk.ask("profile")
    protocol = one_by_one.protocol_of(model)
    meter = talk.visiting.add_typed(line, protocol, address, model, talk.ask("serial"))
    talk.run(talk.visiting.read(meter.key))
    one_by_one.decide(talk, meter.key)


def exchange(talk: Talk) -> None:
    """A meter goes and another comes: final value, new meter, opening value."""
    serial = talk.ask("old_serial")
    _final(talk, serial, is_exchange=True)
    talk.ask("swap_now")
    search(talk, fresh=True)
    comers = [
        one
        for one in talk.visiting.open.meters.values()
        if not one.known and not one.left_out and not one.replaces
    ]
    if not comers:
        add_typed(talk)
        comers = [one for one in talk.visiting.open.meters.values() if not one.known][-1:]
    names = [f"{one.serial}  {one.profile}  {one.key}" for one in comers]
    chosen = comers[talk.choose("new_choose", names)] if len(comers) > 1 else comers[0]
    talk.visiting.replace_with(serial, chosen.key)
    if not talk.visiting.meter(chosen.key).confirmed:
        one_by_one.decide(talk, chosen.key)


def remove(talk: Talk) -> None:
    """A meter goes and nothing comes."""
    _final(talk, talk.ask("old_serial"), is_exchange=False)


def _final(talk: Talk, serial: str, *, is_exchange: bool) -> None:
    """The final values of a meter, or why there are none."""
    visiting = talk.visiting
    registers = visiting.registers_of(serial)
    while True:
        answer = talk.ask("final")
        try:
            if answer == "n":
                visiting.final_none(serial, talk.ask("final_why"), is_exchange=is_exchange)
            elif answer == "d":
                seen = {
                    one.obis: talk.ask("other_register", obis=one.obis, unit=talk.unit(one.unit))
                    for one in registers
                }
                visiting.final_seen(serial, seen, is_exchange=is_exchange)
            else:
                gone = talk.run(visiting.read_final(serial, is_exchange=is_exchange))
                for level in gone.final:
                    talk.say("final_read", value=talk.level(level))
        except VisitError as error:
            talk.show(str(error))
        else:
            return


def take_over(talk: Talk) -> None:
    """The meters of an old card."""
    with Path(talk.ask("card_file")).expanduser().open("rb") as file:
        talk.visiting.take_over(file.read(CARD_BYTES_MAX + 1))
    talk.say("reading")
    talk.run(talk.visiting.read_all())
    show_list(talk)


def remark(talk: Talk) -> None:
    """Words on the whole visit."""
    talk.visiting.remark(talk.ask("remark", talk.visiting.open.remarks))


def give_up(talk: Talk) -> None:
    """End without a record, if that is meant."""
    if talk.sure("sure"):
        talk.visiting.give_up(talk.ask("why_give_up"))


def finish_step(talk: Talk) -> None:
    """Stands for `finish` in the menu."""
    finish(talk)


def finish(talk: Talk) -> Finished | None:
    """Seal the record; None, and what is missing is told, if something hinders it."""
    hindered = talk.visiting.hindrances()
    if hindered:
        talk.say("hindered")
        for one in hindered:
            code = "unread_meter" if one.code == "unread" else one.code
            talk.show("  " + talk.text(code, key=one.key))
        return None
    finished = talk.run(talk.visiting.finish())
    talk.rule()
    talk.say("sealed", number=finished.number, digest=finished.digest.hex())
    talk.say("config_written", path=talk.visiting.config_path)
    talk.say("pdf", number=finished.number)
    return finished
