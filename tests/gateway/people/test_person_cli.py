"""A person is shown what is held of them, and forgotten: the ledger whole, no name left in it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.review.reference import Reference
from tests.gateway.shell import refusal, said
from tests.gateway.town import Town, local
from tests.servers.ledgers import by_hand

# Not of digits alone: a ledger has hashes in hex by the hundred, and four digits stand in any.
FLAT = "7781а"
ACCOUNT, OTHER = f"401{FLAT}", "4018844"
NAME, PHOTO = "Петрова", "photo-petrova-17"
FELL = local(9, 25)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two flats with a closed September handed over, a claim, decisions, an act, an export."""
    file = tmp_path / "gateway.toml"
    file.write_text(
        'data = "data"\n[[billing.targets]]\nkind = "csv"\nname = "erp"\ndirectory = "erp"\n',
        encoding="utf-8",
    )
    said("init", "--config", file, "--by", "Админ")
    town = Town(tmp_path / "data")
    town.install("A1", town.point(f"кв-{ACCOUNT}", FLAT))
    town.install("A2", town.point("P2", "8844"))
    town.read("A1", local(9, 20), 12_000)
    town.read("A1", FELL, 11_000)
    town.read("A2", local(10, 1), 13_000)
    town.send()
    town.store.close()
    claims = tmp_path / "claims.csv"
    claims.write_text(
        "meter,register,time,value,reference\n"
        f"A1,1-0:1.8.0,2026-10-01T00:00+03:00,125.00,{PHOTO}\n",
        encoding="utf-8",
    )
    said("claims", "import", claims, "--source", "photo", "--config", file, "--by", "Кассир")
    why = ("--by", "Иванов", "--why", f"{NAME}, счёт {ACCOUNT}: прислала фото")
    reading = Reference("A1", "1-0:1.8.0", FELL)
    said("review", "replace", reading, "--value", "121.00", "--at",
         "2026-09-25T00:30+03:00", "--document", f"акт {NAME}", *why, "--config", file)  # fmt: skip
    acts = tmp_path / "acts.csv"
    acts.write_text(
        "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on\n"
        f"inspection,7,2026-09-10,Сидоров,{ACCOUNT},,,,\n",
        encoding="utf-8",
    )
    said("registry", "acts", acts, "--by", "Сидоров", "--config", file)
    said("close-period", "2026-09", "--config", file, "--by", "Бухгалтер")
    said("outbox", "deliver", "--config", file, "--by", "Бухгалтер")
    said("export", "csv", "--out", tmp_path / "before.csv", "--config", file, "--by", "Бухгалтер")
    return file


@pytest.fixture
def forgotten(config: Path) -> Path:
    said("person", "forget", ACCOUNT, "--name", NAME, "--dwelling", "--why",
         f"{NAME} съехала", "--by", "Иванов", "--config", config)  # fmt: skip
    said("person", "confirm", "1", "--by", "Сидоров", "--config", config)
    return config


def ledger(config: Path) -> Path:
    return config.parent / "data" / "ledger.sqlite"


def numbers(config: Path) -> list[tuple[object, ...]]:
    """Everything that counts, without what names anybody."""
    with by_hand(ledger(config)) as sql:
        return [
            row
            for query in (
                "SELECT register_no, captured_at_ms, copy, mantissa, state FROM reading",
                "SELECT line_id, opening_mantissa, closing_mantissa, method FROM written_line",
                "SELECT consumption_mantissa, consumption_exponent FROM written_line",
                "SELECT batch_no, hash, message FROM batch",
                "SELECT claim_no, mantissa, at_ms FROM claim",
                "SELECT decision_no, state_after, effect, document_sha256 FROM decision",
                "SELECT name, value FROM tally",
            )
            for row in sql.execute(query)
        ]


def leaves(document: object) -> Iterator[str]:
    for one in document.values() if isinstance(document, dict) else document:  # type: ignore[attr-defined]
        if isinstance(one, dict | list):
            yield from leaves(one)
        else:
            yield str(one)


def test_all_that_is_held_about_an_account_is_shown_and_nothing_of_another(config: Path) -> None:
    held = json.loads(said("person", "show", ACCOUNT, "--config", config, "--json", "--by", "Ян"))
    assert held["account"] == [
        {"account": ACCOUNT, "house": "Лесная 5", "address": "Калуга, Лесная 5", "dwelling": FLAT}
    ]
    assert [one["meter"] for one in held["meters"]] == ["A1"]
    assert held["readings"][0]["readings"] >= 3
    assert [one["line"] for one in held["lines"]] == ["2026-09-000002"]
    assert held["claims"][0]["reference"] == PHOTO
    assert held["decisions"][0]["document"] == f"акт {NAME}"
    assert [one["number"] for one in held["acts"]] == ["7"]
    assert {one["where"] for one in held["handed_over"]} == {"erp", "export"}
    assert f"account {ACCOUNT}" in {one["subject"] for one in held["audit"]}
    assert OTHER not in set(leaves(held))
    newest = json.loads(said("audit", "list", "--config", config, "--json").splitlines()[-1])
    assert (newest["act"], newest["actor"]) == ("person show", "Ян")


