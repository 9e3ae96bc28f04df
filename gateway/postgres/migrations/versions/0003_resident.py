"""Residents who are asked (SQLite's 0021)."""

from gateway.postgres.schema import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the .sql file."""
    run("0003_resident.sql")
