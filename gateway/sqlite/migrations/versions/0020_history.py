"""Who follows what changes, roll-ups of readings, and what was put into files."""

from pathlib import Path

from alembic import op

from gateway.sqlite.schema import statements

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Run the .sql file beside this one."""
    for statement in statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.get_bind().exec_driver_sql(statement)
