"""The section [enrolment] of gateway.toml."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gateway.config_base import Folder, Port, PrivateFile, Section


def https_url(url: str) -> str:
    """An https address without a path; ValueError otherwise."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("expected an address like https://gateway.example:8443")
    return url.rstrip("/")


class EnrolmentConfig(Section):
    """Where devices get and renew their identity, see docs/identity.md.

    `url` is the address devices reach it under, `cert` (with its chain) and `key` the server's.
    `external_ca` holds the certificates of an authority elsewhere, its root among them; without it
    the gateway's own (`plomba-gateway ca init`) makes the certificates.
    """

    url: Annotated[str, AfterValidator(https_url)]
    cert: Folder
    key: PrivateFile
    host: str = "0.0.0.0"  # noqa: S104 - devices come from outside, over TLS 1.3
    port: Port = 8443
    broker_host: Annotated[str, Field(max_length=255)] = ""
    broker_port: Port = 8883
    # [P] Three months: a lost device that nobody noticed is out by itself, and two failed
    # renewals still leave a month.
    certificate_days: Annotated[float, Field(gt=0, le=825)] = 90
    # An exchanged signing key may sign this much longer: what was on its way.
    key_overlap_s: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400
    external_ca: Folder | None = None
