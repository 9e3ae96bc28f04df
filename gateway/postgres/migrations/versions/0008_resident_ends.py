"""Residents are told what becomes of a dispute (SQLite's 0026)."""

from gateway.postgres.schema import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the .sql file."""
    run("0008_resident_ends.sql")
