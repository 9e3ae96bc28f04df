"""Disputes that residents open, and the signed acts of what they gave (SQLite's 0023)."""

from gateway.postgres.schema import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the .sql file."""
    run("0005_disputes.sql")
