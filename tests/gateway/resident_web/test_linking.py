"""Linking a personal account by number and code: the field in error, the bounds, letting go."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.config import GatewayConfig
from gateway.resident.linking import (
    DAY_MS,
    LINKED_TO_MAX,
    TRIES_AT_ACCOUNT_MAX,
    TRIES_OF_IDENTITY_MAX,
)
from gateway.resident.signin_secrets import ALPHABET, is_sound, typed_code
from gateway.sql.resident_accounts import AccountsLedger
from tests.gateway.resident.block import Block, account
from tests.gateway.resident.provider import Oidc
from tests.gateway.resident.signing import (
    bill_code,
    entries,
    linking,
    pages,
    signed_in,
    standard,
    wrong_on,
)
from tests.gateway.resident_web.browser import client, fields_on

NO_PAIR = "не подходят друг к другу"


@pytest.fixture
def gate(block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path) -> Iterator[FastAPI]:
    with pages(block, config, standard(oidc, tmp_path)) as app:
        yield app


def slipped(code: str, at: int = 2) -> str:
    signs = list(code)
    signs[at] = ALPHABET[(ALPHABET.index(signs[at]) + 1) % len(ALPHABET)]
    return "".join(signs)


def other(code: str) -> str:
    """A sound code that is not this one."""
    for last in ALPHABET:
        for first in ALPHABET:
            found = first + typed_code(code)[1:-1] + last
            if first != code[0] and is_sound(found):
                return found
    raise AssertionError


def test_a_code_bears_what_people_make_of_it_and_no_slip(block: Block) -> None:
    code = bill_code(block)
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code)
    plain = typed_code(code)
    assert is_sound(plain)
    assert typed_code(f"  {plain[:3].lower()} {plain[3:]} ") == plain
    assert typed_code("оIlАВСЕ-Н") == "011ABCEH"
    for at in range(8):
        for sign in ALPHABET:
            assert is_sound(plain[:at] + sign + plain[at + 1 :]) == (sign == plain[at])
    for at in range(7):
        pair = {plain[at], plain[at + 1]}
        swapped = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :]
        # Luhn's check sees each exchange but that of the first sign and the last.
        assert is_sound(swapped) == (len(pair) == 1 or pair == {ALPHABET[0], ALPHABET[-1]})


def test_a_code_is_of_one_account_and_period_and_nowhere_in_the_ledger(block: Block) -> None:
    codes = {bill_code(block, flat, period) for flat in (1, 2) for period in ("2026-08", "2026-09")}
    assert len(codes) == 4
    assert bill_code(block) in codes
    kept = str(block.rows("SELECT * FROM bill_code"))
    assert not any(code in kept or typed_code(code) in kept for code in codes)


@pytest.mark.parametrize(
    ("number", "code", "field", "words"),
    [
        ("", "1234-5678", "number", "Номер лицевого счёта: нужны цифры"),
        ("abc", "1234-5678", "number", "Номер лицевого счёта: нужны цифры"),
        ("401<1>", "1234-5678", "number", "Номер лицевого счёта: нужны цифры"),
        ("4011", "1234", "code", "нужно 8 знаков, введено 4"),
        ("4011", "123456789", "code", "нужно 8 знаков, введено 9"),
    ],
)
async def test_a_wrong_form_names_its_field(
    gate: FastAPI, number: str, code: str, field: str, words: str
) -> None:
    async with client(gate) as http:
        await signed_in(http)
        page = await linking(http, number, code)
        assert page.status_code == 422
        assert words in wrong_on(page)
        marked = re.findall(r'<input[^>]*id="(\w+)"[^>]*aria-invalid', page.text)
        assert marked == [field]
        assert fields_on(page, "/dwellings/add")["number"] == number


async def test_a_slip_in_the_code_is_told_and_does_not_count(gate: FastAPI, block: Block) -> None:
    code = typed_code(bill_code(block))
    async with client(gate) as http:
        await signed_in(http)
        page = await linking(http, account(1), slipped(code))
        assert "в одном знаке опечатка" in wrong_on(page)
        assert "401" in page.text
    assert block.rows("SELECT * FROM linking_try") == []


async def test_no_such_number_and_a_neighbours_code_are_told_alike(
    gate: FastAPI, block: Block
) -> None:
    mine, theirs = bill_code(block, 1), bill_code(block, 2)
    async with client(gate) as http:
        await signed_in(http)
        pages_told = [
            wrong_on(await linking(http, number, code))
            for number, code in (
                ("99999", mine),
                (account(1), theirs),
                (account(1), other(mine)),
            )
        ]
    assert len(set(pages_told)) == 1
    assert NO_PAIR in pages_told[0]
    assert len(block.rows("SELECT * FROM linking_try")) == 3
    assert block.rows("SELECT * FROM resident_linked") == []


async def test_only_who_has_the_very_code_hears_that_it_is_over(
    gate: FastAPI, block: Block
) -> None:
    code = bill_code(block)
    block.now_ms += 90 * DAY_MS
    async with client(gate) as http:
        await signed_in(http)
        assert "Срок этого кода прошёл" in wrong_on(await linking(http, account(1), code))
        assert NO_PAIR in wrong_on(await linking(http, account(1), other(code)))


async def test_ten_wrong_pairs_a_day_are_an_identitys(gate: FastAPI, block: Block) -> None:
    code = bill_code(block)
    async with client(gate) as http:
        await signed_in(http)
        for _ in range(TRIES_OF_IDENTITY_MAX):
            assert NO_PAIR in wrong_on(await linking(http, account(1), other(code)))
        assert "Слишком много попыток" in wrong_on(await linking(http, account(1), code))
    block.now_ms += DAY_MS
    async with client(gate, at="192.0.2.2") as http:
        await signed_in(http)
        assert "Ваши счётчики" in (await linking(http, account(1), code)).text


async def test_thirty_wrong_pairs_a_day_are_an_accounts_whoever_tries(
    gate: FastAPI, oidc: Oidc, block: Block
) -> None:
    code = bill_code(block)
    for person in range(TRIES_AT_ACCOUNT_MAX // TRIES_OF_IDENTITY_MAX):
        oidc.subject = f"guesser {person}"
        async with client(gate, at=f"192.0.2.{person}") as http:
            await signed_in(http)
            for _ in range(TRIES_OF_IDENTITY_MAX):
                await linking(http, account(1), other(code))
    oidc.subject = "the resident"
    async with client(gate, at="192.0.2.99") as http:
        await signed_in(http)
        assert NO_PAIR in wrong_on(await linking(http, account(1), code))
        assert "Ваши счётчики" in (await linking(http, account(2), bill_code(block, 2))).text


async def test_two_dwellings_are_looked_at_one_at_a_time_and_let_go(
    gate: FastAPI, block: Block
) -> None:
    async with client(gate) as http:
        await signed_in(http)
        await linking(http, account(1), bill_code(block, 1))
        assert "кв. 2" in (await linking(http, account(2), bill_code(block, 2))).text
    async with client(gate) as http:
        await signed_in(http)
        choose = await http.get("/meters", follow_redirects=True)
        assert "Ваши помещения" in choose.text
        opened = await http.post(
            "/dwellings/1/open", data=fields_on(choose, "/dwellings/1/open"), follow_redirects=True
        )
        assert "кв. 1" in opened.text
        assert "кв. 2" not in opened.text
        mine = await http.get("/dwellings")
        sent = fields_on(mine, "/dwellings/1/unlink")
        left = await http.post("/dwellings/1/unlink", data=sent, follow_redirects=True)
        assert "кв. 1" not in left.text
        assert (await http.get("/meters")).headers["location"] == "/dwellings"
        assert (await http.post("/dwellings/1/open", data=sent)).status_code == 404
    acts = [one.act.act for one in entries(block)]
    assert acts.count("resident unlinked") == 1


async def test_a_neighbour_cannot_open_or_unlink_what_is_not_linked_to_them(
    gate: FastAPI, oidc: Oidc, block: Block
) -> None:
    async with client(gate) as http:
        await signed_in(http)
        await linking(http, account(1), bill_code(block, 1))
    oidc.subject = "the neighbour"
    async with client(gate) as http:
        await signed_in(http)
        page = await http.get("/dwellings/add")
        sent = fields_on(page, "/dwellings/add")
        for act in ("open", "unlink"):
            for number in ("1", "0", "x", "9" * 40):
                answer = await http.post(f"/dwellings/{number}/{act}", data=sent)
                assert answer.status_code == 404
        assert (await http.post("/dwellings/1/unlink")).status_code == 403
    assert block.rows("SELECT ended_ms FROM resident_linked") == [(None,)]


async def test_so_many_may_link_a_dwelling(gate: FastAPI, oidc: Oidc, block: Block) -> None:
    code, told = bill_code(block), ""
    for person in range(LINKED_TO_MAX + 1):
        oidc.subject = f"person {person}"
        async with client(gate, at=f"192.0.2.{person}") as http:
            await signed_in(http)
            told = (await linking(http, account(1), code)).text
    assert "Больше привязать нельзя" in told


async def test_what_the_office_ends_is_ended_for_who_signed_in(gate: FastAPI, block: Block) -> None:
    code = bill_code(block)
    async with client(gate) as http:
        await signed_in(http)
        await linking(http, account(1), code)
        with block.town.store.transaction():
            ledger = AccountsLedger(block.town.store.database)
            assert ledger.end_all(block.account_no(1), block.now_ms)["linked"] == 1
        assert await status(http, "/meters") == 401
        await signed_in(http)
        assert NO_PAIR in wrong_on(await linking(http, account(1), code))


async def status(http: httpx.AsyncClient, path: str) -> int:
    return (await http.get(path)).status_code
