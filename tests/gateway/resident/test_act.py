"""The electronic act: one encoding, one signature, and a paper that anyone can check."""

import hashlib
import io
import re
from pathlib import Path

import cwt
import httpx
import pypdf
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from msgspec import structs

from gateway.commands.resident_act import act as act_command
from gateway.config import LEDGER_FILE
from gateway.explain.code import letters_of
from gateway.people.words import Names
from gateway.resident.act import (
    CHECKS_MAX,
    TOPIC,
    Act,
    ActError,
    Check,
    How,
    Kept,
    canonical,
    parse,
    verified,
)
from gateway.sql.people import PeopleLedger, overwriting
from gateway.sql.receipts import Receipts
from gateway.web.act_check import add_act_routes
from gateway.web.texts import Words
from tests.gateway.resident.flat import ASKED, account_of, give, photo
from tests.gateway.test_web import get
from tests.gateway.town import DEVICE_KEY, GATEWAY_KEY, Town, local
from tests.servers import ledgers

PUBLIC = "https://meters.example"
RU, EN = Words("ru"), Words("en")
TYPED = Act(
    number="7K3M-9QXZ-2B4H",
    given_at_ms=1_795_350_000_000,
    timezone="Europe/Moscow",
    house="Лесная 5",
    address="Калуга, Лесная 5",
    dwelling="12",
    account="40112",
    meter="A1",
    register="8-0:1.0.0",
    resource="cold-water",
    unit="m3",
    value="123.456",
    recognised="",
    how=How.TYPED,
    photo=b"",
    photo_kept=b"",
    taken_at_ms=0,
    period="2026-11",
    claim_no=17,
    checks=(Check("much", "Верно?", "Right?", "yes"),),
)
GOLDEN = bytes.fromhex(
    "956c706c6f6d62612d6163742d316e374b334d2d3951585a2d324234481b000001a20332f1806d4575726f70"
    "652f4d6f73636f776ed09bd0b5d181d0bdd0b0d18f2035781cd09ad0b0d0bbd183d0b3d0b02c20d09bd0b5d1"
    "81d0bdd0b0d18f203562313265343031313262413169382d303a312e302e306a636f6c642d7761746572626d"
    "33673132332e3435366065747970656440400067323032362d3131118184646d7563686bd092d0b5d180d0bd"
    "d0be3f6652696768743f63796573"
)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.install("B1", town.point("P2", "13"))
    (tmp_path / "gateway.pem").write_bytes(GATEWAY_KEY.public.to_pem())
    return town


def receipts(town: Town, now_ms: int) -> Receipts:
    place = ledgers.place(town.folder / LEDGER_FILE)
    return Receipts(place, sealer=GATEWAY_KEY, clock=lambda: now_ms, public_url=PUBLIC)


def kept_of(town: Town, number: str) -> Kept:
    kept = receipts(town, local(9, 25, 13)).of_number(number)
    assert kept is not None
    return kept


async def check(town: Town, path: str) -> httpx.Response:
    place, app = ledgers.place(town.folder / LEDGER_FILE), FastAPI()
    add_act_routes(app, place, GATEWAY_KEY.public)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.get(path)


def test_the_signed_bytes_are_these() -> None:
    assert canonical(TYPED) == GOLDEN
    assert parse(GOLDEN) == TYPED


def test_a_foreign_library_verifies_the_seal() -> None:
    sealed = GATEWAY_KEY.seal(GOLDEN, TOPIC)
    key = cwt.COSEKey.from_pem(GATEWAY_KEY.public.to_pem().decode(), kid=GATEWAY_KEY.public.key_id)
    assert cwt.COSE.new().decode(sealed, key, external_aad=TOPIC.encode()) == GOLDEN


def test_every_changed_byte_is_refused() -> None:
    sealed = GATEWAY_KEY.seal(GOLDEN, TOPIC)
    assert verified(sealed, GATEWAY_KEY.public) == TYPED
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(ActError):
            verified(bytes(changed), GATEWAY_KEY.public)


