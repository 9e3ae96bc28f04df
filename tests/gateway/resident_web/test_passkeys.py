"""Passkeys at the door: what is no answer of a phone to our question adds and opens nothing.

What a phone really answers is in tests/e2e/test_resident_signin.py, with a browser that has one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.config import GatewayConfig
from gateway.resident.passkeys import (
    CHALLENGE_MS,
    CHALLENGES_MAX,
    PASSKEYS_MAX,
    Challenges,
    PasskeyError,
)
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import Passkey
from gateway.resident.signin_secrets import SignInSecrets
from gateway.resident_web.passkeys import ANSWER_BYTES_MAX
from gateway.sql.resident_accounts import AccountsLedger
from tests.gateway.resident.block import Block, account
from tests.gateway.resident.provider import Oidc
from tests.gateway.resident.signing import bill_code, linking, pages, signed_in, standard
from tests.gateway.resident_web.browser import client, fields_on, proof_on
from tests.gateway.town import GATEWAY_KEY

ACCEPT = {"accept": "application/json"}
ROUTES = ("/passkey/begin", "/passkey", "/passkey/add/begin", "/passkey/add")


@pytest.fixture
def gate(block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path) -> Iterator[FastAPI]:
    with pages(block, config, standard(oidc, tmp_path), passkeys=True) as app:
        yield app


async def said(http: httpx.AsyncClient, path: str, about: Any) -> httpx.Response:
    return await http.post(path, content=json.dumps(about), headers=ACCEPT)


async def in_with_proof(http: httpx.AsyncClient, block: Block) -> str:
    await signed_in(http)
    return proof_on(await linking(http, account(1), bill_code(block)))


async def test_without_the_proof_of_a_page_nothing_is_asked(gate: FastAPI) -> None:
    async with client(gate) as http:
        await http.get("/")
        for path in ROUTES:
            assert (await said(http, path, {})).status_code == 403
            assert (await said(http, path, {"proof": "0" * 64})).status_code == 403
            assert (await said(http, path, [])).status_code == 400
            assert (await http.post(path, content=b"[" * 9000, headers=ACCEPT)).status_code == 400
            huge = b" " * (ANSWER_BYTES_MAX + 1)
            assert (await http.post(path, content=huge, headers=ACCEPT)).status_code == 413


async def test_only_who_is_in_adds_one(gate: FastAPI) -> None:
    async with client(gate) as http:
        proof = proof_on(await http.get("/"))
        assert (await said(http, "/passkey/add/begin", {"proof": proof})).status_code == 401
        answer = {"proof": proof, "answer": {}}
        assert (await said(http, "/passkey/add", answer)).status_code == 401


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"rawId": 7},
        {"rawId": "AAAA"},
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}},
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": 3},
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {
            "clientDataJSON": "e30", "attestationObject": "oA", "authenticatorData": "AA",
            "signature": "AA"}},
    ],
)  # fmt: skip
async def test_what_no_phone_answered_adds_and_opens_nothing(
    gate: FastAPI, block: Block, answer: dict[str, Any]
) -> None:
    async with client(gate) as http:
        proof = await in_with_proof(http, block)
        for begin, end in (("/passkey/begin", "/passkey"), ("/passkey/add/begin", "/passkey/add")):
            asked = await said(http, begin, {"proof": proof})
            assert asked.status_code == 200
            assert len(asked.json()["challenge"]) >= 43
            told = await said(http, end, {"proof": proof, "answer": answer})
            assert told.status_code == 422, told.text
            assert told.json()["kind"] == "passkey"
    assert block.rows("SELECT * FROM resident_passkey") == []


async def test_so_many_are_kept_and_one_of_anothers_is_not_removed(
    gate: FastAPI, oidc: Oidc, block: Block
) -> None:
    ledger = AccountsLedger(block.town.store.database)
    async with client(gate) as http:
        proof = await in_with_proof(http, block)
        with block.town.store.transaction():
            for at in range(PASSKEYS_MAX):
                ledger.add_passkey(Passkey(0, 1, bytes([at]), b"key", 0, block.now_ms, None))
        told = await said(http, "/passkey/add/begin", {"proof": proof})
        assert told.status_code == 409
        assert "Запомнено слишком много" in told.json()["error"]
        oidc.subject = "the neighbour"
    async with client(gate) as other:
        await signed_in(other)
        await linking(other, account(2), bill_code(block, 2))
        page = await other.get("/phone")
        assert "Запомнен:" not in page.text
        sent = fields_on(page, "/leave")
        for number in ("1", "x", "9" * 30):
            answer = await other.post(f"/phone/{number}/remove", data=sent)
            assert answer.status_code in {404, 422}
    assert block.rows("SELECT count(*) FROM resident_passkey") == [(PASSKEYS_MAX,)]


async def test_a_phone_the_office_ended_opens_nothing_when_its_owner_links_again(
    gate: FastAPI, block: Block
) -> None:
    ledger = AccountsLedger(block.town.store.database)
    async with client(gate) as http:
        await in_with_proof(http, block)
        with block.town.store.transaction():
            ledger.add_passkey(Passkey(0, 1, b"stolen", b"key", 0, block.now_ms, None))
        stolen = ledger.passkey(b"stolen")
        assert stolen is not None
        thief = SignIns(ledger, SignInSecrets.of(GATEWAY_KEY), block.clock)
        secret = thief.by_passkey(stolen, 1)
        with block.town.store.transaction():
            assert ledger.end_all(block.account_no(1), block.now_ms)["phones"] == 1
        await signed_in(http)
        await linking(http, account(1), bill_code(block))
        assert (await http.get("/meters")).status_code == 200
    assert thief.look(secret) is None
    assert ledger.passkey(b"stolen") is None


async def test_where_they_are_not_wanted_there_are_none(
    block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path
) -> None:
    with pages(block, config, standard(oidc, tmp_path)) as app:
        async with client(app) as http:
            page = await http.get("/")
            assert "passkey" not in page.text
            proof = await in_with_proof(http, block)
            for path in ("/passkey/begin", "/passkey/add/begin"):
                assert (await said(http, path, {"proof": proof})).status_code in {401, 404}


def test_a_challenge_is_for_one_browser_one_purpose_and_one_answer() -> None:
    now = [0]
    challenges = Challenges(lambda: now[0])
    first = challenges.make("enter", "a")
    for purpose, browser in (("add", "a"), ("enter", "b")):
        with pytest.raises(PasskeyError):
            challenges.take(purpose, browser)
    assert challenges.take("enter", "a") == first
    with pytest.raises(PasskeyError):
        challenges.take("enter", "a")
    challenges.make("enter", "a")
    now[0] += CHALLENGE_MS
    with pytest.raises(PasskeyError):
        challenges.take("enter", "a")
    for browser in range(CHALLENGES_MAX + 1):
        challenges.make("enter", str(browser))
    with pytest.raises(PasskeyError):
        challenges.take("enter", "0")
    assert challenges.take("enter", "1")
