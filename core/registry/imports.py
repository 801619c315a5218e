"""What a plugin may import: `roost`, itself, libraries, and the faces of plugins that it requires."""

import ast
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from core.contract.manifest import Manifest
from core.errors import ConfigurationError

FAKES = ("integrations.fake_server", "integrations.qinniao.fake_protocol")
"""What the fakes of outside systems share. What runs for a brand stays clear of it."""
FAKE_FILES = (Path("fake.py"), Path("fake_protocol.py"))


class Package(Protocol):
    """What is asked of a plugin here."""

    @property
    def slug(self) -> str:
        """Return its slug."""
        ...

    manifest: Manifest
    package: str
    folder: Path


def check_imports(plugin: Package, loaded: Mapping[str, Package]) -> None:
    """Raise ConfigurationError when a file of the plugin imports what it may not.

    It may import `roost`, itself, third-party libraries, the standard library, and the package face of a plugin that
    its manifest requires: never core, egress, a host, or the inside of another plugin. The fake.py of a plugin below
    integrations/, and no other file, may also import what the fakes share (`FAKES`).
    """
    worth_reading = _worth_reading(plugin.package, loaded.values())
    faces = {loaded[slug].package for slug in plugin.manifest.requires if slug in loaded}
    for file in sorted(plugin.folder.rglob("*.py")):
        relative = file.relative_to(plugin.folder)
        if relative.parts[0] == "tests":
            continue
        text = file.read_text("utf-8")
        if not worth_reading(text if text.isascii() else unicodedata.normalize("NFKC", text)):  # as Python reads names
            continue
        for name, line in _imported(ast.parse(text, str(file)), plugin.package, relative):
            top = name.split(".")[0]
            if name == plugin.package or name.startswith(plugin.package + "."):
                continue
            where = f"{plugin.slug}: {relative}:{line} imports {name}"
            if name in FAKES:
                if plugin.package.startswith("integrations.") and relative in FAKE_FILES:
                    continue
                raise ConfigurationError(f"{where}; only the fake.py of a plugin below integrations/ stands on it")
            if top in ("core", "egress", "hosts"):
                raise ConfigurationError(f"{where}; a plugin uses only what the module roost offers")
            other = next((p for p in loaded.values() if name == p.package or name.startswith(p.package + ".")), None)
            if name in faces:
                continue
            if other is not None or top in ("plugins", "integrations"):
                slug = other.slug if other else name.split(".")[1] if "." in name else name
                raise ConfigurationError(
                    f"{where}; it may import only the package face of a plugin that its plugin.toml requires"
                    f" (requires = [{', '.join(plugin.manifest.requires)}]; {slug} is not there, or it is its inside)"
                )


def _worth_reading(package: str, loaded: Iterable[Package]) -> Callable[[str], object]:
    """Return a quick look at a source: whether it may import a package of ours that is not its own.

    To parse every file of every plugin took a third of the time in which a process starts. The look errs on one side
    only: it also says yes to a comment, to a relative import that climbs, and to a line that goes on.
    """
    ours = {"core", "egress", "hosts", "plugins", "integrations", *(other.package.split(".")[0] for other in loaded)}
    names = "|".join(sorted(re.escape(name) for name in ours))
    another = rf"(?!{re.escape(package)}\b)(?:{names})\b"
    return re.compile(rf"\b(?:from|import)\b(?:[^\n]*\\\n|[ \t\f]*\.[ \t\f]*\.|[^\n]*?[\s,]{another})").search


def _imported(tree: ast.AST, package: str, relative: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = [*package.split("."), *relative.parts[:-1]]
                base = base[: len(base) - node.level + 1]
                yield ".".join([*base, *(node.module or "").split(".")]).rstrip("."), node.lineno
            elif node.module in ("plugins", "integrations"):
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node.lineno
            else:
                yield node.module or "", node.lineno
