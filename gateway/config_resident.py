"""The section [resident] of gateway.toml: pages for residents, and how they are asked."""

from datetime import time
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.config_base import LOOPBACK, Folder, Port, PrivateFile, Section, TargetName, http_url

# A provider's form has a dozen fields; what is deeper or longer is no text message.
_FORM_KEYS_MAX = 32
_FORM_DEPTH_MAX = 4


def _address(text: str) -> str:
    name, _, host = text.rpartition("@")
    if not name or "." not in host or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("expected an e-mail address like meters@house.example")
    return text


def _form(form: dict[str, Any]) -> dict[str, Any]:
    """A form with a place for number and text."""
    if not 0 < len(form) <= _FORM_KEYS_MAX:
        raise ValueError(f"expected 1 to {_FORM_KEYS_MAX} fields")
    said = str(_shallow(form, _FORM_DEPTH_MAX))
    for name in ("{phone}", "{text}"):
        if name not in said:
            raise ValueError(f"expected {name} in one of its texts")
    return form


def _shallow(form: Any, depth: int) -> Any:
    if depth == 0 and isinstance(form, dict | list):
        raise ValueError(f"expected a form of at most {_FORM_DEPTH_MAX} levels")
    if isinstance(form, dict):
        return {key: _shallow(one, depth - 1) for key, one in form.items()}
    return [_shallow(one, depth - 1) for one in form] if isinstance(form, list) else form


class SmtpConfig(Section):
    """The mail server letters are handed to; `password_file` holds what `user` logs in with.

    `ca`: whose certificates are believed, where the server's is not publicly vouched for.
    """

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, AfterValidator(_address)]
    name: Annotated[str, Field(max_length=100, pattern=r"^[^\r\n]*$")] = ""
    user: Annotated[str, Field(max_length=255)] = ""
    password_file: PrivateFile | None = None
    ca: Folder | None = None
    # Of each step. A thread waits for it, and nothing else does.
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0

    @model_validator(mode="after")
    def _in_clear_on_purpose(self) -> "SmtpConfig":
        if self.security == "none" and self.host not in LOOPBACK:
            raise ValueError(
                f"{self.host} in clear would show codes and addresses to anybody on the way:"
                ' give security = "starttls" or "tls"'
            )
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("give user and password_file, or neither")
        return self


class SmsConfig(Section):
    """The HTTP gateway texts are handed to: `json` is posted with {phone}, {text} and {id} filled.

    `secret_file` holds what stands in `auth_header` behind `auth_prefix`.
    """

    url: Annotated[str, AfterValidator(http_url)]
    json_: Annotated[dict[str, Any], Field(alias="json"), AfterValidator(_form)]
    secret_file: PrivateFile | None = None
    auth_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    auth_prefix: Annotated[str, Field(max_length=32, pattern=r"^[ -~]*$")] = "Bearer "
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0


class SignInConfig(Section):
    """A provider of OpenID Connect that residents may sign in with.

    `issuer` is its name, and with profile "standard" where its discovery document lies, unless all
    three endpoints are given. `keys_file`: its public key, where it lists none (ЕСИА). We show who
    we are by one of `client_secret_file`, `key_file` (private_key_jwt) and, to ЕСИА, `signer`: a
    command that gets bytes on stdin and gives their detached signature on stdout.
    """

    name: TargetName
    title_ru: Annotated[str, Field(min_length=1, max_length=60)]
    title_en: Annotated[str, Field(min_length=1, max_length=60)]
    profile: Literal["standard", "esia"] = "standard"
    issuer: Annotated[str, Field(max_length=255)] = ""
    authorization_endpoint: Annotated[str, AfterValidator(http_url)] | None = None
    token_endpoint: Annotated[str, AfterValidator(http_url)] | None = None
    jwks_uri: Annotated[str, AfterValidator(http_url)] | None = None
    keys_file: Folder | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[ -~]+$")]
    client_secret_file: PrivateFile | None = None
    key_file: PrivateFile | None = None
    key_id: Annotated[str, Field(max_length=255)] = ""
    signer: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    scopes: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[!-~]+$", max_length=255)], ...],
        Field(min_length=1, max_length=16),
    ] = ("openid",)

    @property
    def endpoints(self) -> tuple[str, str, str] | None:
        """Where it is asked, if that is all given."""
        three = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri)
        return None if None in three else tuple(map(str, three))  # type: ignore[return-value]

    @model_validator(mode="after")
    def _enough(self) -> "SignInConfig":
        if "openid" not in self.scopes:
            raise ValueError('scopes: expected "openid" among them')
        proofs = (self.client_secret_file, self.key_file, self.signer or None)
        if sum(one is not None for one in proofs) != 1:
            raise ValueError("expected one of client_secret_file, key_file and signer")
        if self.profile == "esia":
            if not self.signer or self.keys_file is None:
                raise ValueError("esia: expected signer and keys_file (its certificate)")
        elif self.signer:
            raise ValueError('signer: expected with profile = "esia" only')
        elif self.endpoints is None:
            http_url(self.issuer)
        elif not self.issuer:
            raise ValueError("issuer: expected the provider's name for itself")
        return self


class ResidentConfig(Section):
    """Pages for residents, and how they are asked for readings, see docs/resident.md.

    `public_url` is what links begin with; the pages listen on `host`, behind a proxy with TLS.
    `office`: who writes, at the foot of letters and notices.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8090
    public_url: Annotated[str, AfterValidator(http_url)]
    allowed_hosts: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    office: Annotated[str, Field(max_length=200, pattern=r"^[^\r\n]*$")] = ""
    smtp: SmtpConfig | None = None
    sms: SmsConfig | None = None
    quiet_from: time = time(21)
    quiet_until: time = time(9)
    # How many days before a window closes somebody who was asked is reminded.
    reminder_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=31)], ...], Field(max_length=4)
    ] = (3, 1)
    # Where no contract has a window: in a month's last so many days.
    days_without_contract: Annotated[int, Field(ge=1, le=28)] = 7
    # More buttons than four on a phone are a list, and nobody reads a list.
    sign_in: Annotated[tuple[SignInConfig, ...], Field(max_length=4)] = ()
    passkeys: bool = False
    # The site passkeys are made for: the name of public_url, or a domain it lies in.
    passkeys_site: Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9.-]*$")] = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names a browser may ask for these pages under."""
        public = urlsplit(self.public_url).hostname or ""
        return (*sorted(LOOPBACK | {public}), *self.allowed_hosts)

    @property
    def site(self) -> str:
        """The site that passkeys are made for."""
        return self.passkeys_site or urlsplit(self.public_url).hostname or ""

    @model_validator(mode="after")
    def _a_plain_address(self) -> "ResidentConfig":
        parts = urlsplit(self.public_url)
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("public_url: expected an address like https://meters.example")
        if self.quiet_from.tzinfo or self.quiet_until.tzinfo:
            raise ValueError("quiet_from, quiet_until: expected a time of the house like 21:00")
        names = [one.name for one in self.sign_in]
        if len(set(names)) != len(names):
            raise ValueError("sign_in: expected a name of its own for each")
        if not f".{parts.hostname}".endswith(f".{self.site}"):
            raise ValueError(f"passkeys_site: expected {parts.hostname} or a domain it lies in")
        return self
