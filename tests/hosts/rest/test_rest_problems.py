"""What the database says becomes the right problem."""

import peewee
import psycopg.errors
import pytest
from playhouse.pool import MaxConnectionsExceeded

from core.errors import ConfigurationError, IntegrityFault, SoldOut, Unavailable
from hosts.rest.problems import problem_of


def wrapped(outer: type[peewee.PeeweeException], inner: Exception) -> Exception:
    """Return a driver's error as peewee passes it on."""
    return outer(inner, str(inner))


@pytest.mark.parametrize(
    ("ex", "status", "code", "retry"),
    [
        (wrapped(peewee.OperationalError, psycopg.errors.AdminShutdown("bye")), 503, "unavailable", True),
        (wrapped(peewee.OperationalError, psycopg.errors.QueryCanceled("slow")), 503, "unavailable", True),
        (peewee.OperationalError("database is locked"), 503, "unavailable", True),
        (wrapped(peewee.InterfaceError, psycopg.InterfaceError("closed")), 503, "unavailable", True),
        (MaxConnectionsExceeded("no more"), 503, "unavailable", True),
        (wrapped(peewee.DataError, psycopg.errors.NumericValueOutOfRange("big")), 422, "invalid", False),
        (wrapped(peewee.IntegrityError, psycopg.errors.UniqueViolation("twice")), 409, "conflict", False),
        (peewee.IntegrityError("UNIQUE constraint failed: venue.code"), 409, "conflict", False),
        (wrapped(peewee.IntegrityError, psycopg.errors.NotNullViolation("phone 13800000000")), 500, "internal", False),
        (ConfigurationError("secret path"), 500, "internal", False),
        (IntegrityFault("row 7"), 500, "internal", False),
        (SoldOut("nothing left"), 409, "sold_out", False),
        (Unavailable("later", retry_after=3), 503, "unavailable", True),
        (RecursionError(), 500, "internal", False),
    ],
)
def test_each_failure_has_its_problem(ex: Exception, status: int, code: str, retry: bool) -> None:
    problem = problem_of(ex)
    assert (problem.status, problem.code, problem.retry_after is not None) == (status, code, retry)
    if status == 500:
        assert "13800000000" not in problem.message
        assert "secret" not in problem.message
