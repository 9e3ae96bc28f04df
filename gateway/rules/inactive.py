"""V-INACT: a meter that was taken away counts on.

Its readings are rejected anyway, for no device is to read it any more (V-SIG). That it shows more
than when it was removed is worth a finding of its own: it stands somewhere and measures what
nobody is billed for, or the exchange was entered with a wrong day or value.
"""

from datetime import UTC, datetime

from gateway.model import Finding, Level, Severity
from gateway.rules.subject import Dial, advance

RULE = "V-INACT"


def check(dial: Dial, final: Level | None, shown: Level) -> Finding | None:
    """An error where a register shows more than its `final` value, later than that was taken."""
    if final is None or shown.at_ms < final.at_ms:
        return None
    used = advance(final.mantissa, shown.mantissa, dial).delta
    if used <= 0:
        return None
    removed = datetime.fromtimestamp(final.at_ms // 1000, UTC).isoformat()
    detail = (
        f"counted {dial.text(used)} on since it was removed with {dial.text(final.mantissa)} at "
        f"{removed}: look where the meter is, or correct the exchange"
    )
    return Finding(RULE, Severity.ERROR, "3.6.2", detail)
