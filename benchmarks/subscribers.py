"""Plugins to switch on for the measure: laid out as third parties do, found by entry point."""

from pathlib import Path

MANIFEST = """slug = "{slug}"
name = {{ zh = "{slug}", en = "{slug}" }}
summary = {{ zh = "{slug}", en = "{slug}" }}
version = "1.0.0"
api = "1"
"""
SILENT = '"""Hears nothing."""\n'
HEARS = '''"""Hears every credit and does nothing with it."""

from roost import Context, PointsCredited, hookimpl


@hookimpl
def points_credited(ctx: Context, fact: PointsCredited) -> None:
    """Do nothing."""
'''


def write(folder: Path, *, count: int, subscribed: int) -> list[str]:
    """Write `count` plugins, of which `subscribed` hear `points_credited`; return their slugs."""
    slugs = [f"bench{n:02d}" for n in range(count)]
    info = folder / "roost_bench-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: roost-bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[roost.plugins]\n" + "".join(f"{s} = roost_{s}\n" for s in slugs))
    for number, slug in enumerate(slugs):
        package = folder / f"roost_{slug}"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "plugin.toml").write_text(MANIFEST.format(slug=slug))
        (package / "hooks.py").write_text(HEARS if number < subscribed else SILENT)
    return slugs
