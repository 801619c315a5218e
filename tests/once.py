"""What every door that takes a key is held to: known is only what is the same in all that the door declares."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from core.content import Content
from core.errors import KeyReused

Call = Callable[..., object]  # takes the values of the content by name, always with the same key


def assert_same_by_all_its_content(
    content: Content,
    call: Call,
    base: Mapping[str, Any],
    changed: Mapping[str, Any],
    *,
    fixed: Collection[str] = (),
    unseen: Collection[str] = (),
    together: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Repeat an operation as it was, and then with another value of each field of its content.

    `fixed` are the fields that this door gives itself, `unseen` those of which only a digest is kept, so that the
    refusal cannot show them; `together` says for a field what has to change with it for the
    request to be one at all. A refusal shows both sides, in both languages.
    """
    first = call(**base)
    assert call(**base) == first, "a repeat is the first"
    assert {*base, *fixed} == set(content.fields), "every declared field is tried"
    assert set(changed) == set(base), "every declared field is changed"
    for field, value in changed.items():
        more = (together or {}).get(field, {})
        with pytest.raises(KeyReused) as refused:
            call(**{**base, field: value, **more})
        assert "names another" in refused.value.message, field
        assert "已用于另一笔" in refused.value.message_zh, field
        assert (field in {one["path"] for one in refused.value.fields}) == (field not in unseen), field
    assert call(**base) == first, "and what was refused changed nothing"
