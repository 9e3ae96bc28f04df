"""Every command that changes something leaves its entry in the audit log, with who did it.

The commands are taken from the program itself: each stands in the story below, which runs it and
looks for its entry, or in `LOOKS` with the reason why it needs none. A new command is in neither,
and fails here until somebody has decided.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.audit import Entry, check
from gateway.sql.audit import SqlAudit
from simulators.gis_service import GisService, serving
from tests.gateway.gis.office import ORGANISATION, SHARED
from tests.gateway.gis_schema import needs_schema
from tests.gateway.town import DEVICE_KEY, HOUSE, SINCE_MS, Town, local
from tests.servers.ledgers import by_hand, open_store

WHO = "Орлова"
SECOND = "Седов"
LOOKS = {
    "audit list": "reads the log",
    "audit verify": "reads the log",
    "backup check": "checks a copy",
    "balance": "counts",
    "charges list": "lists",
    "claims list": "lists",
    "corrections": "lists",
    "database digest": "counts",
    "dispute list": "lists",
    "database init": "gives the server's roles their rights; no row of the ledger changes",
    "estimates": "lists",
    "explain": "tells of a line",
    "gis list": "lists",
    "history list": "lists",
    "history verify": "checks files",
    "house-balance": "adds up; it first gathers what meters said, as the running gateway does",
    "mirror run": "copies to a derived store, as the running gateway does",
    "mirror status": "shows how far it is",
    "outbox list": "lists",
    "periods": "lists",
    "person list": "lists",
    "profile": "shows a day",
    "quarantine": "lists",
    "reconcile": "compares",
    "registry list": "lists",
    "release key": "makes a key that no ledger ever sees",
    "release list": "lists",
    "release sign": "seals with that key, away from the ledger",
    "release status": "lists",
    "registry show": "shows a meter",
    "registry waiting": "lists, and writes the list for a card",
    "review list": "lists",
    "review show": "shows a reading",
    "review tasks": "lists",
    "resident act": "writes the paper of a reading, as the resident's page does",
    "resident status": "shows who was asked",
    "rules": "lists",
    "silent": "lists",
    "trace": "shows a line's evidence",
    "verification": "lists",
    "verify": "checks a batch",
    "visit list": "lists",
    "visit pdf": "writes the paper of a record",
    "visit show": "shows a record",
    "ca crl": "makes the list anew, as the running gateway does; who is on it does not change",
    "ca csr export": "writes what waits for an authority elsewhere; requests hold no secret",
    "ca csr list": "lists",
    "ca list": "lists",
    "ca show": "shows who vouches",
    "command list": "lists",
    "identity list": "lists",
    "identity refused": "lists",
    "invite list": "lists",
    "broker rules": "writes the broker's files from the registry, and nothing of the ledger",
}
ELSEWHERE = {
    "cards": "tests/gateway/cards/test_cards_cli.py::test_a_batch_is_one_act_and_a_claim_each",
    "backup make": "tests/gateway/test_backup.py::test_a_copy_and_its_return_are_in_the_log",
    "backup restore": "tests/gateway/test_backup.py::test_a_copy_and_its_return_are_in_the_log",
    "ca import": "tests/gateway/identity/test_external.py::test_what_was_made_elsewhere_is_logged",
    "database months": "tests/gateway/postgres/test_months.py::"
    "test_months_are_listed_and_taken_out_by_a_command",
    "database move": "tests/gateway/postgres/test_moving.py::test_a_house_moves_whole_and_works_on",
    "dispute answer": "tests/gateway/resident/test_disputes.py::"
    "test_the_commands_list_take_and_answer_and_leave_entries",
    "dispute take": "tests/gateway/resident/test_disputes.py::"
    "test_the_commands_list_take_and_answer_and_leave_entries",
    "history restore": "tests/gateway/history/test_history_cli.py::test_months_go_and_come_back",
    "mirror rebuild": "tests/gateway/mirror/test_mirror_cli.py::test_rebuilding_leaves_an_entry",
    "release add": "tests/gateway/releases/test_release_cli.py::"
    "test_past_a_ring_that_has_not_proved_it_goes_with_a_reason_alone",
    "release offer": "tests/gateway/releases/test_release_cli.py::"
    "test_past_a_ring_that_has_not_proved_it_goes_with_a_reason_alone",
    "release ring": "tests/gateway/releases/test_release_cli.py::"
    "test_past_a_ring_that_has_not_proved_it_goes_with_a_reason_alone",
    "resident notice": "tests/gateway/resident/test_resident_cli.py::"
    "test_a_notice_has_a_slip_for_each_dwelling_without_a_contact",
    "visit apply": "tests/gateway/visits/test_visit_cli.py::"
    "test_a_person_applies_what_waits_and_refuses_the_rest",
    "visit refuse": "tests/gateway/visits/test_visit_cli.py::"
    "test_a_person_applies_what_waits_and_refuses_the_rest",
    "run": "tests/gateway/test_app.py::test_each_start_is_in_the_audit_log",
    "collect": "tests/e2e/test_collectors.py::"
    "test_a_collector_killed_in_mid_group_loses_and_doubles_nothing",
}
"""Commands whose entry another test looks for, because it takes more than a ledger."""


class Step(NamedTuple):
    """A command, its arguments, and the file it is given as its first one."""

    command: str
    arguments: tuple[str, ...] = ()
    file: str | None = None
    who: str = WHO


AT = "2026-10-0{}T12:00+03:00"
VALUE = ("--final", "1-0:1.8.0=140", "--initial", "1-0:1.8.0=0")
READING = "A1/1-0:1.8.0@2026-09-24T21:00:00Z"
FAST = "A1/1-0:1.8.0@2026-09-24T21:01:00Z"
WHY = ("--why", "посмотрели")
STORY = (
    Step("registry import", file=(
        "house,address,timezone,account,dwelling,point,kind,resource,meter,model,register,unit,"
        "exponent,digits,rate_max_per_h,installed_on,initial_value,device\n"
        "Садовая 12,Калуга,Europe/Moscow,4002,1,S1,dwelling,electricity,77,SDM120,1-0:1.8.0,kWh,"
        "-2,8,20,2026-09-01,100.00,sadovaya-12\n")),
    Step("registry points", file=(
        "house,address,timezone,account,dwelling,point,kind,resource,register,unit,exponent,"
        "digits,rate_max_per_h,place\n"
        "Садовая 12,Калуга,Europe/Moscow,4002,1,S2,dwelling,cold-water,8-0:1.0.0,m3,-3,8,3,ванная\n"
        )),
    Step("registry add-device", ("sadovaya-13", "--public-key", "{key}", "--house", "Садовая 12")),
    Step("registry add-devices", file=(
        "device,public_key,valid_from,house\n"
        f"sadovaya-14,{'0a' * 32},2026-09-01T00:00+03:00,Садовая 12\n")),
    Step("registry gis-zhkh", file=(
        "meter,device_guid,unit,resource_guid,house_guid\n"
        "77,8a8b7c6d-1234-5678-9abc-0123456789ab,245,,\n")),
    Step("registry norms", file=(
        f"house,account,register,unit,since,amount\n{HOUSE},,1-0:1.8.0,kWh,2026-09,50\n")),
    Step("registry seasons", file=f"house,starts_on,ends_on\n{HOUSE},2026-10-01,\n"),
    Step("registry areas", file=(
        "house,subject,use,area_m2,residents,valid_from\n"
        f"{HOUSE},40112,dwelling,54.3,2,2026-09-01\n")),
    Step("registry common-norms", file=(
        "house,resource,unit,per_m2,per_resident,valid_from,source\n"
        f"{HOUSE},electricity,kWh,1.5,,2026-09-01,приказ 7\n")),
    Step("registry contracts", file=(
        "house,resource,since,first_day,last_day,next_month,cutoff\n"
        f"{HOUSE},,2026-09,1,99,no,reading\n")),
    Step("registry policies", file=(
        "house,since,sources,fresh_days,tolerance_units,tolerance_percent\n"
        f"{HOUSE},2026-09,resident > gis-zhkh > photo > inspection,3,1,2\n")),
    Step("registry verifications", file=(
        "meter,verified_on,interval,number,by,finding\nA1,2026-09-01,16y,1,ЦСМ,fit\n")),
    Step("registry seals", file=(
        "meter,number,place,set_on,by,checked_on,broken_on,removed_on\n"
        "A1,7,terminal cover,2026-09-01,Петров,,,\n")),
    Step("registry relations", file="point,kind,other,since\nP2,behind,P1,2026-09-02\n"),
    Step("registry acts", file=(
        "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on\n"
        "interference,17,2026-09-15,Петров,40112,P1,1-0:1.8.0,900,2026-09-02\n")),
    Step("charges confirm", ("x-000001", *WHY), who=SECOND),
    Step("claims import", ("--source", "photo"), (
        "meter,register,time,value,reference\nA2,1-0:1.8.0,2026-09-30,125,photo-1\n")),
    Step("review ask-photo", (READING, *WHY)),
    Step("review inspect", (READING, *WHY)),
    Step("review reject", (READING, *WHY)),
    Step("review replace", (FAST, "--value", "90000", "--document", "акт 3", *WHY,
                            "--at", "2026-09-25T00:02+03:00")),
    Step("review confirm", ("4",), who=SECOND),
    Step("review accept", (READING.replace("A1", "A3"), *WHY)),
    Step("registry out-of-order", ("A2", "failed", "--from", AT.format(1))),
    Step("registry fit", ("A2", "--at", AT.format(2))),
    Step("close-period", ("2026-09", "--house", HOUSE)),
    Step("profile-check", ("--day", "2026-09-20")),
    Step("history check", ("--rebuild",)),
    Step("history archive", ("--before", "2020-01", "--out", "{folder}")),
    Step("export", ("csv", "--out", "{folder}/out.csv")),
    Step("gis send"),
    Step("gis poll"),
    Step("gis fetch", ("--period", "2026-09")),
    Step("outbox deliver"),
    Step("outbox retry", ("--left-out",)),
    Step("reopen", (HOUSE, "2026-09", *WHY)),
    Step("registry factor", ("A2", "40", "--shows", "1-0:1.8.0=140", "--at", AT.format(3))),
    Step("registry move-meter", ("A2", "sadovaya-13", "--at", AT.format(4))),
    Step("registry exchange", ("P2", "--removed", "A2", "--installed", "N1", "--model", "SDM120",
                               "--factor", "40",
                               *VALUE, "--at", AT.format(5))),
    Step("registry remove", ("P2", "--removed", "N1", "--final", "1-0:1.8.0=7",
                             "--at", AT.format(6))),
    Step("registry install", ("P2", "A2", "--initial", "1-0:1.8.0=140", "--device", "sadovaya-13",
                              "--at", AT.format(7))),
    Step("api-token", ("accounts",)),
    Step("ca init", ("--root-key", "{folder}/root.key")),
    Step("ca issue-server", ("localhost", "--out", "{folder}/tls")),
    Step("ca issue-collector", ("plomba-gateway", "--out", "{folder}/tls")),
    Step("ca revoke", ("{serial}", *WHY)),
    Step("ca renew-issuing", ("--root-key", "{folder}/root.key")),
    Step("invite", ("--house", HOUSE, "--count", "1", "--out", "{folder}/invitations")),
    Step("invite withdraw", ("{label}", *WHY)),
    Step("command report", ("lesnaya-5",)),
    Step("command read-now", ("lesnaya-5",)),
    Step("command resend", ("lesnaya-5", "1", "2")),
    Step("identity revoke", ("lesnaya-5", *WHY)),
    Step("resident contacts", file=(
        "account,channel,address,language\n4002,email,ivan@mail.example,ru\n")),
    Step("resident ask"),
    Step("resident unreachable", ("4002", "email", *WHY)),
    Step("resident link", ("4002",)),
    Step("resident bill-codes", ("--period", "2099-01", "--out", "{folder}/codes.csv")),
    Step("resident end", ("4002", *WHY)),
    Step("person show", ("4002",)),
    Step("person forget", ("4002", *WHY)),
    Step("person confirm", ("1",), who=SECOND),
)  # fmt: skip


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(command, click.Group):
        if command.invoke_without_command:
            yield " ".join(path)
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield " ".join(path)


def test_every_command_is_known_to_write_or_to_look() -> None:
    told = {step.command for step in STORY} | LOOKS.keys() | ELSEWHERE.keys() | {"init"}
    assert set(leaves(main)) == told


def test_what_another_test_looks_for_is_looked_for_there() -> None:
    for place in ELSEWHERE.values():
        file, _, name = place.partition("::")
        assert f"def {name}(" in (Path(__file__).parents[2] / file).read_text(encoding="utf-8")


def entries(folder: Path) -> list[Entry]:
    store = open_store(folder / "data" / "ledger.sqlite")
    try:
        return list(SqlAudit(store.database.connection).entries())
    finally:
        store.close()


def ordered(config: Path, *arguments: str) -> None:
    result = CliRunner().invoke(main, [*arguments, "--config", str(config)])
    assert result.exit_code == 0, (arguments, result.stderr, result.exception)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Houses of readings that fell or ran away, and of flats nobody has read."""
    file = tmp_path / "gateway.toml"
    file.write_text('data = "data"\n', encoding="utf-8")
    ordered(file, "init", "--by", WHO)
    town = Town(tmp_path / "data")
    for number, dwelling in enumerate(("12", "13", "14"), start=1):
        town.install(f"A{number}", town.point(f"P{number}", dwelling))
    for meter in ("A1", "A3"):
        town.read(meter, local(9, 24, 23), 12_000)
        town.read(meter, local(9, 25), 11_000 if meter == "A1" else 90_000_000)
    town.read("A1", local(9, 25, 0, 1), 9_000_000)
    town.send()
    town.read("A2", local(9, 30, 23), 13_500)
    town.send()
    town.store.close()
    (tmp_path / "key.pem").write_bytes(DEVICE_KEY.from_seed(b"7" * 32).public.to_pem())
    return file


