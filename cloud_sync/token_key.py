"""A signing key in a PKCS#11 token: it signs there, and there is no way to take it out.

The only user of the PKCS#11 library, which is an extra (`plomba[token]`). A process logs in once
for each module: PKCS#11 keeps one login for all sessions of a program, so that a second session
that ended would log the first one out. After a failure everything is opened anew once. A PIN that
the token refused is not tried again until its file says another, and the last try that a token
grants is left to a person: nothing here locks a token.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag
from pkcs11.exceptions import PKCS11Error

from cloud_sync import private_file, signing
from cloud_sync.signing import KeyFileError, KeyUnavailable, SealError, VerifyKey
from cloud_sync.token_uri import NEXT, TokenUri

T = TypeVar("T")

# The curve's OBJECT IDENTIFIER 1.3.101.112 of RFC 8410, in DER (PKCS#11 3.0, 6.3.4).
_ED25519 = bytes.fromhex("06032b6570")
_POINT_BYTES = 32
# PINs have 4 to 255 characters.
PIN_BYTES_MAX = 256
# What CKA_ID of a new key is: the public half is found by it, whatever the label becomes.
_ID_BYTES = 8
OLD = ".old"
"""What a key's label ends with that is no longer in use."""
_PROBE = "plomba/probe"


class _Open(NamedTuple):
    session: pkcs11.Session
    token: pkcs11.Token


