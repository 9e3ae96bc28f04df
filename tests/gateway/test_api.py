"""Lines drawn by a billing system over HTTP: in order, behind a token, again if it asks again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from fastapi import FastAPI

from gateway.__main__ import main
from gateway.config import LEDGER_FILE, WebConfig
from gateway.handoff import pull
from gateway.handoff.pull import FOLDER, PullError, Served, TokenFileError, Tokens
from gateway.sql.audit import SqlAudit
from gateway.sql.pull import PullLedger
from tests.gateway.town import Town, local
from tests.servers.ledgers import create_app

NOW_MS = local(10, 2)
FIRST = pull.cursor(Served(1, b"{}"))


class Browser:
    """Asks the site without a socket in between."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, **asked: object) -> httpx.Response:
        return asyncio.run(self.ask("GET", path, **asked))

    def post(self, path: str, **asked: object) -> httpx.Response:
        return asyncio.run(self.ask("POST", path, **asked))

    async def ask(self, method: str, path: str, **asked: object) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **asked)  # type: ignore[arg-type]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Five closed lines."""
    town = Town(tmp_path, targets=())
    for number in range(1, 6):
        town.install(f"A{number}", town.point(f"P{number}", str(number)))
        town.read(f"A{number}", local(10, 1), 11_000 + number)
    town.send()
    town.close("2026-09", now_ms=NOW_MS)
    yield town
    town.store.close()


@pytest.fixture
def site(town: Town) -> Browser:
    return Browser(create_app(town.folder / LEDGER_FILE, lambda: NOW_MS, WebConfig()))


def command(town: Town, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["api-token", *arguments, "--data", str(town.folder)])
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def bearer(town: Town) -> dict[str, str]:
    return {"authorization": f"Bearer {command(town, 'erp', '--by', 'Иванова')}"}


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["events"]]


def test_lines_come_in_order_page_by_page_until_there_are_no_more(
    site: Browser, bearer: dict[str, str]
) -> None:
    after, seen, more = "", [], True
    while more:
        answer = site.get("/api/v1/lines", params={"after": after, "limit": 2}, headers=bearer)
        seen += ids(answer)
        after, more = answer.json()["next"], answer.json()["more"]
    assert seen == [f"2026-09-{number:06d}" for number in range(1, 6)]
    nothing = site.get("/api/v1/lines", params={"after": after}, headers=bearer)
    assert nothing.json() == {"events": [], "next": after, "more": False}


def test_values_are_exact_text_as_they_were_handed_over(
    town: Town, site: Browser, bearer: dict[str, str]
) -> None:
    first = site.get("/api/v1/lines", params={"limit": 1}, headers=bearer).json()["events"][0]
    assert first["type"] == "plomba.billing.line-closed.v1"
    assert first["data"]["closing_value"] == "110.01"
    (payload,) = town.store.database.connection.execute(
        "SELECT payload FROM event ORDER BY event_no LIMIT 1"
    ).fetchone()
    raw = site.get("/api/v1/lines", params={"limit": 1}, headers=bearer).content
    assert payload in raw


def test_asking_with_an_older_cursor_gives_the_same_again(
    site: Browser, bearer: dict[str, str]
) -> None:
    once = site.get("/api/v1/lines", params={"limit": 3}, headers=bearer)
    again = site.get("/api/v1/lines", params={"limit": 3}, headers=bearer)
    assert once.content == again.content
    same = {**bearer, "if-none-match": once.headers["etag"]}
    assert site.get("/api/v1/lines", params={"limit": 3}, headers=same).status_code == 304
    other = site.get("/api/v1/lines", params={"limit": 2}, headers=same)
    assert len(ids(other)) == 2


