"""Levels by growth. Plugins that require this one may ask for the ladder."""

from plugins.levels.hookspecs import LevelRevoked
from plugins.levels.schemas import Level, LevelSettings
from plugins.levels.service import all_levels

__all__ = ["Level", "LevelRevoked", "LevelSettings", "all_levels"]
