"""pkcs11: URIs: one key is named, or one line says what is wrong, without a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import token_uri
from cloud_sync.token_uri import TokenUri, TokenUriError

FILES = "module-path=/usr/lib/m.so&pin-source=/etc/pin"
GOOD = f"pkcs11:token=plomba;object=signing?{FILES}"


def test_a_uri_names_one_key() -> None:
    assert token_uri.parse(GOOD) == TokenUri("plomba", "", "signing", "/usr/lib/m.so", "/etc/pin")
    assert str(token_uri.parse(GOOD)) == "token plomba, object signing"


@pytest.mark.parametrize(
    ("text", "token", "serial", "pin"),
    [
        (f"PKCS11:object=a;token=My%20T%C3%B6ken?{FILES}", "My Töken", "", "/etc/pin"),
        (f"pkcs11:serial=0a1b;object=a?{FILES}", "", "0a1b", "/etc/pin"),
        ("pkcs11:token=t;object=a?pin-source=file:/p&module-path=/m", "t", "", "/p"),
        ("pkcs11:token=a%3Bb;object=a?module-path=/m&pin-source=/p%26q", "a;b", "", "/p&q"),
    ],
)
def test_other_good_uris(text: str, token: str, serial: str, pin: str) -> None:
    found = token_uri.parse(text)
    assert (found.token, found.serial, found.pin_source) == (token, serial, pin)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with pkcs11:"),
        ("pkcs12:token=a", "begins with pkcs11:"),
        ("pkcs11:", "needs token= or serial="),
        (f"pkcs11:object=a?{FILES}", "needs token= or serial="),
        (f"pkcs11:token=a?{FILES}", "needs object="),
        ("pkcs11:token=a;object=b", "needs module-path="),
        ("pkcs11:token=a;object=b?module-path=/m", "needs pin-source="),
        (f"{GOOD}&pin-value=4711", "a PIN does not stand in the URI"),
        (f"pkcs11:token=a;pin-value=4711;object=b?{FILES}", "a PIN does not stand in the URI"),
        (f"pkcs11:token=a;object=b;slot-id=3?{FILES}", "unknown attribute slot-id="),
        (f"pkcs11:token=a;object=b;type=private?{FILES}", "unknown attribute type="),
        (f"{GOOD}&module-name=m", "unknown attribute module-name="),
        (f"{GOOD}&token=b", "unknown attribute token="),
        (f"pkcs11:token=a;object=b;module-path=/m?{FILES}", "unknown attribute module-path="),
        (f"pkcs11:token=a;object=b;?{FILES}", "unknown attribute, expected"),
        (f"pkcs11:token=a;object=b;4711?{FILES}", "unknown attribute, expected"),
        (f"{GOOD}&x-4711=1", "unknown attribute, expected"),
        (f"pkcs11:token=a;token=b;object=c?{FILES}", "token= stands there twice"),
        (f"{GOOD}&pin-source=/q", "pin-source= stands there twice"),
        (f"pkcs11:token=;object=c?{FILES}", "token= is empty"),
        (f"pkcs11:token=a b;object=c?{FILES}", "must be written as %XX"),
        (f"pkcs11:token=a%2;object=c?{FILES}", "must be written as %XX"),
        (f"pkcs11:token=a%ZZ;object=c?{FILES}", "must be written as %XX"),
        (f"pkcs11:token=ä;object=c?{FILES}", "must be written as %XX"),
        (f"pkcs11:token=a/b;object=c?{FILES}", "must be written as %XX"),
        (f"pkcs11:token=%FF;object=c?{FILES}", "is not UTF-8"),
        (f"pkcs11:token=a%00;object=c?{FILES}", "cannot be printed"),
        (f"pkcs11:token=a%0Ab;object=c?{FILES}", "cannot be printed"),
        (f"pkcs11:token={'a' * 33};object=c?{FILES}", "at most 32 bytes, got 33"),
        (f"pkcs11:token=a;object={'c' * 65}?{FILES}", "at most 64 bytes"),
        (f"pkcs11:token={'a' * 9000}", "at most 8192 characters"),
        ("pkcs11:token=a;object=b?module-path=m.so&pin-source=/p", "by its whole path"),
        ("pkcs11:token=a;object=b?module-path=/m&pin-source=%7Cecho%204711", "by its whole path"),
        ("pkcs11:token=a;object=b?module-path=/m&pin-source=https:x", "by its whole path"),
    ],
)
def test_hostile_uris_are_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(TokenUriError, match=said) as refusal:
        token_uri.parse(text)
    assert "4711" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 120


@given(st.one_of(st.text(max_size=80), st.text("pkcs1:;?&=%tokenbjci-/2F", max_size=120)))
def test_any_text_is_a_key_or_one_line(text: str) -> None:
    for whole in (text, f"pkcs11:{text}", f"{GOOD};{text}", f"{GOOD}&{text}"):
        found = _or_line(whole)
        if isinstance(found, TokenUri):
            assert found.object
            assert found.pin_source.startswith("/")
        else:
            assert len(found.splitlines()) == 1


def _or_line(text: str) -> TokenUri | str:
    try:
        return token_uri.parse(text)
    except TokenUriError as error:
        return str(error)


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=8))
def test_every_printable_name_can_be_written(name: str) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    assert token_uri.parse(f"pkcs11:token={escaped};object=a?{FILES}").token == name
