"""What a provider may answer beside the truth: keys of any shape, answers that never end."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

import pytest

from gateway.resident.oidc import endpoints_of
from gateway.resident.oidc_http import WHOLE_S, ProviderError, ProviderHttp, client_of
from gateway.resident.oidc_token import KEYS_MAX, keys_of
from gateway.resident.signin_secrets import SignInSecrets
from tests.gateway.resident.provider import Oidc, rsa, serving

# Where the server is to answer, though this machine may let its thread stand for seconds.
PATIENCE_S = 60.0
GOOD = rsa("good").as_dict(private=False)


@pytest.fixture
def oidc() -> Iterator[Oidc]:
    with serving(Oidc()) as oidc:
        yield oidc


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["RSA"]},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": None},
        GOOD | {"use": "enc"},
        GOOD | {"use": ["sig"]},
        GOOD | {"kid": ["good"]},
        GOOD | {"n": "AQAB"},
        GOOD | {"n": 7},
        GOOD | {"d": "AQAB"},
        {},
    ],
)
def test_keys_that_may_not_sign_are_left_out(odd: dict[str, Any]) -> None:
    assert [key.kid for key in keys_of({"keys": [odd, 7, GOOD]})] == ["good"]
    with pytest.raises(ProviderError, match="expected an RSA key"):
        keys_of({"keys": [odd]})


@pytest.mark.parametrize("document", [{}, {"keys": "x"}, {"keys": [GOOD] * (KEYS_MAX + 1)}])
def test_a_set_without_keys_or_with_too_many_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="expected a key set"):
        keys_of(document)


def test_an_answer_that_drips_in_is_given_up(oidc: Oidc) -> None:
    given_up = threading.Event()

    def drip(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        while not given_up.is_set():
            try:
                to.wfile.write(b" ")
                to.wfile.flush()
            except OSError:
                return

    oidc.answers["/keys"] = drip
    ticks = count(0, WHOLE_S / 4)
    with client_of(PATIENCE_S) as client, pytest.raises(ProviderError, match="expected an answer"):
        ProviderHttp(client, lambda: next(ticks)).get(f"{oidc.url}/keys")
    given_up.set()


def test_a_provider_that_says_nothing_is_given_up(oidc: Oidc) -> None:
    over = threading.Event()
    oidc.answers["/keys"] = lambda _to: over.wait() and None
    with client_of(0.1) as client, pytest.raises(ProviderError, match="no answer: ReadTimeout"):
        ProviderHttp(client).get(f"{oidc.url}/keys")
    over.set()


def test_an_error_names_no_query(oidc: Oidc) -> None:
    oidc.answers["/token"] = lambda to: to.send_error(500)
    with client_of() as client, pytest.raises(ProviderError) as caught:
        ProviderHttp(client).get(f"{oidc.url}/token?code=secret")
    assert "secret" not in str(caught.value)


def test_where_only_the_form_takes_a_secret_it_goes_there(oidc: Oidc) -> None:
    named = oidc.document() | {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert endpoints_of(named, oidc.url).by_post
    assert not endpoints_of(oidc.document(), oidc.url).by_post


def test_two_people_are_never_one_hash() -> None:
    key = SignInSecrets(bytes(32))
    pairs = [("https://a", "b"), ("https://", "ab"), ("https://a:", "b"), ("https://a", ":b")]
    assert len({key.subject(*pair) for pair in pairs}) == len(pairs)
    assert SignInSecrets(b"1" * 32).subject(*pairs[0]) != key.subject(*pairs[0])
