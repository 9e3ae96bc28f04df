"""Visits of installers: their records, what came of them, points that wait (SQLite's 0027)."""

from gateway.postgres.schema import run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the .sql file."""
    run("0009_visits.sql")
