"""The ladder of levels and its calendar: pure, no database."""

from collections.abc import Sequence

from plugins.levels.schemas import Level


class Ladder:
    """Levels by rank, lowest first. A code that is no longer on the ladder ranks below all."""

    def __init__(self, levels: Sequence[Level]) -> None:
        self.levels = tuple(levels)
        self._rank = {level.code: rank for rank, level in enumerate(self.levels)}

    @property
    def base(self) -> str:
        return self.levels[0].code

    def rank(self, code: str) -> int:
        """Return how high a level is, from 0; -1 for none or an unknown one."""
        return self._rank.get(code, -1)

    def level(self, code: str) -> Level:
        """Return a level; the lowest for none or an unknown one."""
        return self.levels[max(self.rank(code), 0)]

    def knows(self, code: str) -> bool:
        return code in self._rank

    def reached_by(self, growth: int) -> Level:
        """Return the highest level whose threshold is reached."""
        return next((level for level in reversed(self.levels) if level.threshold <= growth), self.levels[0])

    def above(self, code: str) -> Level | None:
        """Return the next level up, or None on the highest."""
        rank = max(self.rank(code), 0) + 1
        return self.levels[rank] if rank < len(self.levels) else None

    def passed(self, old: str, new: str) -> tuple[str, ...]:
        """Return each level reached on the way up from `old` to `new`; never the lowest, with which all begin."""
        first = max(self.rank(old) + 1, 1)
        return tuple(level.code for level in self.levels[first : self.rank(new) + 1])

    def after_period(self, code: str, growth: int, most_down: int) -> Level:
        """Return the level that follows at a period's end: what growth earned, but at most so many levels lower."""
        rank = max(self.rank(code), 0)
        earned = self.rank(self.reached_by(growth).code)
        return self.levels[max(earned, rank - most_down)] if earned < rank else self.levels[earned]
