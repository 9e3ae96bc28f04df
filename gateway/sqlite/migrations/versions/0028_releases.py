"""Releases of the edge: what is kept, which ring a device is in, what became of offers."""

from pathlib import Path

from alembic import op

from gateway.sqlite.schema import statements

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Run the .sql file beside this one."""
    for statement in statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.get_bind().exec_driver_sql(statement)
