"""Run a program with limits: `python -I -S bounded.py MEGABYTES SECONDS PROGRAM ARGUMENTS…`.

What members upload is read by large libraries written in C. They work in a process of their own, which can take only
so much memory and processor time, writes no large file, and dies with nothing lost. It limits itself and becomes the
program: limits set between fork and exec are not safe in a process with threads.
"""

import os
import resource
import sys

LARGEST_FILE = 64 * 1024 * 1024


def main() -> None:
    """Limit this process and become the program."""
    megabytes, seconds, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execv(program, sys.argv[3:])  # noqa: S606 -- no shell is what we want


if __name__ == "__main__":
    main()
