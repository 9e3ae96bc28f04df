"""The whole ledger, as SQLite has it after its migrations 0001 to 0019."""

from gateway.postgres.schema import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the .sql files, in the order in which they name each other's tables."""
    run("0001_dialect.sql", "0001_registry.sql", "0001_growing.sql")
    run("0001_evidence.sql", "0001_people.sql", "0001_billing.sql")
    run("0001_meters.sql", "0001_identity.sql", "0001_guards.sql")
