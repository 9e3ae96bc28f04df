"""A message that does to ingest what nobody foresaw: set aside by itself, and nobody else waits.

The ledger here stumbles over one device's second batch, as it would over a defect of ours that only
this batch meets; everything else of it is the real one.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.commands.running import log_to_stderr
from gateway.flood import BURST
from gateway.ingest import GROUP_MESSAGES_MAX, Ingest
from gateway.store import BatchRow, StoreError
from tests.gateway.estate import DAY_MS, GATEWAY_KEY, MIDNIGHT_MS, Estate, a_day, opened

NOW_MS = MIDNIGHT_MS + 400 * DAY_MS


class Stumbling:
    """A part of the store, but that `meet` is asked before batches are added to it."""

    def __init__(self, real: Any, meet: Any) -> None:
        self._real, self._meet = real, meet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @property
    def ledger(self) -> "Stumbling":
        return Stumbling(self._real.ledger, self._meet)

    def add_batches(self, rows: Sequence[BatchRow]) -> None:
        self._meet(rows)
        self._real.add_batches(rows)


@pytest.fixture(autouse=True)
def _logged_as_in_a_running_gateway() -> None:
    log_to_stderr()


def over_the_second(error: Exception, device_no: int) -> Any:
    """What raises `error` where a group holds that device's second batch."""

    def meet(rows: Sequence[BatchRow]) -> None:
        if any((row.device_no, row.sequence) == (device_no, 2) for row in rows):
            raise error

    return meet


@pytest.fixture
def stumbling(estate: Estate) -> Ingest:
    keys = estate.store.registry.device_keys([estate.edge.key.public.key_id])
    (key,) = keys.values()
    meet = over_the_second(ArithmeticError("of what was said"), key.device_no)
    return Ingest(Stumbling(estate.store, meet), GATEWAY_KEY)


def mixed(estate: Estate) -> list[Any]:
    """Batches of both devices by turns."""
    days = (a_day(device, batches=8) for device in (estate.edge, estate.other))
    return [one for pair in zip(*days, strict=True) for one in pair]


def test_the_others_of_its_group_are_stored_and_answered(estate: Estate, stumbling: Ingest) -> None:
    messages = mixed(estate)
    assert len(messages) <= GROUP_MESSAGES_MAX
    outcome = stumbling.process(messages, NOW_MS)
    receipts = opened(outcome)
    assert receipts["edge-2"].through == len(estate.other.sent)
    assert receipts["edge-1"].through == 1
    assert outcome.counts["refused"] == 1
    assert estate.refused() == {"unforeseen": 1}
    (row,) = estate.store.quarantine.kept("unforeseen")
    assert (row.topic, row.evidence) == (estate.edge.topic, estate.edge.sent[1].payload)
    assert row.detail == "ArithmeticError; the gateway's log of that time says where"


def test_a_gateway_that_knows_better_stores_it(estate: Estate, stumbling: Ingest) -> None:
    stumbling.process(mixed(estate), NOW_MS)
    outcome = estate.take(*estate.edge.sent, now_ms=NOW_MS)
    assert opened(outcome)["edge-1"].through == len(estate.edge.sent)


def test_its_sender_pays_for_it_and_is_heard_less(estate: Estate, stumbling: Ingest) -> None:
    first, second = a_day(estate.edge, batches=2)
    stumbling.process([first], NOW_MS)
    for _ in range(int(BURST) + 5):
        stumbling.process([second], NOW_MS)
    assert estate.refused() == {"unforeseen": BURST, "flood": 5}


def test_a_ledger_that_cannot_write_is_no_message_s_fault(estate: Estate) -> None:
    keys = estate.store.registry.device_keys([estate.edge.key.public.key_id])
    (key,) = keys.values()
    meet = over_the_second(StoreError("full"), key.device_no)
    full = Ingest(Stumbling(estate.store, meet), GATEWAY_KEY)
    with pytest.raises(StoreError, match="full"):
        full.process(mixed(estate), NOW_MS)
    assert estate.refused() == {}
