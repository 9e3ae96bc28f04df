"""What the resident's pages ask of the house behind them, and in which words it answers.

The pages know a dwelling only by the session it came with, and every question carries it: there
is no call that takes a meter, a photo or an act without the dwelling that asks. wired.py answers
over the ledger; the tests have a house in memory.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from gateway.model import Level
from gateway.photo.frame import Frame
from gateway.resident.act_telling import ActTold
from gateway.resident.dispute import OPEN, Step
from gateway.resident.history import History
from gateway.resident.model import Dwelling
from gateway.web.texts import Words


class NotDone(Exception):
    """What was asked cannot be done; `kind` is a key of the texts `sorry_…`.

    `detail` fills the text's place, where it has one; `status` is HTTP's.
    """

    def __init__(self, kind: str, status: int = 400, detail: str = "") -> None:
        super().__init__(kind)
        self.kind, self.status, self.detail = kind, status, detail


class Landing(NamedTuple):
    """What a link leads to.

    `needs` is ``code``, ``account`` (its number, from the bill) or empty; `contact` is masked:
    where a code goes. `stop` is the token by which it wants no more messages, empty where it has
    none or wants none already.
    """

    house: str
    dwelling: str
    contact: str
    needs: str
    stop: str = ""


class Item(NamedTuple):
    """A register of the dwelling: `digits` places, the last one worth ten to the `exponent`.

    `wanted`: nothing came by itself and the window is open until `closes_ms`. `last` is the last
    value known, `expected` the mantissa it would stand at now by its usual use.
    """

    register_no: int
    resource: str
    serial: str
    obis: str
    unit: str
    exponent: int
    digits: int
    wanted: bool
    period: str = ""
    closes_ms: int | None = None
    last: Level | None = None
    expected: int | None = None


class Seen(NamedTuple):
    """What was read on a photo: one digit for each place, None where it is not sure.

    `digits` is empty where no register was found; `points` are its corners in the photo, as long
    as they are remembered.
    """

    photo_no: int
    register_no: int
    digits: tuple[int | None, ...]
    points: tuple[tuple[float, float], ...] = ()


class Question(NamedTuple):
    """A doubt, put to whoever stands before the meter; answering never blocks."""

    code: str
    ru: str
    en: str


class Sent(NamedTuple):
    """A reading that was handed in, under the number its act has."""

    number: str
    register_no: int
    value: str
    at_ms: int
    in_review: bool
    period: str = ""


class Complaint(NamedTuple):
    """A dispute: `state` as gateway/resident/dispute.py has it, and when its term ends."""

    number: str
    state: str
    until_ms: int
    answer: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether an answer is owed."""
        return self.state in OPEN


class Desk(Protocol):
    """The house. Every method may raise NotDone; none is called in the event loop's thread."""

    def landing(self, token: str, secret: str) -> Landing:
        """What a link leads to in the browser with that session; looking does not use it up."""

    def send_code(self, token: str) -> None:
        """Send a code to the contact that is known."""

    def send_link(self, token: str) -> str:
        """Send a new link in the place of one that is used or over; the masked contact."""

    def sign_in(self, token: str, code: str) -> str:
        """The secret of a new session."""

    def home(self, secret: str) -> Dwelling | None:
        """Whose session that is, None if nobody's any more."""

    def sign_out(self, secret: str) -> None:
        """End the session."""

    def items(self, home: Dwelling) -> list[Item]:
        """Every register of the dwelling."""

    def ready(self, home: Dwelling, register_no: int) -> Any:
        """What is known of a register before a photo of it is looked at."""

    def look(self, ready: Any, data: bytes, frame: Frame | None) -> Any:
        """Read a photo. This takes seconds and asks nothing of the ledger: any thread does it."""

    def keep(self, home: Dwelling, ready: Any, sight: Any) -> int:
        """Keep a photo with what was read on it; its number."""

    def anew(self, home: Dwelling, photo_no: int) -> tuple[Any, bytes]:
        """As `ready`, of a kept photo of the dwelling's that is read once more: that, and it."""

    def keep_anew(self, home: Dwelling, photo_no: int, sight: Any) -> int:
        """Keep what was read on it this time; the number of its register."""

    def seen(self, home: Dwelling, photo_no: int) -> Seen | None:
        """What was read on a photo of the dwelling's."""

    def picture(self, home: Dwelling, photo_no: int) -> bytes | None:
        """The JPEG of a photo of the dwelling's."""

    def questions(
        self, home: Dwelling, register_no: int, value: Decimal, photo_no: int | None
    ) -> tuple[Question, ...]:
        """What to ask before that value is handed in."""

    def confirm(
        self,
        home: Dwelling,
        register_no: int,
        value: Decimal,
        photo_no: int | None,
        answers: Mapping[str, str],
    ) -> Sent:
        """Hand the value in; the same one again is the same submission."""

    def sent(self, home: Dwelling, number: str) -> Sent | None:
        """A submission of the dwelling's."""

    def act(self, home: Dwelling, number: str, words: Words) -> ActTold | None:
        """The act of a submission of the dwelling's. Any thread asks for it, or for its PDF."""

    def act_pdf(self, home: Dwelling, number: str, words: Words) -> bytes | None:
        """The same on paper."""

    def may_look_back(self, secret: str) -> bool:
        """Whether that session may see the dwelling's history: one of a paper's code may not."""

    def history(self, home: Dwelling) -> History | None:
        """What the dwelling's meters showed and used. Any thread asks for it."""

    def complain(
        self, home: Dwelling, register_no: int | None, kind: str, text: str, subject: str = ""
    ) -> Complaint:
        """Open a dispute; `subject` is the reading or bill line it is about, if it is about one."""

    def opened(self, home: Dwelling) -> list[Complaint]:
        """The dwelling's disputes, the newest first."""

    def withdraw(self, home: Dwelling, number: str) -> Complaint:
        """Take a dispute back."""

    def complaint(self, home: Dwelling, number: str) -> Complaint | None:
        """Where a dispute of the dwelling's stands."""

    def stop_messages(self, token: str) -> str:
        """Send no more messages to that contact, which is returned masked."""
