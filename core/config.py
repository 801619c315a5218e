"""The deployment's settings: `ROOST_*` environment variables, or a `.env` file. All but the keys have a default."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import (
    AwareDatetime,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import ConfigurationError


class Settings(BaseSettings):
    """What an operator sets for a deployment. A tenant's own settings live in the database, with their plugin."""

    model_config = SettingsConfigDict(
        env_prefix="ROOST_",
        # Lowest first: the keys that the first start made, then what the operator wrote; the environment beats both.
        env_file=(Path(os.environ.get("ROOST_VAR", "var")) / "keys.env", ".env"),
        extra="ignore",
        frozen=True,
    )

    database_url: str = Field("sqlite:///var/roost.db", description="sqlite:///PATH or postgresql://…")
    queue_url: str = Field("", description="where Huey rings: redis://… or sqlite:///PATH; empty: beside the database")
    redis_url: str = Field("", description="redis://…: rate limits are counted there; empty: in the database")
    plugins_file: Path = Field(Path("plugins.toml"), description="which plugins this deployment loads")
    encryption_keys: SecretStr = Field(
        SecretStr(""), description="newest first: `2:BASE64,1:BASE64`, 32 bytes each; see docs/architecture.md"
    )
    index_keys: SecretStr = Field(SecretStr(""), description="the same form; for blind indexes; never the same keys")
    token_key: SecretStr = Field(SecretStr(""), description="BASE64, 32 bytes: signs invitations, cursors and codes")
    public_url: str = Field("http://127.0.0.1:8000", description="how the outside world reaches us")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = Field(1, ge=1, description="REST processes")
    threads: int = Field(4, ge=1, description="requests at once in a REST process")
    outside_threads: int = Field(
        0, ge=0, description="of these, how many one plugin may have waiting for outside servers; 0: half"
    )
    pool_size: int = Field(32, ge=1, description="database connections a process may open")
    statement_timeout_ms: int = 10_000
    body_limit: int = Field(1_048_576, description="bytes of a request body")
    egress_allow: str = Field("", description="networks that tenants' addresses may lead into: 10.0.0.0/8,…")
    egress_ports: str = Field("80,443,8080,8443", description="ports that such addresses may name elsewhere")
    trusted_proxies: int = Field(0, ge=0, description="how many reverse proxies stand in front of us")
    log_level: str = "INFO"
    log_json: bool = True
    adjust_limit: int = Field(
        1000,
        ge=0,
        description="points, growth or fen that staff move by hand for one member a day; a second approves more",
    )
    lease_seconds: int = Field(60, description="how long a claimed job may run before another worker takes it")
    sweep_seconds: float = Field(2.0, description="how often a worker looks for due work unasked")
    var: Path = Field(Path("var"), description="where the embedded default keeps its files")
    development: bool = Field(False, description="for authors: `roost members token` signs in as any member")
    clock: AwareDatetime | None = Field(
        None,
        description="for stories and tests: an instant from which the clock of a new deployment runs on",
    )

    @field_validator("clock", mode="after")
    @classmethod
    def _within_reason(cls, clock: datetime | None) -> datetime | None:
        if clock is not None and not 2000 <= clock.year <= 2199:  # further off, a day in some zone leaves the calendar
            raise ValueError("a time of 2000 to 2199")
        return clock

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_variable(cls, values: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Raise ConfigurationError that names each wrong variable, without what it holds: that may be a key."""
        try:
            return read(values)
        except ValidationError as ex:
            wrong = [(f"ROOST_{'.'.join(map(str, error['loc'])).upper()}", error["msg"]) for error in ex.errors()]
        raise ConfigurationError(
            "; ".join(f"{name}: {why}" for name, why in wrong), f"部署设置有误：{'、'.join(name for name, _ in wrong)}"
        )
