"""Releases at the devices' door: parts for those that were offered them, and what they say of it.

Synchronous: it runs where the ledger is written. Only a device's own key opens it, and only for the
release whose offer that device has.
"""

from typing import Protocol

from cloud_sync import release_road as road
from cloud_sync.release_road import Asked, RoadError, Told
from cloud_sync.signing import Sealer
from gateway.audit import Act, AuditPort
from gateway.identity.model import NotLetIn, Why
from gateway.releases.files import ReleaseFiles
from gateway.releases.model import Asker, ReleasePort, ReleasesError
from gateway.store import Store, StoreError

VIA = "release endpoint"
_ENDS = frozenset({"running", "rolled-back", "refused"})


class Vault(Protocol):
    """The ledger as far as it is needed here."""

    @property
    def store(self) -> Store:
        """Its transactions."""

    @property
    def audit(self) -> AuditPort:
        """The log of acts."""


class Server:
    """Answers devices."""

    def __init__(
        self, vault: Vault, port: ReleasePort, files: ReleaseFiles, asker: Asker, key: Sealer
    ) -> None:
        self._vault = vault
        self._port = port
        self._files = files
        self._asker = asker
        self._key = key

    def answer(self, body: bytes, source: str, now_ms: int) -> bytes:
        """The sealed answer; NotLetIn for a question that is nobody's, or for nothing offered."""
        try:
            asked = road.peek_ask(body)
        except RoadError as error:
            raise NotLetIn(Why.MALFORMED, str(error)[:300]) from error
        what = road.purpose(asked.device, "ask")
        device_no = self._asker.asked(body, asked.device, what, now_ms).device.device_no
        with self._vault.store.transaction():
            if isinstance(asked, Told):
                return self._told(device_no, asked, source, now_ms)
            return self._part(device_no, asked, now_ms)

    def _part(self, device_no: int, asked: Asked, now_ms: int) -> bytes:
        found = self._port.offered(device_no, asked.manifest)
        if found is None:
            raise _not_offered(asked)
        number, step, kept = found
        try:
            part = self._files.part(kept.manifest, asked.file, asked.offset)
        except ReleasesError as error:
            raise StoreError(str(error)) from error
        if part is None:
            detail = f"{kept.software} has no {asked.file} from {asked.offset} on"
            raise NotLetIn(Why.MALFORMED, detail, device=asked.device)
        if step == "offered":
            self._port.step(device_no, number, ("fetching", "", "", now_ms))
        return road.sealed_part(asked, *part, self._key)

    def _told(self, device_no: int, told: Told, source: str, now_ms: int) -> bytes:
        found = self._port.offered(device_no, told.manifest)
        if found is None or found[0] < told.number:
            raise _not_offered(told)
        number, step, kept = found
        # What was told of an earlier offer of the same release is over.
        if number == told.number and step not in _ENDS:
            self._port.step(device_no, number, (told.step, told.runs, told.reason, now_ms))
            self._vault.audit.append(
                Act(
                    *(now_ms, told.device, f"{VIA}, from {source}", f"update {told.step}"),
                    *(told.device, "", f"{kept.software}; {told.runs} runs", told.reason),
                )
            )
        return road.sealed_heard(told, self._key)


def _not_offered(asked: Asked | Told) -> NotLetIn:
    detail = f"{asked.device} was not offered the release {asked.manifest.hex()[:16]}"
    return NotLetIn(Why.NOT_OFFERED, detail, device=asked.device)
