"""Linking a personal account to whoever signed in: its number, and the code from its bill.

What a stranger could learn something from is answered in one way: a number that there is not, and
a number with another's code, "do not belong together". What depends only on what was typed is told
exactly: the field, and what was expected there. A code that carries its check sign was typed
without a slip, so a wrong pair says where to look first, and that too tells nothing of our
accounts. Only who has the very code of an account hears that its time is over.

Wrong pairs are counted before they are answered, for the identity and for the account. The code
has 35 bits: 30 a day at an account find it in a million years. A neighbour who types wrong pairs
to lock somebody out does so for a day, needs three accounts to do it, and is in the audit log.
"""

import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from gateway import periods
from gateway.resident.model import Dwelling, ResidentError
from gateway.resident.secrets import NONCE_BYTES
from gateway.resident.signin import SignIns, note
from gateway.resident.signin_ports import AccountsPort, LinkedBy, SignIn
from gateway.resident.signin_secrets import CODE_CHARS, SignInSecrets, is_sound, typed_code

DAY_MS = 86_400_000
# A bill lies on the table for a month or two; the next one has the next code.
BILL_DAYS, BILL_DAYS_MAX = 62, 366
# Ten slips are an evening with bad glasses.
TRIES_OF_IDENTITY_MAX, TRIES_AT_ACCOUNT_MAX = 10, 30
# A family with its grown children; more at one dwelling is looked at by a person.
LINKED_TO_MAX = 8
# A landlord with a staircase of flats.
DWELLINGS_MAX = 20
NUMBER_CHARS_MAX = 64
_BETWEEN = set(" -/.№")


class Field(StrEnum):
    """Which field is to be put right."""

    NUMBER = "number"
    CODE = "code"
    BOTH = "both"


class Not(StrEnum):
    """Why a dwelling was not linked."""

    NO_NUMBER = "no_number"
    """No digit, or a sign that no number has."""
    CODE_LENGTH = "code_length"
    CODE_SLIP = "code_slip"
    """The check sign does not fit: one sign was read or typed wrongly."""
    NO_PAIR = "no_pair"
    OVER = "code_over"
    TOO_OFTEN = "too_often"
    TOO_MANY = "too_many"


_FIELDS = {
    Not.NO_NUMBER: Field.NUMBER,
    Not.CODE_LENGTH: Field.CODE,
    Not.CODE_SLIP: Field.CODE,
    Not.OVER: Field.CODE,
}


class LinkingError(ResidentError):
    """Nothing was linked; `field` is what to put right, `got` how many signs a code had."""

    def __init__(self, kind: Not, got: int = 0) -> None:
        super().__init__(f"the dwelling was not linked: {kind}")
        self.kind, self.field, self.got = kind, _FIELDS.get(kind, Field.BOTH), got


class Coded(NamedTuple):
    """An account with the code for its bill; `until_ms` is its end."""

    dwelling: Dwelling
    code: str
    until_ms: int


class BillCodes:
    """The codes on bills."""

    def __init__(self, port: AccountsPort, key: SignInSecrets) -> None:
        self._port, self._key = port, key

    def code_of(self, dwelling: Dwelling, period: str, now_ms: int, days: int = BILL_DAYS) -> Coded:
        """The code for an account's bill of a period, made now or before; good `days` after it.

        In the transaction that is open; whoever calls writes it to the audit log.
        """
        ends_ms = periods.bounds(period, dwelling.zone)[1] + days * DAY_MS
        if ends_ms <= now_ms:
            raise ResidentError(
                f"{period}: expected a period whose bill is still of use: it is over"
            )
        found = self._port.bill_code(dwelling.account_no, period)
        if found is None:
            nonce = secrets.token_bytes(NONCE_BYTES)
            self._port.add_bill_code(dwelling.account_no, period, nonce, (now_ms, ends_ms))
        else:
            nonce, ends_ms = found.nonce, found.expires_ms
        return Coded(dwelling, self._key.bill_code(dwelling.account_no, period, nonce), ends_ms)

    def ends_ms(self, account_no: int, code: str) -> int | None:
        """When a code of an account ends, or ended; None for what is none of its codes."""
        found = None
        # All are compared, also after one that fits: time tells nothing of which it was.
        for one in self._port.bill_codes(account_no):
            expected = self._key.bill_code(account_no, one.period, one.nonce)
            if hmac.compare_digest(expected.encode(), code.encode()):
                found = one.expires_ms
        return found


