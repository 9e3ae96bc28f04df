"""Entering acts from a CSV, and confirming what an interference is charged for.

A file is entered whole or not at all, every bad line named. An act is entered once and said again
without harm, never otherwise. Each one is written to the audit log with the person who entered it;
an interference is charged at once, and a charge above what one person may move waits until another
one confirms it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Resource, Unit, from_ms
from gateway.acts.csv import Known, parse
from gateway.acts.interference import NoNormError, charged
from gateway.acts.model import Act, Charge, Kind
from gateway.acts.port import ActStore, check_before
from gateway.audit import Act as Entry
from gateway.audit import AuditPort
from gateway.csv_lines import Problem, RegistryError

Limits = Mapping[tuple[Resource, Unit], Decimal]
"""How much one person may charge; what is not named takes two."""


class Desk(NamedTuple):
    """Where acts and the log of what people do are kept, who sits there and when.

    `via` is how the program knows them.
    """

    acts: ActStore
    audit: AuditPort
    person: str
    via: str
    now_ms: int


def enter(desk: Desk, data: bytes, limits: Limits) -> dict[str, int]:
    """Enter the acts of a CSV: how many were new and the same, and what of them is charged.

    RegistryError names every bad line, and then nothing may be kept of the transaction.
    """
    found = parse(data, lambda accounts, points: _known(desk, accounts, points))
    known = {one.subject: one for one in desk.acts.acts({act.account for _, act in found})}
    new = _new(found, known)
    counts = {"new": len(new), "same": len(found) - len(new), "charged": 0, "to confirm": 0}
    problems = []
    for line, act in sorted(new, key=lambda one: (one[1].made_on, one[0])):
        act_no = desk.acts.add(act, _log(desk, act))
        if act.kind is not Kind.INTERFERENCE:
            continue
        try:
            counts["charged" if _charge(desk, act, act_no, limits) else "to confirm"] += 1
        except NoNormError as error:
            expected = f"units an hour, as {act.point} has no norm in {error}"
            problems.append(Problem(line, "capacity_per_h", expected, "''"))
    if problems:
        raise RegistryError(sorted(problems))
    return counts


def confirm(desk: Desk, charge_id: str, why: str) -> Charge:
    """Another person agrees to a charge: it is handed over with the next closing."""
    one = desk.acts.waiting(charge_id)
    if one is None:
        raise RegistryError(f"no charge {charge_id} waits for another person: see charges list")
    if one.entered_by.strip().casefold() == desk.person.strip().casefold():
        raise RegistryError(
            f"charge {charge_id} is {one.entered_by}'s own: another person must confirm it"
        )
    before, after = "waits for another person", f"{one.amount:f} {one.unit} for act {one.act}"
    entry = Entry(desk.now_ms, desk.person, desk.via, "act confirm", charge_id, before, after, why)
    desk.acts.confirm(charge_id, desk.person, desk.audit.append(entry))
    return one._replace(confirmed_by=desk.person)


def _known(desk: Desk, accounts: set[str], points: set[str]) -> Known:
    now = from_ms(desk.now_ms)
    today = {
        account: now.astimezone(zone).date() for account, zone in desk.acts.zones(accounts).items()
    }
    return Known(today, desk.acts.places(points))


def _new(
    found: Sequence[tuple[int, Act]], known: Mapping[tuple[object, ...], Act]
) -> list[tuple[int, Act]]:
    """The acts not entered yet; RegistryError for one that says otherwise what was entered."""
    told, new, problems = dict(known), [], []
    for line, act in found:
        before = told.setdefault(act.subject, act)
        if before is act:
            new.append((line, act))
        elif before != act:
            problems.append(Problem(line, "", f"what was said before of {act}", "other"))
    if problems:
        raise RegistryError(problems)
    return new


def _log(desk: Desk, act: Act) -> int:
    subject = f"account {act.account}" + (f", {act.point}" if act.point else "")
    capacity = "" if act.capacity is None else f"capacity {act.capacity:f} an hour"
    begun = "" if act.begun_on is None else f"begun on {act.begun_on}"
    after = ", ".join(filter(None, (str(act), act.register, capacity, begun)))
    return desk.audit.append(
        Entry(
            desk.now_ms, desk.person, desk.via, f"act {act.kind}", subject, "", after,
            f"made by {act.made_by}",
        )
    )  # fmt: skip


def _charge(desk: Desk, act: Act, act_no: int, limits: Limits) -> bool:
    """Charge an interference; whether one person's word is enough."""
    last_check = check_before(desk.acts.acts({act.account}), act)
    result = charged(
        act, last_check, lambda month: desk.acts.month_norm(act.point, act.register, month)
    )
    place = desk.acts.places({act.point})[act.point]
    unit = place.units[act.register]
    charge_id = desk.acts.add_charge(act_no, unit, result, desk.person)
    limit = limits.get((place.resource, unit))
    if limit is None or result.amount > limit:
        return False
    after = f"{result.amount:f} {unit}"
    entry = Entry(
        desk.now_ms, desk.person, desk.via, "act charge", charge_id, "", after, result.reason
    )
    desk.acts.confirm(charge_id, desk.person, desk.audit.append(entry))
    return True
