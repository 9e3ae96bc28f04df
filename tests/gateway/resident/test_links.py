"""A link opens one dwelling to one browser, once, for whoever holds the contact or the bill."""

import base64

import pytest

from gateway.resident.links import AGAIN_A_DAY_MAX, AGAIN_WITHIN_MS, CodeError, LinkError, Not, Why
from gateway.resident.model import Purpose, Via
from gateway.resident.secrets import TOKEN_CHARS, Secrets
from gateway.resident.sessions import IDLE_MS, WHOLE_MS, via_of
from tests.gateway.resident.block import CLOSES_MS, PERIOD, Block, account, token_in
from tests.gateway.town import DEVICE_KEY

pytestmark = pytest.mark.both_engines


def why(block: Block, token: str, secret: str = "") -> Why:
    with pytest.raises(LinkError) as refused:
        block.links.enter(token, secret)
    return refused.value.kind


def test_a_link_and_its_code_open_the_dwelling(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    assert len(token) == TOKEN_CHARS
    entry = block.links.enter(token)
    assert (entry.dwelling.dwelling, entry.period, entry.purpose) == ("1", PERIOD, Purpose.GIVE)
    assert (entry.needs_code, entry.needs_account, entry.masked) == (
        True,
        False,
        "f***@mail.example",
    )
    assert entry.dwelling.number == "", "whoever has the link alone does not learn the account"
    secret = block.links.try_code(token, block.code(token))
    dwelling = block.sessions.dwelling(secret, block.now_ms)
    assert dwelling is not None
    assert (dwelling.number, dwelling.dwelling) == (account(1), "1")
    again = block.links.enter(token, secret)
    assert (again.needs_code, again.dwelling.number) == (False, account(1))
    assert block.acts() == ["resident code", "resident session"]


def test_a_used_link_is_worth_nothing_to_another_browser(block: Block) -> None:
    block.contact(1)
    block.contact(2)
    token, others = block.mail_link(1), block.mail_link(2)
    block.links.try_code(token, block.code(token))
    foreign = block.links.try_code(others, block.code(others))
    assert why(block, token) is Why.USED
    assert why(block, token, foreign) is Why.USED
    for attempt in (block.links.send_code, lambda one: block.links.try_code(one, "000000")):
        with pytest.raises(LinkError, match="used"):
            attempt(token)


def test_a_session_sees_its_own_dwelling_only(block: Block) -> None:
    secrets = [block.links.try_code(block.paper_link(flat), account(flat)) for flat in (1, 2)]
    found = [block.sessions.dwelling(secret, block.now_ms) for secret in secrets]
    assert [one and one.dwelling for one in found] == ["1", "2"]


def test_a_link_on_paper_wants_the_whole_account_number(block: Block) -> None:
    token = block.paper_link()
    entry = block.links.enter(token)
    assert (entry.needs_code, entry.needs_account, entry.masked) == (False, True, "")
    with pytest.raises(CodeError) as refused:
        block.links.send_code(token)
    assert refused.value.kind is Not.PAPER
    with pytest.raises(CodeError) as refused:
        block.links.try_code(token, account(1)[-3:])
    assert (refused.value.kind, refused.value.left) == (Not.WRONG, 4)
    session = block.sessions.open(block.links.try_code(token, " 40-11 "), block.now_ms)
    assert session is not None
    assert session.via is Via.ACCOUNT
    assert via_of(session) == "link 1 and account number, session 1"


def test_a_link_on_paper_bears_five_wrong_numbers_in_its_life(block: Block) -> None:
    token = block.paper_link()
    kinds = []
    for number in range(5):
        with pytest.raises(CodeError) as refused:
            block.links.try_code(token, f"402{number}")
        kinds.append((refused.value.kind, refused.value.left))
    assert kinds == [*((Not.WRONG, left) for left in (4, 3, 2, 1)), (Not.OVER, 0)]
    assert why(block, token) is Why.ENDED
    with pytest.raises(LinkError):
        block.links.try_code(token, account(1))
    assert block.acts() == ["resident link ended"]


def test_a_link_ends(block: Block) -> None:
    token = block.paper_link()
    block.now_ms = CLOSES_MS - 1
    assert block.links.enter(token).expires_ms == CLOSES_MS
    block.now_ms = CLOSES_MS
    assert why(block, token) is Why.EXPIRED
    with pytest.raises(LinkError):
        block.links.try_code(token, account(1))


def test_what_was_never_a_link_of_ours_is_answered_alike(block: Block) -> None:
    token = block.paper_link()
    data = bytearray(base64.urlsafe_b64decode(token + "=="))
    forged = []
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        forged.append(base64.urlsafe_b64encode(changed).decode().rstrip("="))
    nonce = bytes(12)
    elsewhere = Secrets.of(DEVICE_KEY).token(Purpose.GIVE, CLOSES_MS, nonce)
    forgotten = block.key.token(Purpose.GIVE, CLOSES_MS, nonce)
    stop = block.key.token(Purpose.STOP, CLOSES_MS, nonce)
    odd = ["", "x", "ю" * TOKEN_CHARS, "=" * TOKEN_CHARS, token + "A", token[:-1], "\x00" * 46]
    for one in (*forged, elsewhere, forgotten, stop, *odd):
        assert why(block, one) is Why.UNKNOWN, one
    assert block.links.enter(token)


def test_a_token_is_nowhere_in_the_ledger(block: Block) -> None:
    token = block.paper_link()
    ((nonce, digest),) = block.rows("SELECT nonce, token_sha256 FROM resident_link")
    data = base64.urlsafe_b64decode(token + "==")
    assert isinstance(nonce, bytes)
    assert nonce in data
    assert data[-16:] not in (nonce, digest)


def test_a_session_ends_when_it_is_left_alone_and_after_half_a_day(block: Block) -> None:
    secret = block.links.try_code(block.paper_link(), account(1))
    begun = block.now_ms
    assert block.sessions.dwelling(secret, begun + IDLE_MS - 1)
    assert block.sessions.dwelling(secret, begun + 2 * IDLE_MS - 2), "using it kept it"
    assert not block.sessions.dwelling(secret, begun + 3 * IDLE_MS)
    at = begun
    second = block.links.try_code(block.paper_link(), account(1))
    while at < begun + WHOLE_MS:
        assert block.sessions.dwelling(second, at)
        at += IDLE_MS // 2
    assert not block.sessions.dwelling(second, begun + WHOLE_MS)


def test_a_session_ends_when_the_resident_leaves(block: Block) -> None:
    secret = block.links.try_code(block.paper_link(), account(1))
    block.sessions.end(secret, block.now_ms)
    block.sessions.end(secret, block.now_ms)
    assert block.sessions.dwelling(secret, block.now_ms) is None
    for nothing in ("", "x" * 65, "ю", "\ud800"):
        assert block.sessions.dwelling(nothing, block.now_ms) is None


def test_a_person_ends_all_of_an_account(block: Block) -> None:
    block.contact(1)
    token, other = block.mail_link(1), block.paper_link(2)
    secret = block.links.try_code(token, block.code(token))
    with block.town.store.transaction():
        block.ledger.end_all(block.account_no(1), "lost phone", block.now_ms, contacts=True)
    assert block.sessions.dwelling(secret, block.now_ms) is None
    assert why(block, token, secret) is Why.ENDED
    assert block.ledger.contacts(block.account_no(1)) == []
    assert block.links.enter(other)


def test_a_new_link_goes_to_the_contact_and_the_old_one_ends(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    block.links.try_code(token, block.code(token))
    block.links.again(token)
    (letter,) = block.send()
    assert letter.address == "flat1@mail.example"
    assert why(block, token) is Why.ENDED
    fresh = letter.text.split("/l/")[1].split()[0]
    assert block.links.enter(fresh).needs_code
    with pytest.raises(LinkError):
        block.links.again(block.paper_link())
    with pytest.raises(LinkError, match="ended"):
        block.links.again(token)


def test_a_new_link_is_sent_three_times_a_day_and_within_a_month(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    for _ in range(AGAIN_A_DAY_MAX):
        block.links.again(token)
        (letter,) = block.send()
        token = token_in(letter)
    with pytest.raises(CodeError, match="too often"):
        block.links.again(token)
    expires_ms = block.links.enter(token).expires_ms
    block.now_ms = expires_ms + AGAIN_WITHIN_MS
    assert why(block, token) is Why.EXPIRED
    with pytest.raises(LinkError, match="expired"):
        block.links.again(token)
    block.now_ms -= 1
    block.links.again(token)


def test_what_a_person_ended_sends_no_new_link(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    with block.town.store.transaction():
        block.ledger.end_all(block.account_no(1), "stolen", block.now_ms, contacts=False)
    with pytest.raises(LinkError, match="ended"):
        block.links.again(token)
    assert block.send() == []
