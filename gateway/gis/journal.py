"""What the exchange with ГИС ЖКХ asks of storage: each method is one durable step of it.

Whatever is about to be sent is written down before; what came back is written down together with
what it means for the lines. So a process that ends anywhere goes on from the last whole step.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.export.closed import Closed
from gateway.gis.model import Message, Prepared, Result, Stage
from gateway.handoff.target import Answer
from gateway.model import GisDevice


class Due(NamedTuple):
    """Lines of one closed period that ГИС ЖКХ is due, with all that stands around them.

    `events` are due now, by event id; `lines` are all of the period's, since a device is reported
    whole; `numbers` are their event numbers. `attempts` is how often the first was tried.
    `withdrawn` is why the period was taken back, empty where it stands.
    """

    period: str
    events: Mapping[str, int]
    lines: Sequence[Closed]
    numbers: Mapping[str, int]
    devices: Mapping[str, GisDevice]
    withdrawn: str
    attempts: int


class Given(NamedTuple):
    """An answer about one line; `next_at_ms` counts where it is still pending."""

    event_no: int
    answer: Answer
    next_at_ms: int


class Value(NamedTuple):
    """One device's values in a request, as they stand."""

    transport_guid: str
    meter: str
    state: str
    events: tuple[str, ...]
    guid: str
    unique_number: str
    updated_at: str
    code: str
    words: str


class Journal(Protocol):
    """The ledger, as far as ГИС ЖКХ is concerned."""

    def due(self, now_ms: int, period: str | None, house: str | None) -> Due | None:
        """The oldest closing with lines that are due and in no open request.

        A house's closings go one after another: none while a request of an earlier one is open, or
        an old value that was held up could be entered over a newer one.
        """

    def tries(self, line_id: str) -> int:
        """How often values that begin with a line had an answer: each new try has a new number."""

    def prepare(self, requests: Sequence[Prepared], given: Sequence[Given], now_ms: int) -> bool:
        """Write requests down, and what is known already of other lines, in one transaction.

        False, and nothing written, where one of the values has been written down meanwhile.
        """

    def open(self, now_ms: int | None) -> list[Message]:
        """Requests that are prepared or taken, and due at `now_ms` (None: all)."""

    def taken(self, message: Message, gis_guid: str, next_at_ms: int, now_ms: int) -> None:
        """ГИС ЖКХ has acknowledged a request.

        This and the next two do nothing to a request that has come further meanwhile.
        """

    def again(self, message: Message, error: str, next_at_ms: int, now_ms: int) -> None:
        """A request, or the question about it, is to be tried again."""

    def settle(
        self,
        message: Message,
        stage: Stage,
        results: Sequence[Result],
        answers: Mapping[str, Answer],
        now_ms: int,
    ) -> None:
        """What became of a request's values, by TransportGUID, and so of their lines."""

    def values(self, message_no: int) -> list[Value]:
        """The values of a request."""

    def messages(self, limit: int) -> list[Message]:
        """All requests, the newest first."""
