"""Identities as the configuration has them: which authority, which ledger, what is answered."""

from pathlib import Path

import structlog

from cloud_sync.certificates import CertificateError
from cloud_sync.signing import KeyFileError, SigningKey
from gateway.config import ConfigError, EnrolmentConfig, GatewayConfig
from gateway.identity.authority import (
    ROOT_FILE,
    Certifier,
    ExternalAuthority,
    PrivateAuthority,
    StandingAuthority,
)
from gateway.identity.enrolling import Doorkeeper, Ledger, Terms
from gateway.identity.model import IdentityError
from gateway.sql.audit import SqlAudit
from gateway.sql.identity import IdentityLedger
from gateway.sql.store import SqlStore

log = structlog.get_logger()

# A broker believes a list for a week (`CRL_DAYS`); made this often it is never near its end.
CRL_EVERY_MS = 86_400_000
# How long a certificate lives where no [enrolment] says so.
_DEVICE_DAYS = 90.0


def ledger_of(store: SqlStore) -> Ledger:
    """The storage as identities see it."""
    connection = store.database.connection
    return Ledger(store, IdentityLedger(connection), SqlAudit(connection))


def section_of(config: GatewayConfig) -> EnrolmentConfig:
    """The [enrolment] section; ConfigError where there is none."""
    if config.enrolment is None:
        raise ConfigError(
            "enrolment: missing, devices need to know where to enrol: add a section [enrolment] "
            "with url, cert and key (docs/identity.md)"
        )
    return config.enrolment


def private_authority(config: GatewayConfig) -> PrivateAuthority:
    """The gateway's own authority; IdentityError where there is none or another one is used."""
    if _elsewhere(config) is not None:
        raise IdentityError(
            "enrolment.external_ca is set: certificates are made there, see plomba-gateway ca csr"
        )
    days = config.enrolment.certificate_days if config.enrolment else _DEVICE_DAYS
    return PrivateAuthority(config.ca_folder, days)


def external_authority(config: GatewayConfig) -> ExternalAuthority:
    """The authority elsewhere; IdentityError where there is none."""
    bundle = _elsewhere(config)
    if bundle is None:
        raise IdentityError(
            "enrolment.external_ca is not set: the gateway's own authority makes certificates"
        )
    return ExternalAuthority(bundle)


def authority_of(config: GatewayConfig) -> PrivateAuthority | ExternalAuthority:
    """Whoever vouches for devices."""
    return private_authority(config) if _elsewhere(config) is None else external_authority(config)


def list_maker_of(config: GatewayConfig) -> PrivateAuthority | None:
    """Whoever makes the revocation list here; None where an authority elsewhere does, or nobody."""
    is_here = _elsewhere(config) is None and (config.ca_folder / ROOT_FILE).exists()
    return private_authority(config) if is_here else None


def _elsewhere(config: GatewayConfig) -> Path | None:
    return None if config.enrolment is None else config.enrolment.external_ca


def reserved_names(config: GatewayConfig) -> frozenset[str]:
    """The names under which collectors speak to the broker."""
    rules = () if config.broker_rules is None else config.broker_rules.collector_names
    own = () if config.broker is None else (config.broker.client_id,)
    return frozenset({"plomba-gateway", *rules, *own})


def doorkeeper_of(config: GatewayConfig, store: SqlStore, key: SigningKey) -> Doorkeeper:
    """The judge of enrolments."""
    section = section_of(config)
    terms = Terms(
        key.public.public_bytes,
        section.broker_host,
        section.broker_port,
        section.key_overlap_s * 1000,
        reserved_names(config),
    )
    return Doorkeeper(ledger_of(store), _standing(config), terms)


def _standing(config: GatewayConfig) -> Certifier:
    """Whoever vouches for devices, while the gateway runs on."""
    if _elsewhere(config) is not None:
        return external_authority(config)
    return StandingAuthority(lambda: private_authority(config))


def forgotten(authority: PrivateAuthority, store: SqlStore, now_ms: int) -> list[str]:
    """Serials that only the revocation list still names: the ledger went back to an older copy."""
    found = authority.forgotten(ledger_of(store).identities, now_ms).values()
    return [one.serial for named in found for one in named]


def list_revoked(config: GatewayConfig, store: SqlStore, now_ms: int) -> None:
    """Make the list anew after a revocation, which stands whatever becomes of the list.

    IdentityError where it cannot be made; where the authority is elsewhere there is none.
    """
    try:
        authority = list_maker_of(config)
        if authority is not None:
            with store.transaction():
                authority.write_crl(ledger_of(store).identities, now_ms)
    except (CertificateError, IdentityError, KeyFileError, OSError) as error:
        raise IdentityError(
            f"revoked in the ledger; but the revocation list is still the old one: {error}; put "
            "that right and run plomba-gateway ca crl"
        ) from error


def refresh_crl(config: GatewayConfig, store: SqlStore, now_ms: int) -> bool:
    """Make the revocation list anew if it is a day old, lacks something or is not there.

    Whether it was made. One of a time to come is of a clock that was wrong, and brokers refuse it.
    """
    authority = list_maker_of(config)
    if authority is None:
        return False
    file = authority.crl_file
    identities = ledger_of(store).identities
    if file.exists():
        made_ms = file.stat().st_mtime_ns // 1_000_000
        is_young = 0 <= now_ms - made_ms < CRL_EVERY_MS
        if is_young and not made_ms < identities.last_revoked_ms() <= now_ms:
            return False
    with store.transaction():
        authority.write_crl(identities, now_ms)
    if names := forgotten(authority, store, now_ms):
        log.error(
            "certificates on the revocation list are not revoked in the ledger", serials=names
        )
    return True