class Linking:
    """Links dwellings by number and code; `clock` says now, in ms UTC."""

    def __init__(
        self, port: AccountsPort, key: SignInSecrets, signins: SignIns, clock: Callable[[], int]
    ) -> None:
        self._port, self._signins, self._clock = port, signins, clock
        self._codes = BillCodes(port, key)

    def link(self, secret: str, number: str, code: str) -> Dwelling:
        """Link a dwelling and look at it; LinkingError says which field to put right."""
        number, code = checked_number(number), checked_code(code)
        now_ms = self._clock()
        with self._port.transaction():
            signin = self._signins.required(secret)
            dwelling = self._port.by_number(number) or self._port.by_number(_bare(number))
            refused = self._refused(signin, dwelling, code, now_ms)
            if refused is None and dwelling is not None:
                self._linked(signin, dwelling, now_ms)
                return dwelling
            # Kept, though nothing is linked: the try counts.
            if refused in {Not.NO_PAIR, Not.OVER}:
                account_no = dwelling.account_no if dwelling else None
                self._port.add_try(signin.identity_no, account_no, now_ms)
                note(
                    self._port, now_ms, signin, "resident not linked", dwelling, after=str(refused)
                )
        raise LinkingError(refused or Not.NO_PAIR)

    def _refused(
        self, signin: SignIn, dwelling: Dwelling | None, code: str, now_ms: int
    ) -> Not | None:
        since_ms = now_ms - DAY_MS
        if self._port.tries_of(signin.identity_no, since_ms) >= TRIES_OF_IDENTITY_MAX:
            return Not.TOO_OFTEN
        account_no = dwelling.account_no if dwelling else -1
        if self._port.tries_at(account_no, since_ms) >= TRIES_AT_ACCOUNT_MAX:
            # Told as a wrong pair: whether a number has an account is nobody's business.
            return Not.NO_PAIR
        ends_ms = self._codes.ends_ms(account_no, code)
        if ends_ms is None:
            return Not.NO_PAIR
        if now_ms >= ends_ms:
            return Not.OVER
        return self._full(signin, account_no)

    def _full(self, signin: SignIn, account_no: int) -> Not | None:
        """Whether there is room; the same dwelling again needs none."""
        mine = self._port.linked(signin.identity_no)
        if any(one.dwelling.account_no == account_no for one in mine):
            return None
        full = len(mine) >= DWELLINGS_MAX or self._port.linked_to(account_no) >= LINKED_TO_MAX
        return Not.TOO_MANY if full else None

    def _linked(self, signin: SignIn, dwelling: Dwelling, now_ms: int) -> None:
        mine = self._port.linked(signin.identity_no)
        if all(one.dwelling.account_no != dwelling.account_no for one in mine):
            new = (signin.identity_no, dwelling.account_no, LinkedBy.BILL, now_ms)
            self._port.add_linked(*new)
            said = "by the code on a bill"
            note(self._port, now_ms, signin, "resident linked", dwelling, after=said)
        self._port.choose(signin.signin_no, dwelling.account_no)


def checked_number(text: str) -> str:
    """An account's number as it was typed; LinkingError for what is none of any house."""
    number = " ".join(text.split())
    signs = [sign for sign in number if sign not in _BETWEEN]
    sound = all(sign.isalnum() for sign in signs) and any(sign.isdigit() for sign in signs)
    if not sound or len(number) > NUMBER_CHARS_MAX:
        raise LinkingError(Not.NO_NUMBER)
    return number


def checked_code(text: str) -> str:
    """A code as it is compared; LinkingError for one that no bill has."""
    code = typed_code(text[:NUMBER_CHARS_MAX])
    if len(code) != CODE_CHARS:
        raise LinkingError(Not.CODE_LENGTH, len(code))
    if not is_sound(code):
        raise LinkingError(Not.CODE_SLIP)
    return code


def _bare(number: str) -> str:
    return "".join(sign for sign in number if sign not in _BETWEEN)
