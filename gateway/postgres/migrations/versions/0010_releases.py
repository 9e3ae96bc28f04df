"""Releases of the edge: what is kept, rings of devices, offers (SQLite's 0028)."""

from gateway.postgres.schema import run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the .sql file."""
    run("0010_releases.sql")
