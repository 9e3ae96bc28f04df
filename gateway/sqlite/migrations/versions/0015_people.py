"""People: texts of the audit log that can be forgotten, and who asked for it."""

from pathlib import Path

from alembic import op

from gateway.sqlite.schema import statements

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the .sql file beside this one."""
    for statement in statements(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")):
        op.get_bind().exec_driver_sql(statement)
