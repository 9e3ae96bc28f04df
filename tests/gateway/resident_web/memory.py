"""A house in memory behind the resident's pages: one dwelling, its meters, and what was done."""

# ruff: noqa: ARG002 - a port's methods are told more than a house in memory needs

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.explain.told import Figure, Proof, Row
from gateway.model import Level
from gateway.photo.frame import Frame
from gateway.resident.act_telling import ActTold
from gateway.resident.history import History
from gateway.resident.model import Dwelling
from gateway.resident_web.front import Call, Front, Place, Threads
from gateway.resident_web.ports import (
    Complaint,
    Item,
    Landing,
    NotDone,
    Question,
    Seen,
    Sent,
)
from gateway.resident_web.uploads import Uploads
from gateway.web.texts import Words

NOW_MS = 1_795_341_600_000  # 2026-11-22T14:00:00Z
CLOSES_MS = NOW_MS + 3 * 86_400_000
ORIGIN = "https://resident.example"
TOKEN, CODE = "t" * 46, "123456"
HOME = Dwelling(1, "101", "Lenina 1", "7", "Europe/Moscow")
WATER = Item(
    1, "cold-water", "W1", "8-0:1.0.0", "m3", -3, 8, True, "2026-11", CLOSES_MS,
    Level(NOW_MS - 30 * 86_400_000, 123_456), 140_000,
)  # fmt: skip
POWER = Item(
    2, "electricity", "E1", "1-0:1.8.1", "kWh", -2, 8, True, "2026-11", CLOSES_MS,
    Level(NOW_MS - 30 * 86_400_000, 1_000_000), 1_100_000,
)  # fmt: skip
HEAT = Item(3, "heat", "H1", "6-0:1.0.0", "Gcal", -3, 7, False, "", None, Level(NOW_MS, 5_123))
FOREIGN_PHOTO = 99
JPEG = b"\xff\xd8\xff\xe0" + bytes(200_000) + b"\xff\xd9"


