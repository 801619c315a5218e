"""A worker that is made to misbehave, for tests: `--stall` stops the whole process right after its first claim, as a
machine that hangs does; `--no-fence` runs jobs whoever holds them, as a worker without the `attempt` condition would.
"""

import signal
import sys
import threading

from core import db
from core.config import Settings
from core.events import jobs, schedules
from core.runtime import Runtime
from hosts.worker.serve import work

claim = jobs.claim
claiming = threading.Lock()  # no other thread is in a transaction when the process stops
stalled = threading.Event()


def claim_and_stall(runtime: Runtime, limit: int) -> list[jobs.Claimed]:
    with claiming:
        claimed = claim(runtime, limit)
        if claimed and not stalled.is_set():
            stalled.set()
            print(f"stalled with {len(claimed)}", file=sys.stderr, flush=True)
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # before this thread does anything else
        return claimed


if __name__ == "__main__":
    if "--stall" in sys.argv:
        jobs.claim = claim_and_stall  # type: ignore[assignment]  # the point of this worker
        schedules.fire_due = lambda runtime: 0  # it would hold a transaction when the process stops
    if "--no-fence" in sys.argv:
        jobs._DONE = db.Sql("UPDATE job SET state = %s, finished_at = %s WHERE id = %s AND %s > 0")
    work(Settings(), threads=2)
