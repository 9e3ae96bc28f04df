"""Signing in through a provider on this machine: what is believed, and everything that is not."""

import hmac
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from joserfc.jwk import ECKey, RSAKey

from gateway.config import GatewayConfig
from gateway.resident.oidc_http import ANSWER_BYTES_MAX
from tests.gateway.resident.block import Block, account
from tests.gateway.resident.provider import CLIENT_ID, SUBJECT, Oidc, forged, rsa, said
from tests.gateway.resident.signing import (
    bill_code,
    entries,
    linking,
    pages,
    sent_out,
    signed_in,
    standard,
)
from tests.gateway.resident_web.browser import client
from tests.gateway.resident_web.memory import ORIGIN

IN, NOBODY, PROVIDER = "Вы вошли", "Вход не завершён", "Сервис входа не ответил"


@pytest.fixture
def gate(block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path) -> Iterator[FastAPI]:
    with pages(block, config, standard(oidc, tmp_path)) as app:
        yield app


async def test_who_signs_in_links_a_dwelling_and_is_in(gate: FastAPI, block: Block) -> None:
    async with client(gate) as http:
        assert "Войти через Банк" in (await http.get("/")).text
        page = await signed_in(http)
        assert IN in page.text
        assert "http-equiv" in page.text
        asked = await http.get("/meters", follow_redirects=True)
        assert "Привяжите лицевой счёт" in asked.text
        meters = await linking(http, account(1), bill_code(block))
        assert "Ваши счётчики" in meters.text
        assert (await http.get("/history")).status_code == 200
    async with client(gate) as again:
        await signed_in(again)
        assert "Ваши счётчики" in (await again.get("/meters")).text
    acts = [one.act.act for one in entries(block)]
    assert acts.count("resident sign-in") == 2
    assert acts.count("resident linked") == 1


async def test_nothing_of_the_person_is_kept_but_a_keyed_hash(gate: FastAPI, block: Block) -> None:
    async with client(gate) as http:
        await signed_in(http)
        await linking(http, account(1), bill_code(block))
    tables = ("identity", "signin", "linked")
    kept = [block.rows(f"SELECT * FROM resident_{one}") for one in tables]  # noqa: S608 - ours
    assert SUBJECT not in str(kept)
    assert SUBJECT not in str([one.act for one in entries(block)])
    assert len(kept[0]) == 1


async def test_an_elliptic_key_signs_as_well(gate: FastAPI, oidc: Oidc) -> None:
    oidc.key, oidc.alg = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}), "ES256"
    async with client(gate) as http:
        assert IN in (await signed_in(http)).text


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "wrong audience": {"aud": "somebody else"},
    "two audiences without a party": {"aud": [CLIENT_ID, "other"]},
    "given to another party": {"azp": "other"},
    "expired": {"exp": 1_000_000_000},
    "no end": {"exp": None},
    "made long ago": {"iat": 1_000_000_000},
    "another issuer": {"iss": "https://other.example"},
    "nobody": {"sub": ""},
    "a subject that is no text": {"sub": 7},
}


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
async def test_a_token_that_is_not_for_us_now_lets_nobody_in(
    gate: FastAPI, oidc: Oidc, block: Block, claims: dict[str, Any]
) -> None:
    oidc.claims = claims
    async with client(gate) as http:
        page = await signed_in(http)
        assert page.status_code == 502
        assert PROVIDER in page.text
        assert (await http.get("/meters")).status_code == 401
    assert block.rows("SELECT * FROM resident_identity") == []


async def test_no_signature_and_a_signature_with_the_public_key_let_nobody_in(
    gate: FastAPI, oidc: Oidc, block: Block
) -> None:
    now_s = block.now_ms // 1000
    about = {"iss": oidc.url, "sub": "1", "aud": CLIENT_ID, "iat": now_s, "exp": now_s + 300}
    for header in ({"alg": "none"}, {"alg": "RS256", "kid": "first"}):
        oidc.token_extra = {"id_token": forged(header, about)}
        async with client(gate) as http:
            assert PROVIDER in (await signed_in(http)).text
    for header in ({"alg": "HS256"}, {"alg": "HS256", "kid": "first"}):
        head = forged(header, about).rpartition(".")[0]
        mac = hmac.digest(oidc.key.as_pem(private=False), head.encode(), "sha256")
        oidc.token_extra = {"id_token": forged(header, about, mac)}
        async with client(gate) as http:
            assert PROVIDER in (await signed_in(http)).text
    assert block.rows("SELECT * FROM resident_identity") == []