def test_neither_another_key_nor_another_purpose_makes_an_act() -> None:
    for sealed in (DEVICE_KEY.seal(GOLDEN, TOPIC), GATEWAY_KEY.seal(GOLDEN, "plomba/other")):
        with pytest.raises(ActError, match="not an act that the key"):
            verified(sealed, GATEWAY_KEY.public)


@pytest.mark.parametrize(
    "changed",
    [
        {"value": "1e5"},
        {"value": "-1"},
        {"value": ""},
        {"how": How.PHOTO},
        {"photo": bytes(32)},
        {"number": ""},
        {"checks": TYPED.checks * (CHECKS_MAX + 1)},
        {"house": "x" * 201},
        {"claim_no": -1},
    ],
)
def test_what_is_no_act_is_not_signed(changed: dict[str, object]) -> None:
    with pytest.raises(ActError, match="expected"):
        canonical(structs.replace(TYPED, **changed))


@pytest.mark.parametrize("payload", [b"", b"\x80", GOLDEN + b"\0", b"\xff" * 40, b"\x95" + GOLDEN])
def test_other_bytes_are_no_act(payload: bytes) -> None:
    with pytest.raises(ActError):
        parse(payload)


@pytest.mark.both_engines
def test_an_act_is_signed_once_and_says_what_was_given(town: Town) -> None:
    at_ms = local(9, 25, 12)
    shot = photo(town, "A1", "0001 345", at_ms)
    number = give(town, "A1", "123.45", at_ms, photo_no=shot, asked=(ASKED,))
    first = kept_of(town, number)
    assert kept_of(town, number) == first
    act = verified(first.sealed, GATEWAY_KEY.public)
    assert (act.value, act.recognised, act.meter) == ("123.45", "0001?3.45", "A1")
    assert (act.account, act.dwelling, act.period, act.how) == ("40112", "12", "2026-09", "photo")
    assert [(one.code, one.answer) for one in act.checks] == [("much", "yes")]
    assert (act.given_at_ms, act.taken_at_ms) == (at_ms, at_ms)


def test_an_act_is_its_dwellings_only(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    desk = receipts(town, local(9, 25, 13))
    assert desk.act(account_of(town), number, RU) is not None
    assert desk.act(account_of(town, "13"), number, RU) is None
    assert desk.pdf(account_of(town, "13"), number, RU) is None
    assert desk.act(account_of(town), "0000-0000-0000", RU) is None


def now(town: Town, number: str, at_ms: int) -> str:
    told = receipts(town, at_ms).act(account_of(town), number, EN)
    assert told is not None
    return told.sections[-1].rows[0].value


def test_what_it_means_is_told_as_of_now(town: Town) -> None:
    given_ms = local(9, 30, 12)
    number = give(town, "A1", "123.45", given_ms)
    assert now(town, number, given_ms).startswith("Counts for September 2026, unless")
    town.close("2026-09", now_ms=local(10, 1, 1))
    assert now(town, number, local(10, 2)) == "Counted in the bill for September 2026"


def test_what_came_after_the_closing_and_what_is_reviewed_say_so(town: Town) -> None:
    town.read("A1", local(9, 30, 23), 12_000)
    town.read("A1", local(10, 1), 12_001)
    town.send()
    town.close("2026-09", now_ms=local(10, 1, 1))
    late = give(town, "A1", "120.05", local(10, 1, 2))
    assert "is closed already" in now(town, late, local(10, 2))
    doubted = give(town, "A1", "99999.00", local(10, 1, 3), asked=(ASKED,))
    assert now(town, doubted, local(10, 2)) == "A person is looking at it"


@pytest.mark.parametrize(("words", "value"), [(RU, "123,45"), (EN, "123.45")])
def test_the_paper_is_read_back_with_its_proof(town: Town, words: Words, value: str) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12), asked=(ASKED,))
    pdf = receipts(town, local(9, 25, 13)).pdf(account_of(town), number, words)
    assert pdf is not None
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    text = " ".join("".join(page.extract_text() for page in reader.pages).split())
    kept = kept_of(town, number)
    asked = ASKED.text_ru if words is RU else ASKED.text_en
    for said in (number, kept.code, value, "A1", "40112", asked):
        assert said in text
    assert reader.attachments["act.cose"] == [kept.sealed]
    assert len(reader.pages) == 1
    assert "/StructTreeRoot" in reader.root_object


