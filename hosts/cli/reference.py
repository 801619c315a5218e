"""`roost plugins reference`: all that a plugin's author may use, written from the code itself."""

import ast
import inspect
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

from pydantic import BaseModel

import roost
from core import member_rows, tables
from core.contract import (
    console,
    context,
    facts,
    hookspecs,
    manifest,
    plugin,
    ports,
    remote,
    rest,
    rewards,
    specs,
    work,
)
from core.contract.console import Action, Column, Form, Resource
from core.contract.rest import Endpoint, Endpoints, prefix_of
from core.registry.registry import PluginsFile, Registry
from core.words import Text
from hosts import testkit
from hosts.console.models import Approval
from hosts.console.resource_endpoints import endpoints_for
from hosts.rest.core_api import plugins as plugins_api

HEAD = """# Reference

All that a plugin may use: what it declares, the context it is handed, the hooks, the doors, and what follows from a
declaration. Written from the code by `make docs` (`roost plugins reference` prints it with the plugins that you have
installed): change the code, not this page. Begin with [the tutorial](plugins.md).
"""

# By subject: a heading, and the modules whose names of `roost` stand under it.
SUBJECTS: tuple[tuple[str, Sequence[ModuleType]], ...] = (
    ("The declaration", (plugin, manifest)),
    ("Console", (console,)),
    ("Remote calls", (remote,)),
    ("REST", (rest,)),
    ("Jobs and schedules", (work,)),
    ("Rewards and conditions", (rewards,)),
    ("What plugins do for each other", (ports,)),
    ("Tables", (tables, member_rows)),
    ("The context", (context,)),
)
HIDDEN = {"services"}  # of the context: for core and hosts


def reference() -> None:
    """Print the reference of all that a plugin may use, with the facts of the installed plugins."""
    print(text(), end="")


