"""Residents who sign in, in the ledger: identities, linked dwellings, passkeys, codes on bills."""

from pathlib import Path
from typing import Any, Final

from gateway.resident.model import Dwelling
from gateway.resident.signin_ports import BillCode, Linked, LinkedBy, Passkey, SignedBy, SignIn
from gateway.sql.resident import Dwellings
from gateway.sql.statements import named

SQL: Final = named(Path(__file__).with_suffix(".sql"))


class AccountsLedger(Dwellings):
    """`AccountsPort` on one ledger."""

    def dwellings(self, house: str | None) -> list[Dwelling]:
        """All accounts of a house, or of all of them."""
        return [Dwelling(*row) for row in self._sql.execute(SQL["accounts-of"], {"house": house})]

    # Identities and their dwellings ---------------------------------------------------------

    def identity(self, subject_mac: bytes) -> int | None:
        row = self._sql.execute(SQL["identity"], (subject_mac,)).fetchone()
        return None if row is None else int(row[0])

    def add_identity(self, provider: str, subject_mac: bytes, now_ms: int) -> int:
        return self._number("add-identity", (provider, subject_mac, now_ms))

    def linked(self, identity_no: int) -> list[Linked]:
        return [
            Linked(row[0], Dwelling(*row[1:6]), LinkedBy(row[6]), row[7])
            for row in self._sql.execute(SQL["linked"], (identity_no,))
        ]

    def linked_to(self, account_no: int) -> int:
        return self._number("linked-to", (account_no,))

    def add_linked(self, identity_no: int, account_no: int, via: LinkedBy, now_ms: int) -> None:
        self._sql.execute(SQL["add-linked"], (identity_no, account_no, via.value, now_ms))

    def end_linked(self, identity_no: int, account_no: int, now_ms: int) -> None:
        asked = {"identity": identity_no, "account": account_no, "now": now_ms}
        self._sql.execute(SQL["end-linked"], asked)
        self._sql.execute(SQL["leave-dwelling"], asked)

    # Browsers -------------------------------------------------------------------------------

    def add_signin(
        self, secret_sha256: bytes, identity_no: int, via: SignedBy, span: tuple[int, int]
    ) -> int:
        begun, ends = span
        new = (secret_sha256, identity_no, via.value, begun, begun, ends)
        return self._number("add-signin", new)

    def signin(self, secret_sha256: bytes) -> SignIn | None:
        row = self._sql.execute(SQL["signin"], (secret_sha256,)).fetchone()
        return (
            None
            if row is None
            else SignIn(row[0], row[1], row[2], row[3], SignedBy(row[4]), *row[5:])
        )

    def seen_signin(self, signin_no: int, now_ms: int) -> None:
        self._sql.execute(
            "UPDATE resident_signin SET seen_ms = ? WHERE signin_no = ?", (now_ms, signin_no)
        )

    def choose(self, signin_no: int, account_no: int | None) -> None:
        self._sql.execute(
            "UPDATE resident_signin SET account_no = ? WHERE signin_no = ?", (account_no, signin_no)
        )

    def end_signin(self, signin_no: int, now_ms: int) -> None:
        self._sql.execute(
            "UPDATE resident_signin SET ended_ms = ? WHERE signin_no = ?", (now_ms, signin_no)
        )

    # Passkeys -------------------------------------------------------------------------------

    def passkeys(self, identity_no: int) -> list[Passkey]:
        return [Passkey(*row) for row in self._sql.execute(SQL["passkeys"], (identity_no,))]

    def passkey(self, credential_id: bytes) -> Passkey | None:
        row = self._sql.execute(SQL["passkey"], (credential_id,)).fetchone()
        return None if row is None else Passkey(*row)

    def add_passkey(self, new: Passkey) -> None:
        kept = (new.identity_no, new.credential_id, new.public_key, new.sign_count, new.made_ms)
        self._sql.execute(SQL["add-passkey"], kept)

    def used_passkey(self, passkey_no: int, sign_count: int, now_ms: int) -> None:
        self._sql.execute(SQL["used-passkey"], (sign_count, now_ms, passkey_no))

    def drop_passkey(self, passkey_no: int) -> None:
        self._sql.execute(SQL["end-signins-of-passkey"], (passkey_no,))
        self._sql.execute("DELETE FROM resident_passkey WHERE passkey_no = ?", (passkey_no,))

    # Codes on bills -------------------------------------------------------------------------

    def bill_codes(self, account_no: int) -> list[BillCode]:
        return [BillCode(*row) for row in self._sql.execute(SQL["bill-codes"], (account_no,))]

    def bill_code(self, account_no: int, period: str) -> BillCode | None:
        row = self._sql.execute(SQL["bill-code"], (account_no, period)).fetchone()
        return None if row is None else BillCode(*row)

    def add_bill_code(
        self, account_no: int, period: str, nonce: bytes, span: tuple[int, int]
    ) -> None:
        self._sql.execute(SQL["add-bill-code"], (account_no, period, nonce, *span))

    def add_try(self, identity_no: int, account_no: int | None, now_ms: int) -> None:
        self._sql.execute(
            "INSERT INTO linking_try (identity_no, account_no, at_ms) VALUES (?, ?, ?)",
            (identity_no, account_no, now_ms),
        )

    def tries_of(self, identity_no: int, since_ms: int) -> int:
        return self._number("tries-of", (identity_no, since_ms))

    def tries_at(self, account_no: int, since_ms: int) -> int:
        return self._number("tries-at", (account_no, since_ms))

    def end_all(self, account_no: int, now_ms: int) -> dict[str, int]:
        """End all that lets anybody in for an account by signing in; how much of each there was."""
        asked = {"account": account_no, "now": now_ms}
        steps = ("linked", "phones", "signins", "bill-codes")
        return {
            what.replace("-", " "): self._sql.execute(SQL[f"end-all-{what}"], asked).rowcount
            for what in steps
        }

    def _number(self, statement: str, asked: Any) -> int:
        return int(self._sql.execute(SQL[statement], asked).fetchone()[0])
