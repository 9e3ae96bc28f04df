"""The advisory locks of a database; a number means the same to every program of the gateway."""

# "plomba" on a telephone's keys; whatever else lives in that database takes other numbers.
_BASE = 756_622

LEDGER = _BASE
"""The ledger itself: exclusive for every act, shared for taking batches in."""
SCHEMA = _BASE + 1
"""Held while migrations run."""
LEADER = _BASE + 2
"""The first of two keys: seats that processes hold for as long as they live (`postgres/seats.py`).

Seat 0 is that of the one process that does what only one may do."""
PARTITIONS = _BASE + 3
"""Held, as 756625 in the schema's function, while a month is made."""
NUMBERS = _BASE + 4
"""Held for a moment, as 756626 in the schema's function, while batch numbers are taken."""
