"""Start programs that read what members uploaded, with limits, and without our environment."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BOUNDED = Path(__file__).with_name("bounded.py")


class ChildFailed(Exception):
    """A program did not end well: over a limit, or it could not read the file."""


def run(program: Sequence[str], *, megabytes: int, seconds: int, folder: Path) -> bytes:
    """Return what a program writes to its output; raise ChildFailed when it fails, or takes too much or too long.

    `seconds` are of processor time; on the wall's clock it may take four times as long, on a busy machine.
    """
    bounded = [sys.executable, "-I", "-S", str(BOUNDED), str(megabytes), str(seconds), *program]
    try:
        done = subprocess.run(
            bounded,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=folder,
            env={"TMPDIR": str(folder)},
            timeout=4 * seconds,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"took longer than {4 * seconds} seconds") from None
    except subprocess.CalledProcessError as ex:
        words = ex.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ChildFailed(f"ended with {ex.returncode}: {words[-1][:200] if words else ''}") from None
    return done.stdout