@pytest.mark.sqlite_only("looks into the bytes of the file")
def test_after_forgetting_the_whole_file_names_nobody(config: Path) -> None:
    names = [ACCOUNT.encode(), NAME.encode(), PHOTO.encode(), FLAT.encode()]
    name_deep_inside_an_event(config)
    before = ledger(config).read_bytes()
    assert all(name in before for name in names)
    said("person", "forget", ACCOUNT, "--name", NAME, "--dwelling", "--why",
         f"{NAME} съехала", "--by", "Иванов", "--config", config)  # fmt: skip
    said("person", "confirm", "1", "--by", "Сидоров", "--config", config)
    for file in ledger(config).parent.glob("ledger.sqlite*"):
        content = file.read_bytes()
        assert [name.decode() for name in names if name in content] == []


def name_deep_inside_an_event(config: Path) -> None:
    with by_hand(ledger(config)) as sql:
        ((number, payload),) = sql.execute("SELECT event_no, payload FROM event LIMIT 1").fetchall()
        document = json.loads(payload)
        document["data"]["notes"] = [{"said": [f"{NAME} не открыла"]}]
        text = json.dumps(document, ensure_ascii=False).encode()
        sql.execute("UPDATE event SET payload = ? WHERE event_no = ?", (text, number))


def test_numbers_and_sums_are_as_before_and_everything_still_holds(config: Path) -> None:
    before = numbers(config)
    told = said("reconcile", "2026-09", "--config", config, "--json")
    said("person", "forget", ACCOUNT, "--name", NAME, "--why", "просьба", "--by", "Иванов",
         "--config", config)  # fmt: skip
    said("person", "confirm", "1", "--by", "Сидоров", "--config", config)
    assert numbers(config) == before
    assert said("reconcile", "2026-09", "--config", config, "--json") == told
    assert json.loads(said("audit", "verify", "--config", config, "--json"))["holds"] is True
    assert "the signature holds" in said("trace", "2026-09-000001", "--config", config)
    assert said("explain", "2026-09-000002", "--config", config)


def test_exports_afterwards_name_a_pseudonym(forgotten: Path, tmp_path: Path) -> None:
    for form, out in (("csv", tmp_path / "after.csv"), ("cim", tmp_path / "after.xml")):
        said("export", form, "--out", out, "--config", forgotten)
        text = out.read_text(encoding="utf-8")
        assert ACCOUNT not in text
        assert NAME not in text
    assert "forgotten-" in (tmp_path / "after.csv").read_text(encoding="utf-8")
    assert OTHER in (tmp_path / "after.csv").read_text(encoding="utf-8")


def test_an_anchor_from_before_still_holds(forgotten: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "before.csv.manifest.json"
    assert "1 anchors found in it" in said(
        "audit", "verify", "--anchors", anchor, "--config", forgotten
    )


def test_the_one_who_asked_cannot_confirm(config: Path) -> None:
    said("person", "forget", ACCOUNT, "--why", "просьба", "--by", "Иванов", "--config", config)
    before = numbers(config)
    assert "another person confirms it" in refusal(
        "person", "confirm", "1", "--by", " иванов ", "--config", config
    )
    assert numbers(config) == before
    assert ACCOUNT in said("person", "list", "--config", config)
    assert "asked for already" in refusal(
        "person", "forget", ACCOUNT, "--why", "просьба", "--by", "Иванов", "--config", config
    )


def test_what_cannot_be_recalled_is_listed(config: Path) -> None:
    said("person", "forget", ACCOUNT, "--why", "просьба", "--by", "Иванов", "--config", config)
    told = json.loads(
        said("person", "confirm", "1", "--by", "Сидоров", "--config", config, "--json")
    )
    beyond = {one["where"]: one["what"] for one in told["beyond"]}
    assert beyond["erp"].startswith("1 events, ")
    assert "before.csv SHA-256" in beyond["export"]


@pytest.mark.sqlite_only("a restore leaves a file")
def test_a_ledger_that_a_restore_left_here_is_named(config: Path) -> None:
    aside = ledger(config).with_name("ledger.sqlite.before-20261001T000000Z")
    aside.write_bytes(ledger(config).read_bytes())
    said("person", "forget", ACCOUNT, "--why", "просьба", "--by", "Иванов", "--config", config)
    told = said("person", "confirm", "1", "--by", "Сидоров", "--config", config)
    assert f"not recalled: file: {aside}, which a restore left" in told


def test_while_lines_are_on_their_way_nobody_is_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said("init", "--data", data)
    town = Town(data)
    town.install("A1", town.point("P1", FLAT))
    town.read("A1", local(10, 1), 12_000)
    town.send()
    town.close("2026-09")
    town.store.close()
    assert "still on their way to billing" in refusal(
        "person", "forget", ACCOUNT, "--why", "просьба", "--by", "Иванов", "--data", data
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("forget", "nobody", "--why", "просьба"), "no account is called 'nobody'"),
        (("forget", ACCOUNT, "--why", "x"), "expected a reason of 3 to 500 characters"),
        (("forget", ACCOUNT, "--why", "просьба", "--name", "ab"), "expected a name of 3 to 200"),
        (("confirm", "9"), "nobody asked for 9"),
        (("show", "nobody"), "no account is called 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    config: Path, arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in refusal("person", *arguments, "--by", "Иванов", "--config", config)


def test_a_name_of_one_who_acted_here_stays_and_so_nothing_is_done(config: Path) -> None:
    said("person", "forget", ACCOUNT, "--name", "Бухгалтер", "--why", "просьба", "--by", "Иванов",
         "--config", config)  # fmt: skip
    before = said("registry", "list", "--config", config)
    assert "audit.actor would still name the person" in refusal(
        "person", "confirm", "1", "--by", "Сидоров", "--config", config
    )
    assert ACCOUNT in before
    assert said("registry", "list", "--config", config) == before
