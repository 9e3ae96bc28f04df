"""Forms of others, scripts in every text, others' sessions, and one tap that comes eight times."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import httpx

from tests.abuse_resident.house import GOOD, House, Visitor, proof_on
from tests.abuse_resident.listener import PUBLIC
from tests.gateway.photo.photos import encoded, scene
from tests.gateway.resident.block import account
from tests.gateway.resident_web.memory import sha

FLAT = 3
EVIL = "https://evil.example"
NASTY = "\"'><xss-probe onfocus=alert(1)></title></textarea><img src=x onerror=alert(1)>{{7*7}}"
ELSEWHERE = (
    {"origin": EVIL},
    {"origin": "null"},
    {"origin": PUBLIC + ".evil.example"},
    {"origin": PUBLIC.replace("https", "http")},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
)
_LOADS = {"src", "href", "action", "formaction", "data", "poster", "srcset"}


class Probe(HTMLParser):
    """What a browser would make of a page that must hold nothing of a stranger's."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag in {"xss-probe", "iframe", "object", "embed", "base", "style"}:
            self.wrong.append(tag)
        self.wrong += [f"{tag} {name}" for name in found if name.startswith("on")]
        for name in _LOADS & found.keys():
            where = found[name].removeprefix(PUBLIC)
            if not where.startswith(("/", "#", "?")) or where.startswith("//"):
                self.wrong.append(f"{tag} {name}={found[name]}")
        if tag == "script" and not found.get("src", "").startswith("/static/"):
            self.wrong.append("script")


def sound(page: httpx.Response) -> httpx.Response:
    """The page, in which nothing came out of its text."""
    if page.headers.get("content-type", "").startswith("text/html"):
        probe = Probe()
        probe.feed(page.text)
        assert not probe.wrong, page.url
        assert ">49<" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    return page


def pages(house: House, visitor: Visitor) -> Iterator[httpx.Response]:
    register, proof = house.register(FLAT), {"proof": visitor.proof()}
    at, token = f"/meter/{register}", house.link(FLAT)
    yield visitor.post(f"{at}/check", data=proof | {f"d{n}": NASTY for n in range(8)})
    yield visitor.post(f"{at}/check", data=proof | {"photo": NASTY, NASTY: NASTY})
    yield visitor.post(f"{at}/confirm", data=proof | {"value": NASTY, "photo": NASTY})
    asked = visitor.post(f"{at}/confirm", data=proof | {"value": "1", f"a_{NASTY}": "yes"})
    yield asked
    yield visitor.post(f"{at}/confirm", data=proof | {"value": "1", "a_lower": NASTY})
    for kind in ("wrong-meter", "no-meter", NASTY):
        said = {"kind": kind, "register": str(register), "text": NASTY}
        opened = visitor.post("/dispute", data=proof | said)
        yield opened
        if opened.status_code == 303:
            yield visitor.get(opened.headers["location"])
    yield visitor.post("/dispute", data=proof | {"kind": "line", "subject": NASTY, "text": NASTY})
    yield visitor.post("/upload", data=proof | {"register": NASTY, "size": NASTY, "sha256": NASTY})
    yield visitor.post(f"/l/{token}/enter", data=proof | {"code": NASTY})
    for path in (
        *("/meters", at, f"{at}/check", "/", "/history", "/dispute", "/offline"),
        *(
            f"{at}/check?value=__",
            f"{at}/check?photo=__",
            "/meters?lang=__",
            "/__",
            "/l/__",
            "/u/__",
        ),
        *("/a/__", "/a/__.pdf", "/done/__", "/dispute/__", "/photo/__", "/upload/__", "/meter/__"),
        *("/dispute?about=__&kind=reading", "/dispute?register=__", "/history/__.svg"),
        *("/check/act/__", "/check/act/__?d=__"),
    ):
        yield visitor.get(path.replace("__", str(httpx.QueryParams({"": NASTY}))[1:]))
    yield visitor.get(
        "/meters", headers={"accept-language": "<xss-probe>", "referer": "<xss-probe>"}
    )
    yield visitor.get("/nothing", headers={"x-forwarded-host": "evil.example", "accept": "<a>"})


def called(house: House, serial: str, model: str, point: str, dwelling: str) -> None:
    """Have the registry call a flat's things so."""
    with house.block.town.store.transaction() as connection:
        (meter_no,) = connection.execute(
            "SELECT meter_no FROM register WHERE register_no = ?", (house.register(FLAT),)
        ).fetchone()
        connection.execute(
            "UPDATE meter SET serial = ?, model = ? WHERE meter_no = ?", (serial, model, meter_no)
        )
        connection.execute(
            "UPDATE point SET name = ? WHERE account_no = ?", (point, house.block.account_no(FLAT))
        )
        connection.execute(
            "UPDATE account SET dwelling = ? WHERE number = ?", (dwelling, account(FLAT))
        )


