"""The migration that this version of the code needs, for processes that do not import SQLAlchemy."""

from typing import Final

REVISION: Final = "0005"
