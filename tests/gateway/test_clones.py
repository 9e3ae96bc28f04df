"""A device that speaks from two places is noticed, told once, and shown to the operator."""

import json
from pathlib import Path

import httpx
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.config import WebConfig
from gateway.sql.audit import SqlAudit
from tests.gateway.estate import (
    DAY_MS,
    MIDNIGHT_MS,
    QUARTER_MS,
    Device,
    Estate,
    a_day,
    a_readout,
    kwh,
)
from tests.servers.ledgers import create_app

NOW_MS = MIDNIGHT_MS + 400 * DAY_MS
MINE, OTHER = bytes(8), b"\1" * 8


def speak_twice(estate: Estate, times: int = 2) -> None:
    """A copy of the card goes on from the same batch, in a boot of its own."""
    estate.take(*a_day(estate.edge, batches=4))
    copy = Device()
    copy.sent = estate.edge.sent[:3]
    for turn in range(times):
        readout = a_readout(MIDNIGHT_MS + (10 + turn) * QUARTER_MS, kwh(1500 + turn))
        estate.take(copy.sign(readout, boot=OTHER), now_ms=NOW_MS + turn)


def acts(estate: Estate) -> list[tuple[str, str, str]]:
    entries = SqlAudit(estate.store.database.connection).entries()
    return [
        (one.act.act, one.act.subject, one.act.after)
        for one in entries
        if one.act.act == "device cloned?"
    ]


def test_it_is_noted_with_both_boots_and_counted(estate: Estate) -> None:
    speak_twice(estate)
    (found,) = estate.store.clones.clones()
    assert found.device == "edge-1"
    assert (found.sequence, found.stored_boot, found.other_boot) == (4, MINE, OTHER)
    assert (found.first_at_ms, found.last_at_ms, found.times) == (NOW_MS, NOW_MS + 1, 2)
    assert estate.refused() == {"sequence-reused": 1, "chain-broken": 1}


def test_the_audit_log_says_it_once(estate: Estate) -> None:
    speak_twice(estate)
    told = f"batch 4 of boot {MINE.hex()} and of boot {OTHER.hex()}"
    assert acts(estate) == [("device cloned?", "edge-1", told)]


def test_what_repeats_or_comes_in_disorder_is_no_clone(estate: Estate) -> None:
    day = a_day(estate.edge, batches=8)
    estate.take(*reversed(day))
    estate.restart()
    estate.take(*day, *day)
    assert estate.store.clones.clones() == []


def test_a_revoked_device_is_settled(estate: Estate) -> None:
    speak_twice(estate)
    with estate.store.transaction() as sql:
        sql.execute(
            "INSERT INTO device_revocation (device_no, revoked_at_ms, by, why, takes_backlog)"
            " SELECT device_no, 1, 'Orlova', 'copied', 0 FROM device WHERE name = 'edge-1'"
        )
    assert estate.store.clones.clones() == []


async def test_the_page_shows_it_where_the_devices_are(estate: Estate) -> None:
    speak_twice(estate)
    app = create_app(estate.path, lambda: NOW_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for lang, words in (("en", "Speak from two places"), ("ru", "Говорят из двух мест")):
            page = (await http.get("/identity", params={"house": "A", "lang": lang})).text
            assert words in page
            assert OTHER.hex() in page


def test_the_list_says_it(tmp_path: Path) -> None:
    estate = Estate(tmp_path / "ledger.sqlite")
    speak_twice(estate)
    data = ["--data", str(tmp_path)]
    estate.store.close()
    run = CliRunner().invoke(main, ["identity", "list", "--json", *data])
    assert run.exit_code == 0, run.output
    one, other = json.loads(run.stdout)
    assert one["cloned"]["sequence"] == 4
    assert one["cloned"]["other_boot"] == OTHER.hex()
    assert other["cloned"] is None
    table = CliRunner().invoke(main, ["identity", "list", *data]).stdout
    assert "cloned?" in table
    assert f"boot {OTHER.hex()}" in table
