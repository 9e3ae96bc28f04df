"""Claims in the ledger: keeping them (`SqlClaims`), and all that choosing among them asks."""

import json
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from drivers.reading import Resource, Unit
from gateway import rules
from gateway.billing import Mark
from gateway.claims.csv import Place
from gateway.claims.entry import Around, Other
from gateway.claims.list import ClaimRow
from gateway.claims.model import Claim, ClaimSource, Registered, Stored
from gateway.claims.policy import Policy
from gateway.claims.ports import CLAIM_COPIES, AsReading, Believed, Brought, Known, Open, Word
from gateway.model import FOREVER_MS, Finding, Level, State
from gateway.rules.subject import Dial
from gateway.sql.engine import Connection, Database
from gateway.sql.statements import named
from gateway.store import NO_BATCH

_SQL = named(Path(__file__).with_suffix(".sql"))
_DAY_MS = 24 * 3_600_000
# V-HILO asks for three months of use; six follow the season (see rules/usage.py).
_MONTHS_KEPT = 7
# A flat has two risers of hot and cold water, three tariffs, heat and gas.
_OTHERS_MAX = 32


class SqlClaimStore:
    """`ClaimStore` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.claims = SqlClaims(database.connection)

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing."""
        return self._database.transaction()


class SqlClaims:
    """`ClaimPort`, `ChoosingPort` and `ClaimList` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    # Entering -------------------------------------------------------------------------------

    def serials(self, serial: str) -> bool:
        row = self._sql.execute("SELECT registered FROM meter WHERE serial = ?", (serial,))
        return bool((row.fetchone() or (0,))[0])

    def registered(self, serial: str, obis: str, at_ms: int) -> Registered | None:
        asked = {"serial": serial, "obis": obis, "at_ms": at_ms}
        row = self._sql.execute(_SQL["registered"], asked).fetchone()
        if row is None:
            return None
        initial = None if row[7] is None else Level(*row[6:8])
        return Registered(row[0], _dial(*row[1:6]), initial)

    def known_claim(self, source: str, reference: str, register_no: int) -> int | None:
        row = self._sql.execute(
            "SELECT claim_no FROM claim WHERE source = ? AND reference = ? AND register_no = ?",
            (source, reference, register_no),
        ).fetchone()
        return None if row is None else int(row[0])

    def around(self, claim: Claim, register: Registered) -> Around:
        register_no, at_ms = register.register_no, claim.at_ms
        return Around(
            self._level("accepted-before", register_no, at_ms) or register.initial,
            self._level("accepted-after", register_no, at_ms),
            self._openings(register_no, at_ms),
            tuple(self._others(register_no, at_ms)),
        )

    def add(self, claim: Claim, stored: Stored, findings: Sequence[Finding]) -> int:
        (number,) = self._sql.execute(
            "INSERT INTO claim (source, reference, register_no, at_ms, mantissa, step, actor,"
            " entered_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING claim_no",
            (
                *(claim.source, claim.reference, stored.register_no, claim.at_ms),
                *(stored.mantissa, stored.step, claim.by, claim.entered_ms),
            ),
        ).fetchone()
        self._sql.executemany(
            "INSERT INTO claim_finding (claim_no, rule, quality, detail) VALUES (?, ?, ?, ?)",
            [(number, one.rule, one.quality, one.detail) for one in findings],
        )
        return int(number)

    # Choosing -------------------------------------------------------------------------------

    def policies(self, house_no: int) -> list[Policy]:
        rows = self._sql.execute(
            "SELECT since, sources, fresh_days, tolerance_units, tolerance_percent"
            " FROM source_policy WHERE house_no = ? ORDER BY since",
            (house_no,),
        )
        return [_policy(*row) for row in rows]

    def open_claims(self, house_no: int, from_ms: int, until_ms: int) -> list[Open]:
        asked = {"house": house_no, "from_ms": from_ms, "until_ms": until_ms}
        numbers = [row[0] for row in self._sql.execute(_SQL["unsettled"], asked)]
        return self._opened(numbers, house_no)

    def owed_periods(self, house_no: int) -> set[tuple[tuple[int, str, str], str]]:
        rows = self._sql.execute(_SQL["owed"], (house_no,))
        return {((point, obis, unit), period) for point, obis, unit, period in rows}

    def known(self, claim: Open) -> Known:
        register_no, at_ms = claim.register_no, claim.at_ms
        initial = self._level("initial", register_no, at_ms) or Level(0, 0)
        before = self._level("automatic-before", register_no, at_ms) or initial
        after = self._level("automatic-after", register_no, at_ms)
        asked = (register_no, before.at_ms, after.at_ms if after else FOREVER_MS)
        rows = self._sql.execute(_SQL["believed"], (*asked, claim.claim_no))
        claims = tuple(Believed(ClaimSource(row[0]), Level(*row[1:])) for row in rows)
        billed = self._sql.execute(_SQL["billed"], (register_no, at_ms)).fetchone()
        return Known(before, after, claims, initial.mantissa if billed is None else billed[0])

    def store(self, claim: Open, entered: AsReading, found: Sequence[Finding], now_ms: int) -> None:
        place = (claim.register_no, claim.at_ms, CLAIM_COPIES + claim.claim_no)
        self._sql.execute("SELECT room_for_reading(?)", (claim.at_ms,))
        self._sql.execute(
            "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
            (*place, *map(int, entered), NO_BATCH),
        )
        self._sql.execute(
            "INSERT INTO reading_change (register_no, captured_at_ms, copy) VALUES (?, ?, ?)", place
        )
        self._sql.executemany(
            "INSERT INTO verdict (register_no, captured_at_ms, copy, rule, severity, quality,"
            " detail, given_at_ms, rules_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*place, *one, now_ms, rules.VERSION) for one in found],
        )

    def decide(self, claim_no: int, word: Word, now_ms: int) -> None:
        self._sql.execute(_SQL["decide"], word._asdict() | {"claim_no": claim_no, "now_ms": now_ms})

    def take_back(self, house_no: int, period: str) -> None:
        """Undo what the standing closing of a period made of claims; what was said is kept.

        A claim that a person has decided on stays where it is.
        """
        asked = {"house_no": house_no, "period": period}
        self._sql.execute(_SQL["take-back-verdicts"], asked)
        self._sql.execute(_SQL["take-back-readings"], asked)

    def brought(self, marks: Collection[Mark]) -> dict[tuple[int, int, int], Brought]:
        asked = [(one.register_no, *one.reading) for one in marks if one.reading is not None]
        rows = self._sql.execute(_SQL["brought"], (json.dumps(asked),)) if asked else ()
        return {row[:3]: Brought(*row[3:]) for row in rows}

    # Looking --------------------------------------------------------------------------------

    def claims(
        self,
        house: str | None,
        from_ms: int,
        until_ms: int,
        limit: int,
        register_no: int | None = None,
    ) -> list[ClaimRow]:
        return self._listed(
            house=house, from_ms=from_ms, until_ms=until_ms, most=limit, register_no=register_no
        )

    def claim(self, number: int) -> ClaimRow | None:
        found = self._listed(from_ms=0, until_ms=FOREVER_MS, most=1, claim_no=number)
        return found[0] if found else None

    def open_claim(self, number: int) -> Open | None:
        """One claim as choosing knows it, settled or not."""
        found = self._opened([number])
        return found[0] if found else None

    def _opened(self, numbers: Sequence[int], house_no: int | None = None) -> list[Open]:
        asked = {"numbers": json.dumps(numbers), "house": house_no}
        # At the very instant of an exchange a claim may be of either point; the newer one has it.
        found = {row[0]: _open(*row) for row in self._sql.execute(_SQL["open"], asked)}
        return list(found.values())

    def serial(self, register_no: int) -> str:
        row = self._sql.execute(
            "SELECT serial FROM register JOIN meter USING (meter_no) WHERE register_no = ?",
            (register_no,),
        ).fetchone()
        return str(row[0])

    def _listed(self, **asked: object) -> list[ClaimRow]:
        known = {"house": None, "claim_no": None, "register_no": None} | asked
        return [_row(*row) for row in self._sql.execute(_SQL["list"], known)]

    def _level(self, statement: str, register_no: int, at_ms: int) -> Level | None:
        row = self._sql.execute(_SQL[statement], (register_no, at_ms)).fetchone()
        return None if row is None else Level(*row)

    def _openings(self, register_no: int, at_ms: int) -> tuple[Level, ...]:
        asked = {
            "register_no": register_no,
            "at_ms": at_ms,
            "month_ms": 30 * _DAY_MS,
            "most": _MONTHS_KEPT,
        }
        return tuple(Level(*row) for row in self._sql.execute(_SQL["openings"], asked))

    def _others(self, register_no: int, at_ms: int) -> list[Other]:
        asked = {
            "register_no": register_no,
            "at_ms": at_ms,
            "day_ms": _DAY_MS,
            "most": _OTHERS_MAX,
        }
        return [
            Other(
                *(row[0], row[1], _dial(*row[2:7])),
                self._level("accepted-before", row[7], at_ms)
                or self._level("initial", row[7], at_ms),
                self._openings(row[7], at_ms),
                row[8],
            )
            for row in self._sql.execute(_SQL["others"], asked).fetchall()
        ]


class SqlClaimBook:
    """What imports of claims and policies ask; in the transaction that is open around it."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def places(self, name: str, obis: str) -> list[Place]:
        by_serial = self._sql.execute(_SQL["places-by-serial"], (name,)).fetchall()
        rows = by_serial or self._sql.execute(_SQL["places-by-account"], (name, obis))
        return [Place(*row) for row in rows]

    def set_policy(self, house: str, policy: Policy) -> bool:
        """Enter or replace a house's policy from a period on; False if there is no such house."""
        cursor = self._sql.execute(
            _SQL["set-policy"],
            (
                *(policy.since, ",".join(policy.sources), policy.fresh_days),
                *(f"{policy.tolerance_units:f}", f"{policy.tolerance_percent:f}", house),
            ),
        )
        return cursor.rowcount > 0

    def all_policies(self) -> list[tuple[str, Policy]]:
        """Every house's own policies."""
        return [(row[0], _policy(*row[1:])) for row in self._sql.execute(_SQL["policies"])]


def _dial(*row: Any) -> Dial:
    unit, exponent, digits, rate_max_per_h, resource = row
    return Dial(
        Unit(unit), exponent, digits, rate_max_per_h, Resource(resource) if resource else None
    )


def _open(*row: Any) -> Open:
    return Open(
        *(row[0], row[1:4], row[4], row[2], _dial(row[3], *row[5:9])),
        *(ClaimSource(row[9]), *row[10:17], None if row[17] is None else State(row[17])),
    )


def _policy(since: str, sources: str, fresh_days: int, units: str, percent: str) -> Policy:
    order = tuple(ClaimSource(one) for one in sources.split(","))
    return Policy(since, order, fresh_days, Decimal(units), Decimal(percent))


def _row(*row: Any) -> ClaimRow:
    mantissa, exponent, step = row[9:12]
    # As many digits as were given: the step is a power of ten.
    places = exponent + len(str(step)) - 1
    value = Decimal(mantissa // step).scaleb(places)
    state = None if row[19] is None else State(row[19])
    findings = tuple(json.loads(row[18]))
    return ClaimRow._make((*row[:9], value, *row[12:18], findings, state))
