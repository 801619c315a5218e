"""A plugin's `plugin.toml`, read without importing any of its code."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ConfigurationError
from core.words import Text

API = "2"  # the version of the `roost` module that this core provides
# What staff do: the groups of the console's menu.
Area = Literal["members", "marketing", "orders", "content", "data", "integrations", "system"]


class Manifest(BaseModel):
    """What a plugin says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    name: Text
    summary: Text
    version: str = Field(pattern=r"^\d+\.\d+\.\d+")
    api: str
    requires: tuple[str, ...] = ()
    personal_data: bool = False
    area: Area = "marketing"  # where its pages stand in the menu, unless a resource or a page says otherwise
    bars: Text | None = None  # what staff may keep a member out of: it asks `members.bars` of its slug before it acts
    permissions: dict[str, str] = {}  # code to what staff read; every code starts with the slug and a dot


def read_manifest(path: Path) -> Manifest:
    """Read and check a `plugin.toml`; raise ConfigurationError that names the file and what is wrong in it."""
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing: every plugin has a plugin.toml beside its __init__.py") from None
    except (tomllib.TOMLDecodeError, ValidationError) as ex:
        raise ConfigurationError(f"{path}: {ex}") from None
    if manifest.api != API:
        raise ConfigurationError(f"{path}: api is {manifest.api!r}, this roost provides {API!r}")
    for code in manifest.permissions:
        if not code.startswith(f"{manifest.slug}."):
            raise ConfigurationError(f"{path}: permission {code!r} must start with {manifest.slug + '.'!r}")
    return manifest
