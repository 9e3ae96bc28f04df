"""Whatever may change something over the network leaves an entry that names who, or says why not.

The doors are taken from the programs themselves: the operator's site, the door for devices and the
residents' pages. A new one stands in no table here, and fails until somebody has decided.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.routing import Route

from cloud_sync.enrolment import ENROL_PATH, RENEW_PATH, ROTATE_PATH
from cloud_sync.release_road import RELEASE_PATH
from cloud_sync.visit_road import PHOTO_PATH, POINTS_PATH, VISIT_PATH
from gateway.audit import check
from gateway.config import LEDGER_FILE, EnrolmentConfig, GatewayConfig, WebConfig
from gateway.photo.looking import Looking
from gateway.resident.links import LINK_PATH, STOP_PATH
from gateway.resident.signin_ports import Passkey
from gateway.sql.audit import SqlAudit
from gateway.sql.resident_accounts import AccountsLedger
from gateway.visits import wired as visits
from gateway.web.visits_door import door_of_devices
from tests.gateway.resident.block import PUBLIC, Block, account
from tests.gateway.resident.provider import Oidc
from tests.gateway.resident.signing import bill_code, linking, pages, signed_in, standard
from tests.gateway.resident_web.browser import client, fields_on, proof_on
from tests.gateway.resident_web.test_over_ledger import in_by_letter
from tests.gateway.shell import said
from tests.gateway.town import GATEWAY_KEY
from tests.servers.ledgers import create_app

ROOT = Path(__file__).parents[3]
HERE = "here"
LINK = LINK_PATH + "{token}"
DEVICES = {
    ENROL_PATH: ("enrol", "tests/gateway/identity/test_enrolling.py"),
    RENEW_PATH: ("certificate renew", "tests/gateway/identity/test_renewing.py"),
    ROTATE_PATH: ("key rotate", "tests/gateway/identity/test_renewing.py"),
    VISIT_PATH: ("visit keep", "tests/gateway/visits/test_keeping.py"),
    RELEASE_PATH: ("update", "tests/gateway/releases/test_serving.py"),
}
OPERATORS = {"/api/v1/ack": ("api acknowledge", "tests/gateway/test_api.py")}
RESIDENTS = {
    f"{LINK}/code": ("resident code", HERE),
    f"{LINK}/again": ("resident link again", HERE),
    f"{LINK}/enter": ("resident session", HERE),
    "/leave": ("resident leave", HERE),
    STOP_PATH + "{token}": ("resident unsubscribed", HERE),
    "/signin/{name}/back": ("resident sign-in", HERE),
    "/dwellings/add": ("resident linked", HERE),
    "/dwellings/{number}/unlink": ("resident unlinked", HERE),
    "/phone/{number}/remove": ("resident passkey removed", HERE),
    "/passkey/add": ("resident passkey added", "tests/e2e/test_resident_signin.py"),
    "/passkey": ("resident sign-in", "tests/e2e/test_resident_signin.py"),
    "/meter/{register_no}/confirm": ("reading submit", "tests/gateway/resident/test_giving.py"),
    "/meter/{register_no}/check": ("reading submit", HERE),
    "/dispute": ("dispute open", HERE),
    "/dispute/{number}/withdraw": ("dispute withdraw", HERE),
}
"""Each door with its act, and the test that looks for it."""
DRAFTS = {
    PHOTO_PATH: "the record that names the photo by its hash has its entry",
    POINTS_PATH: "tells a device the points of its house",
    "/dwellings/{number}/open": "shows another of one's own dwellings",
    "/passkey/begin": "asks a phone to sign",
    "/passkey/add/begin": "asks a phone to make a key",
    "/meter/{register_no}/photo": "a draft: confirmed it is an act, else it goes with an entry",
    "/photo/{photo_no}/frame": "reads a draft once more",
    "/upload": "a draft on its way",
    "/upload/{name}": "a draft on its way",
    "/upload/{name}/done": "a draft, as sent by the form",
}


@pytest.fixture
def gate(block: Block, config: GatewayConfig, oidc: Oidc, tmp_path: Path) -> Iterator[FastAPI]:
    with pages(block, config, standard(oidc, tmp_path), passkeys=True) as app:
        yield app


def changing(app: FastAPI) -> set[str]:
    """The paths of an app that may be asked in another way than to look."""
    routes = [one for one in app.routes if isinstance(one, Route)]
    return {one.path for one in routes if not (one.methods or set()) <= {"GET", "HEAD"}}


async def test_every_door_is_known_to_write_or_to_prepare(
    gate: FastAPI, block: Block, config: GatewayConfig, tmp_path: Path
) -> None:
    said("ca", "init", "--root-key", tmp_path / "root.key", "--data", config.data)

    async def call(_work: object) -> object:
        raise AssertionError("nobody knocks")

    section = EnrolmentConfig(
        url="https://localhost:8443", cert=Path("localhost.pem"), key=Path("localhost.key")
    )
    site = create_app(block.town.folder / LEDGER_FILE, block.clock, WebConfig())
    with Looking(visits.LOOKERS, visits.READER) as looker:
        devices = door_of_devices(
            config.model_copy(update={"enrolment": section}),
            block.town.store,
            GATEWAY_KEY,
            looker,
            call=call,
            clock=block.clock,
        )
        found = [changing(one) for one in (site, devices, gate)]
    assert found[0] == OPERATORS.keys()
    assert found[1] | found[2] == {*DEVICES, *RESIDENTS, *DRAFTS} - {"/signin/{name}/back"}


@pytest.mark.parametrize(
    ("act", "place"),
    [one for one in {**DEVICES, **OPERATORS, **RESIDENTS}.values() if one[1] != HERE],
)
def test_what_another_test_looks_for_is_looked_for_there(act: str, place: str) -> None:
    assert f'"{act}' in (ROOT / place).read_text(encoding="utf-8")


def entries(block: Block) -> list[tuple[str, str]]:
    """The acts of residents so far, each with how the program knew who did it."""
    found = list(SqlAudit(block.town.store.database.connection).entries())
    check(found)
    assert all(one.act.at_ms == block.now_ms for one in found)
    return [(one.act.act, one.act.via) for one in found if one.act.actor == "resident"]


async def test_what_is_done_behind_a_link_says_by_which_session(
    gate: FastAPI, block: Block
) -> None:
    block.sweep()
    await block.postman.once()
    stop = block.box.letters[-1].stop_url.removeprefix(PUBLIC)
    async with client(gate) as http:
        await in_by_letter(http, block)
        typed = await http.get("/meter/1/check")
        digits = {f"d{at}": one for at, one in enumerate("00010000")}
        sent = fields_on(typed, "/meter/1/check") | digits
        done = await http.post("/meter/1/check", data=sent, follow_redirects=True)
        assert "Показание принято" in done.text
        proof = {"proof": proof_on(await http.get("/dispute"))}
        about = {"kind": "no-meter", "text": "Счётчика нет в списке"}
        opened = await http.post("/dispute", data=proof | about)
        place = opened.headers["location"]
        await http.post(f"{place}/withdraw", data=proof)
        await http.post("/leave", data=proof)
        link = block.mail_link()
        await http.post(f"/l/{link}/again", data=proof)
        await block.postman.once()
        await http.post(stop, data=proof)
    session = "link 3 and code, session 1"
    assert entries(block) == [
        ("resident code", "link 3"),
        ("resident session", "link 3"),
        ("reading submit", session),
        ("dispute open", session),
        ("dispute withdraw", session),
        ("resident leave", session),
        ("resident link again", "link 4"),
        ("resident unsubscribed", "link 2"),
    ]


async def test_what_is_done_signed_in_says_by_which_browser(gate: FastAPI, block: Block) -> None:
    async with client(gate) as http:
        await signed_in(http)
        await linking(http, account(1), "0000-0000")
        await linking(http, account(1), bill_code(block))
        with block.town.store.transaction():
            ledger = AccountsLedger(block.town.store.database)
            ledger.add_passkey(Passkey(0, 1, b"id", b"key", 0, block.now_ms, None))
        proof = {"proof": proof_on(await http.get("/dispute"))}
        about = {"kind": "no-meter", "text": "Счётчика нет в списке"}
        await http.post("/dispute", data=proof | about)
        await http.post("/phone/1/remove", data=proof)
        await http.post("/dwellings/1/unlink", data=proof)
        await http.post("/leave", data=proof)
    browser = "sign-in 1"
    assert entries(block) == [
        ("resident sign-in", browser),
        ("resident not linked", browser),
        ("resident linked", browser),
        ("dispute open", browser),
        ("resident passkey removed", browser),
        ("resident unlinked", browser),
        ("resident leave", browser),
    ]
