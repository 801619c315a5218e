"""What the keywords of subscribe messages hold."""

import pytest

from integrations.wechat.keywords import BadValue, fill, fit, read_line


@pytest.mark.parametrize(
    ("keyword", "given", "kept"),
    [
        ("thing1", "私教课", "私教课"),
        ("thing1", "一二三四五六七八九十一二三四五六七八九十", "一二三四五六七八九十一二三四五六七八九十"),
        ("thing1", "一二三四五六七八九十一二三四五六七八九十二", "一二三四五六七八九十一二三四五六七八九…"),
        ("thing12", "  two\nlines ", "two lines"),
        ("name3", "欧阳一二三四五六七八九", "欧阳一二三四五六七…"),
        ("name3", "Alexander Hamilton", "Alexander Hamilton"),
        ("phrase2", "已发货", "已发货"),
        ("character_string4", "A-2026.11", "A-2026.11"),
        ("number5", "12.50", "12.50"),
        ("amount6", "¥99.90", "¥99.90"),
        ("amount6", "99.9元", "99.9元"),
        ("date7", "2026年11月22日", "2026年11月22日"),
        ("time8", "2026-11-22 10:00~11:00", "2026-11-22 10:00~11:00"),
        ("phone_number9", "138****5678", "138****5678"),
        ("car_number1", "粤A12345", "粤A12345"),
    ],
)
def test_a_value_fits_its_keyword(keyword: str, given: str, kept: str) -> None:
    assert fit(keyword, given) == kept


@pytest.mark.parametrize(
    ("keyword", "given"),
    [
        ("thing1", ""),
        ("thing1", " \n"),
        ("phrase2", "已经发货出库了"),  # cut it would say something else
        ("phrase2", "sent"),
        ("character_string4", "订单A1"),
        ("character_string4", "1" * 33),
        ("number5", "twelve"),
        ("amount6", "99.9 yuan"),
        ("phone_number9", "手机"),
        ("letter1", "A1"),
        ("title1", "no such kind"),
        ("thing", "no number"),
    ],
)
def test_a_value_that_cannot_be_made_to_fit_is_refused_and_not_quoted(keyword: str, given: str) -> None:
    with pytest.raises(BadValue) as refused:
        fit(keyword, given)
    if given.strip():
        assert given not in str(refused.value)


def test_lines_make_keywords_from_our_values() -> None:
    lines = ["thing1={venue}店", "time2={day} {hour}", "thing3=请按时到店"]
    assert fill(lines, {"venue": "静安", "day": "2026-11-22", "hour": "10:00", "more": "unused"}) == {
        "thing1": "静安店",
        "time2": "2026-11-22 10:00",
        "thing3": "请按时到店",
    }


def test_a_value_that_was_not_given_is_named() -> None:
    with pytest.raises(BadValue, match=r"thing1 needs the value venue"):
        fill(["thing1={venue}"], {"shop": "x"})


@pytest.mark.parametrize(
    "line",
    ["thing1", "thing1=", "=x", "title1=x", "thing1={", "thing1={0}", "thing1={a.b}", "thing1={a!r}", "thing1={a:>9}"],
)
def test_a_line_that_is_none_is_refused_when_it_is_saved(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_line(line)


def test_a_value_cannot_reach_into_our_objects() -> None:
    assert fill(["thing1={a}"], {"a": "{b.__class__}", "b": "x"}) == {"thing1": "{b.__class__}"}
