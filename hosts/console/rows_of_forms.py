"""The rows of a form: a list of models, a mapping, what a rule gives and asks. Staff add and remove them.

Both are buttons of the form itself, so they work without a script: `_do` says what to do, and the form comes back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from core import rewards
from core.contract.context import Context
from core.contract.rewards import ConditionKind, RewardKind
from hosts.console.fields import Field, fields_of

DO = "_do"
Sent = Mapping[str, Sequence[str]]  # a form as the browser sent it
MOST = 200  # rows of one list in a form


@dataclass(frozen=True, slots=True)
class RowView:
    """One row as the template shows it."""

    path: str  # `rewards.0`
    title: str
    kind: str  # of a rule's row; "" for others
    fields: tuple[Field, ...]
    sentence: str = ""


def kinds_of(ctx: Context, one: Field) -> dict[str, RewardKind | ConditionKind]:
    """Return the kinds that a rule's rows may have, by name."""
    if one.shape == "rewards":
        return {kind.name: kind for kind in rewards.rewards_on(ctx)}
    return {kind.name: kind for kind in rewards.conditions_on(ctx)} if one.shape == "conditions" else {}


def row_of(ctx: Context, one: Field, place: int, kind: str, said: Mapping[str, Any] | None = None) -> RowView:
    """Return the row at a place; `said` is what it holds, for its sentence."""
    path, number = f"{one.path}.{place}", f"{place + 1}"
    if one.shape not in ("rewards", "conditions"):
        return RowView(path, number, "", fields_of(one.item, ctx.locale, prefix=f"{path}.", depth=1))
    found = kinds_of(ctx, one).get(kind)
    if found is None:  # its plugin is off: the row can only be removed
        return RowView(path, _say(ctx, "功能已停用", "Its plugin is off"), kind, ())
    hidden = {"moment"}  # what the rule itself says of a reward
    fields = [f for f in fields_of(found.spec, ctx.locale, prefix=f"{path}.spec.", depth=1) if _last(f) not in hidden]
    if one.shape == "conditions":
        fields.append(_negate(ctx, path))
    sentence = sentence_of(ctx, one, said) if said is not None else ""
    return RowView(path, found.title.in_(ctx.locale), kind, tuple(fields), sentence)


def sentence_of(ctx: Context, one: Field, said: Mapping[str, Any]) -> str:
    """Return what a rule's row says, in words."""
    if one.shape == "rewards":
        return rewards.describe(ctx, rewards.RewardSpec(kind=said["kind"], spec=said.get("spec", {})))
    asked = rewards.ConditionSpec(kind=said["kind"], spec=said.get("spec", {}), negate=bool(said.get("negate")))
    return rewards.describe_condition(ctx, asked)


def _negate(ctx: Context, path: str) -> Field:
    label = _say(ctx, "反过来：不满足时才算", "The other way round: the answer must be no")
    return Field(f"{path}.negate", label, "", "bool", False, False, False)


def _last(field: Field) -> str:
    return field.path.rpartition(".")[2]


def _say(ctx: Context, zh: str, en: str) -> str:
    return en if ctx.locale == "en" else zh


def held_rows(one: Field, value: Any) -> list[tuple[str, Any]]:
    """Return (kind, what its fields hold) for each row of a stored value."""
    match one.shape:
        case "map":
            rows: list[tuple[str, Any]] = []
            for key, held in (value or {}).items():
                more = held.__dict__ if isinstance(held, BaseModel) else held if isinstance(held, Mapping) else None
                rows.append(("", {"key": key, **more} if more is not None else {"key": key, "value": held}))
            return rows
        case "values":
            return [("", {"value": held}) for held in value or ()]
        case "rewards" | "conditions":
            plain = [v.model_dump(mode="json") if isinstance(v, BaseModel) else v for v in value or ()]
            return [(str(v["kind"]), v) for v in plain]
        case _:
            return [("", held) for held in value or ()]


def sent_rows(one: Field, sent: Sent) -> list[tuple[int, str]]:
    """Return (place, kind) of each row that the browser sent."""
    pattern = re.compile(rf"{re.escape(one.path)}\.(\d{{1,4}})\.(row|kind)$")
    found = {
        int(m[1]): (sent[name] or [""])[0] if m[2] == "kind" else "" for name in sent if (m := pattern.match(name))
    }
    return sorted(found.items())[:MOST]


def joined(one: Field, entries: Sequence[dict[str, Any]]) -> Any:  # Any: a list or a mapping
    """Return the rows' values as the model holds them."""
    if one.shape == "values":
        return [entry.get("value") for entry in entries]
    if one.shape != "map":
        return list(entries)
    made = {}
    for entry in entries:
        key = entry.pop("key", "")
        made[key] = entry["value"] if set(entry) == {"value"} else entry
    return made


def changed(sent: Sent) -> dict[str, list[str]] | None:
    """Return the form after the button that was pressed, or None when it is to be saved."""
    pressed = (sent.get(DO) or [""])[0]
    verb, _, path = pressed.partition(":")
    form = {name: list(values) for name, values in sent.items() if name != DO}
    if verb == "look":
        return form
    if verb == "add":
        places = {int(m[1]) for name in form if (m := re.match(rf"{re.escape(path)}\.(\d{{1,4}})\.", name))}
        kind = (form.get(f"{path}:add") or [""])[0]
        form[f"{path}.{max(places, default=-1) + 1}.{'kind' if kind else 'row'}"] = [kind or "1"]
        return form
    if verb == "remove":
        whole, _, place = path.rpartition(".")
        return _without(form, whole, int(place)) if place.isdigit() else form
    return None


def _without(form: Mapping[str, list[str]], path: str, gone: int) -> dict[str, list[str]]:
    """Return a form without one row; those below it move up."""
    made: dict[str, list[str]] = {}
    pattern = re.compile(rf"({re.escape(path)}\.)(\d{{1,4}})(\..*)$", re.DOTALL)
    for name, values in form.items():
        found = pattern.match(name)
        if found is None or int(found[2]) < gone:
            made[name] = values
        elif int(found[2]) > gone:
            made[f"{found[1]}{int(found[2]) - 1}{found[3]}"] = values
    return made
