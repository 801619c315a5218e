"""Two other frameworks at the same job: an authenticated, idempotent points credit that writes the same rows.

Each is written as its own documentation would have it, with plain SQL tables that both share, and served by the same
Granian with as many processes. They look a token up in the database at each call, keep the key with its reply, lock the
account by adding to it, and write an entry, a lot and an event, in one transaction.
"""

import hashlib
import json
import os
import subprocess
import sys
import uuid
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from benchmarks import load
from benchmarks.deployment import ROOT, free_port, wait_for
from core.config import Settings

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
TOKEN = "peer-token-of-an-integration"
TABLES = """
CREATE TABLE peer_token (id serial PRIMARY KEY, tenant int NOT NULL, hash bytea NOT NULL UNIQUE, name text NOT NULL,
  revoked_at timestamptz);
CREATE TABLE peer_account (id int PRIMARY KEY, tenant int NOT NULL, balance bigint NOT NULL CHECK (balance >= 0));
CREATE TABLE peer_request (id uuid PRIMARY KEY, tenant int NOT NULL, caller int NOT NULL, key text NOT NULL,
  digest bytea NOT NULL, reply text NOT NULL, at timestamptz NOT NULL, UNIQUE (tenant, caller, key));
CREATE TABLE peer_entry (id uuid PRIMARY KEY, tenant int NOT NULL, account int NOT NULL, request uuid NOT NULL,
  amount bigint NOT NULL, balance_after bigint NOT NULL, reason text NOT NULL, at timestamptz NOT NULL);
CREATE INDEX ON peer_entry (tenant, account, id);
CREATE TABLE peer_lot (id uuid PRIMARY KEY, tenant int NOT NULL, account int NOT NULL, amount bigint NOT NULL,
  remaining bigint NOT NULL CHECK (remaining >= 0), expires_at timestamptz);
CREATE INDEX ON peer_lot (tenant, account, expires_at);
CREATE TABLE peer_event (id uuid PRIMARY KEY, tenant int NOT NULL, name text NOT NULL, body text NOT NULL,
  at timestamptz NOT NULL);
"""
SERVED = {  # name: Granian's interface, the application, its threads
    "django": ("wsgi", "benchmarks_django:application", ("--blocking-threads", "8")),
    "fastapi": ("asgi", "benchmarks_fastapi:app", ()),
}


def build(folder: Path) -> Path:
    """Make an environment with the peers' locked requirements; return its folder."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import setup  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    venv.create(folder)
    subprocess.run(
        [setup.find_uv(), "pip", "install", "-q", "--python", str(folder / "bin" / "python"), "--require-hashes",
         "--requirement", str(REQUIREMENTS)],
        env=setup.uv_environment(), check=True,
    )  # fmt: skip
    return folder


@contextmanager
def serving_peers(settings: Settings, home: Path, *, accounts: int) -> Iterator[list[tuple[str, int, str]]]:
    """Serve each peer on a database of their own; yield (name, port, token)."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(TABLES)
        hashed = hashlib.sha256(TOKEN.encode()).digest()
        connection.execute("INSERT INTO peer_token (tenant, hash, name) VALUES (1, %s, 'bench')", (hashed,))
        connection.execute("INSERT INTO peer_account SELECT n, 1, 0 FROM generate_series(0, %s) n", (accounts,))
    with ExitStack() as running:
        yield [(name, running.enter_context(_serving(settings, home, name)), TOKEN) for name in SERVED]


@contextmanager
def _serving(settings: Settings, home: Path, name: str) -> Iterator[int]:
    interface, target, more = SERVED[name]
    port = free_port()
    known = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
    known |= {"PEER_DATABASE": settings.database_url, "PYTHONPATH": str(HERE)}
    command = [str(home / "bin" / "granian"), "--interface", interface, "--port", str(port), "--workers", "2", *more]
    with (settings.var / f"{name}.log").open("wb") as out:
        process = subprocess.Popen([*command, "--no-access-log", target], env=known, stdout=out, stderr=out)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process, settings.var / f"{name}.log")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def credits(token: str, count: int, accounts: int) -> Iterator[bytes]:
    """Yield credits of points to accounts in turn."""
    body = json.dumps({"asset": "points", "amount": 10, "reason": "bench"}).encode()
    for number in range(count):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        yield load.request("POST", f"/accounts/{number * 7919 % accounts}/points", headers, body)
