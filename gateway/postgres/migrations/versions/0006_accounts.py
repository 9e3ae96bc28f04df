"""Residents who sign in: identities, linked dwellings, passkeys, codes on bills (SQLite's 0024)."""

from gateway.postgres.schema import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the .sql file."""
    run("0006_accounts.sql")
