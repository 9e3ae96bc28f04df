"""Identities in the ledger: invitations, certificates, refusals."""

from collections.abc import Collection
from pathlib import Path

from cloud_sync.authority import Profile, Reason, Revoked
from cloud_sync.certificates import Certificate
from gateway.identity.model import (
    Asked,
    DeviceNow,
    Enrolled,
    IdentityRow,
    Invited,
    Kept,
    KeyNow,
    NewInvitation,
    NotLetIn,
    RefusalRow,
    RevokedDevice,
)
from gateway.sql.engine import Connection
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))
_HOUR_MS = 3_600_000
# Of every reason: more than anybody reads, and a flood takes a few hundred kB at most.
REFUSALS_KEPT = 500
# RFC 5280, 3.3: an entry stays on one list after its certificate's end; a week is many lists.
_EXPIRED_KEPT_MS = 7 * 24 * _HOUR_MS


class IdentityLedger:
    """`IdentityPort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def house_no(self, name: str) -> int | None:
        row = self._sql.execute("SELECT house_no FROM house WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def invite(self, new: NewInvitation) -> None:
        self._sql.execute(_SQL["invite"], new._asdict())

    def invited(self, secret_sha256: bytes) -> Invited | None:
        asked = {"house": None, "hash": secret_sha256, "none": b""}
        row = self._sql.execute(_SQL["invitations"], asked).fetchone()
        return None if row is None else Invited(*row)

    def invitations(self, house: str | None = None) -> list[Invited]:
        asked = {"house": house, "hash": None, "none": b""}
        rows = self._sql.execute(_SQL["invitations"], asked)
        return [Invited(*row) for row in rows]

    def withdraw(self, label: str, at_ms: int, why: str) -> None:
        self._sql.execute(
            "UPDATE invitation SET revoked_at_ms = ?, revoked_why = ? "
            "WHERE label = ? AND revoked_at_ms IS NULL",
            (at_ms, why, label),
        )

    def expect(self, house_no: int, devices: Collection[str], at_ms: int, by: str) -> None:
        self._sql.executemany(
            "INSERT INTO preauthorised VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(house_no, device, at_ms, by) for device in devices],
        )

    def expected(self, house_no: int) -> frozenset[str]:
        rows = self._sql.execute("SELECT device FROM preauthorised WHERE house_no = ?", (house_no,))
        return frozenset(device for (device,) in rows)

    def device(self, name: str) -> DeviceNow | None:
        row = self._sql.execute(_SQL["device"], (name,)).fetchone()
        if row is None:
            return None
        device_no, name, house, revoked_at_ms = row
        return DeviceNow(device_no, name, house, self._keys(device_no), revoked_at_ms)

    def _keys(self, device_no: int) -> tuple[KeyNow, ...]:
        return tuple(KeyNow(*row) for row in self._sql.execute(_SQL["keys"], (device_no,)))

    def add_enrolment(self, row: Enrolled) -> None:
        self._sql.execute("INSERT INTO enrolment VALUES (?, ?, ?, ?, ?, ?)", row)

    def add_certificate(
        self, certificate: Certificate, profile: Profile, device_no: int | None, now_ms: int
    ) -> int:
        row = certificate._asdict() | {
            "profile": profile,
            "device_no": device_no,
            "issued_at_ms": now_ms,
        }
        (number,) = self._sql.execute(_SQL["add-certificate"], row).fetchone()
        return int(number)

    def certificates(self, key_sha256: bytes) -> list[Kept]:
        return self._certificates(key=key_sha256)

    def all_certificates(self) -> list[Kept]:
        return self._certificates()

    def device_certificates(self, device_no: int) -> list[Kept]:
        return self._certificates(device_no=device_no)

    def _certificates(self, key: bytes | None = None, device_no: int | None = None) -> list[Kept]:
        asked = {"key": key, "device_no": device_no}
        return [Kept(*row) for row in self._sql.execute(_SQL["certificates"], asked)]

    def certificate_owner(self, key_sha256: bytes) -> str | None:
        row = self._sql.execute(_SQL["owner"], {"key": key_sha256}).fetchone()
        return None if row is None else str(row[0])

    def is_server_or_collector(self, name: str) -> bool:
        row = self._sql.execute(
            "SELECT 1 FROM certificate WHERE subject = ? AND device_no IS NULL LIMIT 1", (name,)
        )
        return row.fetchone() is not None

    def revoke_certificates(self, numbers: Collection[int], at_ms: int, reason: Reason) -> None:
        self._sql.executemany(
            _SQL["revoke-certificate"],
            [{"certificate_no": one, "at_ms": at_ms, "reason": reason} for one in numbers],
        )

    def ask(self, device_no: int, key_sha256: bytes, csr: str, now_ms: int) -> None:
        self._sql.execute(
            _SQL["ask"],
            {"device_no": device_no, "key": key_sha256, "csr": csr, "now_ms": now_ms},
        )

    def asked(self) -> list[Asked]:
        return [Asked(*row) for row in self._sql.execute(_SQL["asked"])]

    def answer(self, request_no: int, certificate_no: int) -> None:
        self._sql.execute(
            "UPDATE certificate_request SET certificate_no = ? WHERE request_no = ?",
            (certificate_no, request_no),
        )

    def revoked(self, issuer: str, now_ms: int) -> list[Revoked]:
        asked = {"issuer": issuer, "since_ms": now_ms - _EXPIRED_KEPT_MS}
        rows = self._sql.execute(_SQL["revoked"], asked)
        return [Revoked(serial, at_ms, Reason(reason)) for serial, at_ms, reason in rows]

    def revoked_serials(self) -> frozenset[str]:
        rows = self._sql.execute("SELECT serial FROM certificate WHERE revoked_at_ms IS NOT NULL")
        return frozenset(serial for (serial,) in rows)

    def last_revoked_ms(self) -> int:
        row = self._sql.execute("SELECT coalesce(max(revoked_at_ms), 0) FROM certificate")
        return int(row.fetchone()[0])

    def next_crl_number(self) -> int:
        self._sql.execute("UPDATE crl_number SET number = number + 1")
        (number,) = self._sql.execute("SELECT number FROM crl_number").fetchone()
        return int(number)

    def revoke_device(
        self, device_no: int, at_ms: int, by: str, why: str, *, takes_backlog: bool
    ) -> None:
        self._sql.execute(
            "INSERT INTO device_revocation VALUES (?, ?, ?, ?, ?)",
            (device_no, at_ms, by, why, int(takes_backlog)),
        )

    def revoked_devices(self) -> list[RevokedDevice]:
        rows = self._sql.execute(
            "SELECT d.name, r.why, r.takes_backlog FROM device_revocation r"
            " JOIN device d USING (device_no) ORDER BY r.revoked_at_ms, d.name"
        )
        return [RevokedDevice(name, why, bool(takes)) for name, why, takes in rows]

    def refuse(self, refusal: NotLetIn, source: str, now_ms: int) -> bool:
        row = {
            "hour_ms": now_ms - now_ms % _HOUR_MS,
            "now_ms": now_ms,
            "reason": refusal.why,
            "invitation": refusal.invitation,
            "device": refusal.device,
            "fingerprint": refusal.fingerprint,
            "source": source,
            "detail": refusal.detail,
        }
        (met,) = self._sql.execute(_SQL["met-this-hour"], row).fetchone()
        self._sql.execute(_SQL["refuse"], row)
        self._sql.execute(_SQL["drop-refusals"], {"reason": refusal.why, "kept": REFUSALS_KEPT})
        return not met

    def refusals(self, limit: int) -> list[RefusalRow]:
        return [RefusalRow(*row) for row in self._sql.execute(_SQL["refusals"], (limit,))]

    def identities(self, house: str | None = None) -> list[IdentityRow]:
        rows = self._sql.execute(_SQL["identities"], {"house": house}).fetchall()
        return [
            IdentityRow._make((*row[1:3], self._keys(row[0]), *row[3:7], bool(row[7]), *row[8:]))
            for row in rows
        ]
