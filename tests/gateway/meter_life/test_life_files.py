"""The three files: every bad line named, entered whole or not at all, changes in the log."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import audit, registry
from gateway.csv_lines import RegistryError
from gateway.meter_life import files
from gateway.meter_life.files import Author
from gateway.meter_life.seals import broken
from gateway.sql.audit import SqlAudit
from gateway.sql.meter_life import LifeLedger
from tests.gateway.estate import MIDNIGHT_MS, Estate, csv
from tests.gateway.test_registry import a_new_flat, everything

VERIFICATIONS = "meter,verified_on,interval,number,by,finding,valid_until,values"
SEALS = "meter,number,place,set_on,by,checked_on,broken_on,removed_on"
RELATIONS = "point,kind,other,since,until"
IMPORT = {
    VERIFICATIONS: files.import_verifications,
    SEALS: files.import_seals,
    RELATIONS: files.import_relations,
}


def enter(estate: Estate, header: str, *lines: str) -> dict[str, int]:
    with estate.store.transaction() as connection:
        data = "\n".join([header, *lines]).encode()
        return IMPORT[header](LifeLedger(connection), data, Author("Иванова", "test", 7, "f.csv"))


def log(estate: Estate) -> list[audit.Act]:
    return [one.act for one in SqlAudit(estate.store.database.connection).entries()]


@pytest.mark.parametrize(
    ("header", "line", "columns"),
    [
        (VERIFICATIONS, "X,2026-01-01,6y,1,ЦСМ,fit,,", ["meter"]),
        (VERIFICATIONS, "E1,1.1.2026,6y,1,ЦСМ,fit,,", ["verified_on"]),
        (VERIFICATIONS, "E1,9999-01-01,6y,1,ЦСМ,fit,,", ["verified_on"]),
        (VERIFICATIONS, "E1,0001-01-01,6y,1,ЦСМ,unfit,,", ["verified_on"]),
        (VERIFICATIONS, "E1,2026-01-01,6y,1,ЦСМ,fit,9999-12-31,", ["valid_until"]),
        (VERIFICATIONS, "E1,2026-01-01,6,1,ЦСМ,fit,,", ["interval"]),
        (VERIFICATIONS, "E1,2026-01-01,0m,1,ЦСМ,fit,,", ["interval"]),
        (VERIFICATIONS, "E1,2026-01-01,51y,1,ЦСМ,fit,,", ["interval"]),
        (VERIFICATIONS, "E1,2026-01-01,6y,,,fit,,", ["by", "number"]),
        (VERIFICATIONS, "E1,2026-01-01,6y,1,ЦСМ,good,,", ["finding"]),
        (VERIFICATIONS, "E1,2026-01-01,6y,1,ЦСМ,fit,2025-12-31,", ["valid_until"]),
        (VERIFICATIONS, "E1,2026-01-01,6y,1,ЦСМ,fit,,1-0:1.8.0=1", ["values"]),
        (VERIFICATIONS, "E1,2026-01-01,6y,1,ЦСМ,fit,,1-0:1.8.1=0.001", ["values"]),
        (VERIFICATIONS, "too,few", [""]),
        (SEALS, "X,,,2026-01-01,,,,", ["by", "meter", "number", "place"]),
        (SEALS, "E1,1,cover,2026-01-02,x,2026-01-01,,", ["checked_on"]),
        (RELATIONS, "A-1-E,behind,X,2026-01-01,", ["other"]),
        (RELATIONS, "A-1-E,beside,A-H,2026-01-01,2026-01-01", ["kind", "until"]),
    ],
)  # fmt: skip
def test_every_fault_is_named_and_nothing_is_entered(
    estate: Estate, header: str, line: str, columns: list[str]
) -> None:
    before = everything(estate)
    with pytest.raises(RegistryError) as refused:
        enter(estate, header, line)
    assert [one.column for one in refused.value.problems] == columns
    assert everything(estate) == before


@pytest.mark.parametrize("header", [VERIFICATIONS, SEALS])
def test_a_subject_stands_once_in_a_file(estate: Estate, header: str) -> None:
    line = {
        VERIFICATIONS: "E1,2026-01-01,6y,1,ЦСМ,fit,,",
        SEALS: "E1,77,cover,2026-01-01,Петров,,,",
    }[header]
    with pytest.raises(RegistryError, match=r"line 3: expected E1 .* once"):
        enter(estate, header, line, line)


def test_a_verification_is_corrected_and_the_log_says_what_it_was(estate: Estate) -> None:
    assert enter(estate, VERIFICATIONS, "E1,2020-01-01,16y,1,ЦСМ,,,1-0:1.8.1=10.5") == {
        "new": 1, "changed": 0, "same": 0,
    }  # fmt: skip
    assert enter(estate, VERIFICATIONS, "E1,2020-01-01,16y,1,ЦСМ,,,1-0:1.8.1=10.5")["same"] == 1
    assert enter(estate, VERIFICATIONS, "E1,2020-01-01,72m,1,ЦСМ,,2025-12-31,")["changed"] == 1
    (one,) = LifeLedger(estate.store.database.connection).verified("E1")
    assert (one.verification.months, one.verification.valid_until) == (72, date(2025, 12, 31))
    assert one.noted == {}
    first, second = log(estate)
    assert (first.actor, first.subject, first.why) == ("Иванова", "E1", "f.csv")
    assert first.after == "2020-01-01 until 2036-01-01, fit, no. 1 by ЦСМ, 1-0:1.8.1 at 1050"
    assert (second.before, second.after) == (
        first.after,
        "2020-01-01 until 2025-12-31, fit, no. 1 by ЦСМ",
    )


def test_a_seal_is_followed_through_its_life(estate: Estate) -> None:
    enter(estate, SEALS, "E1,77,terminal cover,2026-01-01,Петров,,,")
    enter(estate, SEALS, "E1,77,terminal cover,2026-01-01,Петров,2026-06-01,2026-09-01,")
    life = LifeLedger(estate.store.database.connection)
    (found,) = life.broken_seals("A")
    assert found.said == (
        "terminal cover, set 2026-01-01 by Петров, checked 2026-06-01, broken 2026-09-01"
    )
    # Nothing follows from it by itself.
    orders = estate.store.database.connection.execute("SELECT count(*) FROM out_of_order")
    assert orders.fetchone() == (0,)
    enter(estate, SEALS, "E1,78,terminal cover,2026-09-02,Петров,,,")
    assert broken(life.seals("E1")) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["A-1-E,behind,A-1-E,2026-01-01,"], "expected another point"),
        (["A-1-E,behind,A-1-W,2026-01-01,"], "a point of A that measures electricity"),
        (["A-2-E,behind,A-1-E,2026-01-01,", "A-1-E,behind,A-2-E,2026-01-01,"], "no circle"),
        (
            ["A-2-E,behind,A-1-E,2026-01-01,", "A-2-E,checks,A-1-E,2026-02-01,"],
            "one relation of A-2-E at a time",
        ),
    ],
)
def test_relations_that_cannot_be(estate: Estate, lines: list[str], expected: str) -> None:
    another_flat(estate)
    with pytest.raises(RegistryError, match=expected):
        enter(estate, RELATIONS, *lines)


def test_a_relation_ends_and_another_begins(estate: Estate) -> None:
    another_flat(estate)
    enter(estate, RELATIONS, "A-2-E,behind,A-1-E,2026-01-01,")
    lines = ["A-2-E,behind,A-1-E,2026-01-01,2026-02-01", "A-2-E,checks,A-1-E,2026-02-01,"]
    assert enter(estate, RELATIONS, *lines) == {"new": 1, "changed": 1, "same": 0}
    assert enter(estate, RELATIONS, *lines)["same"] == 2
    since = estate.store.database.connection.execute(
        "SELECT until_ms FROM point_relation WHERE kind = 'behind'"
    ).fetchone()
    assert since == (1_769_893_200_000,)  # 2026-02-01T00:00:00+03:00


def another_flat(estate: Estate) -> None:
    registry.import_csv(estate.store, csv(a_new_flat()))


def test_what_is_due_names_every_standing_meter_once(estate: Estate) -> None:
    enter(
        estate,
        VERIFICATIONS,
        "E1,2020-10-31,6y,1,ЦСМ,fit,,",
        "W1,2020-11-20,6y,2,ЦСМ,fit,,",
    )
    rows = LifeLedger(estate.store.database.connection).due("A", MIDNIGHT_MS)
    assert [(one.meter, one.standing.tier.value, one.standing.days_left) for one in rows] == [
        ("H1", "unknown", None),
        ("E1", "expired", -1),
        ("W1", "30", 19),
    ]


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(sorted(IMPORT)), st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_any_bytes_are_read_or_refused(estate: Estate, header: str, rest: bytes | str) -> None:
    lines = rest.encode("utf-8", "replace") if isinstance(rest, str) else rest
    data = header.encode() + b"\n" + lines
    found = []
    try:
        with estate.store.transaction() as connection:
            IMPORT[header](LifeLedger(connection), data, Author("x", "x", 0, ""))
    except RegistryError as error:
        found = error.problems
    assert all(str(one).count("\n") == 0 for one in found)
