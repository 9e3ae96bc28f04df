"""Passkeys: signing in with the phone itself, for whoever has been let in before.

A phone makes a pair of keys for this site and keeps the secret half behind its own lock; the ledger
has the public half. Whoever came by a link and its code is no provider's: the contact that the code
went to is who they are, linked to that dwelling alone. A link on paper is too little for it: it
would make of one slip a way in for good.

A challenge is for one browser, one purpose, one answer and five minutes. It is kept here and not in
a cookie, since only what is kept can be used up; after a restart one taps again.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from gateway.audit import Act
from gateway.resident.linking import LINKED_TO_MAX
from gateway.resident.model import Dwelling, ResidentError
from gateway.resident.secrets import hashed
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import PASSKEY, AccountsPort, LinkedBy, Passkey, SignIn
from gateway.resident.signin_secrets import SignInSecrets

# As long as a person looks for the finger that the phone knows.
CHALLENGE_MS = 5 * 60_000
# Some 200 bytes each; whoever asks for more pushes out the oldest, who taps again.
CHALLENGES_MAX = 10_000
# Phones, a tablet, a computer.
PASSKEYS_MAX = 10
_CHALLENGE_BYTES = 32
# WebAuthn level 2, 5.8.3: an authenticator makes none longer than 1023 bytes.
CREDENTIAL_BYTES_MAX = 1023
_KEY_BYTES_MAX = 2048


class PasskeyError(ResidentError):
    """A passkey that opens or adds nothing."""


class TooManyError(PasskeyError):
    """An identity has as many as it may."""


class Site(NamedTuple):
    """For what site phones make keys: its name, and the addresses its pages may have."""

    rp_id: str
    origins: tuple[str, ...]
    name: str = "plomba"


class Owner(NamedTuple):
    """Whose passkeys: `mac` is how the ledger knows them, `identity_no` None until they have one.

    `home`: the dwelling that their first passkey links, None for whoever signed in. `actor` names
    the browser in the audit log.
    """

    identity_no: int | None
    mac: bytes
    home: Dwelling | None
    actor: str


class Challenges:
    """Challenges that wait for an answer, each by purpose and browser."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, bytes], tuple[bytes, int]] = OrderedDict()

    def make(self, purpose: str, browser: str) -> bytes:
        """A new one; the one before it in that browser is over."""
        challenge = secrets.token_bytes(_CHALLENGE_BYTES)
        self._kept.pop((purpose, hashed(browser)), None)
        self._kept[purpose, hashed(browser)] = (challenge, self._clock() + CHALLENGE_MS)
        if len(self._kept) > CHALLENGES_MAX:
            self._kept.popitem(last=False)
        return challenge

    def take(self, purpose: str, browser: str) -> bytes:
        """The one that waits, once; PasskeyError where there is none."""
        challenge, until_ms = self._kept.pop((purpose, hashed(browser)), (b"", 0))
        if self._clock() >= until_ms:
            raise PasskeyError("no challenge waits for this answer: begin again")
        return challenge


