"""Visits of installers: their records, what became of them, and points that wait."""

from pathlib import Path

from alembic import op

from gateway.sqlite.schema import statements

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Run the .sql file beside this one."""
    for statement in statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.get_bind().exec_driver_sql(statement)
