"""The command line: `roost` and its verbs.

A verb imports what it needs when it runs, so that `roost --help` imports nothing heavy.
"""

import os
import sys

from core.errors import ConfigurationError, RoostError
from hosts.cli.app import app


def main() -> None:
    """Run a verb. An expected refusal is one clear line; exit code 1, or 2 when the deployment is set up wrongly."""
    try:
        app(prog_name="roost")
    except RoostError as ex:
        _say(ex.message, ex.message_zh)
        sys.exit(2 if isinstance(ex, ConfigurationError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `roost … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as ex:
        if type(ex).__module__.partition(".")[0] not in ("peewee", "psycopg", "sqlite3"):
            raise
        _say(*_of_database(ex))
        sys.exit(1)


def _say(message: str, message_zh: str) -> None:
    chinese = os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh")
    print(f"roost: {message_zh if chinese else message}", file=sys.stderr)


def _of_database(ex: Exception) -> tuple[str, str]:
    said = str(ex).strip().splitlines()[0] if str(ex).strip() else type(ex).__name__
    if "no such table" in said or "does not exist" in said:
        return (
            f"the database lacks a table: run roost migrate first ({said})",
            f"数据库缺少表，请先运行 roost migrate（{said}）",
        )
    return f"the database does not answer: {said}", f"无法访问数据库：{said}"