async def test_a_key_nobody_listed_lets_nobody_in_and_is_looked_up_once(
    gate: FastAPI, oidc: Oidc, block: Block
) -> None:
    async with client(gate) as http:
        assert IN in (await signed_in(http)).text
    oidc.signs_with, oidc.header = rsa("stranger"), {"kid": "stranger"}
    block.now_ms += 61_000
    for _ in range(3):
        async with client(gate) as http:
            assert PROVIDER in (await signed_in(http)).text
    assert oidc.paths().count("/keys") == 2


async def test_a_changed_key_is_fetched(gate: FastAPI, oidc: Oidc, block: Block) -> None:
    async with client(gate) as http:
        assert IN in (await signed_in(http)).text
    oidc.key = rsa("second")
    block.now_ms += 61_000
    async with client(gate) as http:
        assert IN in (await signed_in(http)).text
    assert oidc.paths().count("/keys") == 2
    assert oidc.paths().count("/.well-known/openid-configuration") == 1


def huge(to: BaseHTTPRequestHandler) -> None:
    said(to, b'{"id_token": "' + b"x" * ANSWER_BYTES_MAX + b'"}')


def nothing(to: BaseHTTPRequestHandler) -> None:
    to.close_connection = True


def elsewhere(to: BaseHTTPRequestHandler) -> None:
    to.send_response(302)
    to.send_header("location", "/elsewhere")
    to.end_headers()


def a_page(to: BaseHTTPRequestHandler) -> None:
    said(to, b"<html>maintenance</html>")


def a_list(to: BaseHTTPRequestHandler) -> None:
    said(to, b"[]")


def deep(to: BaseHTTPRequestHandler) -> None:
    said(to, b"[" * 100_000)