def test_no_text_becomes_an_element(house: House) -> None:
    resident = house.by_code(FLAT)
    try:
        called(house, NASTY, NASTY, NASTY, NASTY)
        shown = [sound(page) for page in pages(house, resident)]
        # A serial like this is in no registry, and nothing is given for it; all else may be.
        called(house, f"A{FLAT}", NASTY, NASTY, NASTY)
        number = house.give(resident, FLAT)
        shown += [sound(resident.get(f"{at}/{number}")) for at in ("/done", "/a")]
        assert resident.get(f"/a/{number}.pdf").content.startswith(b"%PDF")
        assert resident.get("/history.csv").status_code == 200
    finally:
        called(house, f"A{FLAT}", "SDM120", f"P{FLAT}", str(FLAT))
    assert sum("&lt;xss-probe" in page.text for page in shown) > 5, "the texts were shown"


def written(house: House) -> list[object]:
    tables = ("submission", "dispute", "dispute_step", "photo", "resident_code", "claim")
    counts = [house.block.rows(f"SELECT count(*) FROM {table}")[0] for table in tables]  # noqa: S608
    open_ones = house.block.rows("SELECT count(*) FROM resident_session WHERE ended_ms IS NULL")
    return [*counts, *open_ones]


def test_a_form_of_another_site_does_nothing(house: House) -> None:
    resident = house.resident(FLAT)
    register, proof, before = house.register(FLAT), resident.proof(), written(house)
    for headers in ELSEWHERE:
        assert set(refusals(house, resident, register, proof, headers)) == {403}, headers
    assert written(house) == before
    assert resident.get("/meters").status_code == 200, "nor was anybody signed out"


def refusals(
    house: House, resident: Visitor, register: int, proof: str, headers: dict[str, str]
) -> Iterator[int]:
    at, sent = f"/meter/{register}", {"proof": proof}
    digits, token = {f"d{n}": "1" for n in range(8)}, house.link(FLAT)
    said = {"kind": "no-meter", "text": "Счётчика нет"}
    about = {"register": str(register), "size": "9", "sha256": sha(b"x")}
    for path, data in (
        (f"{at}/check", digits),
        (f"{at}/confirm", {"value": "130"}),
        ("/dispute", said),
        ("/upload", about),
        ("/leave", {}),
        (f"/l/{token}/code", {}),
        (f"/l/{token}/enter", {"code": "1"}),
    ):
        yield resident.post(path, data=sent | data, headers=headers).status_code
    photo = {"photo": ("a.jpg", encoded(scene(4)))}
    yield resident.post(f"{at}/photo", data=sent, files=photo, headers=headers).status_code


def test_a_form_without_our_proof_does_nothing(house: House) -> None:
    resident, other = house.resident(FLAT), house.resident(2)
    before = written(house)
    for proof in ("", "0" * 64, other.proof()):
        assert set(refusals(house, resident, house.register(FLAT), proof, {})) == {403}, proof
    assert written(house) == before


def test_a_session_is_made_anew_and_its_cookie_is_kept_from_scripts(house: House) -> None:
    visitor = house.visitor()
    visitor.cookies = {"__Host-session": "chosen-by-a-thief", "session": "chosen-by-a-thief"}
    token = house.block.paper_link(FLAT)
    sent = {"proof": proof_on(visitor.get(f"/l/{token}")), "code": account(FLAT)}
    entered = visitor.post(f"/l/{token}/enter", data=sent)
    cookies = entered.headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in cookies} == {"__Host-session", "__Host-form"}
    for one in cookies:
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(one.split("; "))
        assert "Domain" not in one
    assert visitor.cookies["__Host-session"] != "chosen-by-a-thief"
    thief = house.visitor()
    thief.cookies = {"__Host-session": "chosen-by-a-thief"}
    assert thief.get("/meters").status_code == 401
    kept = dict(visitor.cookies)
    assert visitor.post("/leave", data={"proof": visitor.proof()}).status_code == 303
    visitor.cookies = kept
    assert visitor.get("/meters").status_code == 401, "the session itself is over"


def test_one_confirmation_that_comes_eight_times_at_once_is_one(house: House) -> None:
    resident, register = house.resident(GOOD), house.register(GOOD)
    house.tick()
    house.shown += 1
    data = {"proof": resident.proof()}
    data |= {f"d{at}": digit for at, digit in enumerate(f"{house.shown:08d}")}
    twins = [house.visitor() for _ in range(8)]
    for one in twins:
        one.cookies = dict(resident.cookies)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: one.post(f"/meter/{register}/check", data=data), twins))
    assert {one.status_code for one in answers} == {303}
    places = {one.headers["location"] for one in answers}
    assert len(places) == 1
    house.given.add(places.pop().removeprefix("/done/"))
