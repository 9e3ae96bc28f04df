"""What the pages of signing in ask of the house, answered over the ledger in the pages' words."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from cloud_sync.signing import SigningKey
from gateway.config_resident import ResidentConfig
from gateway.resident.linking import LinkingError
from gateway.resident.model import Dwelling, ResidentError, Via
from gateway.resident.oidc import Person
from gateway.resident.passkeys import Owner, PasskeyError, Passkeys, TooManyError
from gateway.resident.sessions import Sessions
from gateway.resident.signin import SignedOutError
from gateway.resident.signin_ports import Linked, Passkey
from gateway.resident.signin_wired import signing_in
from gateway.resident_web.ports import NotDone
from gateway.sql.engine import Database
from gateway.sql.resident import ResidentLedger

P = ParamSpec("P")
T = TypeVar("T")


class Wrong(NamedTuple):
    """Why number and code linked nothing: the field, and the key of the text with its number."""

    field: str
    kind: str
    got: int


class Mine(NamedTuple):
    """What whoever is in has: `linked` None for a session by link, which has one dwelling only."""

    home: Dwelling | None
    linked: list[Linked] | None
    passkeys: list[Passkey]
    may_add: bool


def _in_words(act: Callable[P, T]) -> Callable[P, T]:
    """Refusals as the pages tell them."""

    @wraps(act)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return act(*args, **kwargs)
        except SignedOutError as error:
            raise NotDone("signed_out", 401) from error
        except TooManyError as error:
            raise NotDone("passkey_many", 409) from error
        except PasskeyError as error:
            raise NotDone("passkey", 422) from error
        except LinkingError:
            raise
        except ResidentError as error:
            raise NotDone("no_page", 404) from error

    return told


class SignInDesk:
    """Over a ledger; used by the thread that owns it."""

    def __init__(
        self,
        database: Database,
        key: SigningKey,
        config: ResidentConfig,
        clock: Callable[[], int],
    ) -> None:
        self._all = signing_in(database, key, config, clock)
        self._ledger, self._clock = ResidentLedger(database), clock
        self._sessions = Sessions(self._ledger)
        self.secrets = self._all.secrets

    @_in_words
    def arrive(self, provider: str, person: Person) -> str:
        """The secret of a browser whose person a provider vouched for."""
        return self._all.signins.by_account(provider, person.issuer, person.subject)

    @_in_words
    def mine(self, secret: str) -> Mine | None:
        """What whoever is in has; None for nobody."""
        signin = self._all.signins.open(secret)
        if signin is not None:
            linked = self._all.signins.dwellings(signin)
            return Mine(
                self._all.signins.home(secret), linked, self._passkeys(secret), may_add=True
            )
        session = self._sessions.open(secret, self._clock())
        if session is None:
            return None
        may_add = self._owner(secret) is not None
        return Mine(session.dwelling, None, self._passkeys(secret), may_add=may_add)

    def link(self, secret: str, number: str, code: str) -> Wrong | None:
        """Link a dwelling; what is wrong where none was."""
        try:
            _in_words(self._all.linking.link)(secret, number, code)
        except LinkingError as error:
            return Wrong(error.field, error.kind, error.got)
        return None

    @_in_words
    def choose(self, secret: str, linked_no: int) -> None:
        """Look at one of the linked dwellings."""
        self._all.signins.choose(secret, linked_no)

    @_in_words
    def unlink(self, secret: str, linked_no: int) -> None:
        """Let go of one."""
        self._all.signins.unlink(secret, linked_no)

    @_in_words
    def begin_adding(self, secret: str, shown: str) -> dict[str, Any]:
        """What the phone is asked to make a key for."""
        return self._keys().begin_adding(self._required(secret), secret, shown)

    @_in_words
    def add(self, secret: str, answer: Mapping[str, Any]) -> None:
        """Keep the key that the phone made."""
        self._keys().add(self._required(secret), secret, dict(answer))

    @_in_words
    def remove(self, secret: str, passkey_no: int) -> None:
        """Delete one of one's own."""
        self._keys().remove(self._required(secret), passkey_no)

    @_in_words
    def begin_entering(self, browser: str) -> dict[str, Any]:
        """What any phone with a key is asked to sign."""
        return self._keys().begin_entering(browser)

    @_in_words
    def enter(self, browser: str, answer: Mapping[str, Any]) -> str:
        """The secret of a new browser of whoever signed."""
        return self._keys().enter(browser, dict(answer))

    def _keys(self) -> Passkeys:
        if self._all.passkeys is None:
            raise NotDone("no_page", 404)
        return self._all.passkeys

    def _passkeys(self, secret: str) -> list[Passkey]:
        owner = self._owner(secret)
        if owner is None or self._all.passkeys is None:
            return []
        return self._all.passkeys.of(owner)

    def _required(self, secret: str) -> Owner:
        owner = self._owner(secret)
        if owner is None:
            raise NotDone("signed_out", 401)
        return owner

    def _owner(self, secret: str) -> Owner | None:
        """Whose passkeys that browser may look after; a session by a slip of paper has none."""
        passkeys = self._all.passkeys
        if passkeys is None:
            return None
        signin = self._all.signins.look(secret)
        if signin is not None:
            return passkeys.signed_in(signin)
        session = self._sessions.look(secret, self._clock())
        if session is None or session.via is not Via.CODE:
            return None
        link = self._ledger.link_by_number(session.link_no)
        if link is None or link.contact_no is None:
            return None
        return passkeys.by_contact(link.contact_no, session.dwelling, session.session_no)
