"""The section `[gis_zhkh]`: the device-metering service of ГИС ЖКХ."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.config_base import LOOPBACK, Section, Tls, http_url

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _guid(text: str) -> str:
    if _GUID.fullmatch(text.lower()) is None:
        raise ValueError("expected a GUID like 8a8b7c6d-1234-5678-9abc-0123456789ab")
    return text.lower()


class GisConfig(Section):
    """The device-metering service of ГИС ЖКХ, and in whose name it is spoken to.

    `signer` is a program with its arguments that signs a request (see gateway/gis/signer.py).
    `operator_signature`: the signature is the information system's operator's, not the house's.
    `error_words` say in words what codes of ГИС ЖКХ mean.
    """

    endpoint: Annotated[str, AfterValidator(http_url)]
    organisation: Annotated[str, AfterValidator(_guid)]
    operator_signature: bool = False
    signer: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    signer_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    tls: Tls | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    # Requests take ГИС ЖКХ from seconds to hours; asking more often than this helps nobody.
    poll_interval_s: Annotated[float, Field(ge=0.05, le=3600)] = 60.0
    error_words: Annotated[dict[str, str], Field(max_length=1000)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _signed_or_here(self) -> "GisConfig":
        if not self.signer and urlsplit(self.endpoint).hostname not in LOOPBACK:
            raise ValueError(
                "signer: missing; unsigned readings go to this machine only, and ГИС ЖКХ takes"
                " signed requests: name the program that signs"
            )
        return self
