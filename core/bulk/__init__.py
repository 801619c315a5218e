"""Many rows of one tenant at once: the one home of writing, asking for and deleting them.

- insert: insert_rows; insert_columns with Same (thousands); Insert, insert_later (few rows that nobody waits for)
- stage: Stage, a temporary table for statements that work on all rows at once; plan_anew
- core's own statements over many rows: Write, write_all, write_returning
- conditions: one_of (of a query); any_of (of a raw statement)
- delete: delete_some

`arrays` says how a column of values is sent to PostgreSQL.
"""

from core.bulk.arrays import Row
from core.bulk.columns import Columns, Same, insert_columns
from core.bulk.conditions import any_of, one_of
from core.bulk.deleting import delete_some
from core.bulk.inserting import FEW, Insert, insert_later, insert_rows
from core.bulk.staging import Stage, plan_anew
from core.bulk.writing import Write, write_all, write_returning

__all__ = [
    "FEW",
    "Columns",
    "Insert",
    "Row",
    "Same",
    "Stage",
    "Write",
    "any_of",
    "delete_some",
    "insert_columns",
    "insert_later",
    "insert_rows",
    "one_of",
    "plan_anew",
    "write_all",
    "write_returning",
]
