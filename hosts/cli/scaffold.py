"""`roost plugins new NAME`: write a plugin, in a distribution of its own, whose tests pass as it stands."""

import re
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from core.errors import Invalid

TEMPLATES = Path(__file__).parent / "new_plugin"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


def write_plugin(name: str, folder: Path) -> list[Path]:
    """Write `folder/roost-NAME/…` and return the files. Raises Invalid for a bad name or a folder that is there."""
    if not NAME.fullmatch(name) or name in ("core", "roost", "plugins", "hosts"):
        raise Invalid(f"a plugin's name is 2 to 40 of a-z, 0-9 and _, starting with a letter; not {name!r}")
    root = folder / f"roost-{name}"
    if root.exists():
        raise Invalid(f"{root} is there already; choose another name or folder")
    values = {"slug": name, "Title": "".join(part.capitalize() for part in name.split("_"))}
    written = []
    for source in sorted(TEMPLATES.rglob("*.txt")):
        relative = source.relative_to(TEMPLATES).with_suffix("")
        if relative.parts[0] == "package":
            relative = Path(f"roost_{name}", *relative.parts[1:])
        target = root / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(source.read_text("utf-8")).substitute(values), encoding="utf-8")
        written.append(target)
    return written


def new(
    name: Annotated[str, typer.Argument(help="The plugin's slug: a-z, 0-9 and _.")],
    folder: Annotated[Path, typer.Option(help="Where its folder is made.")] = Path("."),
) -> None:
    """Write a new plugin, in a distribution of its own, whose tests pass as it stands."""
    files = write_plugin(name, folder)
    root = folder / f"roost-{name}"
    for file in files:
        print(file.relative_to(folder))
    print(f"\ncd {root} && pip install -e '.[test]' && pytest")
