"""How a register shows its digits, where somebody said: photos of it are read by that."""

from pathlib import Path

from alembic import op

from gateway.sqlite.schema import statements

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Run the .sql file beside this one."""
    for statement in statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.get_bind().exec_driver_sql(statement)
