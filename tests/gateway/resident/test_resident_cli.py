"""What the operator types: contacts, asking, links, notices, and ending all of it."""

import json
import re
import stat
from pathlib import Path

import pypdf
import pytest

from tests.gateway.resident.block import PUBLIC
from tests.gateway.shell import refusal, run, said
from tests.gateway.town import Town
from tests.servers.ledgers import by_hand

BY = ("--by", "Орлова")
LONG_AGO_MS = 1_700_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A house whose window is always open, and whose meters nobody reads."""
    file = tmp_path / "gateway.toml"
    file.write_text(
        'data = "data"\n[resident]\n'
        f'public_url = "{PUBLIC}"\noffice = "УК Лесная, 8 800 000-00-00"\n'
        "quiet_from = 00:00:00\nquiet_until = 00:00:00\n"
        '[resident.smtp]\nhost = "localhost"\nport = 1\nsecurity = "none"\n'
        'sender = "meters@house.example"\n',
        encoding="utf-8",
    )
    said("init", "--config", file, *BY)
    town = Town(tmp_path / "data")
    for flat in range(1, 7):
        town.install(f"A{flat}", town.point(f"P{flat}", str(flat)), at_ms=LONG_AGO_MS)
    town.store.close()
    contracts = tmp_path / "contracts.csv"
    contracts.write_text(
        "house,resource,since,first_day,last_day,next_month,cutoff\n"
        "Лесная 5,,2026-01,2,1,yes,reading\n",
        encoding="utf-8",
    )
    said("registry", "contracts", contracts, *BY, "--config", file)
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(
        "account,channel,address,language\n4011,email,ivan@mail.example,ru\n", encoding="utf-8"
    )
    assert said("resident", "contacts", contacts, *BY, "--config", file).endswith(
        "contacts.csv: 1 new, 0 changed, 0 same\n"
    )
    return file


def asked(config: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads(said("resident", "ask", "--json", *BY, "--config", config))
    return found


def period(config: Path) -> str:
    with by_hand(config.parent / "data" / "ledger.sqlite") as sql:
        ((found,),) = sql.execute("SELECT DISTINCT period FROM asking").fetchall()
    return str(found)


def test_asking_shows_in_the_status(config: Path) -> None:
    counts = asked(config)
    assert counts["asked"] == 6
    assert counts["messages"] >= 1
    assert asked(config) == {"asked": 0, "messages": 0, "ended": 0}
    told = json.loads(said("resident", "status", "--json", "--config", config))
    assert told["askings"][0] | {"period": ""} == {
        "house": "Лесная 5", "period": "", "asked": 6, "open": 6, "given": 0, "silent": 0,
        "over": 0, "on_paper": 5,
    }  # fmt: skip
    assert told["contacts"] == [{"channel": "email", "written_to": 1, "unsubscribed": 0}]
    table = said("resident", "status", "--house", "Лесная 5", "--config", config)
    assert "on paper" in table
    assert "ivan@" not in table, "an address is nobody's business here"


def test_a_notice_has_a_slip_for_each_dwelling_without_a_contact(config: Path) -> None:
    asked(config)
    out = config.parent / "notices"
    arguments = ("--house", "Лесная 5", "--period", period(config), "--out", out)
    told = said("resident", "notice", *arguments, *BY, "--config", config)
    newest = json.loads(said("audit", "list", "--config", config, "--json").splitlines()[-1])
    assert (newest["act"], newest["actor"], newest["after"]) == (
        *("resident notice", "Орлова", "5 slips"),
    )
    (file,) = out.iterdir()
    assert told == f"{file}: 5 slips; it opens what it is for, so keep it to yourself\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    pages = [page.extract_text() for page in pypdf.PdfReader(file).pages]
    assert len(pages) == 2
    text = "\n".join(pages).replace("\u200b", "")
    assert [f"Лесная 5, кв. {flat}" in text for flat in range(1, 7)] == [False, *[True] * 5]
    assert not any(f"401{flat}" in re.sub(r"https\S+", "", text) for flat in range(1, 7))
    first = set(links(file))
    assert len(first) == 5
    said("resident", "notice", *arguments, "--lang", "en", *BY, "--config", config)
    assert "Please send your meter reading" in pypdf.PdfReader(file).pages[0].extract_text()
    with by_hand(config.parent / "data" / "ledger.sqlite") as sql:
        (row,) = sql.execute(
            "SELECT count(*), count(ended_ms) FROM resident_link WHERE contact_no IS NULL"
        ).fetchall()
    assert row == (10, 5), "the slips before are worth nothing"
    assert not first & set(links(file))


def links(file: Path) -> list[str]:
    return [
        note.get_object()["/A"]["/URI"]
        for page in pypdf.PdfReader(file).pages
        for note in page.get("/Annots", [])
    ]


def test_a_house_where_everybody_can_be_written_to_needs_no_notice(config: Path) -> None:
    out = config.parent / "notices"
    told = said("resident", "notice", "--house", "Лесная 5", "--period", "2020-01", "--out", out,
                *BY, "--config", config)  # fmt: skip
    assert told == "Лесная 5 2020-01: no dwelling is asked that has no contact\n"
    assert not out.exists()


def test_a_link_is_printed_once_and_a_new_one_ends_it(config: Path) -> None:
    address, until = said("resident", "link", "4012", *BY, "--config", config).splitlines()
    assert re.fullmatch(rf"{PUBLIC}/l/[\w-]{{46}}", address)
    assert until.startswith("until 20")
    told = json.loads(said("resident", "link", "4012", "--json", *BY, "--config", config))
    assert told["url"] != address
    assert address.rpartition("/")[2] not in said("audit", "list", "--json", "--config", config)


def test_ending_tells_what_there_was(config: Path) -> None:
    asked(config)
    ended = said(
        "resident", "end", "4011", "--contacts", "--why", "съехали", *BY, "--config", config
    )
    assert re.fullmatch(
        r"ended: 2 links, 0 codes, 0 sessions, \d messages, 1 askings, 1 contacts,"
        r" 0 linked, 0 phones, 0 signins, 0 bill codes\n",
        ended,
    )
    again = json.loads(
        said("resident", "end", "4011", "--why", "ещё раз", "--json", *BY, "--config", config)
    )
    assert set(again.values()) == {0}


def test_an_address_that_letters_come_back_from_is_taken_out(config: Path) -> None:
    asked(config)
    taken = ("resident", "unreachable", "4011", "email", "--why", "550", *BY, "--config", config)
    assert said(*taken) == "taken out: the email of account 4011\n"
    assert refusal(*taken) == "Error: account '4011' has no email: see resident contacts\n"
    told = json.loads(said("resident", "status", "--json", "--config", config))
    assert (told["contacts"], told["askings"][0]["on_paper"]) == ([], 6)
    assert "ivan@" not in said("audit", "list", "--json", "--config", config)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("link", "999"), "no account is called '999': see registry list"),
        (("end", "999", "--why", "x"), "no account is called '999': see registry list"),
        (("ask", "--house", "Нет"), "no house is called 'Нет': see plomba-gateway registry list"),
        (
            ("notice", "--house", "Нет", "--period", "2026-09", "--out", "x"),
            "no house is called 'Нет': see registry list",
        ),
        (
            ("notice", "--house", "Лесная 5", "--period", "сент", "--out", "x"),
            "expected a period like 2026-10, got 'сент'",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    config: Path, arguments: tuple[str, ...], line: str
) -> None:
    assert refusal("resident", *arguments, *BY, "--config", config) == f"Error: {line}\n"


def test_without_the_section_nobody_is_asked(config: Path) -> None:
    config.write_text('data = "data"\n', encoding="utf-8")
    for arguments in (("ask",), ("link", "4011")):
        told = refusal("resident", *arguments, *BY, "--config", config)
        assert told == "Error: resident: missing; add a section [resident] with public_url\n"
    assert said("resident", "status", "--config", config)


def test_a_bad_file_is_refused_whole(config: Path) -> None:
    file = config.parent / "bad.csv"
    file.write_text("account,channel,address,language\n4012,email,x,ru\n", encoding="utf-8")
    result = run("resident", "contacts", file, *BY, "--config", config)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == [
        "line 2, column address: expected an e-mail address like name@mail.example, got 'x'"
    ]


def test_forgetting_a_person_forgets_how_they_were_reached(config: Path) -> None:
    asked(config)
    said("resident", "link", "4011", *BY, "--config", config)
    shown = json.loads(said("person", "show", "4011", "--json", *BY, "--config", config))
    assert [one["address"] for one in shown["contacts"]] == ["ivan@mail.example"]
    assert len(shown["askings"]) == 1
    said("person", "forget", "4011", "--why", "съехал", *BY, "--config", config)
    said("person", "confirm", "1", "--by", "Седов", "--config", config)
    with by_hand(config.parent / "data" / "ledger.sqlite") as sql:
        for table in ("contact", "resident_link", "resident_code", "resident_message"):
            (row,) = sql.execute(
                f"SELECT count(*) FROM {table} JOIN account USING (account_no)"  # noqa: S608 - ours
                " WHERE number LIKE 'forgotten-%'"
            ).fetchall()
            assert row == (0,), table
    assert json.loads(said("audit", "verify", "--config", config, "--json"))["holds"] is True
