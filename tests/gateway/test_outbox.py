"""The outbox over the real ledger: at least once, under one key, with refusals for a person."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from gateway.commands.billing import retry
from gateway.handoff import target
from gateway.handoff.event import event_maker
from gateway.handoff.pump import LAST_DELAY_S, Pump
from gateway.handoff.reconcile import reconcile
from gateway.handoff.target import Answer, DueEvent, State
from gateway.reopening import Person, reopen_period
from gateway.sql.audit import SqlAudit
from gateway.sql.outbox import OutboxLedger
from gateway.sql.reconcile import ReconcileLedger
from tests.gateway.town import HOUSE, Town, local
from tests.servers.ledgers import look

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


REFUSED_LINE = "2026-09-000001"


@pytest.fixture
async def reopened(town: Town) -> Town:
    """The ERP refused a line, then its period was reopened: it knows of the withdrawal only."""
    erp, files = Billing("erp", no), Billing("files", yes)
    await pump(town, erp, files).once(NOW_MS)
    reopen_period(
        *(town.ledger, HOUSE, "2026-09", Person("Orlova", "test", "the act came late"), LATER_MS),
        targets=town.targets,
        event_of=event_maker("urn:plomba:gateway:test"),
    )
    await pump(town, erp, files).once(LATER_MS)
    assert f"{REFUSED_LINE}-withdrawn" in erp.given
    return town


@pytest.mark.parametrize("asked", [None, REFUSED_LINE])
async def test_what_was_refused_and_withdrawn_is_not_sent_any_more(
    asked: str | None, reopened: Town
) -> None:
    outbox = OutboxLedger(reopened.store.database)
    (moved,) = retry(outbox, asked, State.REFUSED, ("Orlova", "test", "put right"))
    assert (moved.event_id, moved.target, moved.state) == (REFUSED_LINE, "erp", State.LEFT_OUT)
    (left_out,) = outbox.deliveries(State.LEFT_OUT)
    assert left_out.last_error == "the period was reopened: the act came late"
    assert outbox.is_withdrawn(REFUSED_LINE)
    erp = Billing("erp", yes)
    assert await pump(reopened, erp).once(LATER_MS) == 0
    for state in (State.REFUSED, State.LEFT_OUT):
        assert retry(outbox, asked, state, ("Orlova", "test", "again")) == []
    *_, entry = SqlAudit(reopened.store.database.connection).entries()
    assert entry.act.after == "erp: withdrawn, left out"
    book = ReconcileLedger(reopened.store.database.connection).book("2026-09", None)
    statement = reconcile(book, "2026-09", None)
    assert statement.problems == ()
    (at_erp,) = [one for one in statement.targets if one.target == "erp"]
    assert at_erp.reasons == {"the period was reopened: the act came late": 1}


async def test_a_withdrawal_that_was_refused_is_tried_again(town: Town) -> None:
    def stubborn(event: DueEvent) -> Answer:
        is_withdrawal = event.event_id.endswith("-withdrawn")
        return target.refused("HTTP 422 period locked") if is_withdrawal else yes(event)

    erp = Billing("erp", stubborn)
    await pump(town, erp, Billing("files", yes)).once(NOW_MS)
    reopen_period(
        *(town.ledger, HOUSE, "2026-09", Person("Orlova", "test", "the act came late"), LATER_MS),
        targets=town.targets,
        event_of=event_maker("urn:plomba:gateway:test"),
    )
    await pump(town, erp, Billing("files", yes)).once(LATER_MS)
    outbox = OutboxLedger(town.store.database)
    moved = retry(outbox, None, State.REFUSED, ("Orlova", "test", "put right"))
    assert [one.state for one in moved] == [State.PENDING] * 3
    erp.answer = yes
    assert await pump(town, erp).once(moved[0].next_at_ms + 10**12) == 3
    assert list(outbox.deliveries(State.REFUSED)) == []