def test_an_acknowledgement_never_goes_back(
    town: Town, site: Browser, bearer: dict[str, str]
) -> None:
    def acknowledge(cursor: str) -> httpx.Response:
        return site.post("/api/v1/ack", json={"cursor": cursor}, headers=bearer)

    three = site.get("/api/v1/lines", params={"limit": 3}, headers=bearer).json()["next"]
    one = site.get("/api/v1/lines", params={"limit": 1}, headers=bearer).json()["next"]
    assert acknowledge(three).json() == {"acknowledged": three}
    assert acknowledge(one).json() == {"acknowledged": three}
    client = PullLedger(town.store.database.connection).client("erp")
    assert client is not None
    assert (client.through_no, client.acknowledged_at_ms) == (3, NOW_MS)
    act = SqlAudit(town.store.database.connection).newest(1)[0].act
    assert act == (NOW_MS, "erp", "pull API, by its token", "api acknowledge", "erp", "",
                   "events up to 3", "")  # fmt: skip
    assert acknowledge(pull.cursor(Served(6, b"{}"))).status_code == 400
    assert acknowledge("six").status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b'{"cursor":""}', 400),
        (b'{"cursor":7}', 400),
        (b'{"cursor":"x","more":1}', 400),
        (b"\xff\xfe", 400),
        (b'{"cursor":"\xff"}', 400),
        (b"[" * 1000, 400),
        (b'{"cursor":"' + b"A" * 1000, 413),
    ],
)
def test_what_is_no_acknowledgement_is_refused(
    site: Browser, bearer: dict[str, str], body: bytes, status: int
) -> None:
    assert site.post("/api/v1/ack", content=body, headers=bearer).status_code == status


