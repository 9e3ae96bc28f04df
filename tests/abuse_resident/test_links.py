"""Links that are not one's own: a neighbour's, old ones, made-up ones; numbers tried in turn."""

import random
import re
import string

import pytest

from gateway.resident.model import Purpose
from gateway.resident.secrets import Secrets
from tests.abuse_resident.house import House, Visitor, proof_on
from tests.abuse_resident.wire import many, request
from tests.gateway.photo.photos import encoded, scene
from tests.gateway.resident.block import CLOSES_MS, account
from tests.gateway.resident_web.browser import shown

MADE_UP, NEAR = 1000, 1000
_LETTERS = string.ascii_letters + string.digits + "-_"


def test_a_neighbour_with_a_session_of_their_own_gets_nowhere_by_a_foreign_link(
    house: House,
) -> None:
    neighbour, token = house.resident(2), house.link(1)
    before = house.sessions()
    page = neighbour.get(f"/l/{token}")
    assert page.status_code == 200
    assert account(1) not in shown(page)
    assert "Код" in page.text or "код" in page.text
    sent = {"proof": proof_on(page)}
    neighbour.post(f"/l/{token}/code", data=sent)
    for said in (account(1), account(2), "", "000000 ", "٠٠٠٠٠٠"):
        answer = neighbour.post(f"/l/{token}/enter", data=sent | {"code": said})
        assert answer.status_code in {410, 422}
    assert house.sessions() == before
    assert "A1" not in shown(neighbour.get("/meters"))


@pytest.mark.parametrize("kind", ["expired", "used", "ended", "stop", "another gateway's"])
def test_a_link_that_is_over_or_none_opens_nothing(house: House, kind: str) -> None:
    if kind == "expired":
        token = house.link(1, house.block.now_ms + 1000)
        house.tick()
    elif kind == "used":
        token = house.block.paper_link(1)
        owner = house.visitor()
        sent = {"proof": proof_on(owner.get(f"/l/{token}")), "code": account(1)}
        assert owner.post(f"/l/{token}/enter", data=sent).status_code == 303
        assert owner.get("/meters").status_code == 200
    elif kind == "ended":
        token = house.block.paper_link(1)
        with house.block.town.store.transaction():
            house.block.ledger.end_paper_links(house.block.account_no(1), "test", 1)
    elif kind == "stop":
        token = house.link(1, purpose=Purpose.STOP)
    else:
        token = Secrets(b"x" * 32).token(Purpose.GIVE, CLOSES_MS, bytes(12))
    before, thief = house.sessions(), house.visitor()
    assert thief.get(f"/l/{token}").status_code in {404, 410}
    sent = {"proof": proof_on(thief.get("/u/x")), "code": account(1)}
    for what in ("code", "enter"):
        assert thief.post(f"/l/{token}/{what}", data=sent).status_code in {404, 410}
    assert house.sessions() == before
    assert thief.get("/meters").status_code == 401


def near(token: str, dice: random.Random) -> str:
    """A token with a letter changed, lost, doubled, moved, or in the other case."""
    at, letter = dice.randrange(len(token)), dice.choice(_LETTERS)
    made = dice.choice(
        [
            token[:at] + letter + token[at + 1 :],
            token[:at] + token[at + 1 :],
            token[:at] + letter + token[at:],
            token[:at].swapcase() + token[at:],
            token[at:] + token[:at],
            token + "=" * (at % 3 + 1),
        ]
    )
    return made if made != token else token[::-1]


def test_thousands_of_made_up_and_near_links_get_one_and_the_same_answer(house: House) -> None:
    dice, tokens = random.Random(7), [house.block.paper_link(1), house.link(2)]
    guesses = ["".join(dice.choices(_LETTERS, k=46)) for _ in range(MADE_UP)]
    guesses += [near(dice.choice(tokens), dice) for _ in range(NEAR)]
    before = house.sessions()
    # Nobody has so many addresses; from one of them it is over after twenty.
    addresses = [f"172.16.{number >> 4 & 255}.9" for number in range(len(guesses))]
    asked = [request("GET", f"/l/{one}", at) for one, at in zip(guesses, addresses, strict=True)]
    answers = {(one.status, one.body) for one in many(house.port, asked)}
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    thief = house.visitor()
    pages = {thief.get(f"/l/{one}").text.replace(one, "LINK") for one in guesses[::300]}
    assert len(pages) == 1
    assert house.sessions() == before
    for token in tokens:
        assert house.visitor().get(f"/l/{token}").status_code == 200


