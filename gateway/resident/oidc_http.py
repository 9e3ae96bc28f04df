"""Asking a provider of sign-in over HTTP: bounded in bytes and in time, following nothing.

A provider is believed in what it signs, not in how it answers: an answer of a megabyte, one that
drips in for minutes, a redirect, a page in place of JSON are each refused, in one line.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from cloud_sync.private_file import without
from gateway.resident.model import ResidentError

# A discovery document has some 5 KB, a set of keys 10, an answer with tokens rarely 10.
ANSWER_BYTES_MAX = 256 * 1024
# Somebody looks at the page meanwhile. Each step, and then the whole answer.
TIMEOUT_S, WHOLE_S = 5.0, 10.0
_SAID_CHARS_MAX = 120
_OK = 200


class ProviderError(ResidentError):
    """A provider's answer that cannot be used; `words` for the log, nothing for the page."""


class ProviderHttp:
    """HTTP to one provider; `client` is closed by whoever made it, `clock_s` only goes forward."""

    def __init__(self, client: httpx.Client, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock_s = client, clock_s

    def get(self, url: str) -> dict[str, Any]:
        """A JSON object from there."""
        return self._json("GET", url, None, {})

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object that a form is answered with."""
        return self._json("POST", url, form, headers)

    def _json(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        asked = {"accept": "application/json", "accept-encoding": "identity", **headers}
        try:
            with self._client.stream(method, url, data=form, headers=asked) as answer:
                data = self._bounded(answer)
                if answer.status_code != _OK:
                    whole = without(data.decode("utf-8", "replace"), _told(form, headers))
                    said = " ".join(whole.split())[:_SAID_CHARS_MAX]
                    raise ProviderError(
                        f"{_place(url)}: expected 200, got {answer.status_code}: {said}"
                    )
        except httpx.HTTPError as error:
            raise ProviderError(f"{_place(url)}: no answer: {type(error).__name__}") from error
        return object_of(data, _place(url))

    def _bounded(self, answer: httpx.Response) -> bytes:
        over_s, data = self._clock_s() + WHOLE_S, bytearray()
        for piece in answer.iter_raw():
            data += piece
            if len(data) > ANSWER_BYTES_MAX:
                raise ProviderError(f"expected an answer of at most {ANSWER_BYTES_MAX} bytes")
            if self._clock_s() > over_s:
                raise ProviderError(f"expected an answer within {WHOLE_S:g} s")
        return bytes(data)


def object_of(data: bytes, place: str) -> dict[str, Any]:
    """The JSON object of an answer; ProviderError names the place that gave another."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProviderError(f"{place}: expected JSON") from error
    if not isinstance(found, dict):
        raise ProviderError(f"{place}: expected a JSON object")
    return found


def client_of(timeout_s: float = TIMEOUT_S) -> httpx.Client:
    """A client that follows no redirect; each step has its time."""
    return httpx.Client(timeout=timeout_s, follow_redirects=False)


def _told(form: Mapping[str, str] | None, headers: Mapping[str, str]) -> list[str]:
    """What a provider was told and could repeat: codes, secrets, and what proves who we are."""
    shown = headers.get("authorization", "")
    return [*(form or {}).values(), shown, shown.partition(" ")[2]]


def _place(url: str) -> str:
    """Where that was, without a query: it may hold what only the provider should read."""
    return url.partition("?")[0]