@needs_schema
def test_each_of_them_leaves_an_entry_that_names_who(config: Path, tmp_path: Path) -> None:
    (first,) = entries(tmp_path)
    assert (first.act.actor, first.act.act) == (WHO, "init")
    with serving(GisService(schemas=SHARED)) as endpoint:
        config.write_text(
            f'data = "data"\n[gis_zhkh]\nendpoint = "{endpoint}"\npoll_interval_s = 0.05\n'
            f'organisation = "{ORGANISATION}"\n'
            '[enrolment]\nurl = "https://localhost:8443"\ncert = "tls/localhost.pem"\n'
            'key = "tls/localhost.key"\n'
            '[resident]\npublic_url = "https://meters.example"\n',
            encoding="utf-8",
        )
        seen = 1
        for step in STORY:
            ordered(config, *words(step, tmp_path), "--by", step.who)
            fresh = entries(tmp_path)[seen:]
            assert fresh, f"{step.command} left no entry"
            assert {one.act.actor for one in fresh} == {step.who}, step.command
            assert all(one.act.via.startswith("command line, login ") for one in fresh)
            seen += len(fresh)
    assert check(entries(tmp_path)).number == seen


def made_before(folder: Path) -> dict[str, str]:
    """What an earlier step made and gave a name of its own."""
    with by_hand(folder / "data" / "ledger.sqlite") as sql:
        row = sql.execute(
            "SELECT (SELECT max(serial) FROM certificate), (SELECT max(label) FROM invitation)"
        ).fetchone()
    return {"serial": str(row[0]), "label": str(row[1])}


