#!/bin/sh
# peewee 4.5.3: a migration that adds a NOT NULL column on SQLite drops the triggers of the table, and forgets its AUTOINCREMENT.
# Seen: after add_column(TextField(default="")) the trigger is gone without a word, and the id of a deleted row is given
# again; a nullable column leaves both alone. The table is made anew, and neither is carried over.
# Not met by Roost: it has no triggers, and its ids are UUIDs; write none for a table that migrations change.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check peewee==4.5.3
cd "$folder"
venv/bin/python - <<'EOF'
from peewee import SqliteDatabase, TextField
from playhouse.migrate import SqliteMigrator, migrate


def after(column):
    database = SqliteDatabase(":memory:")
    database.execute_sql("CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, balance INTEGER)")
    database.execute_sql("CREATE TABLE history (balance INTEGER)")
    database.execute_sql(
        "CREATE TRIGGER keep AFTER UPDATE ON account BEGIN INSERT INTO history VALUES (old.balance); END"
    )
    database.execute_sql("INSERT INTO account (balance) VALUES (10), (20), (30)")
    database.execute_sql("DELETE FROM account WHERE id = 3")
    migrate(SqliteMigrator(database).add_column("account", "note", column))
    database.execute_sql("INSERT INTO account (balance, note) VALUES (40, 'x')")
    triggers = [name for (name,) in database.execute_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    (newest,) = database.execute_sql("SELECT max(id) FROM account").fetchone()
    return triggers, newest


nullable, not_null = after(TextField(null=True)), after(TextField(default=""))
print("nullable:", nullable, "not null:", not_null)
assert nullable == (["keep"], 4)
assert not_null == ([], 3)
EOF