class _Module:
    """One PKCS#11 library, with the one session of this process in each of its tokens."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = RLock()
        self.age = 0
        """Counts up whenever everything was closed: older handles are worth nothing."""
        self._sessions: dict[tuple[str, str], _Open] = {}
        self._refused_pins: dict[tuple[str, str], bytes] = {}

    def is_open(self, uri: TokenUri) -> bool:
        return (uri.token, uri.serial) in self._sessions

    def session(self, uri: TokenUri) -> pkcs11.Session:
        known = self._sessions.get((uri.token, uri.serial))
        if known is None:
            known = self._open(uri)
            self._sessions[(uri.token, uri.serial)] = known
        return known.session

    def reset(self) -> None:
        """Forget every session; a module sees a token that came back only when begun anew."""
        self.age += 1
        sessions, self._sessions = self._sessions, {}
        for one in sessions.values():
            with suppress(PKCS11Error):
                one.session.close()
        pkcs11.lib(self.path).reinitialize()

    def _open(self, uri: TokenUri) -> _Open:
        token = _the_token(pkcs11.lib(self.path), uri)
        pin = _pin(Path(uri.pin_source))
        _refuse_last_try(token, uri)
        if pin == self._refused_pins.get((uri.token, uri.serial)):
            raise KeyUnavailable(_wrong_pin(uri))
        try:
            session = token.open(rw=True, user_pin=pin.decode("utf-8"))
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange):
            self._refused_pins[(uri.token, uri.serial)] = pin
            raise KeyUnavailable(_wrong_pin(uri)) from None
        return _Open(session, token)


_MODULES: dict[str, _Module] = {}


class TokenKey:
    """A key that stays in its token; sealing raises KeyUnavailable while it is not there."""

    def __init__(self, uri: TokenUri) -> None:
        self._uri = uri
        self._module = _module(uri)
        self._age = -1
        self._private: pkcs11.PrivateKey | None = None
        self.public = self._done(self._read_public)
        self.probe()

    @classmethod
    def load(cls, uri: TokenUri) -> "TokenKey":
        """The key there; KeyFileError with one line if there is none."""
        _settle(uri)
        return cls(uri)

    def seal(self, payload: bytes, topic: str) -> bytes:
        """The COSE_Sign1 message of `payload`, bound to `topic`; KeyUnavailable."""
        return signing.seal_with(self.public, self._sign, payload, topic)

    def probe(self) -> None:
        """KeyUnavailable unless the token signs now, with the key whose public half it shows."""
        try:
            self.public.verify(signing.parse(self.seal(b"", _PROBE)), _PROBE)
        except SealError:
            raise KeyUnavailable(
                f"{self._uri}: what it signs is not of the public key beside it"
            ) from None

    def _sign(self, data: bytes) -> bytes:
        def work(session: pkcs11.Session) -> bytes:
            signature: bytes = self._held(session).sign(data, mechanism=Mechanism.EDDSA)
            return signature

        return self._done(work)

    # What a key can do the library mixes in at run time, unseen by its types.
    def _held(self, session: pkcs11.Session) -> Any:
        if self._private is None or self._age != self._module.age:
            self._private, self._age = _private(session, self._uri), self._module.age
        return self._private

    def _read_public(self, session: pkcs11.Session) -> VerifyKey:
        return _public(session, self._held(session), self._uri)

    def _done(self, work: Callable[[pkcs11.Session], T]) -> T:
        return _done(self._module, self._uri, work)


def exists(uri: TokenUri) -> bool:
    """Whether the token holds such a key; KeyFileError where it cannot be asked."""
    return bool(_done(_module(uri), uri, lambda session: _found(session, uri.object)))


def generate(uri: TokenUri) -> None:
    """Make a key in the token; KeyFileError if there is one, which is never replaced."""

    def work(session: pkcs11.Session) -> None:
        if _found(session, uri.object):
            raise KeyFileError(f"{uri} exists: a device has one key")
        _generate(session, uri)

    _done(_module(uri), uri, work)


def switch(uri: TokenUri) -> None:
    """Put the key that waits in place of the one in use, and destroy that one."""

    def work(session: pkcs11.Session) -> None:
        _private(session, uri)[Attribute.LABEL] = uri.object + OLD

    _done(_module(uri), uri, work)
    _settle(uri)


def _settle(uri: TokenUri) -> None:
    """Bring a switch to its end: a key is called old only once its follower is known."""

    def work(session: pkcs11.Session) -> None:
        old = _found(session, uri.object + OLD)
        if not old:
            return
        if not _found(session, uri.object):
            _private(session, uri._replace(object=uri.object + NEXT))[Attribute.LABEL] = uri.object
        for key in old:
            for half in _halves(session, key):
                half.destroy()

    _done(_module(uri), uri, work)


def _module(uri: TokenUri) -> _Module:
    return _MODULES.setdefault(uri.module_path, _Module(uri.module_path))


def _done(module: _Module, uri: TokenUri, work: Callable[[pkcs11.Session], T]) -> T:
    """`work` in a session, once more in a new one where the first had died."""
    with module.lock:
        try:
            was_open = module.is_open(uri)
            try:
                return work(module.session(uri))
            except (KeyUnavailable, PKCS11Error) as error:
                # Some modules show a session whose token has gone as one with nothing in it.
                if isinstance(error, KeyUnavailable) and not was_open:
                    raise
                module.reset()
                return work(module.session(uri))
        except PKCS11Error as error:
            raise KeyUnavailable(f"{uri}: {_said(error)}") from error


def _said(error: PKCS11Error) -> str:
    if isinstance(error, pkcs11.NoSuchToken):
        return "no such token is there"
    if isinstance(error, pkcs11.MultipleTokensReturned):
        return "several tokens bear this name: add serial="
    if isinstance(error, pkcs11.PinLocked):
        return "its PIN is locked: unlock it with the security officer's PIN"
    text = str(error).splitlines()[0] if str(error) else ""
    return f"the token does not do it ({type(error).__name__}{': ' if text else ''}{text})"


def _the_token(library: Any, uri: TokenUri) -> pkcs11.Token:
    wanted = {"token_label": uri.token or None, "token_serial": uri.serial.encode() or None}
    token: pkcs11.Token = library.get_token(**{name: one for name, one in wanted.items() if one})
    return token


def _refuse_last_try(token: pkcs11.Token, uri: TokenUri) -> None:
    if TokenFlag.USER_PIN_LOCKED in token.flags:
        raise KeyUnavailable(f"{uri}: {_said(pkcs11.PinLocked())}")
    if TokenFlag.USER_PIN_FINAL_TRY in token.flags:
        raise KeyUnavailable(
            f"{uri}: one more wrong PIN would lock it, so it is not tried: log in by hand once "
            f"with the right one, and correct {uri.pin_source}"
        )


def _wrong_pin(uri: TokenUri) -> str:
    return f"{uri}: the PIN in {uri.pin_source} is wrong; it is not tried again until changed"


def _pin(path: Path) -> bytes:
    try:
        private_file.check(path, "PIN file")
        with path.open("rb") as file:
            pin = file.read(PIN_BYTES_MAX + 1).rstrip(b"\r\n")
    except OSError as error:
        raise KeyUnavailable(f"cannot read PIN file {path}: {error.strerror}") from error
    if not 0 < len(pin) <= PIN_BYTES_MAX or not pin.isascii() or b"\n" in pin:
        raise KeyUnavailable(f"PIN file {path}: expected one line with the PIN")
    return pin


def _found(session: pkcs11.Session, label: str) -> list[pkcs11.PrivateKey]:
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: label}
    return [one for one in session.get_objects(wanted) if isinstance(one, pkcs11.PrivateKey)]


def _private(session: pkcs11.Session, uri: TokenUri) -> pkcs11.PrivateKey:
    found = _found(session, uri.object)
    if len(found) != 1:
        what = "no such key is there: run plomba-edge enroll first"
        raise KeyUnavailable(f"{uri}: {'several keys bear this label' if found else what}")
    if found[0].key_type is not KeyType.EC_EDWARDS:
        raise KeyUnavailable(f"{uri}: expected an Ed25519 key")
    if found[0][Attribute.EXTRACTABLE] or not found[0][Attribute.SENSITIVE]:
        raise KeyUnavailable(f"{uri}: this key can be taken out of its token; make one with enroll")
    return found[0]


def _halves(session: pkcs11.Session, key: pkcs11.PrivateKey) -> list[pkcs11.Object]:
    """The public half and the private one, in the order of their destruction."""
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key[Attribute.ID]}
    return [*session.get_objects(wanted), key]


def _public(session: pkcs11.Session, key: pkcs11.PrivateKey, uri: TokenUri) -> VerifyKey:
    *found, _ = _halves(session, key)
    if len(found) != 1:
        raise KeyUnavailable(f"{uri}: expected one public key with its id, found {len(found)}")
    # An OCTET STRING with the point, or as some modules give it, the point itself.
    point = bytes(found[0][Attribute.EC_POINT])
    if point[:-_POINT_BYTES] not in (b"", b"\x04\x20") or len(point) < _POINT_BYTES:
        raise KeyUnavailable(f"{uri}: expected an Ed25519 key")
    return VerifyKey(point[-_POINT_BYTES:])


def _generate(session: pkcs11.Session, uri: TokenUri) -> None:
    if Mechanism.EC_EDWARDS_KEY_PAIR_GEN not in session.token.slot.get_mechanisms():
        raise KeyUnavailable(f"{uri}: this token makes no Ed25519 keys, which seal readings")
    session.create_domain_parameters(
        KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _ED25519}, local=True
    ).generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        store=True,
        label=uri.object,
        id=secrets.token_bytes(_ID_BYTES),
        private_template={
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.PRIVATE: True,
        },
    )
