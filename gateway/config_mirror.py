"""The sections of gateway.toml about what is kept beside the ledger: the mirror and old months."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.config_base import PrivateFile, Section, http_url

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/]+$")]


class MirrorConfig(Section):
    """The time-series store that readings are mirrored to (docs/mirror.md).

    `gateway` is how this one names its points among those of others. `token_file` holds the token
    that the store asks for. `bucket` and `org` are InfluxDB's words; VictoriaMetrics takes both and
    looks at neither.
    """

    kind: Literal["victoriametrics", "influxdb"]
    url: Annotated[str, AfterValidator(http_url)]
    gateway: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$")] = "plomba"
    token_file: PrivateFile | None = None
    org: Name = "plomba"
    bucket: Name = "plomba"
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30.0
    # A chart is looked at by people; a look that finds nothing costs a millisecond.
    look_every_s: Annotated[float, Field(ge=0.05, le=3600)] = 5.0

    @model_validator(mode="after")
    def _known(self) -> "MirrorConfig":
        if self.kind == "influxdb" and self.token_file is None:
            raise ValueError("token_file: missing, InfluxDB takes points only with a token")
        return self


class HistoryConfig(Section):
    """How long readings stay in the ledger before they may go into files (docs/history.md)."""

    # Bills are disputed within three years (ГК РФ, ст. 196); less than a year and a month would
    # take away what a year is compared with.
    keep_months: Annotated[int, Field(ge=13, le=1200)] = 36
