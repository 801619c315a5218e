"""Core's own statements to PostgreSQL, by libpq itself: prepared, and several in one message where they can be.

psycopg's cursor is made for any statement, and asks the socket in small steps: for a statement that reads or writes one
row it takes four times the processor time of libpq's own call, and PostgreSQL twice its own, being woken more often.
psycopg still makes the connection and translates every value and error. Imported only where PostgreSQL is used.

- Pipeline: one connection's queue of statements, and what sends it
- Prepared: under which names the connection knows its statements
- Result: what a statement gave
"""

from core.libpq.pipeline import Pipeline
from core.libpq.prepared import Prepared
from core.libpq.results import Result

__all__ = ["Pipeline", "Prepared", "Result"]
