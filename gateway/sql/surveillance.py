"""What arrived, from the ledger: the last few readings of each register, and counts by the key."""

import json
from collections.abc import Sequence

from gateway.sql.engine import Connection
from gateway.surveillance import GAPS_KEPT, Delivered, Span

# A reading that a person brought (batch 0) is no delivery.
_DELIVERED = """
SELECT register.register_no, house.name, point.name, account.dwelling, resource, serial, obis,
    installed_at_ms,
    (SELECT captured_at_ms FROM reading
        WHERE reading.register_no = register.register_no AND state <> 2 AND batch_no > 0
        ORDER BY captured_at_ms LIMIT 1),
    (SELECT json_group_array(at) FROM (
        SELECT DISTINCT captured_at_ms AS at FROM reading
        WHERE reading.register_no = register.register_no AND captured_at_ms <= :now
            AND state <> 2 AND batch_no > 0
        ORDER BY captured_at_ms DESC LIMIT :most) AS newest)
FROM house
JOIN point USING (house_no)
JOIN installation ON installation.point_no = point.point_no AND removed_at_ms IS NULL
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
LEFT JOIN account ON account.account_no = point.account_no
WHERE (CAST(:house AS TEXT) IS NULL OR house.name = :house) AND installed_at_ms <= :now
ORDER BY house.name, kind, length(account.dwelling), account.dwelling, point.name, obis
"""

_RECEIVED = """
SELECT (SELECT count(DISTINCT captured_at_ms) FROM reading
    WHERE register_no = CAST(span.value ->> 0 AS BIGINT)
        AND captured_at_ms > CAST(span.value ->> 1 AS BIGINT)
        AND captured_at_ms <= CAST(span.value ->> 2 AS BIGINT) AND state <> 2 AND batch_no > 0)
FROM json_each(?) AS span ORDER BY span.key
"""


class SqlDeliveries:
    """`Deliveries` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def delivered(self, house: str | None, now_ms: int) -> list[Delivered]:
        asked = {"house": house, "now": now_ms, "most": GAPS_KEPT + 1}
        return [
            Delivered._make((*row[:9], tuple(json.loads(row[9]))))
            for row in self._connection.execute(_DELIVERED, asked)
        ]

    def received(self, spans: Sequence[Span]) -> list[int]:
        rows = self._connection.execute(_RECEIVED, (json.dumps(spans),))
        return [int(count) for (count,) in rows]