def text() -> str:
    """Return the reference as Markdown."""
    registry = Registry.load(PluginsFile(), strict=True)
    parts = [HEAD]
    shown: set[str] = set()
    for title, modules in SUBJECTS:
        parts.append(f"## {title}\n")
        for name, thing in _names(modules):
            parts.append(_class(name, thing) if inspect.isclass(thing) else _constant(name, thing))
            shown.add(name)
            if thing is tables.TenantModel:
                parts.append(_class("Model.scoped(ctx)", tables.Scope))
    parts += [_hooks(registry), _doors(), *_rest_of_the_door(shown), _resource(), _settings(), _test_kit()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


# --- from the source -------------------------------------------------------------------------------------------------


@cache
def _source(file: str) -> tuple[list[str], ast.Module]:
    written = Path(file).read_text("utf-8")
    return written.splitlines(), ast.parse(written)


def _parsed(thing: Any) -> tuple[list[str], Any]:  # Any: a class or function, and its node
    """Return the lines of the file that a class or function is written in, and its node."""
    thing = inspect.unwrap(thing)
    lines, module = _source(inspect.getsourcefile(thing) or "")
    return lines, [node for node in module.body if getattr(node, "name", "") == thing.__name__][-1]


def _doc(thing: Any, *, whole: bool = True) -> str:
    said = inspect.getdoc(thing) or ""
    return said if whole else " ".join(said.split("\n\n")[0].split())


def _signature(node: ast.FunctionDef, name: str = "", *, method: bool = False) -> str:
    arguments = ast.unparse(node.args)
    if method:
        arguments = arguments.removeprefix("self").removeprefix(", ").removeprefix("/, ")
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{name or node.name}({arguments}){returns}"


def _fields(lines: Sequence[str], node: ast.ClassDef) -> list[str]:
    """Return a class's fields as they are written, with the comments beside them."""
    found: list[str] = []
    for part in node.body:
        name = ast.unparse(part.target) if isinstance(part, ast.AnnAssign) else "_"
        if not name.startswith("_") and name not in HIDDEN:
            found += (line[4:] for line in lines[part.lineno - 1 : part.end_lineno])
    return found


def _methods(node: ast.ClassDef) -> Iterator[str]:
    """Yield a line for each public method and property."""
    for part in node.body:
        if not isinstance(part, ast.FunctionDef) or part.name.startswith("_") or part.name in HIDDEN:
            continue
        marks = {ast.unparse(mark) for mark in part.decorator_list}
        said = " ".join((ast.get_docstring(part) or "").split("\n\n")[0].split())
        shape = part.name if "property" in marks else _signature(part, method=True).removeprefix("cls, ")
        if "property" in marks and part.returns is not None:
            shape += f": {ast.unparse(part.returns)}"
        yield f"- `{shape}` {said}".rstrip()


def _class(name: str, kind: type[Any]) -> str:
    lines, node = _parsed(kind)
    fields, methods = _fields(lines, node), list(_methods(node))
    made = [f"### {name}\n", _doc(kind) + "\n"]
    if fields:
        made.append("```python\n" + "\n".join(fields) + "\n```\n")
    return "\n".join([*made, *methods])


def _function(name: str, function: Any) -> str:
    _, node = _parsed(function)
    return f"- `{_signature(node, name)}`\n  {_doc(function, whole=False)}"


def _constant(name: str, value: Any) -> str:
    plain = isinstance(value, str | int | float | tuple | dict | frozenset)
    return f"### {name}\n\n" + (f"`{value!r}`" if plain else f"`{type(value).__name__}()`: {_doc(type(value))}") + "\n"


# --- the sections ----------------------------------------------------------------------------------------------------


def _names(modules: Sequence[ModuleType]) -> Iterator[tuple[str, Any]]:
    """Yield the names of `roost` that are written in some modules, in the order of the source."""
    for module in modules:
        for name, thing in vars(module).items():
            exported = name in roost.__all__ and getattr(roost, name) is thing
            here = getattr(thing, "__module__", module.__name__) == module.__name__
            if exported and here and not isinstance(thing, FunctionType):
                yield name, thing


def _hooks(registry: Registry) -> str:
    made = [
        "## Hooks\n",
        "A function of `hooks.py` with `@hookimpl` above it, of this name and with these arguments; those that it"
        " does not need may be left out. There are four kinds:\n",
        _doc(specs).partition("\n\n")[2] + "\n",
        "A fact's handler runs in the transaction that marks its delivery done: it takes effect once. It hears what"
        ' happened `live`; `@hookimpl(origins=("live", "import"))` hears what was imported too. The facts of a plugin'
        " are heard by plugins that name it in `requires`; a `Listener` hears them by name without that.\n",
    ]
    made += _hooks_of("core", hookspecs)
    for slug, one in sorted(registry.plugins.items()):
        module = sys.modules.get(f"{one.package}.hookspecs")  # the registry has imported it where there is one
        made += _hooks_of(slug, module) if module is not None else ()
    return "\n".join(made)


def _hooks_of(slug: str, module: ModuleType) -> list[str]:
    made: dict[str, list[str]] = {}
    for function in vars(module).values():
        spec = specs.spec_of(function)
        if spec is None or function.__module__ != module.__name__:
            continue
        _, node = _parsed(function)
        line = f"- `{_signature(node)}`\n  {_doc(function, whole=False)}"
        if spec.fact is not None:
            line = f"{line} {_in_a_line(spec.fact)}".rstrip()
        made.setdefault(spec.kind, []).append(line)
    return [part for kind, lines in made.items() for part in (f"### {slug}: {kind}\n", *lines, "")]


def _doors() -> str:
    made = ["## Doors\n"]
    for name in sorted(roost.__all__):
        door = getattr(roost, name)
        if not isinstance(door, ModuleType) or door is hookspecs:
            continue
        functions = [(one, thing) for one in door.__all__ if isinstance(thing := getattr(door, one), FunctionType)]
        values = [(one, thing) for one in door.__all__ if inspect.isclass(thing := getattr(door, one))]
        made += [f"### roost.{name}\n", f"{_doc(door)}\n"]
        made += [_function(one, thing) for one, thing in functions]
        made += ["", *(_value(one, thing) for one, thing in values), ""]
    return "\n".join(made)


def _value(name: str, kind: type[Any]) -> str:
    return f"- **{name}** {_doc(kind, whole=False)} {_in_a_line(kind)}".rstrip()


def _in_a_line(kind: type[Any]) -> str:
    """Return the fields of a class, for a fact also those that it shares with others, in one line."""
    shared = [
        base for base in reversed(kind.__mro__) if issubclass(base, facts.Fact) and base not in (facts.Fact, kind)
    ]
    fields = [field for one in (*shared, kind) for field in _fields(*_parsed(one))]
    return "; ".join(f"`{' '.join(field.split())}`" for field in fields)


def _rest_of_the_door(shown: set[str]) -> Iterator[str]:
    """Yield what else is in `roost`: facts stand with their hooks."""
    left = [(name, getattr(roost, name)) for name in roost.__all__ if name not in shown]
    left = [(name, thing) for name, thing in left if not isinstance(thing, ModuleType)]
    classes = [(name, thing) for name, thing in left if inspect.isclass(thing)]
    errors = [(name, kind) for name, kind in classes if issubclass(kind, roost.RoostError)]
    told = [(name, kind) for name, kind in classes if kind.__module__ == facts.__name__]
    others = [(name, kind) for name, kind in classes if (name, kind) not in errors and (name, kind) not in told]
    functions = [(name, thing) for name, thing in left if isinstance(thing, FunctionType)]
    yield "## Facts of core\n\n" + "\n".join(_value(name, kind) for name, kind in told)
    yield "## Errors\n\n" + "\n".join(
        f"- `{name}` ({kind.status}, `{kind.code}`) {_doc(kind, whole=False)}" for name, kind in errors
    )
    yield "## Fields and types\n\n" + "\n".join(_type(name, kind) for name, kind in others)
    rest_of = [(n, t) for n, t in left if not inspect.isclass(t) and not isinstance(t, FunctionType)]
    plain = "\n".join(f"- `{name}` {value!r}" for name, value in rest_of if isinstance(value, str))
    aliases = "\n".join(f"- `{name}`" for name, value in rest_of if not isinstance(value, str))
    yield "## Functions\n\n" + "\n".join([*(_function(name, thing) for name, thing in functions), plain, aliases])


def _type(name: str, kind: type[Any]) -> str:
    _, node = _parsed(kind)
    made = next((p for p in node.body if isinstance(p, ast.FunctionDef) and p.name == "__init__"), None)
    shape = _signature(made, name, method=True).removesuffix(" -> None") if made is not None else name
    return f"- `{shape}` {_doc(kind, whole=False)}"


# --- what follows from a declaration ---------------------------------------------------------------------------------


class Goal(BaseModel):
    """A row, as REST gives it."""

    state: str


class NewGoal(BaseModel):
    """What the form asks for."""

    state: str


def _nothing(*_: Any) -> None:
    """Stand for what a plugin would do."""


def _resource() -> str:
    sample = Resource(
        name="goals",
        title=Text("目标", "Goals"),
        model=Approval,
        reply=Goal,
        columns=(
            Column("state", Text("状态", "State"), filter=True),
            Column("requested_at", Text("时间", "At"), "time", filter=True),
        ),
        permission="sample.view",
        edit_permission="sample.edit",
        create=Form(NewGoal, _nothing),
        edit=Form(NewGoal, _nothing),
        actions=(
            Action("close", Text("关闭", "Close"), _nothing, "sample.edit", reason=True),
            Action("pay", Text("付款", "Pay"), _nothing, "sample.pay", NewGoal, idempotent=True, approve_over=len),
            Action("show", Text("查看", "Show"), _nothing, "sample.show", reason=True, reveals=Goal),
        ),
        venue_free=True,
        member=None,
    )
    return (
        "## What a Resource makes\n\n"
        '`Resource("goals", …)` of the plugin `sample`, with filters by `state` and by the time `requested_at`, with'
        " forms to `create` and `edit`, and three actions: `close` (with a reason), `pay` (`idempotent`, with"
        " `approve_over`) and `show` (`reveals`). What is not declared is not there. The console does the same.\n\n"
        + _operations("sample", endpoints_for("sample", sample))
    )


def _settings() -> str:
    fields = "; ".join(
        f"`{name}: {getattr(field.annotation, '__name__', field.annotation)}`"
        for name, field in plugins_api.SettingsIn.model_fields.items()
    )
    return (
        "## Settings over REST\n\n"
        + _operations("core", plugins_api.group)
        + f"\nThe body of the PUT is {fields}: {_doc(plugins_api.SettingsIn, whole=False)}\n\n"
        "```\nPUT /admin/v1/plugins/cheers/settings\n"
        '{"values": {"points": 7, "a_day": 2}}\n```\n'
    )


def _operations(slug: str, group: Endpoints) -> str:
    rows = [
        "| operation | permission | query or body | answer | |",
        "|---|---|---|---|---|",
        *(_operation(prefix_of(slug, group), one) for one in group.items),
    ]
    return "\n".join(rows) + "\n"


def _operation(prefix: str, one: Endpoint) -> str:
    types = get_type_hints(one.function) if not one.remote else {}
    takes = [name for part in ("query", "page", "body") for name in getattr(types.get(part), "model_fields", {})]
    answer = getattr(types.get("return"), "__name__", "")
    key = " *with an Idempotency-Key*" if one.idempotent else ""
    return (
        f"| `{one.method} {prefix}{one.path}` | `{one.permission}` | {', '.join(f'`{name}`' for name in takes)}{key} |"
        f" {one.status} `{answer}` | {_doc(one.function, whole=False)} |"
    )


def _test_kit() -> str:
    _, module = _source(str(Path(testkit.__file__).with_name("plugin.py")))  # it imports pytest, which may be missing
    made = [
        "## The test kit\n",
        "Fixtures of a pytest plugin that comes with `roost[testkit]`. A test that asks for one that stands on the"
        " database runs on SQLite and on PostgreSQL. Threads of a test have `roost.connection()` each.\n",
    ]
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and any("pytest.fixture" in ast.unparse(d) for d in node.decorator_list):
            said = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
            made.append(f"- `{node.name}` {said}")
    api = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Api")
    made += ["\n### api\n", *_methods(api)]
    return "\n".join(made)
