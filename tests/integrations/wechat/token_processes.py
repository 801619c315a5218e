"""Ten processes that call WeChat for one brand; the test `test_wechat_processes` runs this as a program.

    python token_processes.py DATABASE_URL FOLDER COUNT [no-lease]

Each process has its own connection, store and client. All make a call, wait until a line comes on stdin, and make
another one. Printed are `ready`, and then what came of the calls as JSON.
"""

import json
import multiprocessing
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any  # multiprocessing's barriers and queues

from core import boot, db, tenants
from core.clock import SystemClock
from core.privacy import Keyring
from core.registry.registry import PluginsFile, Registry
from hosts.testkit.plugin import test_settings
from integrations.wechat import connection, tokens
from integrations.wechat.client import WechatError

PATIENCE = 60


def work(number: int, registry: Registry, database: str, folder: str, both: Any, said: Any) -> None:
    """Make two calls, the second when all processes are told to."""
    settings = test_settings(database, Path(folder))
    db.open_database(settings.database_url)
    runtime = boot.assemble(settings, SystemClock(), registry, Keyring.from_settings(settings))
    with db.connection():
        ctx = runtime.system(tenants.by_slug("acme"), "test")
        client = connection.client_of(ctx)
    told = []
    for turn in range(2):
        both.wait(PATIENCE)
        try:
            told.append(client.phone_number(f"phone-1380000{turn}{number:03d}").pure_number)
        except WechatError as ex:
            told.append(str(ex))
        both.wait(PATIENCE)
    said.put(told)
    db.close_database()


def main() -> None:
    """Start the processes and lead them through their two calls."""
    database, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if "no-lease" in sys.argv:
        tokens.LEASE = timedelta(0)
    registry = Registry.load(PluginsFile(load=("wechat",)))
    forks = multiprocessing.get_context("fork")  # nothing is open yet
    both, said = forks.Barrier(count + 1), forks.Queue()
    processes = [forks.Process(target=work, args=(n, registry, database, folder, both, said)) for n in range(count)]
    for process in processes:
        process.start()
    both.wait(PATIENCE)
    both.wait(PATIENCE)
    print("ready", flush=True)
    sys.stdin.readline()
    both.wait(PATIENCE)
    both.wait(PATIENCE)
    found = [said.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join(PATIENCE)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