class Passkeys:
    """The passkeys of one ledger; a browser is named by a secret of its own."""

    def __init__(
        self,
        port: AccountsPort,
        key: SignInSecrets,
        signins: SignIns,
        site: Site,
        clock: Callable[[], int],
    ) -> None:
        self._port, self._key, self._signins, self._site = port, key, signins, site
        self._clock, self._challenges = clock, Challenges(clock)

    def signed_in(self, signin: SignIn) -> Owner:
        """Whoever signed in."""
        return Owner(signin.identity_no, signin.mac, None, f"sign-in {signin.signin_no}")

    def by_contact(self, contact_no: int, home: Dwelling, session_no: int) -> Owner:
        """Whoever showed the code that went to a contact."""
        mac = self._key.subject(PASSKEY, f"contact {contact_no}")
        return Owner(self._port.identity(mac), mac, home, f"session {session_no}")

    def of(self, owner: Owner) -> list[Passkey]:
        """Somebody's, the oldest first."""
        return [] if owner.identity_no is None else self._port.passkeys(owner.identity_no)

    def begin_adding(self, owner: Owner, browser: str, shown: str) -> dict[str, Any]:
        """What a phone is asked to make a key for; `shown` is what it lists the key under."""
        present = self._with_room(owner)
        options = generate_registration_options(
            rp_id=self._site.rp_id,
            rp_name=self._site.name,
            user_name=shown,
            user_id=self._key.handle(owner.mac),
            challenge=self._challenges.make("add", browser),
            timeout=CHALLENGE_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=one.credential_id) for one in present
            ],
        )
        return options_to_json_dict(options)

    def add(self, owner: Owner, browser: str, answer: dict[str, Any]) -> None:
        """Keep the key that a phone made; PasskeyError for any other answer."""
        challenge = self._challenges.take("add", browser)
        made = made_key(answer, challenge, self._site)
        with self._port.transaction():
            self._with_room(owner)
            if self._port.passkey(made.credential_id) is not None:
                raise PasskeyError("this key is known already: sign in with it")
            identity_no = self._identity(owner)
            new = (made.credential_id, made.credential_public_key, made.sign_count)
            self._port.add_passkey(Passkey(0, identity_no, *new, self._clock(), None))
            self._note(owner, "resident passkey added", f"identity {identity_no}")

    def remove(self, owner: Owner, passkey_no: int) -> None:
        """Delete one of somebody's; browsers that signed in by a passkey sign in again."""
        with self._port.transaction():
            if all(one.passkey_no != passkey_no for one in self.of(owner)):
                raise PasskeyError("this passkey is not there any more: open the list again")
            self._port.drop_passkey(passkey_no)
            self._note(owner, "resident passkey removed", f"passkey {passkey_no}")

    def _known(self, answer: dict[str, Any]) -> Passkey:
        """The passkey that an answer names."""
        try:
            credential_id = base64url_to_bytes(str(answer["rawId"]))
        except (ValueError, KeyError) as error:
            raise PasskeyError("expected an answer that names its passkey") from error
        found = self._port.passkey(credential_id)
        if found is None:
            raise PasskeyError("this passkey is not known here: it was removed")
        return found

    def _with_room(self, owner: Owner) -> list[Passkey]:
        """What is there, if one more may be."""
        present = self.of(owner)
        if len(present) >= PASSKEYS_MAX:
            raise TooManyError(f"there are {PASSKEYS_MAX} passkeys: remove one first")
        return present

    def _identity(self, owner: Owner) -> int:
        """The identity of whoever adds a key, made and linked if need be."""
        number, now_ms, home = owner.identity_no, self._clock(), owner.home
        if number is None:
            number = self._port.add_identity(PASSKEY, owner.mac, now_ms)
        linked = {one.dwelling.account_no for one in self._port.linked(number)}
        if home is not None and home.account_no not in linked:
            if self._port.linked_to(home.account_no) >= LINKED_TO_MAX:
                raise TooManyError(f"{LINKED_TO_MAX} people linked this dwelling: ask the office")
            self._port.add_linked(number, home.account_no, LinkedBy.LINK, now_ms)
            self._note(owner, "resident linked", f"identity {number} by link and code")
        return number

    def _note(self, owner: Owner, act: str, after: str) -> None:
        home = owner.home
        subject = f"account {home.number}" if home else f"identity {owner.identity_no}"
        self._port.append(Act(self._clock(), "resident", owner.actor, act, subject, "", after, ""))

    def begin_entering(self, browser: str) -> dict[str, Any]:
        """What any phone with a key for this site is asked to sign."""
        options = generate_authentication_options(
            rp_id=self._site.rp_id,
            challenge=self._challenges.make("enter", browser),
            timeout=CHALLENGE_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def enter(self, browser: str, answer: dict[str, Any]) -> str:
        """The secret of a new browser of whoever signed; PasskeyError for any other answer."""
        challenge = self._challenges.take("enter", browser)
        passkey = self._known(answer)
        try:
            signed = verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._site.rp_id,
                expected_origin=list(self._site.origins),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except Exception as error:  # as in made_key
            raise PasskeyError("expected a signature over our question") from error
        return self._signins.by_passkey(passkey, signed.new_sign_count)


def made_key(answer: dict[str, Any], challenge: bytes, site: Site) -> VerifiedRegistration:
    """The key that a phone made for a challenge; PasskeyError for any other answer.

    Nobody vouches for the phone itself: whoever may add a key here may add one of any maker.
    """
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=list(site.origins),
            require_user_verification=True,
        )
    except Exception as error:  # the library passes on errors of every parser under it
        raise PasskeyError("expected the answer of a phone to our question") from error
    long = len(made.credential_id) > CREDENTIAL_BYTES_MAX
    if long or len(made.credential_public_key) > _KEY_BYTES_MAX:
        raise PasskeyError("expected a key of at most two kilobytes")
    return made
