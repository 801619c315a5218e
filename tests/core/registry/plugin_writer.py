"""Write small plugins into a folder, as a third party would lay them out."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

from core.registry.registry import Registry, forget_modules

MANIFEST = """
slug = "{slug}"
name = {{ zh = "{slug}", en = "{slug}" }}
summary = {{ zh = "测试", en = "test" }}
version = "1.0.0"
api = "2"
requires = [{requires}]
permissions = {{ "{slug}.view" = "查看" }}
"""


def write(folder: Path, slug: str, files: Mapping[str, str], *, requires: tuple[str, ...] = ()) -> tuple[str, Path]:
    """Write a plugin package `test_SLUG` below `folder`; return its (package, folder)."""
    package = f"written_{slug}"
    place = folder / package
    place.mkdir()
    (place / "__init__.py").write_text('"""A test plugin."""\n')
    (place / "plugin.toml").write_text(
        MANIFEST.format(slug=slug, requires=", ".join(f'"{r}"' for r in requires)), encoding="utf-8"
    )
    for name, text in {"hooks.py": "", **files}.items():
        (place / name).write_text(text, encoding="utf-8")
    forget_modules(package)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return package, place


def load(packages: Mapping[str, tuple[str, Path]], *, strict: bool = False) -> Registry:
    """Return a registry of just these plugins."""
    registry = Registry()
    registry.add(packages, strict=strict)
    return registry
