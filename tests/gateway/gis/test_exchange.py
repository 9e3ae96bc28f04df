"""Lines on their way to a ГИС ЖКХ that takes its time, fails, and forgets to answer."""

import itertools
from collections import Counter
from pathlib import Path

import pytest

from gateway.gis.exchange import ATTEMPTS_MAX, SENT_BEFORE
from gateway.gis.model import GisError, Refused, Stage
from gateway.handoff import target
from gateway.handoff.target import State
from gateway.sql.gis import GisLedger
from gateway.sql.outbox import HANDED_OVER, OutboxLedger
from simulators.gis_service import Faults, GisService, serving
from tests.gateway.gis.office import HOUR_MS, NOW_MS, SHARED, a_town, exchanging, guid, states
from tests.gateway.mortal import KilledError
from tests.gateway.town import DAY_MS, Town, local

# The lines of September in order of points and registers.
T1_LINE, T2_LINE, WATER_LINE, UNKNOWN_LINE = (f"2026-09-{number:06d}" for number in (1, 2, 3, 4))
NO_GUID = "the meter has no GUID: enter it with plomba-gateway registry gis-zhkh"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return a_town(tmp_path)


async def rounds(town: Town, endpoint: str, count: int, start_ms: int = NOW_MS) -> None:
    """`count` rounds, an hour apart."""
    async with exchanging(town, endpoint) as exchange:
        for turn in range(count):
            await exchange.once(start_ms + turn * HOUR_MS)


def counted(town: Town) -> int:
    return town.store.ledger.totals().get(HANDED_OVER, 0)


async def test_lines_are_sent_asked_about_and_accepted(town: Town) -> None:
    service = GisService(schemas=SHARED)
    with serving(service) as endpoint:
        await rounds(town, endpoint, 5)
    assert [(one.device, one.values) for one in service.entered] == [
        (guid("E1"), ("123.45", "107.89")),
        (guid("W1"), ("10.456",)),
    ]
    assert {one.period for one in service.entered} == {("2026", "9")}
    assert states(town) == {
        T1_LINE: (State.ACKNOWLEDGED, ""),
        T2_LINE: (State.ACKNOWLEDGED, ""),
        WATER_LINE: (State.ACKNOWLEDGED, ""),
        UNKNOWN_LINE: (State.LEFT_OUT, NO_GUID),
    }
    assert Counter(service.answered) == {
        "importMeteringDeviceValuesRequest": 1,
        "getStateRequest": 3,
    }
    assert counted(town) == 3
    journal = GisLedger(town.store.database)
    (message,) = journal.messages(10)
    assert message.stage is Stage.DONE
    electric, water = journal.values(message.message_no)
    assert (electric.meter, electric.events) == ("E1", (T1_LINE, T2_LINE))
    assert (electric.state, electric.guid, water.unique_number) == (
        "accepted",
        guid("E1"),
        "SIM-2",
    )


async def test_while_it_works_a_line_says_what_it_waits_for(town: Town) -> None:
    with serving(GisService(polls=9)) as endpoint:
        await rounds(town, endpoint, 1)
        assert "its result is awaited" in states(town)[T1_LINE][1]
        await rounds(town, endpoint, 1, NOW_MS + HOUR_MS)
        state, said = states(town)[T1_LINE]
    assert (state, said) == (State.PENDING, "ГИС ЖКХ is working on it (state 1)")


async def test_an_error_refuses_the_whole_device_and_a_retry_has_a_new_number(town: Town) -> None:
    service = GisService(errors={guid("E1"): ("INT016041", "Показание меньше предыдущего")})
    with serving(service) as endpoint:
        await rounds(town, endpoint, 5)
        said = "INT016041: Показание меньше предыдущего"
        assert states(town)[T1_LINE] == states(town)[T2_LINE] == (State.REFUSED, said)
        assert states(town)[WATER_LINE][0] is State.ACKNOWLEDGED
        await rounds(town, endpoint, 3, NOW_MS + 9 * HOUR_MS)
        assert service.answered.count("importMeteringDeviceValuesRequest") == 1

        service.errors.clear()
        outbox = OutboxLedger(town.store.database)
        assert [one.event_id for one in outbox.retry(T2_LINE, NOW_MS)] == [T2_LINE]
        await rounds(town, endpoint, 5, NOW_MS + 20 * HOUR_MS)
    assert {state for state, _ in states(town).values()} == {State.ACKNOWLEDGED, State.LEFT_OUT}
    assert [one.device for one in service.entered] == [guid("W1"), guid("E1")]
    assert len({one.transport for one in service.entered}) == 2
    assert counted(town) == 3


