"""A house under siege: a real ledger, the listener in its process, and residents who only want in.

Every test ends with `holds`: the good resident beside it sends a reading, and the ledger has what
residents were told it has, and nothing else.
"""

import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from gateway.resident.model import Purpose
from tests.abuse_resident.listener import CLOCK, HOST, PUBLIC
from tests.cloud_sync.brokers import free_port
from tests.gateway.resident.block import CLOSES_MS, PERIOD, Block, account
from tests.gateway.town import local

ROOT = Path(__file__).parents[2]
FLATS = 6
GOOD = FLATS
"""The flat of the good resident, whom nobody attacks."""
_MINUTE_MS = 60_000
_addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))
_TIMEOUT_S = 180.0


class Visitor:
    """A browser behind the proxy, at an address of its own; cookies kept as a browser does."""

    def __init__(self, port: int, at: str = "") -> None:
        self.headers = {
            "host": PUBLIC.removeprefix("https://"),
            "origin": PUBLIC,
            "x-forwarded-for": at or next(_addresses),
            "x-forwarded-proto": "https",
            "accept-language": "ru",
        }
        self.cookies: dict[str, str] = {}
        self._http = httpx.Client(base_url=f"http://{HOST}:{port}", timeout=_TIMEOUT_S)

    def ask(self, method: str, path: str, **how: object) -> httpx.Response:
        """One request; `headers` of it go before our own."""
        own = how.pop("headers", None) or {}
        assert isinstance(own, dict)
        cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers = self.headers | (cookie if self.cookies else {}) | own
        answer = self._http.request(method, path, headers=headers, **how)  # type: ignore[arg-type]
        self._http.cookies.clear()
        for one in answer.headers.get_list("set-cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value.strip('"'):
                del self.cookies[name]
        return answer

    def get(self, path: str, **how: object) -> httpx.Response:
        return self.ask("GET", path, **how)

    def post(self, path: str, **how: object) -> httpx.Response:
        return self.ask("POST", path, **how)

    def proof(self) -> str:
        return str(self.get("/proof").json()["proof"])

    def close(self) -> None:
        self._http.close()


class House:
    """Flats 1 to FLATS, each with a meter and an e-mail, and the listener of their pages."""

    def __init__(self, folder: Path) -> None:
        self.block = Block(folder, flats=FLATS)
        self.folder = folder
        self.port = free_port()
        self.given: set[str] = set()
        """The numbers that residents were told."""
        self.shown = 12_000
        for flat in range(1, FLATS + 1):
            self.block.contact(flat)
            self.block.read(flat, local(9, 5), self.shown)
        serials = "SELECT serial, register_no FROM register JOIN meter USING (meter_no)"
        self._registers = {
            int(str(serial)[1:]): int(str(number)) for serial, number in self.block.rows(serials)
        }
        self._visitors: list[Visitor] = []
        self.tick(0)

    def __enter__(self) -> Self:
        self._said = (self.folder / "said").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.abuse_resident.listener",
                str(self.folder),
                str(self.port),
            ],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=self._said,
        )
        visitor = self.visitor()
        while self._process.poll() is None:
            try:
                assert visitor.get("/").status_code == 200
                break
            except httpx.TransportError:
                time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(_TIMEOUT_S)
        self._said.close()
        for one in self._visitors:
            one.close()
        self.block.town.store.close()

    @property
    def said(self) -> str:
        """What the listener wrote to its log."""
        return (self.folder / "said").read_text("utf-8", "replace")

    def tick(self, ms: int = _MINUTE_MS) -> None:
        """The clock goes on."""
        self.block.now_ms += ms
        new = self.folder / "clock.new"
        new.write_text(str(self.block.now_ms), "ascii")
        new.replace(self.folder / CLOCK)

    def visitor(self, at: str = "") -> Visitor:
        """Somebody with a browser."""
        self._visitors.append(Visitor(self.port, at))
        return self._visitors[-1]

    def resident(self, flat: int) -> Visitor:
        """The resident of a flat, let in by a slip of paper."""
        visitor, token = self.visitor(), self.block.paper_link(flat)
        sent = {"proof": proof_on(visitor.get(f"/l/{token}")), "code": account(flat)}
        assert visitor.post(f"/l/{token}/enter", data=sent).status_code == 303
        return visitor

    def by_code(self, flat: int, visitor: Visitor | None = None) -> Visitor:
        """The resident of a flat, let in by the code of a letter."""
        visitor, token = visitor or self.visitor(), self.block.mail_link(flat)
        sent = {"proof": proof_on(visitor.get(f"/l/{token}"))}
        visitor.post(f"/l/{token}/code", data=sent)
        entered = visitor.post(f"/l/{token}/enter", data=sent | {"code": self.code(token)})
        assert entered.status_code == 303, entered.text
        return visitor

    def code(self, token: str) -> str:
        """The code that was sent for a link last, as its letter says it."""
        claimed = self.block.key.claimed(token)
        assert claimed is not None
        assert claimed.purpose is Purpose.GIVE
        ((link_no, nonce),) = self.block.rows(
            "SELECT link_no, resident_code.nonce FROM resident_code JOIN resident_link"
            " USING (link_no) WHERE resident_link.nonce = ? ORDER BY code_no DESC LIMIT 1",
            claimed.nonce,
        )
        return self.block.key.code(int(str(link_no)), bytes(nonce))  # type: ignore[arg-type]

    def register(self, flat: int) -> int:
        """The register of a flat's meter."""
        return self._registers[flat]

    def give(self, visitor: Visitor, flat: int) -> str:
        """Type a reading a little above the last and confirm what is asked; the act's number."""
        self.tick()
        self.shown += 1
        at = f"/meter/{self.register(flat)}"
        digits = {f"d{place}": digit for place, digit in enumerate(f"{self.shown:08d}")}
        answer = visitor.post(f"{at}/check", data={"proof": visitor.proof()} | digits)
        return self.finished(visitor, at, answer)

    def finished(self, visitor: Visitor, at: str, answer: httpx.Response) -> str:
        """Say yes to every question; the act's number."""
        answers: dict[str, str] = {}
        while found := re.search(r'name="a_([a-z-]+)" value="yes"', answer.text):
            answers |= {f"a_{found[1]}": "yes"}
            fields = {
                name: value
                for name, value in re.findall(
                    r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', answer.text
                )
                if not name.startswith("a_")
            }
            answer = visitor.post(f"{at}/confirm", data=fields | answers)
        assert answer.status_code == 303, answer.text
        number = answer.headers["location"].removeprefix("/done/")
        self.given.add(number)
        return str(number)

    def link(self, flat: int, expires_ms: int = CLOSES_MS, purpose: Purpose = Purpose.GIVE) -> str:
        """A link of that kind, to the flat's contact."""
        (contact,) = self.block.ledger.contacts(self.block.account_no(flat))
        with self.block.town.store.transaction():
            return self.block.links.make(
                *(contact.account_no, PERIOD, expires_ms, contact.contact_no, purpose)
            ).token

    def sessions(self) -> int:
        """How many sessions there ever were."""
        ((count,),) = self.block.rows("SELECT count(*) FROM resident_session")
        return int(str(count))

    def holds(self) -> None:
        """A good resident still sends a reading, and the ledger has what it said, and no more."""
        self.give(self.resident(GOOD), GOOD)
        numbers = {str(one) for (one,) in self.block.rows("SELECT number FROM submission")}
        assert numbers == self.given
        assert {
            str(one) for (one,) in self.block.rows("SELECT number FROM resident_act")
        } == numbers
        ((claims,),) = self.block.rows("SELECT count(*) FROM claim")
        assert claims == len(numbers)
        acts = self.block.acts()
        assert acts.count("reading submit") == len(numbers)
        assert acts.count("resident session") == self.sessions()
        assert "Traceback" not in self.said
        self._files()

    def _files(self) -> None:
        """Every photo that is kept is a JPEG of ours, in our folder, and told of in the ledger."""
        root = self.folder / "photos"
        kept = {str(one) for (one,) in self.block.rows("SELECT file FROM photo")}
        there = {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()}
        assert there == kept
        for name in kept:
            assert (root / name).read_bytes().startswith(b"\xff\xd8\xff")
        odd = {one.name for one in self.folder.iterdir()} - {
            *("photos", "uploads", "clock", "said"),
            *("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"),
        }
        assert not odd


def proof_on(page: httpx.Response) -> str:
    """The proof in the forms of a page."""
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]
