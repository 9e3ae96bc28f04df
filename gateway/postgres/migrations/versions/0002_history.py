"""Who follows what changes, roll-ups of readings, and what was put into files (SQLite's 0020)."""

from gateway.postgres.schema import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the .sql file."""
    run("0002_history.sql")
