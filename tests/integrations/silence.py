"""A server that takes every connection and answers none."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Silence:
    """Where it listens, and who connected."""

    url: str
    callers: list[socket.socket] = field(default_factory=list)


@contextmanager
def silence() -> Iterator[Silence]:
    """Listen on a free port until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        said = Silence(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def accept() -> None:
            while True:
                try:
                    said.callers.append(listening.accept()[0])
                except OSError:  # the block has ended
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield said
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for caller in said.callers:
                caller.close()
