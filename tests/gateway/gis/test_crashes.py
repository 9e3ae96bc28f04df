"""Killed at every step there is, the exchange goes on and enters every value once."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from gateway.config import LEDGER_FILE
from gateway.gis.exchange import Exchange, Settings
from gateway.gis.model import GisError
from gateway.gis.soap import Sender
from gateway.handoff.reconcile import Statement, reconcile
from gateway.handoff.target import State
from gateway.sql.gis import GisLedger
from gateway.sql.outbox import HANDED_OVER
from gateway.sql.reconcile import ReconcileLedger
from gateway.sqlite.connection import Database
from simulators.gis_service import GisService
from tests.gateway.gis.office import HOUR_MS, NOW_MS, ORGANISATION, a_town, guid
from tests.gateway.mortal import Fate, KilledError, ledger

pytestmark = pytest.mark.sqlite_only("what dies at each statement is a sqlite3 connection")

ROUNDS = 6


class Lane:
    """To the service without a network; a step before it hears us, and one before we hear it."""

    def __init__(self, service: GisService, fate: Fate, *, is_bad: bool = False) -> None:
        self._service = service
        self._fate = fate
        self._is_bad = is_bad

    async def call(self, _action: str, envelope: bytes) -> bytes:
        self._fate.step()
        _, answer = self._service.answer(envelope)
        self._fate.step()
        if self._is_bad:
            self._is_bad = False
            raise GisError("the answer was lost")
        return answer


def life(file: Path, service: GisService, fate: Fate, start_ms: int, *, bad: bool = False) -> bool:
    """Some hours of a program; False if it was killed."""

    async def hours(database: Database) -> None:
        exchange = Exchange(
            GisLedger(database),
            Lane(service, fate, is_bad=bad),
            Sender(ORGANISATION, as_operator=False),
            sign=None,
            settings=Settings(60.0, {}),
            random=Random(start_ms + fate.left),
        )
        for turn in range(ROUNDS):
            await exchange.once(start_ms + turn * HOUR_MS)

    try:
        with ledger(file, fate) as database:
            asyncio.run(hours(database))
    except KilledError:
        return False
    return True


def statement(file: Path) -> tuple[Statement, int]:
    with ledger(file, Fate()) as database:
        book = ReconcileLedger(database.connection).book("2026-09", None)
        count = "SELECT value FROM tally WHERE name = ?"
        (counted,) = database.connection.execute(count, (HANDED_OVER,)).fetchone()
    return reconcile(book, "2026-09", None), counted


@pytest.mark.parametrize(("deaths", "bad"), [(1, False), (2, False), (1, True)])
def test_killed_at_any_step_it_enters_every_value_once(
    tmp_path: Path, deaths: int, bad: bool
) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    a_town(origin).store.close()
    step, survived = 0, False
    while not survived:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(origin, folder)
        file = folder / LEDGER_FILE
        service = GisService(polls=1)
        starts = [NOW_MS + death * 10 * HOUR_MS for death in range(deaths)]
        lives = [life(file, service, Fate(step), start_ms, bad=bad) for start_ms in starts]
        survived = lives[0]
        assert life(file, service, Fate(), NOW_MS + 50 * HOUR_MS), step
        assert life(file, service, Fate(), NOW_MS + 60 * HOUR_MS), step
        assert Counter(one.device for one in service.entered) == {guid("E1"): 1, guid("W1"): 1}
        found, counted = statement(file)
        assert (found.problems, counted) == ((), 3), step
        (target,) = found.targets
        counts = {state: share.records for state, share in target.shares.items() if share.records}
        assert counts == {State.ACKNOWLEDGED: 3, State.LEFT_OUT: 1}, step
        shutil.rmtree(folder)
    assert step > 30  # a few steps would mean that none was counted
