"""A signing key in a real token: it seals as a file's does, and cannot be taken out."""

from typing import NamedTuple, cast

import cwt
import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass, TokenFlag

from cloud_sync import signing, token_key, token_uri
from cloud_sync.signing import KeyFileError, KeyUnavailable, SealError
from cloud_sync.token_key import TokenKey
from cloud_sync.token_uri import TokenUri
from tests.cloud_sync.software_token import MODULE, PIN, SoftwareToken, token

__all__ = ["token"]
pytestmark = pytest.mark.softhsm
TOPIC = "plomba/v1/edge-1/batch"


@pytest.fixture
def key(token: SoftwareToken) -> TokenKey:
    token_key.generate(token.uri())
    return TokenKey.load(token.uri())


def test_what_the_token_seals_the_ordinary_key_and_a_foreign_library_verify(key: TokenKey) -> None:
    message = key.seal(b"payload", TOPIC)
    sealed = signing.parse(message)
    assert sealed.key_id == key.public.key_id
    key.public.verify(sealed, TOPIC)
    with pytest.raises(SealError):
        key.public.verify(sealed, "plomba/v1/edge-2/batch")
    foreign = cwt.COSEKey.from_pem(key.public.to_pem().decode(), kid=key.public.key_id)
    assert cwt.COSE.new().decode(message, foreign, external_aad=TOPIC.encode()) == b"payload"


def test_the_key_cannot_be_taken_out(key: TokenKey, token: SoftwareToken) -> None:
    session = key._module.session(token.uri())
    (private,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
    with pytest.raises(pkcs11.AttributeSensitive):
        private[Attribute.VALUE]
    for named in (Attribute.EXTRACTABLE, Attribute.SENSITIVE):
        with pytest.raises(pkcs11.exceptions.PKCS11Error):
            private[named] = named is Attribute.EXTRACTABLE
    assert private[Attribute.NEVER_EXTRACTABLE]
    assert private[Attribute.ALWAYS_SENSITIVE]
    assert private[Attribute.LOCAL]


def test_a_key_that_could_be_taken_out_is_not_used(token: SoftwareToken) -> None:
    uri = token.uri()
    with pytest.raises(KeyUnavailable):
        TokenKey.load(uri)
    session = token_key._module(uri).session(uri)
    session.create_domain_parameters(
        pkcs11.KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: token_key._ED25519}, local=True
    ).generate_keypair(
        mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        store=True,
        label=uri.object,
        id=b"1",
        private_template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
    )
    with pytest.raises(KeyUnavailable, match="can be taken out of its token"):
        TokenKey.load(uri)


def test_many_seals_in_one_session_beside_a_second_reader(
    key: TokenKey, token: SoftwareToken
) -> None:
    again = TokenKey.load(token.uri())
    assert again.public.key_id == key.public.key_id
    age = key._module.age
    for number in range(500):
        one = (key, again)[number % 2]
        key.public.verify(signing.parse(one.seal(bytes([number % 256]), TOPIC)), TOPIC)
    assert key._module.age == age


def test_there_is_one_key_and_it_is_never_replaced(key: TokenKey, token: SoftwareToken) -> None:
    assert token_key.exists(token.uri())
    assert not token_key.exists(token.uri("other"))
    with pytest.raises(KeyFileError, match="object signing exists: a device has one key"):
        token_key.generate(token.uri())
    assert TokenKey.load(token.uri()).public.key_id == key.public.key_id


def test_a_token_pulled_out_stops_sealing_until_it_is_back(
    key: TokenKey, token: SoftwareToken
) -> None:
    key.seal(b"1", TOPIC)
    token.pull()
    for _ in range(3):
        with pytest.raises(KeyUnavailable, match="object signing: no such token is there"):
            key.seal(b"2", TOPIC)
    token.put_back()
    key.public.verify(signing.parse(key.seal(b"3", TOPIC)), TOPIC)


def test_a_wrong_pin_is_tried_once_and_never_shown(token: SoftwareToken) -> None:
    token_key.generate(token.uri())
    token_key._module(token.uri()).reset()
    token.write_pin("000000")
    for _ in range(5):
        with pytest.raises(KeyUnavailable, match="is wrong; it is not tried again") as refusal:
            TokenKey.load(token.uri())
        assert "000000" not in str(refusal.value)
    token.write_pin(PIN)
    TokenKey.load(token.uri())


def test_a_pin_file_others_may_read_or_without_a_pin_is_refused(token: SoftwareToken) -> None:
    token.pin_file.chmod(0o640)
    with pytest.raises(KeyFileError, match=r"PIN file .* has rights 0640, expected 0600"):
        TokenKey.load(token.uri())
    for text in ("", "\n", "12\n34", "9" * 300):
        token.write_pin(text)
        with pytest.raises(KeyUnavailable, match="expected one line with the PIN"):
            TokenKey.load(token.uri())
    token.pin_file.unlink()
    with pytest.raises(KeyUnavailable, match=r"cannot read PIN file .*: No such file"):
        TokenKey.load(token.uri())


def test_another_module_or_token_is_said_in_one_line(token: SoftwareToken) -> None:
    for uri, said in (
        (token.uri()._replace(module_path="/absent.so"), "cannot open shared object file"),
        (token_uri.parse(token.text().replace("token=", "token=x")), "no such token is there"),
        (token.uri()._replace(serial="77"), "no such token is there"),
        (token.uri("nothing"), "object nothing: no such key is there: run plomba-edge enroll"),
    ):
        with pytest.raises(KeyUnavailable, match=said) as refusal:
            TokenKey.load(uri)
        assert "\n" not in str(refusal.value)


class Flags(NamedTuple):
    flags: TokenFlag


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        (TokenFlag.USER_PIN_FINAL_TRY, "one more wrong PIN would lock it, so it is not tried"),
        (TokenFlag.USER_PIN_LOCKED, "its PIN is locked: unlock it"),
    ],
)
def test_no_token_is_locked_by_trying(flag: TokenFlag, said: str) -> None:
    uri = TokenUri("t", "", "signing", "/m", "/pin")
    told = cast("pkcs11.Token", Flags(flag | TokenFlag.TOKEN_INITIALIZED))
    with pytest.raises(KeyUnavailable, match=said):
        token_key._refuse_last_try(told, uri)
    low = Flags(TokenFlag.USER_PIN_COUNT_LOW)
    token_key._refuse_last_try(cast("pkcs11.Token", low), uri)


@pytest.mark.parametrize("cut", ["nothing", "after the old one was renamed", "before it was gone"])
def test_a_switch_comes_to_its_end_wherever_it_was_cut(
    key: TokenKey, token: SoftwareToken, cut: str
) -> None:
    uri = token.uri()
    waiting = token.uri(uri.object + token_uri.NEXT)
    token_key.generate(waiting)
    new = TokenKey.load(waiting).public
    session = key._module.session(uri)
    if cut == "nothing":
        token_key.switch(uri)
    else:
        token_key._private(session, uri)[Attribute.LABEL] = uri.object + token_key.OLD
    if cut == "before it was gone":
        token_key._private(session, waiting)[Attribute.LABEL] = uri.object
    assert TokenKey.load(uri).public.key_id == new.key_id != key.public.key_id
    assert len(list(key._module.session(uri).get_objects())) == 2
    assert not token_key.exists(waiting)


def test_the_module_is_that_of_the_uri(token: SoftwareToken) -> None:
    assert token.uri().module_path == MODULE
