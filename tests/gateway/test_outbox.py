"""The outbox over the real ledger: at least once, under one key, with refusals for a person."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from gateway.handoff import target
from gateway.handoff.pump import LAST_DELAY_S, Pump
from gateway.handoff.target import Answer, DueEvent, State
from gateway.sqlite.outbox import OutboxLedger
from gateway.sqlite.overview import look
from tests.gateway.town import Town, local

NOW_MS = local(10, 1, 2)
LATER_MS = NOW_MS + round(LAST_DELAY_S * 1000)


class Billing:
    """A billing system that answers as told and remembers what it was given."""

    def __init__(self, name: str, answer: Callable[[DueEvent], Answer]) -> None:
        self.name = name
        self.answer = answer
        self.given: list[str] = []
        self.payloads: set[bytes] = set()

    async def deliver(self, events: Sequence[DueEvent]) -> list[Answer]:
        self.given += [event.event_id for event in events]
        self.payloads |= {event.payload for event in events}
        return [self.answer(event) for event in events]


def yes(_event: DueEvent) -> Answer:
    return target.ACKNOWLEDGED


def down(_event: DueEvent) -> Answer:
    return target.failed("HTTP 503")


def no(event: DueEvent) -> Answer:
    return target.refused("HTTP 422 account closed") if event.event_no == 1 else yes(event)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path, targets=("erp", "files"))
    for number in (1, 2, 3):
        town.install(f"A{number}", town.point(f"P{number}"))
        town.read(f"A{number}", local(10, 1), 12_000)
    town.send()
    town.close("2026-09", now_ms=NOW_MS)
    return town


def pump(town: Town, *targets: Billing) -> Pump:
    return Pump(OutboxLedger(town.store.database), targets, Random(3))


def handed_over(town: Town) -> int:
    with look(town.folder / "ledger.sqlite") as overview:
        return overview.counts().handed_to_billing


async def test_every_line_reaches_every_target_once(town: Town) -> None:
    erp, files = Billing("erp", yes), Billing("files", yes)
    assert await pump(town, erp, files).once(NOW_MS) == 6
    assert await pump(town, erp, files).once(LATER_MS) == 0
    assert erp.given == files.given == [f"2026-09-{n:06d}" for n in (1, 2, 3)]
    assert handed_over(town) == 3


async def test_in_billing_is_what_every_target_has_acknowledged(town: Town) -> None:
    erp, files = Billing("erp", yes), Billing("files", down)
    await pump(town, erp, files).once(NOW_MS)
    assert handed_over(town) == 0
    files.answer = yes
    await pump(town, erp, files).once(LATER_MS)
    assert handed_over(town) == 3


async def test_a_target_that_is_down_does_not_hold_up_the_other(town: Town) -> None:
    erp, files = Billing("erp", down), Billing("files", yes)
    await pump(town, erp, files).once(NOW_MS)
    outbox = OutboxLedger(town.store.database)
    waiting = list(outbox.deliveries(State.PENDING))
    assert {(one.target, one.attempts, one.last_error) for one in waiting} == {
        ("erp", 1, "HTTP 503")
    }
    assert outbox.due("erp", NOW_MS) == []
    assert len(outbox.due("erp", LATER_MS)) == 3


class KilledError(BaseException):
    """The process ends between the delivery and the note of it."""


async def test_a_crash_after_delivery_delivers_again_under_the_same_key(town: Town) -> None:
    erp = Billing("erp", yes)

    class Forgetful(OutboxLedger):
        def record(self, *_arguments: object) -> None:
            raise KilledError

    with pytest.raises(KilledError):
        await Pump(Forgetful(town.store.database), [erp], Random(3)).once(NOW_MS)
    await pump(town, erp).once(NOW_MS)
    assert erp.given == [f"2026-09-{n:06d}" for n in (1, 2, 3)] * 2
    assert len(erp.payloads) == 3


async def test_a_refusal_waits_for_a_person_and_may_be_tried_again(town: Town) -> None:
    erp, files = Billing("erp", no), Billing("files", yes)
    await pump(town, erp, files).once(NOW_MS)
    assert await pump(town, erp).once(LATER_MS) == 0
    outbox = OutboxLedger(town.store.database)
    (refused,) = outbox.deliveries(State.REFUSED)
    assert (refused.event_id, refused.last_error) == ("2026-09-000001", "HTTP 422 account closed")
    assert handed_over(town) == 2
    assert outbox.retry("2026-09-000002", LATER_MS) == []
    assert outbox.retry("2026-09-000001", LATER_MS) == [refused]
    erp.answer = yes
    assert await pump(town, erp).once(LATER_MS) == 1
    assert list(outbox.deliveries(State.REFUSED)) == []
    assert handed_over(town) == 3
