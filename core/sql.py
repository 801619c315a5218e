"""A raw statement of core, written once for both databases."""

import re

_PLACE = re.compile(r"%(?:\((\w+)\))?s|%%")


class Sql:
    """A raw statement with `%s`, or `%(name)s`, for its parameters; sent in the dialect of the open database.

    `postgres` and `sqlite` are its texts; `wire` and `names` what libpq takes: `$1`, and the parameters' order where
    they have names.
    """

    __slots__ = ("_wire", "names", "postgres", "sqlite")

    def __init__(self, text: str, *, sqlite: str | None = None) -> None:
        self.postgres = text
        self.sqlite = (sqlite or text).replace("%s", "?")
        self.names: tuple[str, ...] = ()
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """Return the text for libpq; reading it fills `names`."""
        if self._wire is None:
            self._wire = self._number().encode()
        return self._wire

    def _number(self) -> str:
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
        return text