async def test_a_code_is_told_in_the_houses_words_beside_its_own(town: Town) -> None:
    service = GisService(errors={guid("W1"): ("INT9", "чужие слова")}, polls=0)
    with serving(service) as endpoint:
        async with exchanging(town, endpoint, words={"INT9": "окно закрыто"}) as exchange:
            await exchange.once(NOW_MS)
            await exchange.once(NOW_MS + HOUR_MS)
    assert states(town)[WATER_LINE] == (State.REFUSED, "INT9: окно закрыто (чужие слова)")


@pytest.mark.parametrize("seed", range(5))
async def test_on_a_bad_road_everything_arrives_once(tmp_path: Path, seed: int) -> None:
    town = a_town(tmp_path)
    service = GisService(seed=seed, faults=Faults(refused=20, lost=25, truncated=20))
    with serving(service) as endpoint:
        for turn in range(60):
            await rounds(town, endpoint, 1, NOW_MS + turn * HOUR_MS)
            if State.PENDING not in {state for state, _ in states(town).values()}:
                break
    assert sorted(one.device for one in service.entered) == sorted((guid("E1"), guid("W1")))
    assert {state for state, _ in states(town).values()} == {State.ACKNOWLEDGED, State.LEFT_OUT}


async def test_a_slow_answer_is_given_up_and_asked_for_again(town: Town) -> None:
    service = GisService(faults=Faults(slow=100, slow_s=30.0))
    with serving(service) as endpoint:
        async with exchanging(town, endpoint, timeout_s=0.1) as exchange:
            await exchange.once(NOW_MS)
        assert "no answer in time" in states(town)[T1_LINE][1]
        service.faults = Faults()
        await rounds(town, endpoint, 5, NOW_MS + HOUR_MS)
    assert len(service.entered) == 2


async def test_a_result_without_a_device_refuses_it_in_words(town: Town) -> None:
    with serving(GisService(silent={guid("W1")}, polls=0)) as endpoint:
        await rounds(town, endpoint, 2)
    state, said = states(town)[WATER_LINE]
    assert state is State.REFUSED
    assert said.startswith("no-answer: ГИС ЖКХ has finished the request and says nothing")


async def test_a_request_that_is_not_valid_is_refused_with_the_fault(town: Town) -> None:
    with serving(GisService(must_sign=True)) as endpoint:
        await rounds(town, endpoint, 1)
    assert states(town)[T1_LINE] == (State.REFUSED, "SIM-SIGN: the request is not signed")
    (message,) = GisLedger(town.store.database).messages(1)
    assert message.stage is Stage.REFUSED


async def test_after_too_many_attempts_a_person_must_look(town: Town) -> None:
    with serving(GisService(faults=Faults(refused=100))) as endpoint:
        async with exchanging(town, endpoint) as exchange:
            for turn in range(ATTEMPTS_MAX + 1):
                await exchange.once(NOW_MS + turn * HOUR_MS)
    state, said = states(town)[T1_LINE]
    assert state is State.REFUSED
    assert said.startswith("no-answer: given up after 120 attempts, look there first: HTTP 503")


async def test_a_signer_that_fails_is_told_and_tried_again(town: Town) -> None:
    calls = itertools.count(1)

    async def sign(body: bytes) -> bytes:
        if next(calls) == 1:
            raise GisError("the token is not in its slot")
        return body

    service = GisService()
    with serving(service) as endpoint:
        async with exchanging(town, endpoint, sign=sign) as exchange:
            await exchange.once(NOW_MS)
            assert states(town)[T1_LINE] == (State.PENDING, "the token is not in its slot")
            assert GisLedger(town.store.database).messages(9) == []
            await exchange.once(NOW_MS + HOUR_MS)
    assert len(service.entered) == 2


async def test_what_was_left_out_can_be_put_back_and_is_counted_once(town: Town) -> None:
    with serving(GisService()) as endpoint:
        await rounds(town, endpoint, 5)
        outbox = OutboxLedger(town.store.database)
        (back,) = outbox.retry(UNKNOWN_LINE, NOW_MS, State.LEFT_OUT)
        assert back.last_error == NO_GUID
        await rounds(town, endpoint, 2)
    assert states(town)[UNKNOWN_LINE] == (State.LEFT_OUT, NO_GUID)
    assert counted(town) == 3


