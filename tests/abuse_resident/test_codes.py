"""Codes and account numbers tried by the thousand, and what becomes of the right resident."""

from gateway.resident.links import ACCOUNT_TRIES_MAX, CODE_LIFE_MS, CODE_TRIES_MAX, HOUR_MS
from tests.abuse_resident.house import House, proof_on
from tests.abuse_resident.wire import many, request
from tests.gateway.resident.block import account

TRIES = 10_000
FLAT = 4
"""Nobody else's test asks for codes of it: they are counted by the hour."""


def tries_of(house: House) -> int:
    ((count,),) = house.block.rows(
        "SELECT sum(tries) FROM resident_code WHERE account_no = ?", house.block.account_no(FLAT)
    )
    return int(str(count or 0))


def test_of_ten_thousand_tries_at_a_code_five_reach_it_and_the_resident_is_in_an_hour_later(
    house: House,
) -> None:
    # Whatever other tests asked for: workers take tests from each other, so the order may be any.
    house.tick(HOUR_MS + 1)
    tried = tries_of(house)
    thief, token = house.visitor(), house.link(FLAT)
    proof = proof_on(thief.get(f"/l/{token}"))
    assert thief.post(f"/l/{token}/code", data={"proof": proof}).status_code == 200
    right = house.code(token)
    before, ended = house.sessions(), house.block.acts().count("resident code ended")
    # From thirty-four addresses, so that the door's own count is not all that stops them.
    asked = [
        request(
            *("POST", f"/l/{token}/enter", f"172.20.{number // 300}.7"),
            {"proof": proof, "code": f"{number + (number >= int(right)):06d}"},
            thief.cookies,
        )
        for number in range(TRIES)
    ]
    statuses = [one.status for one in many(house.port, asked)]
    assert set(statuses) == {410, 422, 429}
    assert statuses.count(422) == CODE_TRIES_MAX - 1, "the last one ends the code"
    assert tries_of(house) == tried + CODE_TRIES_MAX
    assert house.sessions() == before
    assert house.block.acts().count("resident code ended") == ended + 1
    # The right code is none any more either; so the resident asks for a new one, of the same link.
    owner = house.visitor()
    sent = {"proof": proof_on(owner.get(f"/l/{token}"))}
    assert owner.post(f"/l/{token}/enter", data=sent | {"code": right}).status_code == 410
    for _ in range(2):
        assert owner.post(f"/l/{token}/code", data=sent).status_code == 200
    assert owner.post(f"/l/{token}/code", data=sent).status_code == 429, "three an hour"
    house.tick(HOUR_MS + 1)
    assert owner.post(f"/l/{token}/code", data=sent).status_code == 200
    assert (
        owner.post(f"/l/{token}/enter", data=sent | {"code": house.code(token)}).status_code == 303
    )
    assert owner.get("/meters").status_code == 200


def test_a_code_is_good_for_its_link_and_its_ten_minutes_alone(house: House) -> None:
    house.tick(HOUR_MS + 1)
    first, second = house.link(FLAT), house.link(FLAT)
    visitor, before = house.visitor(), house.sessions()
    sent = {"proof": proof_on(visitor.get(f"/l/{first}"))}
    for token in (first, second):
        assert visitor.post(f"/l/{token}/code", data=sent).status_code == 200
    crossed = sent | {"code": house.code(first)}
    assert visitor.post(f"/l/{second}/enter", data=crossed).status_code == 422
    house.tick(CODE_LIFE_MS)
    for token in (first, second):
        late = sent | {"code": house.code(token)}
        assert visitor.post(f"/l/{token}/enter", data=late).status_code == 410
    assert house.sessions() == before


def test_a_thousand_account_numbers_at_a_slip_of_paper_are_five(house: House) -> None:
    token, other = house.block.paper_link(FLAT), house.block.paper_link(FLAT)
    thief, before = house.visitor(), house.sessions()
    proof = proof_on(thief.get(f"/l/{token}"))
    asked = [
        request(
            *("POST", f"/l/{token}/enter", f"172.21.{number // 50}.7"),
            {"proof": proof, "code": f"{5000 + number}"},
            thief.cookies,
        )
        for number in range(1000)
    ]
    statuses = [one.status for one in many(house.port, asked)]
    assert statuses.count(422) == ACCOUNT_TRIES_MAX
    assert 303 not in statuses
    assert house.sessions() == before
    assert "resident link ended" in house.block.acts()
    sent = {"proof": proof, "code": account(FLAT)}
    late = house.visitor()
    late.cookies |= thief.cookies
    assert late.post(f"/l/{token}/enter", data=sent).status_code == 410
    assert late.post(f"/l/{other}/enter", data=sent).status_code == 303, "another slip is another"
