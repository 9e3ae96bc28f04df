"""One POST to the gateway over TLS 1.3, believed by nothing but a root that was given.

The standard library does it: a device enrols once and renews a few times a year, and its agent
carries no HTTP client for that.
"""

import http.client
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

# Two round trips of TLS, one of the request, over a bad mobile link.
TIMEOUT_S = 30.0
PORT = 443


class Away(Exception):
    """The gateway did not answer as itself; the text says what came of it."""


class Response(NamedTuple):
    """What came back."""

    status: int
    body: bytes


def post(url: str, path: str, body: bytes, roots: str, limit: int) -> Response:
    """Send `body` to `path` at `url`, whose certificate must come from `roots` (PEM).

    Raises Away if there is no answer, one of another, or one of more than `limit` bytes.
    """
    parts = urlsplit(url)
    where = parts.netloc
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(cadata=roots)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or PORT, timeout=TIMEOUT_S, context=context
        )
        try:
            connection.request("POST", path, body, {"content-type": "application/cbor"})
            answer = connection.getresponse()
            data = answer.read(limit + 1)
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        raise Away(
            f"{where} is not the gateway of the invitation: {error.verify_message}; is this "
            "device's clock right?"
        ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Away(f"{where} does not answer: {error}") from error
    if len(data) > limit:
        raise Away(f"{where} answered more than {limit} bytes")
    return Response(answer.status, data)
