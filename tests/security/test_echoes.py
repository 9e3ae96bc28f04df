"""Whoever is spoken to may answer with what was said; what is kept of an answer has no secret."""

import base64
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, quote_plus

import pytest
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from cloud_sync.private_file import without
from gateway.config_mirror import MirrorConfig
from gateway.mirror.model import MirrorError
from gateway.mirror.target import opened
from gateway.resident.oidc_http import ProviderError, ProviderHttp, client_of
from gateway.resident.sending import SendError
from gateway.resident.sending_mail import MailSender, Server
from gateway.resident.sending_sms import SmsForm, SmsSender
from gateway.resident.sending_texts import Letter
from tests.gateway.resident.test_mail import Post, serving
from tests.security.test_secrets import private

PASSWORD = "planted p&ssword"  # noqa: S105 - planted to be looked for
TOKEN, CODE, MAIL, PHONE = "AbC-planted_token-9", "418307", "ivan@mail.example", "+79161234567"
SECRETS = (PASSWORD, TOKEN, CODE, MAIL, PHONE, quote(PASSWORD), quote_plus(PASSWORD))
TEXT = f"Код: {CODE}\nhttps://meters.example/l/{TOKEN}\n"


def leaks(said: object) -> list[str]:
    coded = [base64.b64encode(one.encode()).decode() for one in SECRETS]
    return [one for one in (*SECRETS, *coded) if one in str(said)]


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Refuse, and repeat what came, its secrets first."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        header = self.headers.get("authorization", "")
        words = f"{header} {header.removeprefix('Basic ')} {body} {self.path}".encode()
        self.send_response(400)
        self.send_header("content-length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def a_letter(address: str, text: str = TEXT) -> Letter:
    return Letter(
        address, "Код", text, "0123456789abcdef", "ru", f"https://meters.example/u/{TOKEN}"
    )


class _Post(Post):
    async def handle_DATA(  # noqa: N802 - the library's
        self, _server: object, _session: Session, envelope: Envelope
    ) -> str:
        return f"554 <{envelope.rcpt_tos[0]}> not wanted: https://meters.example/l/{TOKEN} {CODE}"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("is_let_in", [False, True])
def test_a_mail_server_that_repeats_what_it_heard(is_let_in: bool) -> None:
    def judged(*asked: object) -> AuthResult:
        (given,) = (one for one in asked if isinstance(one, LoginPassword))
        said = f"535 5.7.8 {given.password.decode()} is wrong"
        return AuthResult(success=is_let_in, handled=False, message=None if is_let_in else said)

    asked = {"authenticator": judged, "auth_required": True, "auth_require_tls": False}
    with serving(_Post(), **asked) as port:
        server = Server("127.0.0.1", port, "none", "meters@house.example", user="meters")
        with pytest.raises(SendError) as caught:
            MailSender(server, lambda: PASSWORD).send(a_letter(MAIL))
    assert ("not wanted" if is_let_in else "is wrong") in str(caught.value)
    assert leaks(caught.value) == []


def test_a_gateway_of_texts_that_repeats_what_it_heard(echo: str) -> None:
    form = SmsForm(f"{echo}/send", {"to": "{phone}", "text": "{text}"})
    with pytest.raises(SendError) as caught:
        SmsSender(form, lambda: PASSWORD).send(a_letter(PHONE, f"Код: {CODE}"))
    assert "refused with 400" in str(caught.value)
    assert leaks(caught.value) == []


@pytest.mark.parametrize("by_post", [False, True])
def test_a_provider_of_sign_in_that_repeats_what_it_heard(echo: str, by_post: bool) -> None:
    pair = base64.b64encode(f"plomba:{quote(PASSWORD, safe='')}".encode()).decode()
    form = {"code": TOKEN} | ({"client_secret": PASSWORD} if by_post else {})
    headers = {} if by_post else {"authorization": f"Basic {pair}"}
    with client_of() as client, pytest.raises(ProviderError) as caught:
        ProviderHttp(client).post(f"{echo}/token", form, headers)
    assert "got 400" in str(caught.value)
    assert leaks(caught.value) == []
    assert pair not in str(caught.value)


@pytest.mark.parametrize("does", ["write", "forget"])
def test_a_mirror_that_repeats_what_it_heard(echo: str, does: str, tmp_path: Path) -> None:
    file = private(tmp_path / "token", TOKEN)
    config = MirrorConfig(kind="victoriametrics", url=echo, token_file=file)
    with opened(config) as sink, pytest.raises(MirrorError) as caught:
        sink.write(["m v=1i 1"]) if does == "write" else sink.forget()
    assert "does not take points: 400" in str(caught.value)
    assert leaks(caught.value) == []


def test_a_secret_is_hidden_in_every_form_it_is_sent_in() -> None:
    said = f"a {PASSWORD} {quote(PASSWORD)} {base64.b64encode(PASSWORD.encode()).decode()} b"
    assert without(said, [PASSWORD, ""]) == "a *** *** *** b"
