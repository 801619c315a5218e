"""The verbs of the command line, each run as an operator runs it."""

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from typing import Any

import psycopg
import pytest

from core.identity.tokens import hash_token
from hosts.testkit.servers import PostgresServer

Deployment = Any  # the fixture's type
HEAVY = ("peewee", "falcon", "pydantic", "huey", "structlog", "cryptography", "rich", "jinja2", "granian", "redis",
         "psycopg", "requests", "pluggy", "babel")  # fmt: skip


def test_help_imports_nothing_heavy(deployment: Deployment) -> None:
    code = (
        "import sys\nsys.argv = ['roost', '--help']\nfrom hosts.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=deployment.environment(), capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r"'(\w+)'", done.stderr))
    assert "typer" in loaded
    assert not loaded & set(HEAVY)
    assert "core.runtime" not in done.stderr
    for verb in ("up", "serve", "worker", "migrate", "demo", "import", "stats", "tenants", "plugins", "ledger", "audit",
                 "jobs", "openapi", "backup", "restore", "bench", "staff", "keys", "members",
                 "rotate-keys"):  # fmt: skip
        assert re.search(rf"^  {verb} ", done.stdout, re.MULTILINE), verb


def test_help_takes_less_than_three_tenths_of_a_second(deployment: Deployment) -> None:
    took = []
    for _ in range(5):
        process = deployment.process("--help", stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        took.append(used.ru_utime + used.ru_stime)  # not the clock on the wall: other tests may keep the machine busy
    assert min(took) < 0.3


def test_the_first_start_makes_keys_that_only_their_owner_can_read_and_keeps_them(deployment: Deployment) -> None:
    with deployment.process("migrate", stderr=subprocess.PIPE) as first:
        said = first.communicate(timeout=60)[1]
    path = deployment.folder / "var" / "keys.env"
    assert str(path.relative_to(deployment.folder)) in said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = dict(re.findall(r"^(ROOST_\w+)=(.+)$", path.read_text(), re.MULTILINE))
    assert sorted(made) == ["ROOST_ENCRYPTION_KEYS", "ROOST_INDEX_KEYS", "ROOST_TOKEN_KEY"]
    assert len(set(made.values())) == 3
    assert not any(value in said for value in made.values())
    assert "made new keys" not in deployment.run("migrate").stderr
    assert path.read_text().count("ROOST_") == 3


def test_keys_that_were_lost_are_not_replaced_while_there_is_data(migrated: Deployment) -> None:
    path = migrated.folder / "var" / "keys.env"
    kept = path.read_text()
    path.unlink()
    said = migrated.run("migrate", code=2).stderr
    assert "put the keys back" in said
    assert not path.exists()
    path.write_text(kept)
    assert "up to date" in migrated.run("migrate").stdout


def test_a_key_in_the_environment_beats_the_file(migrated: Deployment) -> None:
    migrated.more["ROOST_TOKEN_KEY"] = "short"
    said = migrated.run("tenants", "list", code=2).stderr
    assert "ROOST_TOKEN_KEY" in said
    assert "Traceback" not in said


def test_a_verb_before_migrate_says_what_to_do(deployment: Deployment) -> None:
    deployment.more |= {"ROOST_DATABASE_URL": f"sqlite:///{deployment.folder}/empty.db"}
    deployment.run("migrate")
    (deployment.folder / "empty.db").write_bytes(b"")
    said = deployment.run("tenants", "list", code=1).stderr
    assert "roost migrate" in said
    assert said.count("\n") == 1


def test_a_database_that_is_not_there_is_one_clear_line(deployment: Deployment) -> None:
    deployment.run("migrate")
    deployment.more["ROOST_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/none"
    said = deployment.run("tenants", "list", code=1).stderr
    assert "the database does not answer" in said
    assert "Traceback" not in said


def test_a_worker_without_tables_says_what_to_do_and_ends(deployment: Deployment) -> None:
    (deployment.folder / "var").mkdir()
    said = deployment.run("worker", code=2).stderr
    assert "run roost migrate first" in said
    assert "Traceback" not in said


def test_migrate_can_say_what_waits(deployment: Deployment) -> None:
    assert "core/0001" in deployment.run("migrate", "--pending", code=1).stdout
    deployment.run("migrate")
    assert deployment.run("migrate", "--pending").stdout == ""


def test_tenants_are_created_with_the_plugins_a_deployment_starts_with(migrated: Deployment) -> None:
    migrated.run("tenants", "create", "beta", "--plugins", "gifts,levels", "--zone", "Asia/Urumqi")
    rows = migrated.json("tenants", "list")
    assert [(r["slug"], r["name"], r["zone"], r["plugins"]) for r in rows] == [
        ("acme", "归巢", "Asia/Shanghai", ["levels"]),
        ("beta", "beta", "Asia/Urumqi", ["gifts", "levels"]),
    ]
    assert "归巢" in migrated.run("tenants", "list").stdout
    assert "acme" in migrated.run("tenants", "create", "acme", code=1).stderr
    assert "IANA" in migrated.run("tenants", "create", "gamma", "--zone", "Mars/Olympus", code=1).stderr
    assert "no plugin 'nope'" in migrated.run("tenants", "create", "gamma", "--plugins", "nope", code=1).stderr


def test_plugins_are_switched_on_and_off_in_order(migrated: Deployment) -> None:
    migrated.run("plugins", "disable", "levels", "--tenant", "acme")
    said = migrated.run("plugins", "enable", "gifts", "--tenant", "acme", code=1).stderr
    assert "levels" in said
    for slug in ("levels", "gifts"):
        migrated.run("plugins", "enable", slug, "--tenant", "acme")
    on = {row["slug"]: row["on"] for row in migrated.json("plugins", "list", "--tenant", "acme")}
    assert on == {"levels": True, "gifts": True}
    assert "switch them off first" in migrated.run("plugins", "disable", "levels", "--tenant", "acme", code=1).stderr
    assert "there is no tenant" in migrated.run("plugins", "enable", "gifts", "--tenant", "nobody", code=1).stderr


def test_a_refusal_is_in_chinese_where_the_terminal_is(migrated: Deployment) -> None:
    migrated.more["LANG"] = "zh_CN.UTF-8"
    assert "没有租户" in migrated.run("plugins", "list", "--tenant", "nobody", code=1).stderr


def test_a_wrong_setting_is_one_line_that_names_its_variable(migrated: Deployment) -> None:
    (migrated.folder / ".env").write_text("ROOST_WORKERS=zwei\nROOST_TRUSTED_PROXIES=-1\n")
    (said,) = migrated.run("tenants", "list", code=2).stderr.splitlines()
    assert [part.rpartition("ROOST_")[2].split(":")[0] for part in said.split("; ")] == ["WORKERS", "TRUSTED_PROXIES"]
    assert "zwei" not in said, "another variable may hold a key"


def test_what_a_plugin_keeps_is_exported_before_it_is_purged(migrated: Deployment) -> None:
    migrated.run("plugins", "enable", "gifts", "--tenant", "acme")
    database = migrated.folder / "var" / "roost.db"
    with closing(sqlite3.connect(database)) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'gifts%' AND type = 'table'")
        ]
    assert (
        "switch it off first" in migrated.run("plugins", "purge", "gifts", "--tenant", "acme", "--yes", code=1).stderr
    )
    migrated.run("plugins", "disable", "gifts", "--tenant", "acme")
    assert migrated.run("plugins", "purge", "gifts", "--tenant", "acme", code=1, stdin="n\n")
    said = migrated.run("plugins", "purge", "gifts", "--tenant", "acme", "--yes").stdout
    (export,) = (migrated.folder / "var" / "exports").glob("acme-gifts-*.jsonl")
    assert str(export.name) in said
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in export.read_text().splitlines()]
    assert {row["table"] for row in rows} <= set(tables)
    with closing(sqlite3.connect(database)) as connection:
        for table in tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_an_account_is_created_from_a_password_that_is_never_shown(migrated: Deployment) -> None:
    done = migrated.run(
        "staff", "create", "front", "--tenant", "acme", "--password-stdin", stdin="a good long password\n"
    )
    assert "front may sign in" in done.stdout
    assert "a good long password" not in done.stdout + done.stderr
    again = migrated.run(
        "staff", "create", "front", "--tenant", "acme", "--password-stdin", stdin="another password 1\n", code=1
    )
    assert "front" in again.stderr


def test_a_key_is_printed_once_and_only_with_permissions_that_exist(migrated: Deployment) -> None:
    token = migrated.run("keys", "create", "gate", "--tenant", "acme", "--permission", "members.view").stdout.strip()
    assert token.startswith("rsk_")
    assert token.encode() not in (migrated.folder / "var" / "roost.db").read_bytes()
    said = migrated.run("keys", "create", "gate2", "--tenant", "acme", "--permission", "members.fly", code=1).stderr
    assert "members.fly" in said


def test_a_rotation_of_the_keys_is_put_in_the_work_table(migrated: Deployment) -> None:
    said = migrated.run("rotate-keys", "--tenant", "acme").stderr
    assert "acme: the rotation is in the work table" in said
    assert "core.rotate_keys" in {job["kind"] for job in migrated.json("jobs", "list", "--state", "queued")}


def test_a_token_of_a_member_is_for_development_only_and_is_audited(migrated: Deployment) -> None:
    refused = migrated.run("members", "token", "13800000001", "--tenant", "acme", code=2)
    assert "ROOST_DEVELOPMENT=1" in refused.stderr
    assert refused.stdout == ""
    assert migrated.json("stats", "--tenant", "acme")["members"] == 0
    migrated.more["ROOST_DEVELOPMENT"] = "1"
    first = migrated.run("members", "token", "138 0000 0001", "--tenant", "acme")
    assert "a new member" in first.stderr
    assert "a known member" in migrated.run("members", "token", "13800000001", "--tenant", "acme").stderr
    assert migrated.json("stats", "--tenant", "acme")["members"] == 1
    with closing(sqlite3.connect(migrated.folder / "var" / "roost.db")) as connection:
        opened = connection.execute("SELECT token FROM session WHERE kind = 'member' ORDER BY opened_at").fetchall()
        audited = connection.execute("SELECT count(*) FROM audit WHERE action = 'identity.development_token'")
        assert opened[0] == (hash_token(first.stdout.strip()),)
        assert audited.fetchone() == (2,)


def test_ledger_and_audit_trail_are_verified(migrated: Deployment) -> None:
    assert migrated.json("ledger", "verify") == {"tenants": 1, "faults": []}
    assert migrated.json("audit", "verify", "--tenant", "acme") == {"tenants": 1, "faults": []}


def test_openapi_is_printed_and_nothing_else_without_keys_or_a_database(deployment: Deployment) -> None:
    said = deployment.run("openapi")
    document = json.loads(said.stdout)
    assert document["openapi"].startswith("3.1")
    assert "/v1/me" in document["paths"]
    assert "/v1/levels/me" in document["paths"]
    assert "/v1/orders" not in document["paths"], "this deployment does not load it"
    assert said.stderr == ""
    assert not (deployment.folder / "var").exists()


def test_a_missing_plugins_file_is_said(deployment: Deployment) -> None:
    (deployment.folder / "plugins.toml").unlink()
    said = deployment.run("plugins", "list").stderr
    assert "plugins_file_missing" in said
    assert str(deployment.folder / "plugins.toml") in said


def test_jobs_are_listed_and_replayed_by_number_or_all(migrated: Deployment) -> None:
    database = migrated.folder / "var" / "roost.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        for number in range(3):
            connection.execute(
                "INSERT INTO job (tenant, plugin, kind, payload, state, attempt, claims, failures, due_at, cause,"
                " origin, error, created_at) VALUES (1, 'levels', 'levels.x', '{}', 'dead', 3, 0, 3,"
                " '2026-01-01 00:00:00.000000+00:00',"
                f" '', 'live', 'RuntimeError: {number}', '2026-01-01 00:00:00.000000+00:00')"
            )
    assert [row["id"] for row in migrated.json("jobs", "list")] == [3, 2, 1]
    assert "RuntimeError: 1" in migrated.run("jobs", "list", "--tenant", "acme").stdout
    migrated.run("jobs", "replay", "2", "--tenant", "acme")
    assert [row["id"] for row in migrated.json("jobs", "list")] == [3, 1]
    assert "no dead letter 2" in migrated.run("jobs", "replay", "2", "--tenant", "acme", code=1).stderr
    assert "name the dead letters" in migrated.run("jobs", "replay", "--tenant", "acme", code=1).stderr
    migrated.run("jobs", "replay", "--all", "--tenant", "acme")
    assert [row["id"] for row in migrated.json("jobs", "list", "--state", "queued")] == [3, 2, 1]
    assert "--state is one of" in migrated.run("jobs", "list", "--state", "lost", code=1).stderr


def test_a_backup_is_taken_while_the_database_is_in_use_and_put_back(migrated: Deployment) -> None:
    database, copy = migrated.folder / "var" / "roost.db", migrated.folder / "copy.db"
    with closing(sqlite3.connect(database)) as busy:
        busy.execute("SELECT count(*) FROM tenant")
        migrated.run("backup", str(copy))
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert "is there already" in migrated.run("backup", str(copy), code=1).stderr
        migrated.run("tenants", "create", "later")
        said = migrated.run("restore", str(copy), "--yes", code=1).stderr
        assert "in use" in said
    migrated.run("restore", str(copy), code=1, stdin="n\n")
    assert len(migrated.json("tenants", "list")) == 2
    migrated.run("restore", str(copy), "--yes")
    assert [row["slug"] for row in migrated.json("tenants", "list")] == ["acme"]


def test_a_file_that_is_no_backup_is_refused_and_changes_nothing(migrated: Deployment) -> None:
    (migrated.folder / "junk").write_bytes(os.urandom(5000))
    assert "not a backup" in migrated.run("restore", "junk", "--yes", code=1).stderr
    assert len(migrated.json("tenants", "list")) == 1


def test_a_postgresql_backup_says_what_is_missing_on_a_machine_without_its_tools(migrated: Deployment) -> None:
    migrated.more |= {"ROOST_DATABASE_URL": "postgresql://x@127.0.0.1/x", "PATH": "/nowhere"}
    assert "pg_dump is not on this machine" in migrated.run("backup", "copy.dump", code=1).stderr


def walls_of(url: str) -> list[tuple[Any, ...]]:
    """Return the tables behind row-level security, with whether it is on and holds the owner too."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_policy"
            " JOIN pg_class ON pg_class.oid = polrelid ORDER BY 1"
        ).fetchall()


def test_a_postgresql_database_is_dumped_and_restored(
    deployment: Deployment, postgres: PostgresServer, pg_tools: str
) -> None:
    name = postgres.create()
    try:
        deployment.more |= {
            "ROOST_DATABASE_URL": postgres.url(name), "PATH": f"{pg_tools}{os.pathsep}{os.environ['PATH']}"
        }  # fmt: skip
        deployment.run("migrate")
        deployment.run("tenants", "create", "acme")
        walls = walls_of(postgres.url(name))
        deployment.run("backup", "copy.dump")
        deployment.run("tenants", "create", "later")
        deployment.run("restore", "copy.dump", "--yes")
        assert [(row["slug"], row["plugins"]) for row in deployment.json("tenants", "list")] == [("acme", ["levels"])]
        assert walls_of(postgres.url(name)) == walls
        assert len(walls) > 20
    finally:
        postgres.drop(name)


MEMBER_TABLE = """from peewee import UUIDField

from roost import BY_PLUGIN, DELETE, MemberRows, TenantModel


class BrokenThing(TenantModel):
    member = UUIDField()
{rows}"""

SCHEDULES = """\
from datetime import timedelta

from roost import Contribution, Schedule, hookimpl


@hookimpl
def contribute():
    \"\"\"Declare one.\"\"\"
    return Contribution(schedules=[Schedule("tick", lambda ctx, slot: None, {})])
"""
NOTICES = """\
from roost import Contribution, Notice, Text, hookimpl


@hookimpl
def contribute():
    \"\"\"Declare one.\"\"\"
    return Contribution(notices=[Notice("{}", Text("门", "Door"), lambda ctx, fact: None, Text("{{name}}", "{}"))])
"""
COLUMNS = """\
from roost import Column, Contribution, Resource, TenantModel, Text, hookimpl


class BrokenThing(TenantModel):
    pass


@hookimpl
def contribute():
    \"\"\"Declare one.\"\"\"
    columns = [Column("id", Text("号", "Id")), Column("sise", Text("码", "Size"))]
    title = Text("物", "Things")
    things = Resource("things", title, BrokenThing, columns, "broken.view", venue_free=True, member=None)
    return Contribution(resources=[things])
"""


class TestPluginsCheck:
    def test_the_bundled_plugins_pass(self, deployment: Deployment) -> None:
        (deployment.folder / "plugins.toml").unlink()
        done = deployment.run("plugins", "check")
        assert "no faults" in done.stderr
        assert not (deployment.folder / "var").exists(), "it needs no keys and no database of ours"

    @pytest.mark.parametrize(
        ("file", "text", "said"),
        [
            ("service.py", "from core import db\n", "imports core"),
            (
                "hooks.py",
                "from roost import hookimpl\n\n\n@hookimpl\ndef member_registred(ctx, fact):\n    pass\n",
                "member_registered",
            ),
            ("models.py", "from roost import TenantModel\n\n\nclass Thing(TenantModel):\n    pass\n", "must be named"),
            ("plugin.toml", "slug = 'broken'\n", "plugin.toml"),
            ("hooks.py", "def member_registered(ctx, fact):\n    pass\n", "has no @hookimpl"),
            ("hooks.py", "from roost import Fact\n\n\nclass Melted(Fact):\n    degrees: int\n", "is not specified"),
            ("service.py", "def read(ctx):\n    return ctx.services.clock\n", "uses ctx.services"),
            ("models.py", MEMBER_TABLE.format(rows=""), "BrokenThing.member holds a member"),
            (
                "models.py",
                MEMBER_TABLE.format(rows="    member_rows = MemberRows(erase=DELETE, export=('colour',))\n"),
                "names 'colour', no column of it",
            ),
            (
                "models.py",
                MEMBER_TABLE.format(rows="    member_rows = MemberRows(erase=BY_PLUGIN, export=None)\n"),
                "leaves it to erase_member, which hooks.py does not implement",
            ),
            ("README.md", None, "README.md"),
            (
                "models.py",
                "from roost import TenantModel\n\n\nclass BrokenThing(TenantModel):\n    pass\n",
                "no migrations/ folder",
            ),
            ("hooks.py", COLUMNS, "the column 'sise', which BrokenThing does not have"),
            ("hooks.py", SCHEDULES.format('daily="24:00"'), "is daily at '24:00', which is no time of a day"),
            (
                "hooks.py",
                SCHEDULES.format("every=timedelta(seconds=90)"),
                "tick runs every 0:01:30; write whole minutes",
            ),
            ("hooks.py", NOTICES.format("door_opened", "{name}"), "the fact 'door_opened', which no plugin"),
            ("hooks.py", NOTICES.format("member_registered", "{nam}"), "other values in zh than in en: nam, name"),
            ("hooks.py", NOTICES.format("member_registered", "{name"), "cannot be written in en: its braces"),
        ],
    )
    def test_a_plugin_that_breaks_a_rule_is_named_with_what_is_wrong(
        self, deployment: Deployment, file: str, text: str | None, said: str
    ) -> None:
        site = deployment.folder / "site"
        package = site / "broken"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "hooks.py").touch()
        (package / "README.md").touch()
        (package / "plugin.toml").write_text(
            'slug = "broken"\nname = { zh = "坏", en = "Broken" }\nsummary = { zh = "坏", en = "Broken" }\n'
            'version = "1.0.0"\napi = "2"\n' + ('permissions = { "broken.view" = "看" }\n' if text == COLUMNS else "")
        )
        if text is None:
            (package / file).unlink()
        else:
            (package / file).write_text(text)
        info = site / "broken-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0.0\n")
        (info / "entry_points.txt").write_text("[roost.plugins]\nbroken = broken\n")
        (deployment.folder / "plugins.toml").write_text('load = ["broken"]\n')
        environment = {**deployment.environment()}
        deployment.more["PYTHONPATH"] = f"{site}{os.pathsep}{environment['PYTHONPATH']}"
        done = deployment.run("plugins", "check", code=1)
        assert done.stdout.startswith("broken: ")
        assert not done.stdout.startswith("broken: broken")
        assert said in done.stdout
