"""Signing in through ЕСИА (Госуслуги): OpenID Connect with a signature in the place of a secret.

After "Методические рекомендации по использованию ЕСИА", the scheme with PKCS#7: the browser is
sent to /aas/oauth2/ac, the code is changed at /aas/oauth2/te, and `client_secret` of both is a
detached signature over scope, timestamp, client_id and state, one behind the other, in base64url.
The timestamp is ``yyyy.MM.dd HH:mm:ss Z``, the state a UUID.

The signature is GOST in production and its key lies in a certified program: not ours to handle. A
command of the operator's gets the bytes on stdin and gives the DER of the signature on stdout.

ЕСИА returns no nonce in this scheme and takes no PKCE. What binds the answer to the browser is the
state, and a code is worth nothing without the signature. ЕСИА lists no keys either: its certificate
is a file (`keys_file`), its tokens are to be RS256, which is chosen on its technical portal.
"""

import base64
import subprocess
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from joserfc.jwk import ECKey, RSAKey

from gateway.resident.oidc import Client, Endpoints, Person, code_of, joined
from gateway.resident.oidc_http import ProviderError, ProviderHttp
from gateway.resident.oidc_token import Expected, checked, claims_of, key_of_pem
from gateway.resident.signin_secrets import Flight

ISSUER = "http://esia.gosuslugi.ru/"
ENDPOINTS = Endpoints(
    "https://esia.gosuslugi.ru/aas/oauth2/ac", "https://esia.gosuslugi.ru/aas/oauth2/te", keys=""
)
# A token of a smart card takes a second or two.
SIGNER_S = 10.0
# A PKCS#7 with a chain of certificates has some 6 KB.
SIGNATURE_BYTES_MAX = 64 * 1024


class EsiaProvider:
    """ЕСИА; `sign` makes the detached signature of bytes, `clock` says now, in ms UTC."""

    def __init__(
        self,
        issuer: str,
        client: Client,
        sign: Callable[[bytes], bytes],
        http: ProviderHttp,
        clock: Callable[[], int],
        *,
        endpoints: Endpoints,
        pem: Callable[[], bytes],
    ) -> None:
        self._issuer, self._client, self._sign = issuer, client, sign
        self._http, self._clock = http, clock
        self._endpoints, self._pem = endpoints, pem

    def address(self, flight: Flight) -> str:
        """As `Way` has it."""
        asked = self._signed(flight) | {
            "response_type": "code",
            "redirect_uri": self._client.redirect_uri,
            "access_type": "online",
        }
        return joined(self._endpoints.authorization, asked)

    def person(self, flight: Flight, query: Mapping[str, str]) -> Person:
        """As `Way` has it."""
        code = code_of(flight, query, self._issuer)
        form = self._signed(flight) | {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "token_type": "Bearer",
        }
        answer = self._http.post(self._endpoints.token, form, {})
        if answer.get("state", flight.state) != flight.state:
            raise ProviderError("ЕСИА answered another question: its state is not ours")
        keys: list[RSAKey | ECKey] = key_of_pem(self._pem())
        now_s = self._clock() // 1000
        expected = Expected(self._issuer, self._client.client_id, None, now_s)
        claims = claims_of(answer.get("id_token"), keys)
        return Person(self._issuer, checked(claims, expected, esia=True))

    def _signed(self, flight: Flight) -> dict[str, str]:
        """Who asks, when, and the signature over both."""
        scope, client_id = " ".join(self._client.scopes), self._client.client_id
        stamp = timestamp(self._clock())
        signature = self._sign(f"{scope}{stamp}{client_id}{flight.state}".encode())
        return {
            "client_id": client_id,
            "client_secret": base64.urlsafe_b64encode(signature).decode(),
            "scope": scope,
            "timestamp": stamp,
            "state": flight.state,
        }


class Signer:
    """Runs the operator's command: the bytes on its stdin, the signature on its stdout."""

    def __init__(self, command: tuple[str, ...], within_s: float = SIGNER_S) -> None:
        self._command, self._within_s = command, within_s

    def __call__(self, data: bytes) -> bytes:
        """The signature; ProviderError where the command gives none in time."""
        name = self._command[0]
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own words, and no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise ProviderError(f"signer {name}: cannot be run: {error.strerror}") from error
        alarm = threading.Timer(self._within_s, process.kill)
        alarm.start()
        try:
            signature = _through(process, data)
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
        if process.returncode != 0 or not 0 < len(signature) <= SIGNATURE_BYTES_MAX:
            raise ProviderError(
                f"signer {name}: expected status 0 and 1 to {SIGNATURE_BYTES_MAX} bytes within"
                f" {self._within_s:g} s, got status {process.returncode}, {len(signature)} bytes"
            )
        return signature


def timestamp(now_ms: int) -> str:
    """A moment as ЕСИА wants it."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y.%m.%d %H:%M:%S +0000")


def _through(process: "subprocess.Popen[bytes]", data: bytes) -> bytes:
    """What a command answers. A few hundred bytes fit into its pipe, whether it reads or not."""
    if process.stdin is None or process.stdout is None:
        raise ProviderError("the signer has no pipes")
    with process.stdin, process.stdout:
        try:
            process.stdin.write(data)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it may sign what it knows already; its status says whether it did
        signature = process.stdout.read(SIGNATURE_BYTES_MAX + 1)
    if len(signature) <= SIGNATURE_BYTES_MAX:
        process.wait()
    return signature
