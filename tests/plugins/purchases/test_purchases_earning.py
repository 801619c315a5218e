"""What a purchase earns: arithmetic, without a database."""

from plugins.purchases import PurchaseLine
from plugins.purchases.earning import Earned, earned
from plugins.purchases.schemas import PurchaseSettings


def earn(amount_fen: int, *, kind: str = "sale", ordinal: int = 1, lines=(), **rules) -> Earned:
    return earned(PurchaseSettings(**rules), amount_fen, kind, lines, ordinal)


def line(code: str, amount_fen: int) -> PurchaseLine:
    return PurchaseLine(code=code, amount_fen=amount_fen)


def test_one_point_and_one_growth_a_whole_yuan_rounded_down():
    assert earn(11_77) == Earned(11_77, 11, 11)
    assert earn(99) == Earned(99, 0, 0)
    assert earn(0) == Earned(0, 0, 0)


def test_rates_of_points_and_growth_are_apart_and_growth_can_be_off():
    assert earn(100_00, fen_per_point=500, fen_per_growth=0) == Earned(100_00, 20, 0)


def test_an_excluded_good_is_taken_off_and_a_double_good_added_once_more():
    lines = [line("water", 30_00), line("shake", 20_00), line("towel", 50_00)]
    gain = earn(100_00, lines=lines, excluded_goods=["water"], good_percents={"shake": 200})
    assert gain.points == 100 - 30 + 20


def test_a_discount_that_no_line_shows_does_not_earn_and_never_goes_below_nothing():
    assert earn(5_00, lines=[line("water", 30_00)], excluded_goods=["water"]).points == 0
    assert earn(40_00, lines=[line("towel", 50_00)]).points == 40


def test_a_renewal_and_a_frequent_buyer_earn_more_and_are_rounded_once():
    assert earn(3_33, kind="renewal", renewal_percent=150).points == 4  # 4.995
    rules = {"frequency_from": 3, "frequency_percent": 200}
    assert [earn(10_00, ordinal=n, **rules).points for n in (1, 2, 3, 4)] == [10, 10, 20, 20]
    both = earn(1_67, kind="renewal", ordinal=3, renewal_percent=150, **rules)
    assert both.counted_fen == 501  # 1.67 × 1.5 × 2 = 5.01: rounding in between would lose it
    assert both.points == 5


def test_a_small_purchase_earns_nothing_and_a_large_one_at_most_the_limit():
    assert earn(49_99, minimum_fen=50_00) == Earned(0, 0, 0)
    assert earn(50_00, minimum_fen=50_00).points == 50
    assert earn(9_000_00, most_points=500).points == 500
