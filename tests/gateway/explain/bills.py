"""Lines to explain: a town's, with what the ledger says of them."""

from decimal import Decimal

from gateway.explain.assembly import explain
from gateway.explain.model import Explanation
from gateway.explain.telling import tell
from gateway.explain.told import Explained
from gateway.sql.explain import ExplainLedger
from gateway.web.texts import Words
from tests.gateway.town import HOUR_MS, Dial, Town, local

WATER = Dial("8-0:1.0.0", "m3", -3, 8, 0)
PUBLIC = "https://bills.example.org"
FIRST = "2026-09-000001"


def store(town: Town) -> ExplainLedger:
    return ExplainLedger(town.store.database.connection)


def explained(town: Town, line_id: str = FIRST) -> Explanation:
    return explain(store(town), line_id)


def told(town: Town, line_id: str = FIRST, language: str = "ru") -> Explained:
    words = Words("en" if language == "en" else "ru")
    return tell(explained(town, line_id), words, PUBLIC)


def texts(one: Explained) -> str:
    """Everything an explanation says, a line for each row."""
    rows = [*one.about, *one.sum.rows, one.sum.total]
    rows += [row for section in one.sections for row in section.rows]
    said = [f"{row.name} | {row.value} | {row.note}" for row in rows]
    said += [banner.text for banner in one.banners]
    said += [note for section in one.sections for note in section.notes]
    return "\n".join([*said, one.method])


def added_up(found: Explanation) -> Decimal:
    return sum((part.amount for part in found.parts), Decimal(0))


def month(number: int) -> int:
    """Midnight of the first of a month counted from January 2026."""
    year, rest = divmod(number - 1, 12)
    return local(rest + 1, 1) + year * 365 * 24 * HOUR_MS


def close(town: Town, number: int) -> None:
    town.close(now_ms=month(number + 1) + HOUR_MS)