@pytest.mark.parametrize("fault", [huge, nothing, elsewhere, a_page, a_list, deep])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
async def test_an_answer_that_cannot_be_used_lets_nobody_in(
    gate: FastAPI,
    oidc: Oidc,
    block: Block,
    path: str,
    fault: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    oidc.answers[path] = fault
    async with client(gate) as http:
        out = await http.get("/signin/bank")
        if path.startswith("/.well"):
            assert out.status_code == 502
            assert PROVIDER in out.text
        else:
            assert PROVIDER in (await signed_in(http)).text
    assert "/elsewhere" not in oidc.paths()
    assert block.rows("SELECT * FROM resident_identity") == []


@pytest.mark.parametrize(
    "said_of_itself",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://other.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ],
)
async def test_a_discovery_document_of_another_or_in_clear_is_refused(
    gate: FastAPI, oidc: Oidc, said_of_itself: dict[str, Any]
) -> None:
    oidc.discovery = said_of_itself
    async with client(gate) as http:
        assert (await http.get("/signin/bank")).status_code == 502


async def test_an_answer_that_names_another_issuer_is_refused(gate: FastAPI, oidc: Oidc) -> None:
    oidc.back = {"iss": "https://other.example"}
    async with client(gate) as http:
        assert PROVIDER in (await signed_in(http)).text
    assert "/token" not in oidc.paths()


async def test_who_says_no_there_is_not_in(gate: FastAPI, oidc: Oidc) -> None:
    oidc.back = {"error": "access_denied"}
    async with client(gate) as http:
        assert NOBODY in (await signed_in(http)).text


async def test_a_way_back_works_once_for_its_own_browser_and_ten_minutes(
    gate: FastAPI, block: Block
) -> None:
    async with client(gate) as http, client(gate) as thief:
        back = (await sent_out(http)).headers["location"].removeprefix(ORIGIN)
        cookie = http.cookies["__Host-flight"]
        assert NOBODY in (await thief.get(back)).text
        assert NOBODY in (await http.get(back.replace("state=", "state=x"))).text
        assert IN in (await http.get(back)).text
        thief.cookies.set("__Host-flight", cookie, domain="resident.example")
        assert NOBODY in (await thief.get(back)).text
    async with client(gate) as late:
        back = (await sent_out(late)).headers["location"].removeprefix(ORIGIN)
        block.now_ms += 10 * 60_000
        assert NOBODY in (await late.get(back)).text


async def test_a_flight_that_was_changed_is_none(gate: FastAPI) -> None:
    async with client(gate) as http:
        back = (await sent_out(http)).headers["location"].removeprefix(ORIGIN)
        cookie = http.cookies["__Host-flight"]
        name, until, seed, mac = cookie.split(".")
        for bad in (
            f"{name}.{int(until) + 1}.{seed}.{mac}",
            f"{name}.x.{seed}.{mac}",
            "a.b.c.d",
            "",
        ):
            http.cookies.clear()
            http.cookies.set("__Host-flight", bad, domain="resident.example")
            assert NOBODY in (await http.get(back)).text


async def test_an_unknown_way_and_another_sites_button_lead_nowhere(gate: FastAPI) -> None:
    async with client(gate) as http:
        assert (await http.get("/signin/other")).status_code == 404
        other = await http.get("/signin/bank", headers={"sec-fetch-site": "cross-site"})
        assert other.status_code == 403


async def test_a_provider_that_is_away_is_told_in_words(gate: FastAPI, oidc: Oidc) -> None:
    oidc.answers["/.well-known/openid-configuration"] = nothing
    async with client(gate) as http:
        page = await http.get("/signin/bank")
        assert "Попробуйте через несколько минут" in page.text


@pytest.mark.parametrize("ours", [rsa("ours"), ECKey.generate_key("P-256")], ids=["RSA", "EC"])
async def test_a_key_of_ours_in_the_place_of_a_secret(
    block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path, ours: RSAKey | ECKey
) -> None:
    file = tmp_path / "our.pem"
    file.write_bytes(ours.as_pem(private=True))
    file.chmod(0o600)
    oidc.tokens_without_secret = True
    with pages(block, config, standard(oidc, tmp_path, key_file=file, key_id="ours")) as app:
        async with client(app) as http:
            assert IN in (await signed_in(http)).text
    form = dict(oidc.asked)["/token"]
    assert form["client_assertion_type"].endswith("jwt-bearer")
    assert "client_secret" not in form


@pytest.mark.parametrize("fault", ["gone", "open", "no key", "another curve", "public"])
async def test_a_secret_of_ours_that_cannot_be_used_is_told_in_the_log(
    block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path, fault: str
) -> None:
    file = tmp_path / "our.pem"
    file.write_bytes(rsa("ours").as_pem(private=True))
    file.chmod(0o600)
    with pages(block, config, standard(oidc, tmp_path, key_file=file)) as app:
        if fault == "gone":
            file.unlink()
        elif fault == "open":
            file.chmod(0o644)
        elif fault == "no key":
            file.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        elif fault == "another curve":
            file.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
        else:
            file.write_bytes(rsa("ours").as_pem(private=False))
        async with client(app) as http:
            with structlog.testing.capture_logs() as logs:
                page = await signed_in(http)
            assert page.status_code == 502
            assert PROVIDER in page.text
    assert [one["event"] for one in logs] == ["sign-in failed"]
    assert "PRIVATE" not in str(logs[0]["why"])


async def test_leaving_ends_it(gate: FastAPI, block: Block) -> None:
    async with client(gate) as http:
        await signed_in(http)
        meters = await linking(http, account(1), bill_code(block))
        session = http.cookies["__Host-session"]
        proof = meters.text.partition('name="proof" value="')[2][:64]
        await http.post("/leave", data={"proof": proof})
        http.cookies.set("__Host-session", session, domain="resident.example")
        assert (await http.get("/meters")).status_code == 401
