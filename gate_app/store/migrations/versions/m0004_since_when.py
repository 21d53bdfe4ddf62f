"""Since when something waits that could not be done at once, for the operator.

Revision 0004. What waits already is taken to wait since its next delay.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


_BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table in ("inbox", "effects"):
        op.add_column(table, sa.Column("delayed_at", _BIG, nullable=False, server_default=sa.text("0")))
