"""How much a purchase earns: integers only, rounded down once."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from plugins.purchases.schemas import PurchaseLine, PurchaseSettings
from roost import local_date, local_day_end


@dataclass(frozen=True, slots=True)
class Earned:
    """What a purchase earns, and the fen that counted for it."""

    counted_fen: int
    points: int
    growth: int


NOTHING = Earned(0, 0, 0)


def earned(rules: PurchaseSettings, amount_fen: int, kind: str, lines: Sequence[PurchaseLine], ordinal: int) -> Earned:
    """Return what a purchase earns; `ordinal` is its place among its member's of the month, from 1.

    Lines only move the amount that counts: an excluded good is taken off, a good at 200 % is added once more.
    So a discount on the whole purchase, which no line shows, never earns.
    """
    if amount_fen < rules.minimum_fen:
        return NOTHING
    hundredths = amount_fen * 100
    for line in lines:
        percent = 0 if line.code in rules.excluded_goods else rules.good_percents.get(line.code, 100)
        hundredths += line.amount_fen * (percent - 100)
    counted, scale = max(hundredths, 0), 100
    if kind == "renewal":
        counted, scale = counted * rules.renewal_percent, scale * 100
    if rules.frequency_from and ordinal >= rules.frequency_from:
        counted, scale = counted * rules.frequency_percent, scale * 100
    counted //= scale
    return Earned(counted, _units(counted, rules.fen_per_point, rules), _units(counted, rules.fen_per_growth, rules))


def _units(counted_fen: int, fen_per_unit: int, rules: PurchaseSettings) -> int:
    units = counted_fen // fen_per_unit if fen_per_unit else 0
    return min(units, rules.most_points) if rules.most_points else units


def expiry(now: datetime, zone: str, months: int) -> datetime | None:
    """Return when points credited `now` end: midnight after the month `months` on, in the zone.

    It counts from the credit, not from the purchase: one that is told late, or imported, is worth as much.
    """
    if not months:
        return None
    today = local_date(now, zone)
    index = today.year * 12 + today.month - 1 + months
    year, month = index // 12, index % 12 + 1
    last = date(year, month, calendar.monthrange(year, month)[1])
    return local_day_end(last, zone)
