"""What a REST process serves when the stock condition is taken away: the negative control of the rush."""

from core import db
from core.inventory import reservations
from hosts.server import process


def build():
    """Return the application as Roost builds it, but taking units whether there are any or not."""
    reservations._TAKE = db.Sql(reservations._TAKE.postgres.replace("AND available >= %s", "AND %s > 0"))
    return process.build()