def test_the_same_act_gives_the_same_paper(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    desk = receipts(town, local(9, 25, 13))
    papers = [desk.pdf(account_of(town), number, RU) for _ in range(2)]
    assert papers[0] == papers[1]


async def test_anyone_with_the_paper_can_check_it(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    code = kept_of(town, number).code
    page = await check(town, f"/check/act/{number}?d={code}&lang=en")
    assert page.status_code == 200
    assert "The signature holds" in page.text
    assert "123.45 kWh" in page.text
    for personal in ("40112", "Лесная", "Калуга", ">12<"):
        assert personal not in page.text
    typed = await check(town, f"/check/act/{number.lower()}?d={code.lower().replace('-', ' ')}")
    assert typed.status_code == 200


async def test_a_number_without_its_code_is_as_one_that_never_was(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    other = kept_of(town, give(town, "B1", "7.00", local(9, 25, 12), dwelling="13")).code
    kept_of(town, number)
    asked = [number, f"{number}?d=", f"{number}?d={other}", f"{number}?d={'A' * 5000}"]
    asked += ["0000-0000-0000", "<script>", "%00", "x" * 3000]
    pages = [await check(town, f"/check/act/{one}") for one in asked]
    assert {page.status_code for page in pages} == {404}
    said = {re.sub(r'href="/check[^"]*"', "", page.text) for page in pages}
    assert len(said) == 1
    assert "<script>" not in "".join(page.text for page in pages)


async def test_a_record_that_was_changed_is_not_vouched_for(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    kept = kept_of(town, number)
    forged = DEVICE_KEY.seal(GOLDEN, TOPIC)
    digest = hashlib.sha256(forged).digest()
    with town.store.transaction() as connection:
        connection.execute("UPDATE resident_act SET sealed = ?, digest = ?", (forged, digest))
    page = await check(town, f"/check/act/{number}?d={letters_of(digest)}&lang=en")
    assert "is damaged" in page.text
    assert (await check(town, f"/check/act/{number}?d={kept.code}")).status_code == 404


@pytest.mark.both_engines
async def test_a_forgotten_persons_act_is_known_and_says_nothing(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    kept = kept_of(town, number)
    people = PeopleLedger(town.store.database)
    account = people.account("40112")
    assert account is not None
    with overwriting(town.store.database):
        people.replace(account, Names(("40112",), "forgotten-0"), dwelling=False)
    assert kept_of(town, number).sealed == b""
    assert receipts(town, local(9, 26)).act(kept.account_no, number, RU) is None
    page = await check(town, f"/check/act/{number}?d={kept.code}&lang=en")
    assert "removed at the resident" in page.text
    assert "123.45" not in page.text


async def test_the_operators_site_has_the_check_too(town: Town) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    page = await get(town, f"/check/act/{number}?d={kept_of(town, number).code}&lang=ru")
    assert "Подпись верна" in page.text


def test_the_command_writes_the_act(town: Town, tmp_path: Path) -> None:
    number = give(town, "A1", "123.45", local(9, 25, 12))
    GATEWAY_KEY.save(tmp_path / "gateway.key")
    asked = ["--out", str(tmp_path / "act.pdf"), "--data", str(tmp_path), "--lang", "en"]
    env = ledgers.of_data(tmp_path)
    done = CliRunner().invoke(act_command, [number, *asked], env=env)
    assert done.exit_code == 0, done.output
    assert kept_of(town, number).code in done.output
    assert pypdf.PdfReader(tmp_path / "act.pdf").attachments["act.cose"]
    refused = CliRunner().invoke(act_command, ["7K3M", *asked], env=env)
    assert isinstance(refused.exception, ActError)
