"""A clock that is set for a whole deployment: `ROOST_CLOCK`, the instant from which it runs on.

The first process writes down in `var/clock.json` when it was set. Every other process of the deployment, and each that
is started again, reads it there: all tell the same time. A deployment begins and stays with a set clock: what has lived
by the real time is refused.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import structlog
from pydantic import AwareDatetime, BaseModel, ValidationError

from core.clock import Clock, SystemClock
from core.config import Settings
from core.errors import ConfigurationError

log = structlog.get_logger("roost.clock")
FILE = "clock.json"


class SetClock(BaseModel, frozen=True):
    """The machine's clock, moved: it showed `instant` at the real instant `since`, and runs on from there."""

    instant: AwareDatetime
    since: AwareDatetime

    @property
    def ahead(self) -> timedelta:
        """Return how far it is in front of the real time; negative when it is behind."""
        return self.instant - self.since

    def now(self) -> datetime:
        """Return the present instant by this clock, in UTC."""
        return (datetime.now(UTC) + self.ahead).astimezone(UTC)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the clock of a file, None where there is none. Raises ConfigurationError for a file that is none."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise ConfigurationError(
                f"{path} does not say how the clock was set: use a new ROOST_VAR and a new database",
                f"{path} 内容无法识别，请换用新的 ROOST_VAR 与数据库",
            ) from None

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(self.model_dump_json(), "ascii")
        draft.replace(path)


def clock_of(settings: Settings, in_use: Callable[[], bool]) -> Clock:
    """Return the deployment's clock. `in_use` tells whether its database has brands already.

    Raises ConfigurationError when the clock is to be set where the real time has been, to be set back, or to be left.
    """
    path, wanted = settings.var / FILE, settings.clock
    held = SetClock.read(path)
    if wanted is None:
        if held is not None and in_use():
            raise ConfigurationError(
                f"this deployment lives by a set clock ({path}): set ROOST_CLOCK to {held.instant.isoformat()} as"
                " before, or use another ROOST_VAR and database",
                f"本部署使用设定时钟（{path}）：请照旧设置 ROOST_CLOCK，或换用其他 ROOST_VAR 与数据库",
            )
        return SystemClock()
    if held is None and in_use():
        raise ConfigurationError(
            "ROOST_CLOCK: this database has brands that live by the real time, and under a set clock their points,"
            " gifts and sessions would expire. Unset it, or use a new database and ROOST_VAR."
            f" A further machine of a deployment with a set clock needs its {FILE} in ROOST_VAR",
            "ROOST_CLOCK：数据库已有按真实时间运行的品牌，设定时钟会使积分、礼品等过期；"
            "请取消设置，或换用新的数据库与 ROOST_VAR",
        )
    if held is not None and wanted != held.instant and wanted < held.now():
        raise ConfigurationError(
            f"ROOST_CLOCK: the clock of this deployment stands at {held.now().isoformat()} and is not set back to"
            f" {wanted.isoformat()}: set it to a later time, or use a new database and ROOST_VAR",
            "ROOST_CLOCK：时钟不能往回拨，请设为更晚的时间，或换用新的数据库与 ROOST_VAR",
        )
    if held is None or wanted != held.instant:
        held = SetClock(instant=wanted, since=datetime.now(UTC))
        held.write(path)
    log.warning(
        "clock_is_set",
        now=held.now().isoformat(),
        ahead=str(held.ahead),
        hint="ROOST_CLOCK is for stories and tests: no outside system will take what this deployment signs",
    )
    return held
