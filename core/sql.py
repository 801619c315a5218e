"""A raw statement of core, written once for both databases."""

import re

_PLACE = re.compile(r"%(?:\((\w+)\))?s|%%")


class Sql:
    """A raw statement with `%s`, or `%(name)s`, for its parameters; sent in the dialect of the open database.

    `postgres` and `sqlite` are its texts. `numbered` and `names` are what libpq takes, filled by `number`: `$1`, and
    the parameters' order where they have names.
    """

    __slots__ = ("names", "numbered", "postgres", "sqlite")

    def __init__(self, text: str, *, sqlite: str | None = None) -> None:
        self.postgres = text
        self.sqlite = (sqlite or text).replace("%s", "?")
        self.names: tuple[str, ...] = ()
        self.numbered: bytes | None = None

    def number(self) -> bytes:
        """Return the text for libpq, and keep it."""
        names: dict[str, int] = {}
        count = 0

        def place(found: re.Match[str]) -> str:
            nonlocal count
            if found[0] == "%%":
                return "%"
            if found[1] is None:
                count += 1
                return f"${count}"
            return f"${names.setdefault(found[1], len(names) + 1)}"

        text = _PLACE.sub(place, self.postgres)
        self.names = tuple(names)
        self.numbered = text.encode()
        return self.numbered
