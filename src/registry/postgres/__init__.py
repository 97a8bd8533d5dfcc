"""A log in PostgreSQL: any number of nodes take leaves in, one sequencer gives them places and signs.

>>> check_schema_name("muster_log")
"""

from .driver import check_schema_name
from .intake import Intake
from .log import PostgresLog, create_postgres, open_postgres
from .move import move_folder
from .schema import migrate_schema
from .sequencer import Sequencer
from .store import PostgresStore

__all__ = [
    "Intake",
    "PostgresLog",
    "PostgresStore",
    "Sequencer",
    "check_schema_name",
    "create_postgres",
    "migrate_schema",
    "move_folder",
    "open_postgres",
]
