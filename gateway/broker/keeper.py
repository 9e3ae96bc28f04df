"""Keeping the broker's rules at what the registry says, while the gateway runs.

Every few seconds the rules are made anew from the ledger; where a byte differs they are written and
the broker is told. So a revocation, from whichever process or machine it came into the ledger,
closes the broker's door well within a minute. What could not be told is tried again with
the next look, and the first look of a process always tells: the last one may have died between
writing and telling.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from cloud_sync.certificates import CertificateError, check_revocation_lists
from gateway.broker import files, nats, rules
from gateway.broker.model import Plan, RulesError, SpeakersPort

log = structlog.get_logger()

Reload = Callable[[], Awaitable[None]]
# A revocation list of 100 000 certificates has some 4 MB.
CRL_BYTES_MAX = 16 * 1024 * 1024


def texts(plan: Plan, speaking: list[str], revoked: bytes) -> dict[str, bytes]:
    """The broker's files by name."""
    devices, _ = rules.sorted_out(speaking, plan.collector_names)
    if plan.engine == "nats":
        return {
            nats.ACCOUNTS: nats.accounts(plan, devices).encode(),
            nats.CONFIGURATION: nats.configuration(plan).encode(),
        }
    return {
        rules.DEVICE_RULES: rules.device_rules(devices).encode(),
        rules.COLLECTOR_RULES: rules.collector_rules(plan.collector_names).encode(),
        rules.REVOKED: revoked,
        rules.CONFIGURATION: rules.configuration(plan).encode(),
    }


def revocations(path: Path, known: bytes = b"") -> bytes:
    """The revocation list in a file; RulesError if it is not there, or not whole.

    `known` was looked at before: 100 000 certificates take a tenth of a second. A mosquitto that
    cannot read its list at a reload lets every revoked certificate in.
    """
    try:
        with path.open("rb") as file:
            data = file.read(CRL_BYTES_MAX + 1)
    except OSError as error:
        raise RulesError(
            f"no revocation list {path} ({error.strerror}): the broker takes certificates only "
            "beside one; make it with plomba-gateway ca"
        ) from error
    if data and data == known:
        return data
    if len(data) > CRL_BYTES_MAX:
        raise RulesError(f"{path} is not a revocation list: over {CRL_BYTES_MAX} bytes")
    try:
        check_revocation_lists(data)
    except CertificateError as error:
        raise RulesError(f"{path} is not a revocation list: {error}") from error
    return data


class Keeper:
    """Looks when it is told to look."""

    def __init__(
        self, plan: Plan, crl: Path, speakers: SpeakersPort, reload: Reload | None
    ) -> None:
        self._plan = plan
        self._crl = crl
        self._speakers = speakers
        self._reload = reload
        self._is_told = False
        self._revocations, self._said = b"", ""
        self._odd: list[str] = []

    def bring_up(self) -> list[str]:
        """Write what differs; the names of the files that changed. RulesError leaves the rest."""
        # First the list: who is on it when it is read may not speak by the rules made after.
        revoked = self._revoked()
        speaking = self._speakers.speaking()
        _, odd = rules.sorted_out(speaking, self._plan.collector_names)
        if odd != self._odd:
            self._odd = odd
            if odd:
                log.warning("devices whose names the broker cannot have are left out", names=odd)
        made = texts(self._plan, speaking, revoked)
        changed = files.write(self._plan.folder, made)
        if changed:
            self._is_told = False
        return changed

    def _revoked(self) -> bytes:
        # NATS reads none: who may not speak is no user there, whatever certificate is shown.
        if self._plan.engine == "nats":
            return b""
        said = ""
        try:
            self._revocations = revocations(self._crl, self._revocations)
        except RulesError as error:
            if not self._revocations:
                raise
            said = str(error)
        # Who may speak is written all the same: a device revoked meanwhile is out by its rules.
        if said not in ("", self._said):
            log.error("revocation list cannot be taken, the one before stands", error=said)
        self._said = said
        return self._revocations

    async def tell(self) -> None:
        """Have the broker read its files, if it has not read these; RulesError if it cannot be."""
        if self._is_told or self._reload is None:
            return
        await self._reload()
        self._is_told = True
        log.info("the broker reads its rules again")
