"""Write the migration that brings the open database to a component's models.

peewee's schema comparison and its rendering do the work; what it leaves out (CHECK constraints, partial indexes) is
added here. The file is then the author's: read it, and fill in what a default cannot say.
"""

import re
from pathlib import Path
from typing import Any

from peewee import SQL, ModelIndex, SchemaManager
from playhouse.migrations import template
from playhouse.schema_diff import diff_models

from core import db
from core.schema import Component
from core.tables import BaseModel

HEADER = '"""{title}."""\n\n'


def write_migration(component: Component, title: str) -> Path | None:
    """Write `migrations/NNNN_title.py` for what a component's models say beyond the open database; None if nothing."""
    with db.connection(), db.unbounded():
        difference = diff_models(db.database.obj, list(component.models))
        if not difference:
            return None
        created = set(difference.create_tables)
        body = template(difference)
    body = re.sub(r"^# Generated from.*\n", "", body)
    body = re.sub(r"^# TODO: .*(partial/expression|must be added by hand).*\n", "", body, flags=re.MULTILINE)
    body = re.sub(r"^from peewee import \*$", "from peewee import *", body, flags=re.MULTILINE)
    if component.slug != "core":
        body = re.sub(r"^from core\.\w+ import", "from roost import", body, flags=re.MULTILINE)  # a plugin's only door
    for model in sorted(created, key=lambda m: m.__name__):
        body = _complete(body, model)
    body = re.sub(r"\n{4,}", "\n\n\n", body.strip() + "\n")
    folder = component.folder / "migrations"
    folder.mkdir(exist_ok=True)
    number = 1 + max((int(p.name[:4]) for p in folder.glob("[0-9]*.py")), default=0)
    slug = re.sub(r"\W+", "_", title.lower()).strip("_")
    path = folder / f"{number:04d}_{slug}.py"
    path.write_text(HEADER.format(title=title.capitalize()) + body, encoding="utf-8")
    return path


def _complete(body: str, model: type[BaseModel]) -> str:
    """Add what peewee's rendering of a new table leaves out."""
    name = model._meta.name if hasattr(model._meta, "name") else model.__name__
    stated = [*(model._meta.constraints or ()), *(c for f in model._meta.sorted_fields for c in f.constraints or ())]
    checks = [c.sql for c in stated if isinstance(c, SQL)]
    table = model._meta.table_name
    if checks:
        listed = ", ".join(f"SQL({check!r})" for check in checks)
        body = body.replace(
            f"        table_name = {table!r}\n",
            f"        table_name = {table!r}\n            constraints = [{listed}]\n",
            1,
        )
    statements = []
    for index in model._meta.indexes or ():
        if isinstance(index, ModelIndex):
            manager: Any = SchemaManager(model)
            sql, params = manager._create_index(index).query()
            if params:
                raise ValueError(f"{name}: a partial index must use literal values: {sql}")
            statements.append(f"    db.execute_sql({sql!r})\n")
    marker = f"    db.create_tables([{model.__name__}])\n"
    return body.replace(marker, marker + "".join(statements), 1)
