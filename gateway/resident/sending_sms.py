"""Text messages by an HTTP gateway: an address and a JSON of the operator's own making.

Every provider has a form of its own, so the form is configured: in its texts ``{phone}``,
``{text}`` and ``{id}`` are filled in. The id is the same each time that a message is sent, so a
provider that knows idempotency sends one text. No redirect is followed, and of an answer no more is
read than is told.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import httpx

from cloud_sync.private_file import without
from gateway.resident.sending import Fate, SendError
from gateway.resident.sending_texts import Letter

TIMEOUT_S = 20.0
# The first words of an answer say what is wrong; the rest is not read.
ANSWER_BYTES_MAX = 4096
_SAID_CHARS_MAX = 120
# "Too early", "too many", "timed out": these may pass (RFC 9110, 6585, 8470).
_PASSING = frozenset({408, 425, 429})
_BUSY = 500
_NAMES = re.compile(r"\{(?:phone|text|id)\}")


class SmsForm(NamedTuple):
    """Where a text is handed in, and how: texts of `json` are filled, `headers` sent as they are.

    `auth_header` is the one the secret stands in, after `auth_prefix`.
    """

    url: str
    json: Mapping[str, Any]
    headers: Mapping[str, str] = {}
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "


class SmsSender:
    """A `Sender` of texts; `secret` is asked for each time, so that it may be exchanged."""

    def __init__(
        self, form: SmsForm, secret: Callable[[], str] | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._form = form
        self._secret = secret
        self._timeout_s = timeout_s

    def send(self, letter: Letter) -> None:
        """Hand a text over; SendError where it was not certainly taken."""
        form = self._form
        headers, hidden = dict(form.headers), [*letter.secrets]
        words = {"{phone}": letter.address, "{text}": letter.text, "{id}": letter.mail_id}
        try:
            if self._secret is not None:
                secret = self._secret()
                hidden.append(secret)
                headers[form.auth_header] = f"{form.auth_prefix}{secret}"
            with (
                httpx.Client(timeout=self._timeout_s, follow_redirects=False) as client,
                client.stream(
                    "POST", form.url, json=filled(form.json, words), headers=headers
                ) as answer,
            ):
                _judge(answer.status_code, without(_beginning(answer), hidden))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise SendError(Fate.LATER, _error(error, hidden)) from error
        except (httpx.InvalidURL, OSError, ValueError) as error:
            raise SendError(Fate.LATER, _error(error, hidden)) from error
        except httpx.HTTPError as error:
            raise SendError(Fate.UNSURE, _error(error, hidden)) from error


def filled(form: Any, words: Mapping[str, str]) -> Any:
    """A JSON with the words in the place of their names, in its texts alone."""
    if isinstance(form, Mapping):
        return {key: filled(one, words) for key, one in form.items()}
    if isinstance(form, list | tuple):
        return [filled(one, words) for one in form]
    if not isinstance(form, str):
        return form
    # In one pass: a text that itself says "{id}" is not filled again.
    return _NAMES.sub(lambda found: words[found[0]], form)


def _judge(status: int, said: str) -> None:
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
        return
    passing = status in _PASSING or status >= _BUSY
    fate = Fate.LATER if passing else Fate.NEVER
    raise SendError(fate, _said(f"the text was refused with {status}: {said}"))


def _beginning(answer: httpx.Response) -> str:
    taken = b""
    for piece in answer.iter_bytes(ANSWER_BYTES_MAX):
        taken += piece
        if len(taken) >= ANSWER_BYTES_MAX:
            break
    return taken[:ANSWER_BYTES_MAX].decode("utf-8", "replace")


def _error(error: Exception, hidden: Iterable[str]) -> str:
    return _said(without(f"{type(error).__name__}: {error}", hidden))


def _said(text: str) -> str:
    return " ".join(text.split())[:_SAID_CHARS_MAX]