class Memory:
    """`Desk`, as simply as it can be."""

    def __init__(
        self, home: Dwelling = HOME, items: tuple[Item, ...] = (WATER, POWER, HEAT)
    ) -> None:
        self.at_home = home
        self.registers = list(items)
        self.past: History | None = None
        self.contact = "п***@example.org"
        self.needs = "code"
        self.over = ""
        self.tries = 0
        self.codes = 0
        self.sessions: set[str] = set()
        self.photos: dict[int, bytes] = {}
        self.frames: list[Frame | None] = []
        self.digits: tuple[int | None, ...] = (0, 0, 1, 3, 0, None, 5, 6)
        self.doubts: tuple[Question, ...] = ()
        self.confirmed: list[tuple[int, Decimal, int | None, dict[str, str]]] = []
        self.complaints: list[tuple[int | None, str, str]] = []
        self.stopped = 0
        self.said = "Ответ"

    def landing(self, token: str, secret: str) -> Landing:
        if token != TOKEN:
            raise NotDone("link_unknown", 404)
        if self.over:
            raise NotDone(self.over, 410)
        return Landing(self.at_home.house, self.at_home.dwelling, self.contact, self.needs)

    def send_code(self, token: str) -> None:
        self.landing(token, "")
        self.codes += 1

    def send_link(self, token: str) -> str:
        assert token == TOKEN
        return self.contact

    def sign_in(self, token: str, code: str) -> str:
        self.landing(token, "")
        self.tries += 1
        if code != CODE:
            raise NotDone("wrong_code", 422)
        secret = f"secret-{len(self.sessions)}"
        self.sessions.add(secret)
        return secret

    def home(self, secret: str) -> Dwelling | None:
        return self.at_home if secret in self.sessions else None

    def sign_out(self, secret: str) -> None:
        self.sessions.discard(secret)

    def items(self, home: Dwelling) -> list[Item]:
        assert home == self.at_home
        sent = {one[0] for one in self.confirmed}
        return [
            one._replace(wanted=one.wanted and one.register_no not in sent)
            for one in self.registers
        ]

    def ready(self, home: Dwelling, register_no: int) -> int:
        assert home == self.at_home
        assert any(one.register_no == register_no for one in self.registers)
        return register_no

    def look(self, ready: int, data: bytes, frame: Frame | None) -> bytes:
        if not data.startswith(b"\xff\xd8"):
            raise NotDone("bad_photo", 422)
        self.frames.append(frame)
        return data

    def keep(self, home: Dwelling, ready: int, data: bytes) -> int:
        self.photos[len(self.photos) + 1] = data
        return len(self.photos)

    def anew(self, home: Dwelling, photo_no: int) -> tuple[int, bytes]:
        assert home == self.at_home
        if photo_no not in self.photos:
            raise NotDone("photo_gone", 410)
        return 1, self.photos[photo_no]

    def keep_anew(self, home: Dwelling, photo_no: int, data: bytes) -> int:
        return 1

    def seen(self, home: Dwelling, photo_no: int) -> Seen | None:
        return Seen(photo_no, 1, self.digits) if photo_no in self.photos else None

    def picture(self, home: Dwelling, photo_no: int) -> bytes | None:
        return self.photos.get(photo_no)

    def questions(
        self, home: Dwelling, register_no: int, value: Decimal, photo_no: int | None
    ) -> tuple[Question, ...]:
        return self.doubts

    def confirm(
        self, home: Dwelling, register_no: int, value: Decimal, photo_no: int | None,
        answers: Mapping[str, str],
    ) -> Sent:  # fmt: skip
        self.confirmed.append((register_no, value, photo_no, dict(answers)))
        return self._sent(len(self.confirmed))

    def _sent(self, number: int) -> Sent:
        register_no, value, _, answers = self.confirmed[number - 1]
        return Sent(f"N-{number}", register_no, str(value), NOW_MS, bool(answers), "2026-11")

    def sent(self, home: Dwelling, number: str) -> Sent | None:
        known = [f"N-{one + 1}" for one in range(len(self.confirmed))]
        return self._sent(known.index(number) + 1) if number in known else None

    def act(self, home: Dwelling, number: str, words: Words) -> ActTold | None:
        if self.sent(home, number) is None:
            return None
        proof = Proof("Проверка", "Код", "CODE", "https://x.example/check/act/N-1", "", "", ())
        about = (Row("Счётчик", self.said),)
        value = Figure("Показание", "130,756", "м³", "")
        return ActTold(words.language, "Акт", number, "", about, value, (), proof, NOW_MS)

    def act_pdf(self, home: Dwelling, number: str, words: Words) -> bytes | None:
        return None if self.sent(home, number) is None else b"%PDF-"

    def may_look_back(self, secret: str) -> bool:
        return self.needs == "code"

    def history(self, home: Dwelling) -> History | None:
        return self.past

    def complain(
        self, home: Dwelling, register_no: int | None, kind: str, text: str, subject: str = ""
    ) -> Complaint:
        self.complaints.append((register_no, kind, text))
        return Complaint("D-1", "received", NOW_MS)

    def opened(self, home: Dwelling) -> list[Complaint]:
        return [Complaint("D-1", "received", NOW_MS)] if self.complaints else []

    def withdraw(self, home: Dwelling, number: str) -> Complaint:
        raise NotDone("no_page", 404)

    def complaint(self, home: Dwelling, number: str) -> Complaint | None:
        known = number == "D-1" and self.complaints
        return Complaint("D-1", "received", NOW_MS, self.said) if known else None

    def stop_messages(self, token: str) -> str:
        self.landing(token, "")
        self.stopped += 1
        return self.contact


async def at_once(question: Callable[[], Any]) -> Any:
    return question()


class Watch:
    """Seconds that go when told."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def front_of(
    house: Memory, folder: Path, watch: Watch, *, secure: bool = True, aside: Call[Any] = at_once
) -> Front:
    place = Place(frozenset({ORIGIN}), secure=secure)
    threads = Threads(at_once, aside)
    return Front(
        house, threads, uploads=Uploads(folder / "uploads"), place=place, clock=lambda: NOW_MS,
        clock_s=watch,
    )  # fmt: skip


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
