"""Against a real HTTP server: what a text looks like there, and what each failure means."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateway.resident.sending import Fate, SendError
from gateway.resident.sending_sms import ANSWER_BYTES_MAX, SmsForm, SmsSender, filled
from gateway.resident.sending_texts import Letter

LETTER = Letter("+79001234501", "", 'Код 123456. {id} "кавычки"', "0123abcd", "ru")
FORM = {"to": ["{phone}"], "message": {"text": "{text}", "key": "plomba-{id}"}, "flash": False}


class Provider(ThreadingHTTPServer):
    """An SMS provider that answers with `status` and `answer`; None hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.status: int | None = 200
        self.answer = b"{}"
        self.headers: dict[str, str] = {}
        self.seen: list[tuple[dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/send"


class Desk(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers), json.loads(body)))
        if self.server.status is None:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def sender(provider: Provider) -> SmsSender:
    return SmsSender(SmsForm(provider.url, FORM), lambda: "token-1")


def fate(found: SmsSender) -> tuple[Fate, str]:
    with pytest.raises(SendError) as refused:
        found.send(LETTER)
    return refused.value.fate, str(refused.value)


def test_the_form_is_filled_and_the_secret_is_in_its_header(provider: Provider) -> None:
    sender(provider).send(LETTER)
    ((headers, body),) = provider.seen
    assert headers["Authorization"] == "Bearer token-1"
    assert body == {
        "to": ["+79001234501"],
        "message": {"text": LETTER.text, "key": "plomba-0123abcd"},
        "flash": False,
    }


def test_what_a_text_says_is_not_filled_again() -> None:
    words = {"{phone}": "{text}", "{text}": "{id}", "{id}": "7"}
    assert filled("{phone}{text}{other}", words) == "{text}{id}{other}"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Fate.NEVER),
        (401, Fate.NEVER),
        (302, Fate.NEVER),
        (429, Fate.LATER),
        (500, Fate.LATER),
        (503, Fate.LATER),
        (None, Fate.UNSURE),
    ],
)
def test_an_answer_says_whether_to_try_again(
    provider: Provider, status: int | None, expected: Fate
) -> None:
    provider.status, provider.answer = status, b"because\nof this"
    provider.headers = {"Location": provider.url}
    found, said = fate(sender(provider))
    assert found is expected
    assert "\n" not in said
    assert len(provider.seen) == 1, "no redirect is followed"


def test_an_endless_answer_is_not_read(provider: Provider) -> None:
    provider.status, provider.answer = 500, b"x" * (100 * ANSWER_BYTES_MAX)
    _, said = fate(sender(provider))
    assert len(said) <= 120


def test_nobody_there_is_tried_again() -> None:
    found = SmsSender(SmsForm("http://127.0.0.1:1/send", FORM))
    assert fate(found)[0] is Fate.LATER


def test_a_secret_that_cannot_be_read_is_told_without_it(provider: Provider) -> None:
    def missing() -> str:
        raise FileNotFoundError("sms.secret")

    assert fate(SmsSender(SmsForm(provider.url, FORM), missing)) == (
        Fate.LATER,
        "FileNotFoundError: sms.secret",
    )
    assert provider.seen == []
