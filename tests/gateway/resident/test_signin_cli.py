"""What the operator does about signing in: codes for bills, ending, forgetting, the sections."""

import csv
import json
import re
import stat
from pathlib import Path

import pytest

from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway.config import load
from gateway.config_base import ConfigError
from gateway.people.retention import TERMS, Kept, apply
from gateway.resident.linking import Linking, LinkingError
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import Passkey
from gateway.resident.signin_secrets import SignInSecrets
from gateway.sql.people import PeopleLedger, overwriting
from gateway.sql.resident_accounts import AccountsLedger
from gateway.wiring import system_clock
from tests.gateway.resident.block import PERIOD, Block, account
from tests.gateway.resident.signing import bill_code
from tests.gateway.shell import refusal, said
from tests.gateway.town import DAY_MS, GATEWAY_KEY, Town
from tests.servers.ledgers import by_hand, open_store

BY = ("--by", "Орлова")
LONG_AGO_MS = 1_700_000_000_000
TABLES = ("identity", "linked", "signin", "passkey")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text('data = "data"\n[resident]\npublic_url = "https://meters.example"\n')
    said("init", "--config", file, *BY)
    town = Town(tmp_path / "data")
    for flat in (1, 2):
        town.install(f"A{flat}", town.point(f"P{flat}", str(flat)), at_ms=LONG_AGO_MS)
    town.store.close()
    return file


def this_period() -> str:
    return from_ms(system_clock()).strftime("%Y-%m")


def codes_in(file: Path) -> dict[str, str]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {one["account"]: one["code"] for one in csv.DictReader(lines)}


def linked(config: Path, number: str, code: str) -> None:
    """Somebody signs in, links that account, and has a phone remembered."""
    key = SignInSecrets.of(SigningKey.load(load(config).key_file))
    store = open_store(config.parent / "data" / "ledger.sqlite")
    ledger = AccountsLedger(store.database)
    signins = SignIns(ledger, key, system_clock)
    secret = signins.by_account("bank", "https://bank.example", "ivan")
    Linking(ledger, key, signins, system_clock).link(secret, number, code)
    signin = signins.required(secret)
    with store.transaction():
        ledger.add_passkey(Passkey(0, signin.identity_no, b"id", b"key", 0, 1, None))
    store.close()


