"""Signing in over a ledger and the configured providers, wired alike for pages and commands."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cloud_sync import private_file
from cloud_sync.signing import SigningKey
from gateway.config_resident import ResidentConfig, SignInConfig
from gateway.resident.linking import Linking
from gateway.resident.oidc import Client, Endpoints, KeyProof, Proof, Provider, SecretProof, Way
from gateway.resident.oidc_esia import ENDPOINTS, ISSUER, EsiaProvider, Signer
from gateway.resident.oidc_http import TIMEOUT_S, ProviderError, ProviderHttp, client_of
from gateway.resident.passkeys import Passkeys, Site
from gateway.resident.signin import SignIns
from gateway.resident.signin_secrets import SignInSecrets
from gateway.sql.engine import Database
from gateway.sql.resident_accounts import AccountsLedger
from gateway.wiring import Clock

BACK = "/signin/{}/back"
"""Where a provider sends the browser back to, behind the public address."""
# A key of 4096 bits is some 3 KB of PEM.
_FILE_BYTES_MAX = 16 * 1024


class SigningIn(NamedTuple):
    """All that signing in is, over one ledger. `passkeys` None: they are not wanted."""

    secrets: SignInSecrets
    signins: SignIns
    linking: Linking
    passkeys: Passkeys | None


def signing_in(
    database: Database, key: SigningKey, config: ResidentConfig, clock: Clock
) -> SigningIn:
    """Over a ledger, by the gateway's key."""
    ledger, secrets = AccountsLedger(database), SignInSecrets.of(key)
    signins = SignIns(ledger, secrets, clock)
    passkeys = Passkeys(ledger, secrets, signins, site_of(config), clock)
    return SigningIn(
        secrets,
        signins,
        Linking(ledger, secrets, signins, clock),
        passkeys if config.passkeys else None,
    )


def site_of(config: ResidentConfig) -> Site:
    """The site that passkeys are made for, at its public address only."""
    parts = urlsplit(config.public_url)
    return Site(config.site, (f"{parts.scheme}://{parts.netloc}",))


def ways_of(
    config: ResidentConfig, clock: Clock, stack: ExitStack, *, timeout_s: float = TIMEOUT_S
) -> Mapping[str, Way]:
    """The ways to sign in by their names; what they hold open ends with `stack`.

    `timeout_s`: what each step of asking a provider may take.
    """
    found = {}
    for one in config.sign_in:
        http = ProviderHttp(stack.enter_context(client_of(timeout_s)))
        found[one.name] = _way(config.public_url, one, clock, http)
    return found


def _way(public_url: str, one: SignInConfig, clock: Clock, http: ProviderHttp) -> Way:
    redirect_uri = public_url.rstrip("/") + BACK.format(one.name)
    client = Client(one.client_id, one.scopes, redirect_uri)
    if one.profile == "esia":
        return EsiaProvider(
            one.issuer or ISSUER,
            client,
            Signer(one.signer),
            http,
            clock,
            endpoints=Endpoints(
                one.authorization_endpoint or ENDPOINTS.authorization,
                one.token_endpoint or ENDPOINTS.token,
                keys="",
            ),
            pem=_reader(one.keys_file),
        )
    ends = Endpoints(*one.endpoints) if one.endpoints else None
    return Provider(one.issuer, client, _proof(one, clock), http, clock, endpoints=ends)


def _proof(one: SignInConfig, clock: Clock) -> Proof:
    if one.key_file is not None:
        return KeyProof(one.client_id, _secret(one.key_file), one.key_id, clock)
    return SecretProof(one.client_id, _secret(one.client_secret_file))


def _secret(file: Path | None) -> Callable[[], str]:
    """Reads a secret each time that it is needed, so that it can be exchanged in its file."""
    read = _reader(file)

    def text() -> str:
        if file is not None:
            _check(file)
        return read().decode("utf-8", "replace").strip()

    return text


def _check(file: Path) -> None:
    """ProviderError where others may read it, or it is gone since the configuration was read."""
    try:
        private_file.check(file)
    except private_file.KeyFileError as error:
        raise ProviderError(str(error)) from error
    except OSError as error:
        raise ProviderError(f"cannot read {file}: {error.strerror}") from error


def _reader(file: Path | None) -> Callable[[], bytes]:
    def read() -> bytes:
        if file is None:
            raise ProviderError("expected a file to be configured")
        try:
            with file.open("rb") as opened:
                return opened.read(_FILE_BYTES_MAX)
        except OSError as error:
            raise ProviderError(f"cannot read {file}: {error.strerror}") from error

    return read