def test_one_address_is_stopped_after_twenty_and_nobody_else(house: House) -> None:
    thief, token = house.visitor(), house.block.paper_link(3)
    asked = [request("GET", f"/l/{n:046d}", thief.headers["x-forwarded-for"]) for n in range(60)]
    statuses = [one.status for one in many(house.port, asked)]
    assert statuses[:20] == [404] * 20
    assert statuses[-1] == 429
    assert thief.get(f"/l/{token}").status_code == 429
    assert house.visitor().get(f"/l/{token}").status_code == 200


def owned(house: House) -> tuple[list[str], Visitor]:
    """Flat 1's things by their addresses, and flat 1."""
    owner, register = house.by_code(1), house.register(1)
    photo = {"photo": ("a.jpg", encoded(scene(house.shown)))}
    sent = {"proof": owner.proof()}
    check = owner.post(f"/meter/{register}/photo", data=sent, files=photo)
    photo_no = check.headers["location"].rpartition("=")[2]
    number = house.give(owner, 1)
    said = {"kind": "wrong-meter", "register": str(register), "text": "Не мой счётчик"}
    dispute = owner.post("/dispute", data=sent | said).headers["location"]
    about = {"register": str(register), "size": "9", "sha256": "0" * 64}
    upload = owner.post("/upload", data=sent | about).headers["location"]
    paths = [f"/photo/{photo_no}", f"/photo/{photo_no}/register", f"/meter/{register}"]
    paths += [f"/meter/{register}/check?photo={photo_no}", f"/done/{number}", f"/a/{number}"]
    paths += [f"/a/{number}.pdf", dispute, upload]
    return paths, owner


def test_what_is_another_dwellings_is_as_what_never_was(house: House) -> None:
    paths, owner = owned(house)
    for path in paths:
        method = "HEAD" if path.startswith("/upload") else "GET"
        assert owner.ask(method, path).status_code == 200, path
        thief = house.resident(2)
        theirs = thief.ask(method, path)
        never = thief.ask(method, re.sub(r"[0-9A-Z]{4}$|(?<=/)\d+|[\w-]{22}$", "999999", path))
        assert theirs.status_code == never.status_code == 404, path
        assert theirs.text == never.text or "lang=" in theirs.text
        assert house.visitor().ask(method, path).status_code == 401, path


def test_nobody_acts_on_another_dwellings_things(house: House) -> None:
    paths, owner = owned(house)
    register, photo_no = house.register(1), paths[0].rpartition("/")[2]
    thief, own = house.resident(2), house.register(2)
    sent = {"proof": thief.proof()}
    digits = {f"d{at}": "1" for at in range(8)}
    photo = {"photo": ("a.jpg", encoded(scene(3)))}
    about = {"register": str(register), "size": "9", "sha256": "0" * 64}
    for answer in (
        thief.post(f"/meter/{register}/photo", data=sent, files=photo),
        thief.post(f"/meter/{register}/check", data=sent | digits),
        thief.post(f"/meter/{register}/confirm", data=sent | {"value": "130"}),
        thief.post("/upload", data=sent | about),
        thief.post(f"{paths[-2]}/withdraw", data=sent),
        thief.post(f"{paths[-1]}/done", data=sent),
        thief.ask(
            "PATCH",
            paths[-1],
            content=b"x",
            headers={"upload-offset": "0", "x-proof": sent["proof"]},
        ),
    ):
        assert answer.status_code == 404, answer.url
    # A photo of theirs is none of one's own meter's either: nothing is confirmed by it.
    stolen = sent | {"value": "130", "photo": photo_no}
    assert thief.post(f"/meter/{own}/confirm", data=stolen).status_code == 410
    assert owner.ask("HEAD", paths[-1]).headers["upload-offset"] == "0"
    assert "отозван" not in owner.get(paths[-2]).text


def test_a_slip_of_paper_shows_no_history(house: House) -> None:
    visitor = house.resident(1)
    for path in ("/history", "/history/0.svg", "/history.csv", "/history.pdf"):
        assert visitor.get(path).status_code == 403, path
