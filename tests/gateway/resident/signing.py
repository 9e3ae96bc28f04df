"""A block whose residents sign in: the pages over a real ledger, a provider beside them."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from gateway.audit import Entry
from gateway.config import GatewayConfig
from gateway.config_resident import ResidentConfig, SignInConfig
from gateway.photo.looking import Looking
from gateway.resident.linking import BillCodes
from gateway.resident.signin_secrets import SignInSecrets, printed
from gateway.resident.signin_wired import ways_of
from gateway.resident_web.app import create_app
from gateway.resident_web.front import Front, Threads
from gateway.resident_web.server import FOLDER, place_of, ways_on_pages
from gateway.resident_web.signin_desk import SignInDesk
from gateway.resident_web.uploads import Uploads
from gateway.resident_web.wired import LedgerDesk
from gateway.sql.audit import SqlAudit
from gateway.sql.resident_accounts import AccountsLedger
from tests.gateway.resident.block import PERIOD, Block, account
from tests.gateway.resident.provider import CLIENT_ID, SECRET, Oidc
from tests.gateway.resident_web.browser import proof_on
from tests.gateway.resident_web.memory import ORIGIN, at_once
from tests.gateway.town import GATEWAY_KEY

# Provider and pages are threads of one process, which a busy machine may let stand for seconds.
PATIENCE_S = 60.0


def secret_file(folder: Path, text: str = SECRET) -> Path:
    file = folder / "client.secret"
    file.write_text(text)
    file.chmod(0o600)
    return file


def standard(oidc: Oidc, folder: Path, **more: object) -> SignInConfig:
    about: dict[str, object] = {
        "name": "bank", "title_ru": "Банк", "title_en": "Bank", "issuer": oidc.url,
        "client_id": CLIENT_ID,
    }  # fmt: skip
    if "key_file" not in more:
        about["client_secret_file"] = secret_file(folder)
    return SignInConfig.model_validate(about | more)


@contextmanager
def pages(
    block: Block, config: GatewayConfig, *ways: SignInConfig, passkeys: bool = False
) -> Iterator[FastAPI]:
    """The pages with these ways to sign in, on the block's clock."""
    resident = ResidentConfig(public_url=ORIGIN, sign_in=ways, passkeys=passkeys)
    database = block.town.store.database
    with ExitStack() as stack:
        looker = stack.enter_context(Looking(1, "tests.gateway.photo.readers:Unsure"))
        desk = LedgerDesk(
            block.town.store, config, resident, key=GATEWAY_KEY, looker=looker, clock=block.clock
        )
        front = Front(
            desk,
            Threads(at_once, at_once),
            uploads=Uploads(config.data / FOLDER),
            place=place_of(resident),
            clock=block.clock,
            ways=ways_on_pages(resident),
        )
        signing = SignInDesk(database, GATEWAY_KEY, resident, block.clock)
        ways_out = ways_of(resident, block.clock, stack, timeout_s=PATIENCE_S)
        yield create_app(front, resident.names, signing, ways_out)


def bill_code(block: Block, flat: int = 1, period: str = PERIOD) -> str:
    ledger = AccountsLedger(block.town.store.database)
    dwelling = ledger.by_number(account(flat))
    assert dwelling is not None
    with block.town.store.transaction():
        codes = BillCodes(ledger, SignInSecrets.of(GATEWAY_KEY))
        return printed(codes.code_of(dwelling, period, block.now_ms).code)


async def sent_out(http: httpx.AsyncClient, name: str = "bank") -> httpx.Response:
    """To the provider, who lets the person in; the answer is its redirect back."""
    out = await http.get(f"/signin/{name}")
    assert out.status_code == 303, out.text
    async with httpx.AsyncClient(timeout=PATIENCE_S) as elsewhere:
        back = await elsewhere.get(out.headers["location"])
    assert back.status_code == 302
    return back


async def signed_in(http: httpx.AsyncClient, name: str = "bank") -> httpx.Response:
    """The page that says so, or says why not."""
    back = await sent_out(http, name)
    return await http.get(back.headers["location"].removeprefix(ORIGIN))


async def linking(http: httpx.AsyncClient, number: str, code: str) -> httpx.Response:
    page = await http.get("/dwellings/add")
    sent = {"proof": proof_on(page), "number": number, "code": code}
    return await http.post("/dwellings/add", data=sent, follow_redirects=True)


def wrong_on(page: httpx.Response) -> str:
    found = re.search(r'<p class="wrong" id="wrong" role="alert">([^<]*)</p>', page.text)
    assert found is not None, page.text
    return found[1]


def entries(block: Block) -> list[Entry]:
    return list(SqlAudit(block.town.store.database.connection).entries())
