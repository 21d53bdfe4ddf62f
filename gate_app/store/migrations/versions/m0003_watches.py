"""Which run follows which work of others, to find it when a webhook names that work.

Revision 0003. Runs of earlier versions followed nothing, so there is nothing to fill in.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "what", "name", name="pk_watches"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_watches_run_id_runs"),
    )
    op.create_index("ix_watches_what", "watches", ["what", "name"])