def words(step: Step, folder: Path) -> list[str]:
    places = {"folder": str(folder), "key": str(folder / "key.pem"), **made_before(folder)}
    found = step.command.split()
    if step.file is not None:
        file = folder / f"{step.command.replace(' ', '-')}.csv"
        file.write_text(step.file, encoding="utf-8")
        found.append(str(file))
    return [*found, *(argument.format_map(places) for argument in step.arguments)]


def test_a_refused_command_leaves_neither_a_change_nor_an_entry(
    config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "norms.csv"
    file.write_text("house,account,register,unit,since,amount\nНигде,,1-0:1.8.0,kWh,2026-09,5\n")
    result = CliRunner().invoke(
        main, ["registry", "norms", str(file), "--by", WHO, "--config", str(config)]
    )
    assert result.exit_code == 1
    assert len(entries(tmp_path)) == 1


def test_entries_of_files_name_the_file_by_its_hash(config: Path, tmp_path: Path) -> None:
    step = next(step for step in STORY if step.command == "registry norms")
    ordered(config, *words(step, tmp_path), "--by", WHO)
    entry = entries(tmp_path)[-1]
    assert entry.act.subject == "registry-norms.csv"
    assert entry.act.after.startswith("1 new, 0 changed, 0 same; SHA-256 ")
    assert json.dumps(entry.act.after)
    assert entry.act.at_ms > SINCE_MS
