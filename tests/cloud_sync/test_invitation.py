"""An invitation: read exactly as written, and nothing else is one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync import invitation
from cloud_sync.authority import Authority
from cloud_sync.invitation import INVITATION_BYTES_MAX, Invitation, InvitationError

NOW_MS = 1_790_000_000_000
ROOT = Authority.root("town root", NOW_MS, 3650).certificate
OTHER = Authority.root("other root", NOW_MS, 3650).certificate

DEVICES = st.from_regex(r"([a-z0-9][a-z0-9\-]{0,62})?", fullmatch=True)
HOUSES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
SECRETS = st.binary(min_size=16, max_size=16)


def an_invitation(secret: bytes = bytes(16), house: str = "A", device: str = "") -> Invitation:
    return Invitation(
        gateway="https://gateway.example:8443",
        house=house,
        device=device,
        expires_at_ms=NOW_MS,
        ca_sha256=ROOT.fingerprint,
        ca=ROOT.pem,
        secret=invitation.secret_text(secret),
    )


@given(SECRETS, HOUSES, DEVICES)
def test_what_is_written_is_read(secret: bytes, house: str, device: str) -> None:
    made = an_invitation(secret, house, device)
    text = invitation.to_text(made)
    assert text.count("\n") == 1
    read = invitation.parse(text.encode())
    assert read == made
    assert read.secret_bytes == secret


@given(st.binary(max_size=2000))
def test_any_bytes_are_an_invitation_or_an_error(data: bytes) -> None:
    with pytest.raises(InvitationError):
        invitation.parse(data)


@given(st.data())
def test_damage_is_an_error_or_changes_nothing_that_is_trusted(data: st.DataObject) -> None:
    text = bytearray(invitation.to_text(an_invitation()).encode())
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] = data.draw(st.integers(0, 255))
    try:
        read = invitation.parse(bytes(text))
    except InvitationError:
        return
    assert read.ca_sha256 == ROOT.fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"gateway": "http://gateway.example"},
        {"gateway": "https://"},
        {"gateway": "https://host:999999"},
        {"gateway": "https://ho st/"},
        {"gateway": "https://гейт"},
        {"gateway": "ftp://gateway.example:8443"},
        {"ca": OTHER.pem},
        {"ca": ROOT.pem + OTHER.pem},
        {"ca": ""},
        {"ca_sha256": "00" * 32},
        {"secret": "A" * 21},
        {"secret": "A" * 21 + "B"},
        {"secret": "A" * 21 + "="},
        {"device": "Not A Name"},
        {"house": ""},
        {"plomba_invitation": 2},
        {"surprise": 1},
        {"expires_at_ms": "soon"},
    ],
)
def test_what_is_none_is_refused_and_its_secret_not_told(changes: dict[str, Any]) -> None:
    made = json.loads(invitation.to_text(an_invitation(b"0123456789abcdef"))) | changes
    with pytest.raises(InvitationError) as caught:
        invitation.parse(json.dumps(made).encode())
    assert made["secret"] not in str(caught.value)


def test_an_absurd_file_is_not_read() -> None:
    with pytest.raises(InvitationError, match="at most 16384 bytes"):
        invitation.parse(b" " * (INVITATION_BYTES_MAX + 1))


def test_a_secret_is_not_shown_by_accident() -> None:
    made = an_invitation(b"0123456789abcdef")
    assert made.secret not in repr(made)
    assert made.secret not in f"{made}"
    assert invitation.label_of(made.secret_bytes) in repr(made)


def test_secrets_differ() -> None:
    assert len({invitation.new_secret() for _ in range(100)}) == 100
