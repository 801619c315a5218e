"""What running work asks of the process it runs in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from core.contract.context import Context, Services
from core.contract.work import Schedule
from core.registry.dispatcher import Dispatcher
from core.registry.registry import Registry


class Process(Services, Protocol):
    """A process with plugins, work and memory; `core.runtime.Runtime` is the one there is."""

    @property
    def registry(self) -> Registry: ...
    @property
    def dispatcher(self) -> Dispatcher: ...
    @property
    def core_jobs(self) -> dict[str, Callable[[Context, dict[str, Any]], Any]]: ...
    @property
    def kinds(self) -> Sequence[str]: ...
    @property
    def last_fired(self) -> dict[tuple[int, str], datetime]: ...
    def schedules(self) -> list[tuple[str, Schedule]]: ...
