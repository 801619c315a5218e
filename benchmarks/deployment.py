"""A deployment to measure: a PostgreSQL that keeps what it promised, a brand with members, REST in processes."""

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import requests
from pydantic import SecretStr

from core import boot, db, identity, members, tenants
from core.bulk import insert_rows
from core.config import Settings
from core.contract.context import Context
from core.identity.tokens import hash_token, new_token
from core.ids import new_id
from core.members import NewMember
from core.migrate import migrate
from core.registry.registry import PluginsFile
from hosts.schema import all_components
from hosts.testkit.waiting import wait_until

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
SERVE = (
    "import sys; from core.config import Settings; from hosts.cli import lean; known = Settings(); lean.begin(known);"
    " from hosts.server import serve; serve.TARGET = sys.argv[1]; serve.serve(known)"  # as `roost serve` begins
)


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def settings_for(url: str, folder: Path, **more: object) -> Settings:
    """Return the settings of a measured deployment."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]  # pydantic-settings takes it, its stub does not say so
        database_url=url,
        encryption_keys=SecretStr(f"1:{_key('e')}"),
        index_keys=SecretStr(f"1:{_key('i')}"),
        token_key=SecretStr(_key("t")),
        var=folder,
        log_level="WARNING",
        egress_allow="127.0.0.1/32",  # where the fakes are
        **more,  # type: ignore[arg-type]  # settings by name
    )


def environment(settings: Settings, *paths: Path, root: Path = ROOT, **more: str) -> dict[str, str]:
    """Return the environment in which a process finds the deployment; `paths` come first on Python's path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    return clean | {
        "PYTHONPATH": ":".join(map(str, (*paths, root))),
        "ROOST_DATABASE_URL": settings.database_url,
        "ROOST_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "ROOST_INDEX_KEYS": settings.index_keys.get_secret_value(),
        "ROOST_TOKEN_KEY": settings.token_key.get_secret_value(),
        "ROOST_VAR": str(settings.var),
        "ROOST_EGRESS_ALLOW": settings.egress_allow,
        "ROOST_LOG_LEVEL": "WARNING",
        **more,
    }


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers, whatever it says; raise AssertionError with its log when it does not."""

    def answers() -> bool:
        try:
            return requests.get(url, timeout=5).status_code < 500
        except requests.RequestException:
            return process.poll() is not None  # it will not answer any more

    told = lambda: log.read_text("utf-8", "replace")[-3000:]  # noqa: E731
    wait_until(answers, START_SECONDS, what="the server to answer", told=told, every=0.05)
    if process.poll() is not None:
        raise AssertionError(f"the server ended:\n{told()}")


@contextmanager
def serving(settings: Settings, *, target: str = "hosts.server.process:build", workers: int = 2, threads: int = 8,
            paths: Sequence[Path] = (), root: Path = ROOT, python: str = sys.executable, begin: str = SERVE,
            **more: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:  # fmt: skip
    """Run an application under Granian as Roost does; yield its port and process. `root`, `python`: its build."""
    port = free_port()
    known = environment(
        settings,
        *paths,
        root=root,
        ROOST_PORT=str(port),
        ROOST_WORKERS=str(workers),
        ROOST_THREADS=str(threads),
        **more,
    )
    log = settings.var / f"serve-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([python, "-c", begin, target], env=known, cwd=settings.var, stdout=out, stderr=out)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process, log)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Brand:
    """What the measures need of the brand."""

    ctx: Context
    members: list[UUID]
    key: str  # an integration key that may adjust points
    tokens: list[str]  # sessions of the first members
    earlier_tokens: list[str]  # the same, as builds make them whose tokens do not name the member


def make_brand(
    settings: Settings, *, count: int, tokens: int, plugins: Sequence[str] = (), load: PluginsFile | None = None
) -> Brand:
    """Migrate, and make a brand with so many members, sessions for some of them, and an integration key."""
    runtime = boot.start(settings, plugins=load or PluginsFile(), strict=True)
    migrate(all_components(runtime))
    tenant = tenants.create_tenant("bench", "Bench", plugins=plugins, now=runtime.clock.now())
    ctx = runtime.system(tenant, "bench")
    ids: list[UUID] = []
    with ctx.transaction():
        for start in range(0, count, 1000):
            people = [
                NewMember(provider="bench", subject=str(n), phone=f"139{n:08d}", name="Li Lei")
                for n in range(start, min(start + 1000, count))
            ]
            ids += members.register_many(ctx, people).values()
        sessions = [identity.open_session(ctx, "member", member) for member in ids[:tokens]]
        earlier = [new_token("rst", tenant.id) for _ in ids[:tokens]]
        now = ctx.now()
        opened = {"kind": "member", "device": "", "opened_at": now, "seen_at": now, "expires_at": now + timedelta(30)}
        rows = [
            {"id": new_id(), "token": hash_token(token), "subject": member, **opened}
            for token, member in zip(earlier, ids, strict=False)
        ]
        insert_rows(ctx, identity.Session, rows)
        _, key = identity.create_key(ctx, "bench", ["points.adjust", "points.view", "members.view"])
    db.close_database()
    return Brand(ctx, ids, key, sessions, earlier)
