"""One worker process: listeners that claim and run jobs, and a sweep that needs no bell.

Huey's consumer keeps the threads: as many listeners as asked for, which wait for a `wake` message, and one sweep in the
place of Huey's scheduler, whose promises a kill does not keep. A listener that wakes claims batches until nothing is
due. The sweep renews the leases of jobs held here, fires schedules, and wakes a listener for what is due; so a queue
that is dead, or a message that was lost, costs a few seconds.
"""

import signal
import threading
import time
from typing import Any

import structlog
from huey import Huey
from huey.consumer import Consumer
from huey.consumer import Worker as HueyWorker

from core import db
from core.errors import Unavailable
from core.events import jobs, schedules
from core.runtime import Runtime
from hosts.worker.bell import make_huey, prepare_queue, wake_task

log = structlog.get_logger("roost.worker")
SMALLEST_BATCH, LARGEST_BATCH = 8, 200
QUICK_BATCH = 0.5  # seconds: a full batch done in less doubles the next one
LONGEST_PAUSE = 5.0  # seconds between tries while the database is away
POLL_FIRST, POLL_LAST = 0.02, 0.2  # seconds between looks at a queue that cannot wait for a message (SQLite)


class Worker:
    """Runs jobs until it is told to stop. `threads` is 1 on SQLite, where only one transaction writes at a time."""

    def __init__(
        self, runtime: Runtime, *, threads: int | None = None, huey: Huey | None = None, grace: float = 20.0
    ) -> None:
        self.runtime = runtime
        self.threads = 1 if db.dialect() == "sqlite" else threads or 4
        self.huey = huey or make_huey(runtime.settings)
        self.ring = wake_task(self.huey, self.work)
        self.found = threading.Event()  # the sweep saw work
        self._held: dict[int, jobs.Claimed] = {}
        self._owed: list[jobs.Claimed] = []  # not started, to be given back when the database answers again
        self._lock = threading.Lock()
        self._renewed = time.monotonic()
        self._fired_minute: int | None = None
        self._working = threading.local()
        self._queue_silent = False
        runtime.bell = _InnerBell(self)
        self._consumer = _Consumer(self, workers=self.threads, grace=grace)
        self._stopped: threading.Event = self._consumer.stop_flag

    # life

    def run(self) -> None:
        """Work until SIGTERM or SIGINT: the running job is finished, what was not started is given back."""
        self._consumer.run()
        log.info("worker_stopped")

    def say_started(self) -> None:
        """Log that the worker is ready to work and to be stopped."""
        log.info("worker_started", threads=self.threads, kinds=len(self.runtime.kinds), database=db.dialect())

    def stop(self) -> None:
        """Stop as a signal does; for a worker that runs in a thread."""
        self._stopped.set()

    # work

    def work(self) -> int:
        """Claim and run until nothing is due or the worker is to stop; return how many jobs ran.

        Whatever goes wrong with the database is logged and tried again, later and later, for as long as it takes.
        """
        ran, size, pause, woke = 0, SMALLEST_BATCH, 0.1, False
        self._working.now = True
        try:
            while not self._stopped.is_set():
                try:
                    started = time.monotonic()
                    with db.connection():
                        batch = self._claim(size)
                        if len(batch) == size and not woke:
                            woke = self._wake_another()
                        ran += self._run_batch(batch)
                    pause = 0.1
                except Exception as ex:  # a plugin's errors end in its job: this is the database, or ours
                    log.error("work_interrupted", error=type(ex).__name__, retry_seconds=pause, exc_info=_is_ours(ex))
                    self._stopped.wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                    continue
                if not batch:
                    break
                size = self._next_size(size, len(batch), time.monotonic() - started)
        finally:
            self._working.now = False
        return ran

    def _claim(self, size: int) -> list[jobs.Claimed]:
        with self._lock:
            owed = list(self._owed)
        if owed:
            jobs.give_back(self.runtime, owed)
            with self._lock:
                self._owed = [job for job in self._owed if job not in owed]
        batch = jobs.claim(self.runtime, size)
        with self._lock:
            self._held.update((job.id, job) for job in batch)
        return batch

    def _run_batch(self, batch: list[jobs.Claimed]) -> int:
        """Run a batch in order; on a stop, or when the database goes, the rest is given back."""
        done = 0
        try:
            for job in batch:
                if self._stopped.is_set():
                    break
                jobs.run(self.runtime, job)
                done += 1
                with self._lock:
                    self._held.pop(job.id, None)
        except Exception:
            with self._lock:  # the job that was running too: if its commit was lost on the way, this changes nothing
                self._owed += batch[done:]
            raise
        finally:
            with self._lock:
                for job in batch[done:]:
                    self._held.pop(job.id, None)
        if batch[done:]:
            jobs.give_back(self.runtime, batch[done:])
        return done

    def _next_size(self, size: int, claimed: int, seconds: float) -> int:
        """Return how many to claim next: more while they are quick, and never more than fit into a part of a lease."""
        if seconds > self.runtime.settings.lease_seconds / 4:
            return max(1, size // 2)
        if claimed == size and seconds < QUICK_BATCH:
            return min(size * 2, LARGEST_BATCH)
        return size

    def _wake_another(self) -> bool:
        """Ring for another listener, here or in another process: a full batch means that more is waiting."""
        try:
            if self.huey.storage.queue_size() == 0:
                self.ring()
        except Exception as ex:  # noqa: BLE001 -- any client's error: the sweep wakes them
            self.queue_failed(ex)
        return True

    @property
    def is_working(self) -> bool:
        """Tell whether this thread is one that claims until nothing is due."""
        return getattr(self._working, "now", False)

    # the sweep

    def sweep(self) -> None:
        """Renew leases, fire schedules, and see whether anything is due. Raises what the database raises."""
        with db.connection():
            self._renew()
            minute = int(self.runtime.clock.now().timestamp()) // 60
            if minute != self._fired_minute:  # no schedule is finer than a minute
                fired = schedules.fire_due(self.runtime)
                self._fired_minute = minute
                if fired:
                    log.info("schedules_fired", jobs=fired)
            if jobs.is_due(self.runtime):
                self.found.set()

    @property
    def sweep_seconds(self) -> float:
        """Return the pause between sweeps: short enough to renew a lease twice before it ends."""
        return min(self.runtime.settings.sweep_seconds, self.runtime.settings.lease_seconds / 3)

    def _renew(self) -> None:
        if time.monotonic() - self._renewed < self.runtime.settings.lease_seconds / 3:
            return
        with self._lock:
            held = list(self._held.values())
        try:
            jobs.renew(self.runtime, held)
        finally:
            self._renewed = time.monotonic()

    # the queue

    def queue_failed(self, ex: Exception) -> None:
        """Say once that the queue does not answer."""
        if not self._queue_silent:
            log.warning("queue_unreachable", error=type(ex).__name__, found_by="sweep")
        self._queue_silent = True

    def queue_answered(self) -> None:
        """Say once that the queue answers again."""
        if self._queue_silent:
            log.info("queue_reachable")
        self._queue_silent = False


def _is_ours(ex: Exception) -> bool:
    """Tell whether an error deserves a traceback: not when the database is merely away or busy."""
    return not (db.is_lost_connection(ex) or isinstance(ex, Unavailable))


class _InnerBell:
    """The bell of code that runs inside a worker: a listener looks again anyway before it rests, and need not ring."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def ring(self) -> None:
        """Have the next idle listener look, unless this thread is one that will."""
        if not self._worker.is_working:
            self._worker.found.set()


class _Listener(HueyWorker):  # type: ignore[misc]  # huey has no types
    """Waits for a message, or for the sweep to have found something."""

    def __init__(self, worker: Worker, **options: Any) -> None:
        super().__init__(**options)
        self.worker = worker
        self._prepared = False

    def loop(self, now: Any = None) -> None:
        """Take one message, or none; huey calls this again and again."""
        try:
            if not self._prepared:
                prepare_queue(self.huey)
                self._prepared = True
            task = self.huey.dequeue()
        except Exception as ex:  # noqa: BLE001 -- any client's error: a dead queue must not stop the work
            self.worker.queue_failed(ex)
            self.stop_flag.wait(self.worker.sweep_seconds)
            self.worker.work()
            return
        self.worker.queue_answered()
        if task is not None:
            self.delay = self.default_delay
            self._execute(task)
        elif self.worker.found.is_set():
            self.worker.found.clear()
            self.worker.work()
        elif not self.huey.storage.blocking:
            self.sleep()

    def _execute(self, task: Any) -> None:
        try:
            self.huey.execute(task)
        except Exception as ex:  # noqa: BLE001 -- huey's own bookkeeping failed, perhaps before it came to the work
            self.worker.queue_failed(ex)
            self.worker.work()


class _Sweep:
    """Stands where huey's scheduler would: no huey schedule carries work."""

    def __init__(self, worker: Worker, stop_flag: Any) -> None:
        self.worker, self.stop_flag = worker, stop_flag

    def initialize(self) -> None:
        """Have nothing to prepare."""

    def loop(self, now: Any = None) -> None:
        """Sweep once and rest; huey calls this again and again."""
        try:
            self.worker.sweep()
        except Exception as ex:  # the database is away or busy: the next sweep sees to it
            log.warning("sweep_failed", error=type(ex).__name__, exc_info=_is_ours(ex))
        self.stop_flag.wait(self.worker.sweep_seconds)

    def shutdown(self) -> None:
        """Have nothing to close."""


class _Consumer(Consumer):  # type: ignore[misc]  # huey has no types
    """Huey's consumer with our threads in it, that stops gracefully on SIGTERM as on SIGINT."""

    def __init__(self, worker: Worker, *, workers: int, grace: float) -> None:
        self.worker = worker
        super().__init__(
            worker.huey, workers=workers, periodic=False, initial_delay=POLL_FIRST, max_delay=POLL_LAST,
            shutdown_timeout=grace, health_check_interval=2,
        )  # fmt: skip

    def _create_worker(self) -> _Listener:
        return _Listener(
            self.worker, huey=self.huey, stop_flag=self.stop_flag, default_delay=self.default_delay,
            max_delay=self.max_delay, backoff=self.backoff,
        )  # fmt: skip

    def _create_scheduler(self) -> _Sweep:
        return _Sweep(self.worker, self.stop_flag)

    def _set_signal_handlers(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.worker.say_started()
            return
        self._signal_actions = {signal.SIGTERM: (False, True), signal.SIGINT: (False, True)}
        super()._set_signal_handlers()
        self.worker.say_started()  # only now is a stop sure to be graceful
