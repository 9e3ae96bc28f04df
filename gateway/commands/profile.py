"""Commands about days: the series of a register, and the check of a day's registers."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import click

from drivers.reading import from_ms
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.commands.noting import note
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.profile.day import DayProfile
from gateway.profile.job import Step, bring_up, check, step
from gateway.profile.model import JobStore, ProfileError
from gateway.profile.report import amount, as_document, profiles, total
from gateway.profile.slots import day_of
from gateway.sql.profile import ProfileLedger, SeriesLedger
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.argument("name", metavar="POINT|METER")
@click.option("--day", type=DAY, help="YYYY-MM-DD; the last day that is over if left out.")
@configured
@as_json
def profile(config: GatewayConfig, name: str, day: datetime | None, *, as_json: bool) -> None:
    """Show what POINT or METER used in each slot of a local day, and what looks odd.

    Each slot says whether it was measured, or by which method it was estimated.
    """
    with ledger(config) as store:
        series = SeriesLedger(store.database.connection)
        found = profiles(series, name, day and day.date(), system_clock())
    if as_json:
        print_json({"name": name, "registers": [as_document(one) for one in found]})
        return
    for one in found:
        _show(one)


@click.command("profile-check")
@click.option("--day", type=DAY, help="YYYY-MM-DD: check it again; all that are due if left out.")
@click.option("--house", help="One house; all of them if left out. Only with --day.")
@by_person
@configured
@as_json
def profile_check(
    config: GatewayConfig, day: datetime | None, house: str | None, actor: str, *, as_json: bool
) -> None:
    """Check the days that are over, as a running gateway does once a day; findings are hints."""
    if house is not None and day is None:
        raise click.UsageError("--house needs --day")
    with ledger(config) as store:
        done = _due(store) if day is None else _again(store, day.date(), house)
        days = sorted({one.day.isoformat() for one in done})
        asked = f"{house or 'all houses'} {day.date()}" if day else "days due"
        note(store, actor, "profile-check", asked, f"{len(days)} days")
        series = SeriesLedger(store.database.connection)
        span = (days[0], days[-1]) if days else ("", "")
        found = series.findings(house, span, _SHOWN_MAX)
    if as_json:
        findings = [one._asdict() | {"finding": one.finding._asdict()} for one in found]
        print_json({"days": days, "registers": _registers(done), "findings": findings})
        return
    print_table(
        ("day", "house", "flat", "meter", "register", "rule", "what"),
        [
            (
                *(one.day, one.house, one.dwelling, one.meter, one.register),
                *(one.finding.rule, one.finding.detail),
            )
            for one in found
        ],
    )
    click.echo(f"{len(days)} days, {_registers(done)} registers, {len(found)} findings")


# A screen full of findings is read by nobody; JSON readers page by day.
_SHOWN_MAX = 5000


def _due(store: SqlStore) -> list[Step]:
    done = []
    with store.transaction() as connection:
        while bring_up(ProfileLedger(connection)):
            pass
    while (one := _step(store)) is not None:
        done.append(one)
    return done


def _step(store: SqlStore) -> Step | None:
    with store.transaction() as connection:
        return step(ProfileLedger(connection), system_clock())


def _again(store: SqlStore, day: date, house: str | None) -> list[Step]:
    now_ms = system_clock()
    done = []
    with store.transaction() as connection:
        jobs = ProfileLedger(connection)
        known = [one for one in jobs.houses() if house in {None, one[0]}]
        if not known:
            raise ProfileError(f"no house is called {house!r}: see registry show")
        for name, timezone in known:
            zone = ZoneInfo(timezone)
            if day >= day_of(now_ms, zone):
                raise ProfileError(f"{day} is not over in {name}: choose an earlier day")
            jobs.begin(name, day)
            done += _whole(jobs, name, day, zone, now_ms)
    return done


def _whole(jobs: JobStore, house: str, day: date, zone: ZoneInfo, now_ms: int) -> list[Step]:
    done = [check(jobs, house, day, zone, now_ms)]
    while not done[-1].done:
        done.append(check(jobs, house, day, zone, now_ms))
    return done


def _registers(done: list[Step]) -> int:
    return sum(one.registers for one in done)


def _show(found: DayProfile) -> None:
    one, series = found.register, found.series
    zone = ZoneInfo(one.timezone)
    click.echo(f"{one.meter} {one.obis} at {one.point}, {found.day}")
    print_table(
        ("from", f"used, {one.unit}", "method", "quality"),
        [
            (
                f"{from_ms(slot.from_ms).astimezone(zone):%H:%M}",
                amount(found, slot.amount),
                slot.method.value,
                slot.quality,
            )
            for slot in series.slots
        ],
    )
    click.echo(
        f"{total(found):f} {one.unit}; {series.held} of {len(series.slots)} slots measured, "
        f"readings up to {-(-series.apart_ms // 1000)} s from their slot's edge"
    )
    for finding in found.findings:
        click.echo(f"{finding.rule} {finding.severity}: {finding.detail}")