async def test_corrections_are_no_readings(tmp_path: Path) -> None:
    town = Town(tmp_path, targets=("gis-zhkh",))
    town.install("A1", town.point("P1"))
    for month, value in ((10, 11_000), (11, 12_000), (12, 13_000)):
        town.read("A1", local(month, 1), value)
        town.send()
        town.close(now_ms=local(month, 2))
    town.close("2026-12", now_ms=local(12, 1) + 32 * DAY_MS)
    town.read("A1", local(12, 1) + 62 * DAY_MS, 15_000)
    town.send()
    closed = town.close("2027-01", now_ms=local(12, 1) + 63 * DAY_MS)
    assert closed.corrections
    with serving(GisService()) as endpoint:
        await rounds(town, endpoint, 6, local(12, 1) + 64 * DAY_MS)
    assert states(town)[closed.corrections[0].correction_id] == (
        State.LEFT_OUT,
        "ГИС ЖКХ takes readings, and this is none",
    )


async def test_two_programs_at_once_write_nothing_down_twice(town: Town) -> None:
    class Slower(GisLedger):
        """Another program is quicker by one step."""

        def prepare(self, *told: object) -> bool:
            assert GisLedger.prepare(self, *told)  # type: ignore[arg-type]
            return GisLedger.prepare(self, *told)  # type: ignore[arg-type]

    service = GisService()
    with serving(service) as endpoint:
        async with exchanging(town, endpoint, journal=Slower(town.store.database)) as exchange:
            await exchange.once(NOW_MS)
        await rounds(town, endpoint, 5)
    assert len(service.entered) == 2
    assert len(GisLedger(town.store.database).messages(9)) == 1


async def test_what_another_program_has_settled_is_not_unsettled(town: Town) -> None:
    journal = GisLedger(town.store.database)
    with serving(GisService(polls=0)) as endpoint:
        async with exchanging(town, endpoint) as exchange:
            await exchange.send(NOW_MS)
            (taken,) = journal.open(None)
            await exchange.poll(NOW_MS + HOUR_MS)
    before = states(town)
    assert before[T1_LINE][0] is State.ACKNOWLEDGED
    results = [Refused(one.transport_guid, "X", "no") for one in journal.values(1)]
    answers = {one.transport_guid: target.refused("X: no") for one in results}
    journal.settle(taken, Stage.REFUSED, results, answers, NOW_MS)
    journal.again(taken, "late", NOW_MS, NOW_MS)
    journal.taken(taken, "another", NOW_MS, NOW_MS)
    assert states(town) == before
    (message,) = journal.messages(9)
    assert (message.stage, message.attempts) == (Stage.DONE, 0)


async def test_an_old_value_that_was_held_up_is_never_entered_over_a_newer_one(
    town: Town,
) -> None:
    service = GisService(faults=Faults(refused=100))
    with serving(service) as endpoint:
        await rounds(town, endpoint, 1)
        town.reopen("2026-09", NOW_MS + 1)
        town.close("2026-09", now_ms=NOW_MS + 2)
        await rounds(town, endpoint, 1, NOW_MS + 3)
        assert len(GisLedger(town.store.database).messages(9)) == 1
        service.faults = Faults()
        await rounds(town, endpoint, 12, NOW_MS + HOUR_MS)
    assert [one.device for one in service.entered] == [guid("E1"), guid("W1")] * 2
    told = states(town)
    assert told[T1_LINE][0] is told[f"{T1_LINE}-r2"][0] is State.ACKNOWLEDGED
    assert State.PENDING not in {state for state, _ in told.values()}


async def test_a_refusal_of_what_may_have_been_sent_before_a_crash_says_so(town: Town) -> None:
    class Forgetful(GisLedger):
        def taken(self, *_told: object) -> None:
            raise KilledError

    service = GisService()
    with serving(service) as endpoint:
        async with exchanging(town, endpoint, journal=Forgetful(town.store.database)) as exchange:
            with pytest.raises(KilledError):
                await exchange.once(NOW_MS)
        service.must_sign = True
        await rounds(town, endpoint, 1, NOW_MS + 1000)
    assert states(town)[T1_LINE][1].endswith(f"({SENT_BEFORE})")


async def test_two_results_of_one_device_are_not_chosen_from(town: Town) -> None:
    service = GisService(polls=0, doubled={guid("W1")})
    with serving(service) as endpoint:
        await rounds(town, endpoint, 2)
    assert states(town)[WATER_LINE] == (
        State.PENDING,
        "expected one result of each device, got two",
    )
