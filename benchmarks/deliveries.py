"""Deliveries of facts by our worker, against no-op tasks by Huey's own consumer: same storage, threads, machine."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.deployment import environment
from core import boot, db, tenants
from core.config import Settings
from core.contract.facts import Movement, PointsCredited
from core.ids import new_id
from core.migrate import migrate
from core.registry.registry import PluginsFile
from hosts.schema import all_components

THREADS = 4
WAIT_SECONDS = 300
BARE = """
import sys, threading, time
from huey import PostgresHuey
huey = PostgresHuey("floor", dsn=sys.argv[1], results=False)
done = threading.Event()
count = 0
lock = threading.Lock()
wanted = int(sys.argv[2])

@huey.task()
def nothing():
    global count
    with lock:
        count += 1
        if count >= wanted:
            done.set()

for _ in range(wanted):
    nothing()
consumer = huey.create_consumer(workers=int(sys.argv[3]), periodic=False, initial_delay=0.001, max_delay=0.01)
started = time.perf_counter()
consumer.start()
done.wait(300)
print(wanted / (time.perf_counter() - started), flush=True)
consumer.stop(graceful=False)
import os; os._exit(0)
"""


def measure(settings: Settings, place: Path, slug: str, *, facts: int) -> tuple[float, float]:
    """Return (deliveries a second by a worker process, no-op tasks a second by a bare consumer process)."""
    sys.path.insert(0, str(place))
    try:
        runtime = boot.start(settings, plugins=PluginsFile(load=(slug,)), strict=True)
    finally:
        sys.path.remove(str(place))
    migrate(all_components(runtime))
    ctx = runtime.system(tenants.create_tenant("bench", "Bench", plugins=(slug,), now=runtime.clock.now()), "bench")
    member, entry = new_id(), new_id()
    moved = Movement(member=member, asset="points", amount=10, reason="bench", entry=entry)
    for start in range(0, facts, 500):
        with ctx.transaction():
            runtime.publish_many(ctx, [PointsCredited(movements=(moved,)) for _ in range(min(500, facts - start))])
    listed = settings.var / "plugins.toml"
    listed.write_text(f'load = ["{slug}"]\n')
    known = environment(settings, place, ROOST_PLUGINS_FILE=str(listed))
    log = (settings.var / "worker.log").open("wb")
    worker = subprocess.Popen([sys.executable, "-m", "hosts.cli", "worker", "--threads", str(THREADS)], env=known,
                              cwd=settings.var, stdout=log, stderr=log)  # fmt: skip
    try:
        rate = _rate(facts)
    finally:
        worker.terminate()
        worker.wait(60)
        db.close_database()
    bare = subprocess.run(
        [sys.executable, "-c", BARE, settings.database_url, str(facts), str(THREADS)], env=known, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return rate, float(bare.stdout.strip().splitlines()[-1])


def _rate(facts: int) -> float:
    """Return deliveries a second between the first tenth and the last that are done: start-up is not counted."""
    done = db.Sql("SELECT count(*) FROM job WHERE state = 'done'")
    started, seen_first = 0.0, 0
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        row = db.fetch_one(db.EVERY_TENANT, done)
        assert row is not None
        now, count = time.perf_counter(), int(row[0])
        if not started and count >= facts // 10:
            started, seen_first = now, count
        if count >= facts:
            return (count - seen_first) / (now - started)
        time.sleep(0.05)
    raise RuntimeError(f"the worker did not deliver {facts} facts within {WAIT_SECONDS} s")