def test_a_strangers_body_is_not_even_read(site: Browser) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    assert site.post("/api/v1/ack", content=endless()).status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer plomba_erp.wrong",
        "Bearer plomba_nobody.wrong",
        "Bearer plomba_../../etc/passwd.x",
        "Basic cGxvbWJh",
    ],
)
def test_without_a_good_token_nothing_is_told(
    site: Browser, bearer: dict[str, str], authorization: str
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    for answer in (
        site.get("/api/v1/lines", headers=headers),
        site.post("/api/v1/ack", json={"cursor": FIRST}, headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "2026-09" not in answer.text
    assert bearer["authorization"] not in str(site.get("/api/v1/lines", headers=bearer).headers)


def test_a_token_ends_when_it_is_revoked_or_another_is_made(
    town: Town, site: Browser, bearer: dict[str, str]
) -> None:
    second = {"authorization": f"bearer {command(town, 'erp')}"}
    assert site.get("/api/v1/lines", headers=bearer).status_code == 401
    assert site.get("/api/v1/lines", headers=second).status_code == 200
    command(town, "erp", "--revoke", "--by", "Иванова")
    assert site.get("/api/v1/lines", headers=second).status_code == 401
    log = SqlAudit(town.store.database.connection).entries()
    acts = [one.act for one in log if one.act.act != "close-period"]
    assert [(one.act, one.subject) for one in acts] == [
        ("api-token made", "client erp"),
        ("api-token made", "client erp"),
        ("api-token revoked", "client erp"),
    ]
    assert acts[0].actor == "Иванова"


def test_only_the_hash_of_a_token_is_kept_and_only_for_its_owner(
    town: Town, site: Browser, bearer: dict[str, str]
) -> None:
    file = town.folder / FOLDER / "erp"
    assert file.stat().st_mode & 0o777 == 0o600
    assert bearer["authorization"].partition(".")[2] not in file.read_text()
    file.chmod(0o644)
    answer = site.get("/api/v1/lines", headers=bearer)
    assert answer.status_code == 503
    assert str(file) not in answer.text
    with pytest.raises(TokenFileError, match="expected 0600: run chmod 600"):
        Tokens(town.folder / FOLDER).client_of(bearer["authorization"].partition(" ")[2])


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_a_page_has_bounds(site: Browser, bearer: dict[str, str], limit: str) -> None:
    answer = site.get("/api/v1/lines", params={"limit": limit}, headers=bearer)
    assert answer.status_code == 422


@pytest.mark.parametrize("after", ["x", "ZXZlbnQ6LTE", "яяя", "ZXZlbnQ6", "A" * 60, "ZXZlbnQ6MTc"])
def test_a_cursor_of_somebody_elses_is_refused(
    site: Browser, bearer: dict[str, str], after: str
) -> None:
    answer = site.get("/api/v1/lines", params={"after": after}, headers=bearer)
    assert answer.status_code == 400
    assert "expected one that this gateway gave" in answer.json()["error"]


def test_a_cursor_once_given_stays_valid() -> None:
    assert pull.cursor(Served(17, b"{}")) == "ZXZlbnQ6MTc6NDQxMzZmYTM1NWIz"
    assert len(pull.cursor(Served(10**17, b"{}"))) <= pull.CURSOR_CHARS_MAX


@pytest.mark.parametrize("served", [Served(3, b"another ledger's"), Served(900, b"lost since")])
def test_a_cursor_of_another_ledger_loses_no_lines_in_silence(
    site: Browser, bearer: dict[str, str], served: Served
) -> None:
    asked = {"params": {"after": pull.cursor(served)}, "headers": bearer}
    answer = site.get("/api/v1/lines", **asked)
    assert answer.status_code == 400
    assert "it was given by another ledger" in answer.json()["error"]
    told = site.post("/api/v1/ack", json={"cursor": pull.cursor(served)}, headers=bearer)
    assert told.status_code == 400


def test_every_event_is_drawn_once_while_periods_close_and_reopen(
    town: Town, site: Browser, bearer: dict[str, str]
) -> None:
    seen: list[str] = []
    after = ""
    for turn in range(6):
        page = site.get("/api/v1/lines", params={"after": after, "limit": 3}, headers=bearer)
        seen += ids(page)
        after = page.json()["next"]
        if turn == 1:
            town.reopen("2026-09", NOW_MS)
        if turn == 2:
            town.close("2026-09", now_ms=NOW_MS + 1)
    first = [f"2026-09-{number:06d}" for number in range(1, 6)]
    assert seen[:10] == first + [f"{one}-withdrawn" for one in first]
    assert len(set(seen)) == len(seen) == 15
    written = town.store.database.connection.execute("SELECT event_id FROM event ORDER BY event_no")
    assert seen == [event_id for (event_id,) in written]


def test_a_client_in_a_loop_is_told_to_wait(site: Browser, bearer: dict[str, str]) -> None:
    async def asked() -> list[int]:
        answers = [
            await site.ask("GET", "/api/v1/lines", params={"limit": 1}, headers=bearer)
            for _ in range(pull.REQUESTS_PER_MINUTE_MAX + 1)
        ]
        assert answers[-1].headers["retry-after"] == "60"
        return [one.status_code for one in answers]

    assert Counter(asyncio.run(asked())) == {200: pull.REQUESTS_PER_MINUTE_MAX, 429: 1}


def test_the_next_minute_is_a_new_one() -> None:
    pace = pull.Pace()
    assert all(pace.allows("erp", 59_999) for _ in range(pull.REQUESTS_PER_MINUTE_MAX))
    assert not pace.allows("erp", 59_999)
    assert pace.allows("1c", 59_999)
    assert pace.allows("erp", 60_000)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_there_is_no_other_method(site: Browser, bearer: dict[str, str], method: str) -> None:
    for path in ("/api/v1/lines", "/api/v1/ack"):
        answer = asyncio.run(site.ask(method, path, headers=bearer))
        assert answer.status_code == 405


def test_a_token_that_is_too_long_is_not_told_back(site: Browser) -> None:
    token = "plomba_erp." + "S" * 5000
    answer = site.get("/api/v1/lines", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, "SSSS" in answer.text) == (401, False)


@pytest.mark.parametrize("name", ["erp", "gis-zhkh"])
def test_a_target_is_no_client(town: Town, name: str) -> None:
    config = town.folder / "gateway.toml"
    config.write_text(
        'data = "."\n[[billing.targets]]\nkind = "csv"\nname = "erp"\ndirectory = "files"\n'
    )
    result = CliRunner().invoke(main, ["api-token", name, "--config", str(config)])
    assert result.exit_code == 1
    assert "is the name of a target" in result.stderr


@pytest.mark.parametrize("name", ["", "Big", "a/b", "..", "a" * 33, "-a"])
def test_a_clients_name_is_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(PullError, match="expected a name of 1 to 32"):
        Tokens(tmp_path).make(name)
