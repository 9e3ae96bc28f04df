"""Signing in through ЕСИА: a provider that speaks as it does, and a signer that is a command."""

import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey

from gateway.config import GatewayConfig
from gateway.config_resident import SignInConfig
from tests.gateway.resident.block import Block
from tests.gateway.resident.provider import CLIENT_ID, Oidc, rsa, serving
from tests.gateway.resident.signing import pages, sent_out, signed_in
from tests.gateway.resident_web.browser import client

ISSUER = "http://esia.example/"
# In the place of a GOST signature: what it was asked to sign, and its hash.
SIGNER = """
import hashlib, sys
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(b"0" + hashlib.sha256(data).digest() + data)
"""
IN, PROVIDER = "Вы вошли", "Сервис входа не ответил"


class Esia(Oidc):
    """ЕСИА as its recommendations have it: checks the signature both times, returns no nonce."""

    def authorized(self, asked: dict[str, str]) -> str:
        assert signed(asked), asked
        return super().authorized(asked)

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        if not signed(form) or "code_verifier" in form:
            return None
        return super().token(form, authorization)


def signed(asked: dict[str, str]) -> bool:
    said = asked["scope"] + asked["timestamp"] + asked["client_id"] + asked["state"]
    data = said.encode()
    expected = b"0" + hashlib.sha256(data).digest() + data
    return base64.urlsafe_b64decode(asked["client_secret"]) == expected


def section(esia: Oidc, folder: Path, signer: str = SIGNER) -> SignInConfig:
    certificate = folder / "esia.pem"
    certificate.write_bytes(esia.key.as_pem(private=False))
    about: dict[str, object] = {
        "name": "esia", "title_ru": "Госуслуги", "title_en": "Gosuslugi", "profile": "esia",
        "issuer": ISSUER, "client_id": CLIENT_ID, "keys_file": certificate,
        "authorization_endpoint": f"{esia.url}/aas/oauth2/ac",
        "token_endpoint": f"{esia.url}/aas/oauth2/te",
        "signer": (sys.executable, "-c", signer),
    }  # fmt: skip
    return SignInConfig.model_validate(about)


@pytest.fixture
def esia(block: Block) -> Iterator[Esia]:
    esia = Esia()
    esia.now_s = lambda: block.now_ms // 1000
    esia.tokens_without_secret = True
    esia.claims = {"iss": ISSUER, "sub": "1000299654", "nonce": None}
    esia.claims["urn:esia:sbj"] = {"urn:esia:sbj:oid": 1000299654}
    with serving(esia):
        yield esia


@pytest.fixture
def gate(block: Block, config: GatewayConfig, esia: Esia, tmp_path: Path) -> Iterator[FastAPI]:
    with pages(block, config, section(esia, tmp_path)) as app:
        yield app


async def test_a_signature_over_scope_time_client_and_state_lets_in(
    gate: FastAPI, esia: Esia
) -> None:
    async with client(gate) as http:
        assert "Войти через Госуслуги" in (await http.get("/")).text
        assert IN in (await signed_in(http, "esia")).text
    out, back = esia.asked
    assert out[1]["timestamp"] == "2026.09.20 09:00:00 +0000"
    assert len(out[1]["state"]) == 36
    assert back[1]["grant_type"] == "authorization_code"
    assert out[1]["redirect_uri"] == "https://resident.example/signin/esia/back"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "1", "urn:esia:sbj_id": 2},
        {"sub": None, "urn:esia:sbj": None},
        {"iss": "http://esia.gosuslugi.ru/"},
        {"aud": "other"},
        {"exp": 1_000_000_000},
    ],
)
async def test_a_token_of_two_people_of_nobody_or_for_another_lets_nobody_in(
    gate: FastAPI, esia: Esia, claims: dict[str, Any]
) -> None:
    esia.claims = esia.claims | claims
    async with client(gate) as http:
        assert PROVIDER in (await signed_in(http, "esia")).text


async def test_the_same_person_is_known_by_number_or_text(
    gate: FastAPI, esia: Esia, block: Block
) -> None:
    async with client(gate) as http:
        await signed_in(http, "esia")
        esia.claims = {"iss": ISSUER, "sub": None, "nonce": None, "urn:esia:sbj_id": 1000299654}
        assert IN in (await signed_in(http, "esia")).text
    assert block.rows("SELECT count(*) FROM resident_identity") == [(1,)]


async def test_another_key_than_the_certificates_lets_nobody_in(gate: FastAPI, esia: Esia) -> None:
    esia.signs_with = rsa("first")
    assert isinstance(esia.signs_with, RSAKey)
    async with client(gate) as http:
        assert PROVIDER in (await signed_in(http, "esia")).text


async def test_an_answer_to_another_question_lets_nobody_in(gate: FastAPI, esia: Esia) -> None:
    esia.token_extra = {"state": "another"}
    async with client(gate) as http:
        assert PROVIDER in (await signed_in(http, "esia")).text


@pytest.mark.parametrize(
    "signer",
    [
        "import sys; sys.exit(3)",
        "pass",
        "import sys; sys.stdout.buffer.write(b'x' * 100_000)",
        "import sys; sys.stdout.buffer.write(b'x'); sys.exit(1)",
    ],
    ids=["refuses", "says nothing", "says too much", "fails after all"],
)
async def test_a_signer_that_does_not_sign_is_told_in_words(
    block: Block, config: GatewayConfig, esia: Esia, tmp_path: Path, signer: str
) -> None:
    with pages(block, config, section(esia, tmp_path, signer)) as app:
        async with client(app) as http:
            page = await http.get("/signin/esia")
            assert page.status_code == 502
            assert PROVIDER in page.text
    assert esia.asked == []


async def test_a_signer_that_is_not_there_is_told_in_words(
    block: Block, config: GatewayConfig, esia: Esia, tmp_path: Path
) -> None:
    absent = section(esia, tmp_path).model_copy(update={"signer": ("/nowhere/sign",)})
    with pages(block, config, absent) as app:
        async with client(app) as http:
            assert (await http.get("/signin/esia")).status_code == 502


async def test_a_way_back_of_esia_works_once(gate: FastAPI) -> None:
    async with client(gate) as http:
        back = (await sent_out(http, "esia")).headers["location"]
        assert IN in (await http.get(back)).text
        assert "Вход не завершён" in (await http.get(back)).text