def test_codes_for_bills_are_the_same_again_and_for_the_owner_alone(config: Path) -> None:
    file = config.parent / "codes.csv"
    asked = ("resident", "bill-codes", "--period", this_period(), "--out", file, *BY)
    assert "2 codes" in said(*asked, "--config", config)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = codes_in(file)
    assert set(first) == {account(1), account(2)}
    assert all(re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", one) for one in first.values())
    assert json.loads(said(*asked, "--json", "--config", config))["codes"] == 2
    assert codes_in(file) == first
    log = said("audit", "list", "--config", config)
    assert "resident bill-codes" in log
    assert not any(one in log for one in first.values())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--period", "2026"), "2026"),
        (("--period", "2020-01"), "it is over"),
        (("--period", "2099-01", "--house", "nowhere"), "no account is in nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    config: Path, words: tuple[str, ...], told: str
) -> None:
    file = config.parent / "codes.csv"
    assert told in refusal("resident", "bill-codes", *words, "--out", file, *BY, "--config", config)
    assert not file.exists()


def test_ending_unlinks_and_ends_the_code(config: Path) -> None:
    file = config.parent / "codes.csv"
    said(
        "resident", "bill-codes", "--period", this_period(), "--out", file, *BY, "--config", config
    )
    code = codes_in(file)[account(1)]
    linked(config, account(1), code)
    ended = ("resident", "end", account(1), "--why", "переехал", *BY, "--config", config, "--json")
    counts = json.loads(said(*ended))
    numbers = [counts[what] for what in ("linked", "phones", "signins", "bill codes")]
    assert numbers == [1, 1, 1, 1]
    with pytest.raises(LinkingError):
        linked(config, account(1), code)


def test_forgetting_a_person_forgets_who_signed_in_and_their_phones(config: Path) -> None:
    file = config.parent / "codes.csv"
    said(
        "resident", "bill-codes", "--period", this_period(), "--out", file, *BY, "--config", config
    )
    linked(config, account(1), codes_in(file)[account(1)])
    shown = json.loads(said("person", "show", account(1), "--json", *BY, "--config", config))
    assert [one["provider"] for one in shown["identities"]] == ["bank"]
    assert len(shown["passkeys"]) == len(shown["signins"]) == len(shown["bill_codes"]) == 1
    said("person", "forget", account(1), "--why", "съехал", *BY, "--config", config)
    said("person", "confirm", "1", "--by", "Седов", "--config", config)
    with by_hand(config.parent / "data" / "ledger.sqlite") as sql:
        for table in TABLES:
            query = f"SELECT count(*) FROM resident_{table}"  # noqa: S608 - ours
            assert sql.execute(query).fetchall() == [(0,)], table
        assert sql.execute("SELECT count(*) FROM bill_code").fetchall() == [(1,)], "the other's"


@pytest.mark.both_engines
def test_what_is_over_goes_in_its_time_and_what_stands_stays(block: Block) -> None:
    ledger, key = AccountsLedger(block.town.store.database), SignInSecrets.of(GATEWAY_KEY)
    signins = SignIns(ledger, key, block.clock)
    linking = Linking(ledger, key, signins, block.clock)
    stays = signins.by_account("bank", "https://bank.example", "stays")
    linking.link(stays, account(1), bill_code(block))
    leaves = signins.by_account("bank", "https://bank.example", "leaves")
    linking.link(leaves, account(1), bill_code(block))
    with pytest.raises(LinkingError):
        linking.link(leaves, account(2), bill_code(block))
    (one,) = signins.dwellings(signins.required(leaves))
    signins.unlink(leaves, one.linked_no)
    term = next(one for one in TERMS if one.kept is Kept.RESIDENTS)
    with overwriting(block.town.store.database):
        later_ms = block.now_ms + (term.days + 100) * DAY_MS
        apply(PeopleLedger(block.town.store.database), later_ms)
    assert block.rows("SELECT count(*) FROM resident_identity") == [(1,)]
    assert block.rows("SELECT count(*) FROM resident_linked") == [(1,)]
    for table in ("resident_signin", "bill_code", "linking_try"):
        assert block.rows(f"SELECT 1 FROM {table}") == [], table  # noqa: S608 - ours


def test_a_code_of_a_period_long_past_is_not_made(block: Block) -> None:
    assert bill_code(block, 1, PERIOD)
    with pytest.raises(ValueError, match="it is over"):
        bill_code(block, 1, "2026-01")


WHOLE = """
data = "data"
[resident]
public_url = "https://meters.example"
passkeys = true
[[resident.sign_in]]
name = "bank"
title_ru = "Банк"
title_en = "Bank"
issuer = "https://bank.example"
client_id = "plomba"
client_secret_file = "bank.secret"
[[resident.sign_in]]
name = "esia"
title_ru = "Госуслуги"
title_en = "Gosuslugi"
profile = "esia"
client_id = "PLOMBA01"
keys_file = "esia.pem"
signer = ["/usr/bin/sign"]
"""


def section(folder: Path, text: str) -> object:
    secret = folder / "bank.secret"
    secret.write_text("x")
    secret.chmod(0o600)
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    return load(file).resident


def test_the_examples_of_the_guide_can_be_used_as_they_stand(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs/resident.md").read_text(encoding="utf-8")
    _, bank, esia = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    bank = bank.replace("[resident]\n", '[resident]\npublic_url = "https://meters.house.example"\n')
    bank = re.sub(r"^# (?!key_)", "", bank, flags=re.MULTILINE)
    esia = re.sub(r"^# ", "", esia, flags=re.MULTILINE)
    found = section(tmp_path, f'data = "data"\n{bank}{esia}')
    assert found is not None
    assert found.site == "house.example"  # type: ignore[attr-defined]
    assert found.sign_in[1].issuer == "http://esia.gosuslugi.ru/"  # type: ignore[attr-defined]


def test_whole_sections_are_taken(tmp_path: Path) -> None:
    found = section(tmp_path, WHOLE)
    assert found is not None
    assert [one.name for one in found.sign_in] == ["bank", "esia"]  # type: ignore[attr-defined]
    assert found.site == "meters.example"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('name = "esia"', 'name = "bank"', "expected a name of its own"),
        ('"https://bank.example"', '"http://bank.example"', "expected an https"),
        ('client_secret_file = "bank.secret"', "", "expected one of client_secret_file"),
        ('keys_file = "esia.pem"', "", "expected signer and keys_file"),
        ('profile = "esia"', "", "expected with profile"),
        ("passkeys = true", 'passkeys_site = "other.example"', "expected meters.example"),
        ('client_id = "plomba"', 'client_id = "plomba"\nscopes = ["email"]', 'expected "openid"'),
    ],
)
def test_a_mistake_in_a_section_is_named(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        section(tmp_path, WHOLE.replace(before, after, 1))


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    section(tmp_path, WHOLE)
    (tmp_path / "bank.secret").chmod(0o644)
    with pytest.raises(ConfigError, match="client_secret_file"):
        load(tmp_path / "gateway.toml")
