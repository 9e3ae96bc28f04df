"""How a register shows its digits, where somebody said (SQLite's 0025)."""

from gateway.postgres.schema import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the .sql file."""
    run("0007_dials.sql")
