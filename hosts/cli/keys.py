"""The deployment's root keys on first use: made once, kept in `var/keys.env`, which only their owner can read."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hosts.cli.session import note

if TYPE_CHECKING:
    from core.config import Settings

NAMES = ("ROOST_ENCRYPTION_KEYS", "ROOST_INDEX_KEYS", "ROOST_TOKEN_KEY")
HEADER = """\
# The root keys of this Roost: personal data can be read with them, and not without them.
# Keep a copy apart from the database's backups. Who has both has everything; who loses these has lost the data.
"""


def ensure_keys(settings: "Settings") -> "Settings":
    """Return settings that have keys; when none is set anywhere, make fresh ones in `var/keys.env` and say so.

    Raises ConfigurationError when the database holds tenants already: their keys are lost or elsewhere, and new ones
    would not open what is there.
    """
    from core.config import Settings
    from core.errors import ConfigurationError
    from core.privacy import new_key

    if any(k.get_secret_value() for k in (settings.encryption_keys, settings.index_keys, settings.token_key)):
        return settings
    path = settings.var / "keys.env"
    if path.exists():  # ROOST_VAR stands in the .env file, so that it was not known where the keys are
        return Settings(_env_file=(path, ".env"))
    if _has_tenants(settings):
        raise ConfigurationError(
            f"the database has tenants, but {', '.join(NAMES)} are not set and {path} is not there: put the keys back;"
            " fresh ones could not open the data",
            f"数据库已有数据，但密钥缺失：请恢复 {path}",
        )
    lines = (f"{NAMES[0]}=1:{new_key()}", f"{NAMES[1]}=1:{new_key()}", f"{NAMES[2]}={new_key()}")
    _write_once(path, HEADER + "\n".join(lines) + "\n")
    note(f"made new keys in {path}: keep a copy of that file apart from the database (已生成新密钥，请妥善备份)")
    return Settings(_env_file=(path, ".env"))


def _write_once(path: Path, text: str) -> None:
    """Write a file that was not there, whole or not at all; when two processes try, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        note(f"another process has just made {path}; its keys are used")
    finally:
        draft.unlink()


def _has_tenants(settings: "Settings") -> bool:
    from core import db, tenants

    if settings.database_url.startswith("sqlite"):
        path = Path(settings.database_url.removeprefix("sqlite:///").partition("?")[0])
        if not path.exists():
            return False
    db.open_database(settings.database_url)
    try:
        return tenants.are_there()
    finally:
        db.close_database()
