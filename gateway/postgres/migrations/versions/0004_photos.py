"""Photos that residents send of their meters, and what they submit (SQLite's 0022)."""

from gateway.postgres.schema import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the .sql file."""
    run("0004_photos.sql")
