"""How much a purchase earns: integers only, rounded down once."""

from collections.abc import Sequence
from dataclasses import dataclass

from plugins.purchases.schemas import EarningRules, PurchaseLine


@dataclass(frozen=True, slots=True)
class Earned:
    """What a purchase earns, and the fen that counted for it."""

    counted_fen: int
    points: int
    growth: int


NOTHING = Earned(0, 0, 0)


def earned(
    rules: EarningRules,
    amount_fen: int,
    kind: str,
    lines: Sequence[PurchaseLine],
    ordinal: int,
    refunded_fen: int = 0,
) -> Earned:
    """Return what a purchase earns; `ordinal` is its place among its member's of the month, from 1.

    Lines only move the amount that counts: an excluded good is taken off, a good at 200 % is added once more. What is
    left after a refund of `refunded_fen` earns what a direct sale of it would: a refund is of money, so every line is
    left in the same part.
    """
    left = amount_fen - refunded_fen
    if left < rules.minimum_fen or left <= 0:
        return NOTHING
    hundredths = amount_fen * 100
    for line in lines:
        hundredths += line.amount_fen * (_percent(rules, line) - 100)
    counted, scale = max(hundredths, 0) * left, 100 * amount_fen
    if kind == "renewal":
        counted, scale = counted * rules.renewal_percent, scale * 100
    if is_frequent(rules, ordinal):
        counted, scale = counted * rules.frequency_percent, scale * 100
    counted //= scale
    return Earned(counted, _units(counted, rules.fen_per_point, rules), _units(counted, rules.fen_per_growth, rules))


def is_frequent(rules: EarningRules, ordinal: int) -> bool:
    """Tell whether the rate of frequency holds for a purchase at this place of its month."""
    return bool(rules.frequency_from) and ordinal >= rules.frequency_from


def _percent(rules: EarningRules, line: PurchaseLine) -> int:
    """Return the rate of a line: its good's own goes before its category's."""
    if line.code in rules.excluded_goods:
        return 0
    if line.code in rules.good_percents:
        return rules.good_percents[line.code]
    return rules.category_percents.get(line.category, 100)


def _units(counted_fen: int, fen_per_unit: int, rules: EarningRules) -> int:
    units = counted_fen // fen_per_unit if fen_per_unit else 0
    return min(units, rules.most_points) if rules.most_points else units
