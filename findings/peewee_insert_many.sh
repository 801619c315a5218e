#!/bin/sh
# peewee 4.5.3: insert_many takes its columns from the first row, and drops in silence what only later rows have.
# Seen: of [{a: 1}, {a: 2, note: "kept?"}] the note is stored as NULL; the other way round it is stored.
# Met by Roost in its own doors to many rows: `scoped(ctx).insert_many` and `insert_rows` refuse rows whose keys differ
# (core/tables.py, core/bulk.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check peewee==4.5.3
cd "$folder"
venv/bin/python - <<'EOF'
from peewee import IntegerField, Model, SqliteDatabase, TextField

database = SqliteDatabase(":memory:")


class Row(Model):
    a = IntegerField()
    note = TextField(null=True)

    class Meta:
        database = database


def stored(rows):
    database.drop_tables([Row])
    database.create_tables([Row])
    query = Row.insert_many(rows)
    print(query.sql())
    query.execute()
    return list(Row.select(Row.a, Row.note).order_by(Row.a).tuples())


fewer_first = stored([{"a": 1}, {"a": 2, "note": "kept?"}])
more_first = stored([{"a": 2, "note": "kept?"}, {"a": 1}])
print(fewer_first, more_first)
assert fewer_first == [(1, None), (2, None)]
assert more_first == [(1, None), (2, "kept?")]
EOF
